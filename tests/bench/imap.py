"""Times of IMAP commands: our server over TCP, Dovecot's imap (logged in already) on pipes.

imap.py fill PORT N KB            put N messages of about KB kilooctets into alice's INBOX
imap.py tcp PORT COMMAND...       log in, select, time each command: milliseconds and octets
imap.py pipe COMMAND... -- ARGV   the same with a program that is logged in already
"""
import socket
import subprocess
import sys
import time


class Conn:
    def __init__(self, read, write):
        self.read, self.write, self.rest = read, write, b""

    def until(self, tag):
        """Octets up to the tagged answer, the last read piece included."""
        n, tail = 0, b""
        want = b"\r\n" + tag + b" "
        while True:
            piece = self.read(1 << 20)
            if not piece:
                sys.exit("the connection ended")
            n += len(piece)
            tail = (tail + piece)[-400:]
            at = tail.rfind(want)
            if (at >= 0 or tail.startswith(tag + b" ")) and tail.endswith(b"\r\n"):
                status = tail[at + len(want):] if at >= 0 else tail[len(tag) + 1:]
                if not status.startswith(b"OK"):
                    sys.exit("refused: %r" % tail)
                return n

    def run(self, tag, command):
        self.write(tag + b" " + command + b"\r\n")
        return self.until(tag)


def measure(c, commands):
    c.run(b"s", b"SELECT INBOX")
    for i, command in enumerate(commands):
        start = time.monotonic()
        n = c.run(b"t%d" % i, command.encode())
        print("%.1f %d %s" % ((time.monotonic() - start) * 1000, n, command))


def over_tcp(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.recv(4096)
    c = Conn(s.recv, s.sendall)
    c.run(b"l", b"LOGIN alice secret")
    return c


def over_pipe(argv):
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)

    def write(octets):
        p.stdin.write(octets)
        p.stdin.flush()
    c = Conn(p.stdout.read1, write)
    p.stdout.read1(4096)
    return c


def fill(port, n, kilo):
    line = b"The quick brown fox jumps over the lazy dog, again and again and again.\r\n"
    s = socket.create_connection(("127.0.0.1", port))
    c = Conn(s.recv, s.sendall)
    s.recv(4096)
    c.run(b"l", b"LOGIN alice secret")
    for first in range(0, n, 100):
        batch = b""
        for i in range(first, min(first + 100, n)):
            text = (b"Received: from a.example by b.example with ESMTPS id %d; Mon, 2 Feb 2026 "
                    b"10:00:00 +0100\r\nFrom: \"Ann Example\" <ann@a.example>\r\nTo: Alice "
                    b"<alice@example.test>, bob@example.test\r\nSubject: message %d\r\nMessage-ID: "
                    b"<%d@a.example>\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
                    b"Content-Type: multipart/alternative; boundary=b1\r\n\r\n--b1\r\nContent-Type: "
                    b"text/plain; charset=utf-8\r\n\r\n" % (i, i, i)
                    + line * (kilo * 7) + b"--b1\r\nContent-Type: text/html\r\n\r\n"
                    + line * (kilo * 7) + b"--b1--\r\n")
            batch += b"b%d APPEND INBOX {%d+}\r\n%s\r\n" % (i, len(text), text)
        s.sendall(batch)
        c.until(b"b%d" % i)


if sys.argv[1] == "fill":
    fill(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
elif sys.argv[1] == "tcp":
    measure(over_tcp(int(sys.argv[2])), sys.argv[3:])
else:
    cut = sys.argv.index("--")
    measure(over_pipe(sys.argv[cut + 1:]), sys.argv[2:cut])
