"""ledger: keeps rows in PostgreSQL. A small server application, to be updated while its machine loses power.

It runs in its release's directory, where VERSION says what it is, the files in sql/ how it talks to its schema, and
BEHAVIOUR whether it is ill. What it has answered with 200 is committed. It knows nothing of Surefoot.
"""

import os
import socket
import subprocess

VERSIONS = "/usr/lib/postgresql"
PSQL = max(f"{VERSIONS}/{version}/bin/psql" for version in os.listdir(VERSIONS))


def read(path):
    with open(path) as file:
        return file.read().strip()


VERSION, ILL = read("VERSION"), read("BEHAVIOUR") == "ill"
URL = dict(line.split("=", 1) for line in read(".env").splitlines())["DATABASE_URL"]


def runs(file, *variables):
    options = [f"--set={variable}" for variable in ("ON_ERROR_STOP=1", *variables)]
    done = subprocess.run([PSQL, "-X", "-q", "-w", *options, "-f", file, URL], stdout=subprocess.DEVNULL)
    return done.returncode == 0


def insert(text):
    return runs("sql/insert.sql", f"text={text}", f"author={VERSION}")


def answer(method, path):
    if path == "/health":
        well = not ILL and runs("sql/health.sql")
        return well, '{"status": "%s", "version": "%s"}' % ("ok" if well else "ill", VERSION)
    if method == "POST" and path.startswith("/rows/"):
        return insert(path.removeprefix("/rows/")), VERSION
    return False, "what?"


def serve():
    server = socket.create_server(("127.0.0.1", 8000))
    insert("started")
    while True:
        client, _ = server.accept()
        with client:
            client.settimeout(5)
            try:
                method, path, _ = client.recv(4096).decode().split(" ", 2)
                well, body = answer(method, path)
                status = "200 OK" if well else "500 Ill"
                client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
            except (OSError, ValueError):
                pass  # One bad client is no reason to end.


serve()
