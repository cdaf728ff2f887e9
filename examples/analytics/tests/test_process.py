"""The running program: streams, logs and stopping."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextmanager
def running() -> Iterator[tuple[subprocess.Popen, str]]:
    command = [sys.executable, "-m", "analytics", "--listen", "127.0.0.1:0", "--name", "analytics-1"]
    folder = Path(__file__).parent.parent
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process, f"http://{json.loads(process.stdout.readline())['listening']}"
        finally:
            process.kill()


def events(response: httpx.Response) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


def test_a_stream_goes_on_after_the_last_event_seen():
    with running() as (_, base):
        url = f"{base}/metrics/live?tenant=acme&interval=10"
        with httpx.stream("GET", url) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            seen = events(response)
            assert next(seen) == {"retry": "10"}
            first, second = next(seen), next(seen)
        assert (first["id"], first["event"], second["id"]) == ("1", "metrics", "2")
        with httpx.stream("GET", url, headers={"last-event-id": "1"}) as response:
            again = events(response)
            next(again)
            assert next(again) == second


def test_a_request_is_logged_with_its_ids_and_without_its_query():
    with running() as (process, base):
        headers = {"x-request-id": "request-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        answer = httpx.get(f"{base}/healthz?secret=1", headers=headers)
        assert answer.headers["x-backend"] == "analytics-1"
        line = next(json.loads(line) for line in process.stderr if "request-1" in line)
    assert (line["request_id"], line["trace_id"], line["path"]) == ("request-1", TRACE, "/healthz")
    assert line["status"] == 200


def test_a_stream_that_its_client_leaves_ends():
    with running() as (process, base):
        with httpx.stream("GET", f"{base}/metrics/live?tenant=acme&interval=10") as response:
            next(events(response))
        # The line of a request is written when it ends.
        assert next(line for line in process.stderr if "/metrics/live" in line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_streams_and_exits_well(number: signal.Signals):
    with running() as (process, base):
        url = f"{base}/metrics/live?tenant=globex&interval=60000"
        with httpx.stream("GET", url) as response:
            seen = events(response)
            next(seen), next(seen)
            process.send_signal(number)
            assert list(seen) == []
        assert process.wait(timeout=5) == 0
