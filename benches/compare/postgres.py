"""A private Postgres with the demo tenants, on the core of the load, for as long as a block lasts."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time

from processes import LOAD_CORE, free_address, pinned

# As tests have it: what a disk does is not what is measured.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB",
           "listen_addresses=127.0.0.1", "unix_socket_directories=")
ROLES = "CREATE ROLE olympus LOGIN; CREATE ROLE olympus_app LOGIN"
DATABASE = "CREATE DATABASE olympus OWNER olympus"


@contextlib.contextmanager
def server(folder):
    """Yields where a role connects: a function from its name to a URL."""
    address = free_address()
    port, data, log = address.rpartition(":")[2], folder / "postgres", folder / "postgres.out"
    data.mkdir()
    if os.geteuid() == 0:
        folder.chmod(0o711)
        shutil.chown(data, "postgres", "postgres")
    initdb = ["initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
    done = subprocess.run(owned(*initdb, "-D", data), cwd="/", capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    options = [part for option in OPTIONS for part in ("-c", option)]
    command = pinned(LOAD_CORE, *owned("postgres", "-D", data, "-p", port, *options))
    with open(log, "ab") as output:
        process = subprocess.Popen(command, cwd="/", stdout=output, stderr=subprocess.STDOUT)
    try:
        prepare(port, process, log)
        yield lambda role: f"postgres://{role}@127.0.0.1:{port}/olympus"
    finally:
        process.terminate()
        process.wait()


def prepare(port, process, log):
    deadline = time.monotonic() + 20
    while subprocess.run(psql(port, "SELECT 1"), capture_output=True).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Postgres does not start: {log.read_text()[-300:]}")
        time.sleep(0.1)
    for sql in (ROLES, DATABASE):
        subprocess.run(psql(port, sql), check=True, capture_output=True)


def psql(port, sql, database="postgres", role="postgres"):
    return [program("psql"), "-h", "127.0.0.1", "-p", port, "-U", role, "-d", database, "-tAc", sql]


def owned(name, *arguments):
    """Postgres does not run as root."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    return [*user, program(name), *map(str, arguments)]


def program(name):
    """Of the newest Postgres there is."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found and not shutil.which(name):
        raise RuntimeError("there is no Postgres: Debian's package postgresql has it")
    return found[-1] if found else name
