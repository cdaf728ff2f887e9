"""Opens many connections, asks once on each and keeps them; then, told to by a line on its input, asks once more.

    kept.py HOST PORT PATH COUNT      prints "kept COUNT" and "asked again COUNT": how many were answered with 200
"""

import resource
import socket
import sys

host, port, path, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
REQUEST = f"GET {path} HTTP/1.1\r\nHost: kept.example\r\nUser-Agent: kept\r\n\r\n".encode()


def ask(connection):
    """Whether a request is answered with 200, on a connection that stays open."""
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(65536)
        if not piece:
            return False
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0].split(b":")[1]):
        body += connection.recv(65536)
    return head.startswith(b"HTTP/1.1 200 ")


connections = []
for _ in range(count):
    connections.append(socket.create_connection((host, port), timeout=10))
    if not ask(connections[-1]):
        sys.exit("a request was not answered with 200")
print("kept", len(connections), flush=True)
sys.stdin.readline()
print("asked again", sum(map(ask, connections)), flush=True)
