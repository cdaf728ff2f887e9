#!/usr/bin/env python3
"""Measures the gateway beside a bare Pingora proxy under the same load, and prints a table.

One worker thread each, pinned to one core; backend (nginx) and load (wrk) on the other. Rounds are interleaved,
so that whatever else the machine does touches all alike. CPU per request is user + system time of the whole
process from /proc, which noise moves far less than latencies; compare ratios within one run only.

    python3 benches/compare.py            # builds with the dist profile, measures, prints
    python3 benches/compare.py --write    # and puts the table into docs/benchmarks.md
"""

import argparse
import contextlib
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
TICK = os.sysconf("SC_CLK_TCK")
BODY = "x" * 1024

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000;
  server {{ listen {address} backlog=4096; location / {{ default_type text/plain; return 200 "{body}"; }} }} }}
"""

OLYMPUS = """
version = 1
[server]
threads = 1
[listeners.public]
address = "{address}"
[admin]
metrics_listen = "{metrics}"
[upstreams.backend]
endpoints = [{{ address = "{backend}" }}]
[routes.proxied]
path = "/{{*rest}}"
upstream = "backend"
auth = "none"
[routes.local]
path = "/api/v1/status"
local = "rest"
auth = "none"
[telemetry.access_log]
file = "{folder}/access.log"
"""


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def wait_for(url, process):
    """Returns once the URL answers; a program that ends before that is an error."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=1).read()
            return
        time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


@contextlib.contextmanager
def program(core, *command):
    """Runs a program on one core for as long as the block lasts."""
    process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


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
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def load(core, url, seconds, connections):
    """Closed-loop load. Returns requests answered and latencies at p50 and p99 in milliseconds."""
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"{url}: errors under load\n{text}")
    requests = int(re.search(r"(\d+) requests in", text)[1])
    return requests, latency(text, "50%"), latency(text, "99%")


def latency(text, percentile):
    value, unit = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def measure(subject, arguments):
    name, pid, url = subject
    before = cpu_seconds(pid)
    requests, median, high = load(1, url, arguments.seconds, arguments.connections)
    spent = cpu_seconds(pid) - before
    return {
        "name": name,
        "requests": requests,
        "rate": requests / arguments.seconds,
        "cpu": spent / requests * 1e6,
        "p50": median,
        "p99": high,
        "rss": rss_megabytes(pid),
    }


def rounds(subjects, arguments):
    for subject in subjects:
        load(1, subject[2], 1, arguments.connections)
    results = {name: [] for name, _, _ in subjects}
    for _ in range(arguments.rounds):
        for subject in subjects:
            result = measure(subject, arguments)
            results[result["name"]].append(result)
    return results


def table(results, pairs):
    lines = [
        "| | requests/s | CPU µs/request | ratio to bare | p50 ms | p99 ms | RSS MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]

    def median(name, key):
        return statistics.median(result[key] for result in results[name])

    for name, bare in pairs:
        for row in (name, bare):
            ratios = [a["cpu"] / b["cpu"] for a, b in zip(results[row], results[bare])]
            lines.append(
                f"| {row} | {median(row, 'rate'):,.0f} | {median(row, 'cpu'):.1f} | {statistics.median(ratios):.2f} "
                f"| {median(row, 'p50'):.2f} | {median(row, 'p99'):.2f} | {median(row, 'rss'):.0f} |"
            )
    return "\n".join(lines)


def build(profile):
    command = ["cargo", "build", "--locked", "--profile", profile, "--bin", "olympus", "--example", "bare"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / profile
    return target / "olympus", target / "examples" / "bare"


def install_missing():
    packages = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux"}
    missing = [package for tool, package in packages.items() if not shutil.which(tool)]
    if missing and os.geteuid() != 0:
        raise SystemExit(f"install first: {' '.join(missing)}")
    if missing:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True)


def run(arguments):
    olympus, bare = build(arguments.profile)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        backend, front, metrics, plain = (free_address() for _ in range(4))
        folder = pathlib.Path(folder)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, address=backend, body=BODY))
        settings = OLYMPUS.format(folder=folder, address=front, metrics=metrics, backend=backend)
        (folder / "olympus.toml").write_text(settings)
        nginx = stack.enter_context(program(1, "nginx", "-c", folder / "nginx.conf"))
        wait_for(f"http://{backend}/", nginx)
        gateway = stack.enter_context(program(0, olympus, "run", "-c", folder / "olympus.toml"))
        wait_for(f"http://{metrics}/readyz", gateway)
        other = stack.enter_context(program(0, bare, plain, backend))
        wait_for(f"http://{plain}/", other)
        subjects = [
            ("olympus, proxied", gateway.pid, f"http://{front}/"),
            ("bare Pingora, proxied", other.pid, f"http://{plain}/"),
            ("olympus, local route", gateway.pid, f"http://{front}/api/v1/status"),
            ("bare Pingora, request_filter", other.pid, f"http://{plain}/local"),
        ]
        results = rounds(subjects, arguments)
        answered = sum(result["requests"] for name in results if "olympus" in name for result in results[name])
        time.sleep(0.5)
        lines = sum(1 for _ in open(folder / "access.log", "rb"))
        if lines < answered:
            raise SystemExit(f"the access log lost lines: {lines} for at least {answered} requests")
    pairs = [(subjects[0][0], subjects[1][0]), (subjects[2][0], subjects[3][0])]
    return table(results, pairs)


def machine():
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def write(text):
    before, rest = DOCUMENT.read_text().split(BEGIN, 1)
    DOCUMENT.write_text(before + BEGIN + "\n" + text + "\n" + END + rest.split(END, 1)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="dist")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    install_missing()
    text = run(arguments)
    command = f"python3 benches/compare.py --rounds {arguments.rounds} --seconds {arguments.seconds}"
    note = f"`{command}`, profile `{arguments.profile}`, {arguments.connections} connections, {machine()}."
    text = f"{text}\n\n{note}"
    print(text)
    if arguments.write:
        write(text)


if __name__ == "__main__":
    main()
