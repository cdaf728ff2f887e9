"""The load: wrk in a closed loop for throughput, oha in an open loop for latencies.

In a closed loop each connection waits for its answer, so a slow moment also thins out the load that would have
shown it. In the open loop requests are due at a fixed rate, and latencies count from when they were due
(`oha --latency-correction`), whether or not a connection was free then.
"""

import dataclasses
import json
import re
import subprocess

from processes import LOAD_CORE, pinned

# Below this share of the rate asked for, latencies are those of another load.
RATE_HELD = 0.97
# HTTP/2 puts many requests on each connection.
STREAMS = 8


@dataclasses.dataclass(frozen=True)
class Target:
    """What is asked, and how."""

    url: str
    headers: tuple = ()
    http2: bool = False


def closed_loop(oha, target, seconds, connections):
    """As many requests as are answered. Returns how many that were."""
    if target.http2:
        return closed_loop_http2(oha, target, seconds, connections)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *given_headers(target), target.url]
    text = run(command, seconds)
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"{target.url}: errors under load\n{text}")
    return int(re.search(r"(\d+) requests in", text)[1])


def closed_loop_http2(oha, target, seconds, connections):
    shape = ["--http2", "-c", max(1, connections // STREAMS), "-p", STREAMS, "-z", f"{seconds}s"]
    return answered(report(oha, target, shape, seconds))


def open_loop(oha, target, seconds, connections, rate):
    """A fixed rate of requests. Returns latencies at p50 and p99 in milliseconds, or None: it was not held."""
    shape = ["-c", connections, "-z", f"{seconds}s", "-q", int(rate), "--latency-correction"]
    result = report(oha, target, shape, seconds)
    if answered(result) < RATE_HELD * int(rate) * seconds:
        return None
    percentiles = result["latencyPercentiles"]
    return percentiles["p50"] * 1000, percentiles["p99"] * 1000


def report(oha, target, shape, seconds):
    command = [oha, "--no-tui", "--output-format", "json", *shape, *given_headers(target), target.url]
    return json.loads(run(command, seconds))


def answered(result):
    """Requests with a good answer. Those under way at the end are cut, and are no error."""
    errors = {text: count for text, count in result["errorDistribution"].items() if "deadline" not in text}
    statuses = result["statusCodeDistribution"]
    if errors or set(statuses) - {"200"}:
        raise RuntimeError(f"errors under load: {errors or statuses}")
    return statuses.get("200", 0)


def given_headers(target):
    return [argument for header in target.headers for argument in ("-H", header)]


def run(command, seconds):
    try:
        done = subprocess.run(pinned(LOAD_CORE, *command), capture_output=True, text=True, timeout=seconds + 30)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{command[0]} did not end {seconds} s after it began, nor 30 s later") from error
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
