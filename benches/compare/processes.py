"""Programs under measurement: started on one core, watched through /proc, ended with the block that needs them."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.request

# The subject has a core to itself; its backend and the load share the other.
SUBJECT_CORE, LOAD_CORE = 0, 1
TICK = os.sysconf("SC_CLK_TCK")


def allowed_cores():
    return os.sched_getaffinity(0)


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def pinned(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)]


@contextlib.contextmanager
def program(core, command, output):
    """Runs a program on one core for as long as the block lasts. What it prints goes to the file `output`."""
    with open(output, "ab") as file:
        process = subprocess.Popen(pinned(core, *command), stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url, process, output):
    """Returns once the URL answers; a program that ends before that is an error."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with status {process.returncode}: {last_line(output)}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=1).read()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer: {last_line(output)}")


def last_line(file):
    lines = pathlib.Path(file).read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def family(pid):
    """The process and its children: nginx works in a child."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def cpu_seconds(pid):
    """User and system time of a process and its children."""
    total = 0
    for member in family(pid):
        fields = pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def rss_megabytes(pid):
    """Memory of a process and its children; what they share counts in each."""
    total = 0
    for member in family(pid):
        status = pathlib.Path(f"/proc/{member}/status").read_text()
        total += int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
    return total / 1024


def idle_seconds(core):
    """How long a core had nothing to do since the machine started."""
    stat = pathlib.Path("/proc/stat").read_text()
    fields = re.search(rf"^cpu{core} (.+)$", stat, re.MULTILINE)[1].split()
    return (int(fields[3]) + int(fields[4])) / TICK


def busy_percent(seconds=2):
    """How busy others keep the two cores, measured before anything of ours runs."""
    def idle():
        return idle_seconds(SUBJECT_CORE) + idle_seconds(LOAD_CORE)

    before, began = idle(), time.monotonic()
    time.sleep(seconds)
    share = (idle() - before) / (2 * (time.monotonic() - began))
    return max(0.0, 100 * (1 - share))
