"""A mail server of a few lines, to judge what arrives: it takes anything, and writes each message's
octets, unstuffed by DATA, as they are by BDAT, to a file.

receiver.py FILE    prints its port, then serves one connection after the other
"""
import socket
import sys


def data(reader):
    """RFC 5321 section 4.5.2, read line by line: a line ends with CRLF and with nothing else."""
    whole, line = b"", b""
    while True:
        octet = reader.read(1)
        assert octet, "the end came inside the message"
        line += octet
        if not line.endswith(b"\r\n"):
            continue
        if line == b".\r\n":
            return whole
        whole += line[1:] if line.startswith(b".") else line
        line = b""


def serve(connection, path):
    reader = connection.makefile("rb")
    message = b""
    connection.sendall(b"220 receiver.py\r\n")
    while True:
        line = reader.readline()
        verb = line.split(b" ")[0].strip().upper()
        if verb == b"EHLO":
            say = b"250-receiver.py\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 8BITMIME\r\n"
        elif verb == b"DATA":
            connection.sendall(b"354 go\r\n")
            message = data(reader)
            say = b"250 kept\r\n"
        elif verb == b"BDAT":
            words = line.split()
            message += reader.read(int(words[1]))
            say = b"250 chunk\r\n"
        elif verb == b"QUIT" or not line:
            break
        else:
            say = b"250 ok\r\n"
        if verb == b"MAIL":
            message = b""
        with open(path, "wb") as out:
            out.write(message)
        connection.sendall(say)
    connection.sendall(b"221 bye\r\n")


def main(path):
    listener = socket.create_server(("127.0.0.1", 0))
    print("port %d" % listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            serve(connection, path)


if __name__ == "__main__":
    main(sys.argv[1])
