"""A gateway of its own with backends of its own, on free ports of loopback."""

import atexit
import contextlib
import json
import pathlib
import random
import re
import socket
import subprocess
import time
import urllib.request

WORK_MS = 100  # how long each backend works on a GET: the connections bound the load, not the processors

# Everything is as the gateway ships it, but for what the show varies.
CONFIG = """
version = 1
[listeners.public]
address = "{public}"
[admin]
metrics_listen = "{metrics}"
[upstreams.shop]
endpoints = [{endpoints}]
balance = "{balance}"
health = {{ path = "/healthz" }}
{retry}
[routes.shop]
path = "/{{*rest}}"
upstream = "shop"
auth = "none"
[telemetry.access_log]
file = "{folder}/access.log"
"""


def free_address():
    """Not one of those that the kernel hands out: nobody takes it while a backend is dead."""
    while True:
        address = ("127.0.0.1", random.randrange(20000, 32000))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(address)
            return address


def text(address):
    return f"{address[0]}:{address[1]}"


def ask(address, path, method="GET", body=None, timeout=5):
    request = urllib.request.Request(f"http://{text(address)}{path}", body and body.encode(), method=method)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read().decode()


def wait_for(what, check, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if check():
                return
        time.sleep(0.02)
    raise SystemExit(f"waited {seconds} s for {what}")


class Program:
    """A process with its output in files; ended when told to, and at the latest when this process ends."""

    def __init__(self, command, output, log):
        with open(output, "ab") as out, open(log, "ab") as errors:
            self.process = subprocess.Popen([*map(str, command)], stdout=out, stderr=errors)
        atexit.register(self.process.kill)

    def kill(self):
        self.process.kill()
        self.process.wait(5)


class Backend:
    def __init__(self, programs, folder, name):
        self.address = free_address()
        self.name = text(self.address)
        self.log = folder / f"{name}.log"
        self.command = [programs / "examples" / "commerce", "--listen", self.name, "--name", name]
        self.command += ["--work-ms", WORK_MS]
        self.start()

    def start(self):
        self.program = Program(self.command, "/dev/null", self.log)
        wait_for(f"{self.name} to start", lambda: ask(self.address, "/faults"))

    def begin(self, fault):
        """`kill`, or a fault as /faults knows it."""
        if fault == "kill":
            self.program.kill()
        else:
            ask(self.address, "/faults", "PUT", fault)

    def mend(self, fault):
        if fault == "kill":
            self.start()
        else:
            ask(self.address, "/faults", "DELETE")

    def injected(self, kind):
        return json.loads(ask(self.address, "/faults"))["injected"].get(kind, 0)

    def lines(self):
        """What it says of the tries it saw. A process that was killed may have left half a line."""
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(ValueError):
                fields = json.loads(line)
                if fields.get("message") == "request" and fields["path"] == "/products":
                    yield fields


class Metrics:
    """One scrape."""

    def __init__(self, scraped):
        self.values = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", scraped, re.MULTILINE)

    def sum(self, name, *labels):
        """Over every series that has these labels, each as `key="value"`."""
        return sum(float(value) for it, has, value in self.values if it == name and all(each in has for each in labels))


class Site:
    def __init__(self, programs, folder, balance, retries, backends):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.public, self.metrics_address = free_address(), free_address()
        self.backends = [Backend(programs, self.folder, f"shop-{number}") for number in range(backends)]
        self.start_gateway(programs, balance, retries)

    def start_gateway(self, programs, balance, retries):
        config = self.folder / "gateway.toml"
        fields = {
            "public": text(self.public),
            "metrics": text(self.metrics_address),
            "endpoints": ", ".join(f'{{ address = "{backend.name}" }}' for backend in self.backends),
            "balance": balance,
            "retry": "" if retries else "retry = { max_retries = 0 }",
            "folder": self.folder,
        }
        config.write_text(CONFIG.format(**fields))
        command = [programs / "olympus", "run", "-c", config]
        self.gateway = Program(command, self.folder / "gateway.out", self.folder / "gateway.log")
        wait_for("the gateway", lambda: ask(self.metrics_address, "/readyz"))

    def metrics(self):
        return Metrics(ask(self.metrics_address, "/metrics"))

    def wait_for_quiet(self):
        """Until no try is under way."""
        wait_for("the last try to end", lambda: self.metrics().sum("olympus_upstream_endpoint_in_flight") == 0)

    def access_lines(self):
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def end(self):
        for program in [self.gateway, *(backend.program for backend in self.backends)]:
            program.kill()


def tries(metrics, backend):
    """How many tries a backend was chosen for so far, by the gateway's count. An answer of 500 and more counts as a
    failure too, and one that broke off as an answer."""
    at = f'server_address="{backend.name}"'
    bad = [f'http_response_status_code="{status}"' for status in (500, 503)]
    answers = metrics.sum("http_client_request_duration_seconds_count", at)
    answers -= sum(metrics.sum("http_client_request_duration_seconds_count", at, status) for status in bad)
    failures = metrics.sum("olympus_upstream_failures_total", at)
    failures -= metrics.sum("olympus_upstream_failures_total", at, 'cause="truncated"')
    return answers + failures + metrics.sum("olympus_upstream_endpoint_in_flight", at)
