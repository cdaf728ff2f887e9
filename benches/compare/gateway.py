"""The gateway under measurement: settings as a flat table of TOML, and how it is run with them."""

import subprocess


def settings(address, metrics, endpoints):
    """What every gateway here has in common; the rest is its own defaults."""
    listed = ", ".join(f'{{ address = "{endpoint}" }}' for endpoint in endpoints)
    return {
        "version": "1",
        "server.threads": "1",
        "server.drain": '{ delay = "0s", timeout = "1s" }',
        "listeners.public.address": f'"{address}"',
        "admin.metrics_listen": f'"{metrics}"',
        "upstreams.backend.endpoints": f"[{listed}]",
        "routes.proxied.path": '"/{*rest}"',
        "routes.proxied.upstream": '"backend"',
        "routes.proxied.auth": '"none"',
    }


def write(file, table):
    """A key without a value is left to its default."""
    lines = [f"{key} = {value}\n" for key, value in table.items() if value is not None]
    file.write_text("".join(lines))
    return file


def command(program, file):
    return [program, "run", "-c", file]


def refusal(program, file):
    """The first reason why `olympus check` does not take this file, or None."""
    done = subprocess.run([program, "check", "-c", file], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    first = (done.stderr or done.stdout).strip().partition("\n")[0]
    return first.partition(": ")[2] if first.startswith(str(file)) else first
