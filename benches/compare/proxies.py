"""The first table: the gateway, a bare Pingora proxy, nginx, HAProxy and Envoy before the same backend."""

import contextlib

import gateway
import peers
from load import Target
from processes import LOAD_CORE, SUBJECT_CORE, free_address, program, wait_for
from rounds import Subject, measure

OLYMPUS, BARE, NGINX, HAPROXY, ENVOY = "olympus", "bare Pingora", "nginx", "HAProxy", "Envoy"
LAID_OUT = "olympus, laid out"
LOCAL, BARE_LOCAL = "olympus, local route", "bare Pingora, request_filter"
# Where each writes its access log; the bare proxy has none.
LOGS = {OLYMPUS: "olympus.access", LAID_OUT: "laid_out.access", NGINX: "nginx.log", HAPROXY: "HAProxy.out",
        ENVOY: "envoy.access"}


def compare(tools, folder, arguments):
    """Measures all that can be started. Returns the subjects, and why each of the others is missing."""
    backend = free_address()
    subjects, missing = [], {}
    with contextlib.ExitStack() as stack:
        start(stack, folder, "backend", LOAD_CORE, peers.backend(folder, [backend]), f"http://{backend}/")
        for name in (OLYMPUS, LAID_OUT, BARE, NGINX, HAPROXY, ENVOY):
            address, metrics = free_address(), free_address()
            try:
                command = command_of(name, tools, folder, address, backend, metrics)
                ready = f"http://{metrics}/readyz" if name in (OLYMPUS, LAID_OUT) else f"http://{address}/"
                process = start(stack, folder, name, SUBJECT_CORE, command, ready)
            except RuntimeError as reason:
                missing[name] = str(reason)
                continue
            subjects.append(Subject(name, process.pid, Target(f"http://{address}/"), is_paced=True))
            if name == OLYMPUS:
                subjects.append(Subject(LOCAL, process.pid, Target(f"http://{address}/api/v1/status")))
            elif name == BARE:
                subjects.append(Subject(BARE_LOCAL, process.pid, Target(f"http://{address}/local")))
        measure(subjects, tools, arguments)
    check_logs(subjects, folder)
    return subjects, missing


def command_of(name, tools, folder, address, backend, metrics):
    match name:
        case "olympus" | "olympus, laid out":
            table = gateway.settings(address, metrics, [backend]) | {
                "routes.local.path": '"/api/v1/status"',
                "routes.local.local": '"status"',
                "routes.local.auth": '"none"',
                "telemetry.access_log.file": f'"{folder / LOGS[name]}"',
            }
            built = tools.path("olympus" if name == OLYMPUS else "laid out")
            return gateway.command(built, gateway.write(folder / f"{name}.toml", table))
        case "bare Pingora":
            return [tools.path("bare"), address, backend]
        case "nginx":
            return peers.nginx(folder, address, backend)
        case "HAProxy":
            tools.path("haproxy")
            return peers.haproxy(folder, address, backend)
        case "Envoy":
            return peers.envoy(tools.path("envoy"), folder, address, backend)


def start(stack, folder, name, core, command, ready):
    output = folder / f"{name}.out"
    process = stack.enter_context(program(core, command, output))
    wait_for(ready, process, output)
    return process


def check_logs(subjects, folder):
    """A log that lost lines would have cost less than it claims."""
    for name, log in LOGS.items():
        names = (OLYMPUS, LOCAL) if name == OLYMPUS else (name,)
        answered = sum(sum(subject.values("requests")) for subject in subjects if subject.name in names)
        if answered:
            with open(folder / log, "rb") as file:
                lines = sum(1 for _ in file)
            if lines < answered:
                raise SystemExit(f"{name}'s access log has {lines} lines for at least {answered} requests")
