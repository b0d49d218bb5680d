"""What the IMAP tests need of Python.

fill PORT N         put N messages into alice's INBOX, in one breath (LITERAL+)
check PORT CA       imaplib against the server: each thing a mail program does; fails by assertion
raw PORT            standard input to the server, what it says to standard output
pty PROGRAM ...     run it on a pseudo-terminal, print the end of what it drew
"""
import imaplib
import os
import pty
import socket
import ssl
import sys


def message(i):
    return (b"From: Ann <a%d@b.example>\r\nTo: alice@example.test\r\nSubject: message %d\r\n"
            b"Message-ID: <%d@b.example>\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\n\r\n"
            b"hello %d\r\n" % (i, i, i, i))


def fill(port, n):
    lines = [b"a LOGIN alice secret\r\n"]
    for i in range(n):
        flags = b" (\\Seen)" if i % 3 == 0 else b""
        text = message(i)
        lines.append(b"b%d APPEND INBOX%s {%d+}\r\n%s\r\n" % (i, flags, len(text), text))
    lines.append(b"c LOGOUT\r\n")
    said = raw(port, b"".join(lines))
    assert said.count(b"OK [APPENDUID ") == n, said[-500:]


def raw(port, octets):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(octets)
        said = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                return said
            said += piece


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def check(port, ca):
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    m = imaplib.IMAP4("127.0.0.1", port)
    assert "STARTTLS" in m.capabilities
    ok(m.starttls(context))
    assert "STARTTLS" not in m.capabilities
    try:
        m.login("bob", "wrong")
        raise AssertionError("a wrong password was taken")
    except imaplib.IMAP4.error:
        pass
    ok(m.login_cram_md5("bob", "secret"))
    names = [line.decode().split(' "/" ')[1] for line in ok(m.list())]
    assert '"INBOX"' in names and '"Sent"' in names, names
    for i in range(5):
        ok(m.append("INBOX", "(\\Flagged)" if i == 2 else "", None, message(i)))
    assert ok(m.select()) == [b"5"]
    assert ok(m.search(None, "ALL")) == [b"1 2 3 4 5"]
    assert ok(m.search(None, "SUBJECT", '"message 3"')) == [b"4"]
    assert ok(m.search(None, "FLAGGED")) == [b"3"]
    assert ok(m.search("UTF-8", "TEXT", '"hello 1"')) == [b"2"]
    got = ok(m.fetch("2", "(RFC822)"))
    assert got[0][1] == message(1), got
    got = ok(m.fetch("4", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] UID RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
    assert b"RFC822.SIZE %d" % len(message(3)) in got[0][0] + got[1], got
    assert got[0][1] == b"Subject: message 3\r\n\r\n", got
    assert b'("Ann" NIL "a3" "b.example")' in got[0][0] + got[1], got
    ok(m.create("Archive/2026"))
    ok(m.copy("1:2", "Archive/2026"))
    assert b"MESSAGES 2" in ok(m.status("Archive/2026", "(MESSAGES UIDNEXT)"))[0]
    ok(m.uid("move", "5", "Archive/2026"))
    assert b"MESSAGES 3" in ok(m.status("Archive/2026", "(MESSAGES)"))[0]
    ok(m.store("1:2", "+FLAGS", "(\\Deleted)"))
    assert ok(m.expunge()) == [b"5", b"1", b"1"] or ok(m.search(None, "ALL")) == [b"1 2"]
    assert ok(m.search(None, "ALL")) == [b"1 2"]
    ok(m.subscribe("Archive"))
    assert any(b'"Archive"' in line for line in ok(m.lsub()))
    ok(m.rename("Archive", "Attic"))
    ok(m.delete("Attic/2026"))
    # Another session hears of it; and everybody else's numbers hold while it reads.
    other = imaplib.IMAP4_SSL("127.0.0.1", int(os.environ["IMAPS_PORT"]), ssl_context=context)
    ok(other.login("bob", "secret"))
    assert ok(other.select()) == [b"2"]
    ok(m.append("INBOX", "", None, message(9)))
    ok(other.noop())
    assert other.untagged_responses["EXISTS"][-1] == b"3", other.untagged_responses
    ok(other.close())
    assert other.logout()[0] == "BYE"
    ok(m.unselect() if hasattr(m, "unselect") else m.close())
    assert m.logout()[0] == "BYE"


def on_pty(argv):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    drawn = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        drawn += piece
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.stdout.buffer.write(drawn[-2000:])
    sys.exit(status)


what = sys.argv[1]
if what == "fill":
    fill(int(sys.argv[2]), int(sys.argv[3]))
elif what == "check":
    check(int(sys.argv[2]), sys.argv[3])
elif what == "raw":
    sys.stdout.buffer.write(raw(int(sys.argv[2]), sys.stdin.buffer.read()))
else:
    on_pty(sys.argv[2:])
