"""The fourth table: reads of the REST API, beside axum and tokio-postgres with nothing on top, on the same database.

Each read is a transaction that sets its tenant. The gateway verifies a token besides, asks its policy, and writes its
access log; it is measured without its cache and with it. Postgres shares the core of the load, so it is that core that
limits throughput, and CPU per request that is worth comparing.
"""

import contextlib
import subprocess

import gateway
import postgres
from load import Target
from processes import SUBJECT_CORE, free_address, program, wait_for
from rounds import Subject, measure

LIST, BARE_LIST = "olympus, list of 20", "bare axum, list of 20"
ONE, BARE_ONE = "olympus, product by id", "bare axum, product by id"
CACHED_ONE, CACHED_LIST = "olympus, product by id, cached", "olympus, list of 20, cached"
# Those of the demo data.
TENANT, USER = "54bff318-392f-868e-8e2e-16bfc75fa2cc", "9be767b5-5cf2-8afa-ab60-bc10e473bf8d"
A_PRODUCT = f"SELECT id FROM products WHERE tenant_id = '{TENANT}' ORDER BY created_at LIMIT 1"


def compare(tools, folder, arguments):
    """Measures all that can be started. Returns the subjects, and why each of the others is missing."""
    subjects, missing = [], {}
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(postgres.server(folder))
            headers, product = prepare(tools, folder, url)
        except (RuntimeError, subprocess.CalledProcessError) as reason:
            return [], {"the REST API": str(reason)}
        for name, cache, rows in (
            ("plain", None, ((ONE, f"/{product}"), (LIST, "?limit=20"))),
            ("cached", '"64mb"', ((CACHED_ONE, f"/{product}"), (CACHED_LIST, "?limit=20"))),
        ):
            address, metrics = free_address(), free_address()
            file = write(folder, name, url, (address, metrics), cache)
            process = start(stack, folder, name, gateway.command(tools.path("olympus"), file),
                            f"http://{metrics}/readyz")
            for row, path in rows:
                target = Target(f"http://{address}/api/v1/products{path}", headers)
                subjects.append(Subject(row, process.pid, target, is_paced=True))
        try:
            address = free_address()
            command = [tools.path("bare_api"), address, url("olympus_app"), TENANT]
            process = start(stack, folder, "bare_api", command, f"http://{address}/products")
        except RuntimeError as reason:
            missing |= dict.fromkeys((BARE_ONE, BARE_LIST), str(reason))
        else:
            for row, path in ((BARE_ONE, f"/{product}"), (BARE_LIST, "")):
                subjects.append(Subject(row, process.pid, Target(f"http://{address}/products{path}"), is_paced=True))
        measure(subjects, tools, arguments)
    return subjects, missing


def prepare(tools, folder, url):
    """The tables with the demo data, a token, and the id of a product."""
    olympus = tools.path("olympus")
    run(olympus, "token", "--new-key", folder / "keys")
    file = write(folder, "prepare", url, (free_address(), free_address()), None)
    run(olympus, "migrate", "-c", file, "--seed-demo")
    who = ("--tenant", TENANT, "--subject", USER, "--role", "tenant_admin", "--ttl", "24h")
    token = run(olympus, "token", "-c", file, *who)
    port = url("postgres").rpartition(":")[2].partition("/")[0]
    product = run(*postgres.psql(port, A_PRODUCT, "olympus"))
    return (f"Authorization: Bearer {token}",), product


def write(folder, name, url, addresses, cache):
    table = gateway.settings(*addresses, []) | {
        "upstreams.backend.endpoints": None,
        "routes.proxied.path": None,
        "routes.proxied.upstream": None,
        "routes.proxied.auth": None,
        "telemetry.access_log.file": f'"{folder / name}.access"',
        "auth.keys_dir": f'"{folder / "keys"}"',
        "postgres.url": f'"{url("olympus_app")}"',
        "postgres.owner_url": f'"{url("olympus")}"',
        "cache.memory": cache,
        "routes.products.path": '["/api/v1/products", "/api/v1/products/{*rest}"]',
        "routes.products.local": '"rest"',
        "routes.products.auth": '"required"',
    }
    return gateway.write(folder / f"{name}.toml", table)


def start(stack, folder, name, command, ready):
    output = folder / f"{name}.out"
    process = stack.enter_context(program(SUBJECT_CORE, command, output))
    wait_for(ready, process, output)
    return process


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return done.stdout.strip()
