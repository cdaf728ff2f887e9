"""The second table: the gateway with as little as it can do, and each feature turned on alone.

A row is one line of FEATURES: settings over those of `base`, and what a request must look like to make the feature
work. Settings that this build refuses are named below the table.
"""

import contextlib
import dataclasses

import gateway
import peers
from load import Target
from processes import LOAD_CORE, SUBJECT_CORE, free_address, program, wait_for
from rounds import Subject, measure

BASE = "base"
# What the base has besides `gateway.settings`: everything off that can be.
OFF = {
    "telemetry.access_log.sample": "0.0",
    "headers.csp": '""',
    "headers.remove": "[]",
    "upstreams.backend.balance": '"wrr"',
    "upstreams.backend.slow_start": '"0s"',
    "upstreams.backend.outlier.consecutive_failures": "0",
    "upstreams.backend.breaker.scope": '"off"',
    "upstreams.backend.retry.max_retries": "0",
}
EDIT = '{ remove = ["x-one"], set = { x-two = "2" }, add = { x-three = "3" } }'
MANY = {f"routes.other{number}.{key}": value for number in range(1000) for key, value in (
    ("path", f'"/api/service{number}/{{item}}"'), ("upstream", '"backend"'), ("auth", '"none"'))}


@dataclasses.dataclass(frozen=True)
class Feature:
    """One thing turned on."""

    name: str
    settings: dict
    headers: tuple = ()
    scheme: str = "http"
    http2: bool = False


def features(addresses):
    """Every row. `addresses` has the backend's special listeners."""
    secure, h2c, secure_h2 = (f'[{{ address = "{addresses[kind]}" }}]' for kind in ("secure", "h2c", "secure_h2"))
    endpoints, tls = "upstreams.backend.endpoints", {
        "upstreams.backend.tls.sni": '"backend.internal"', "upstreams.backend.tls.ca": '"ca.pem"'}
    h2 = {"upstreams.backend.protocol": '"h2"'}
    return [
        Feature(BASE, {}),
        Feature("access log", {"telemetry.access_log.sample": None}),
        Feature("CSP, and headers of backends hidden", {"headers.csp": None, "headers.remove": None}),
        Feature("three edits of request headers", {"routes.proxied.request": EDIT}),
        Feature("three edits of response headers", {"routes.proxied.response": EDIT}),
        Feature("CORS, asked from another origin",
                {"routes.proxied.cors": '"shops"', "cors.shops.origins": '["https://*.example"]'},
                ("Origin: https://shop.example",)),
        Feature("addresses from a trusted proxy", {"server.trusted_proxies": '["127.0.0.0/8"]'},
                ("X-Forwarded-For: 203.0.113.7",)),
        Feature("1000 further routes", MANY),
        Feature("least_request", {"upstreams.backend.balance": '"least_request"'}),
        Feature("p2c", {"upstreams.backend.balance": '"p2c"'}),
        Feature("peak_ewma, the default", {"upstreams.backend.balance": None}),
        Feature("random", {"upstreams.backend.balance": '"random"'}),
        Feature("hash:ip", {"upstreams.backend.balance": '"hash:ip"'}),
        Feature("hash:header:NAME", {"upstreams.backend.balance": '"hash:header:x-key"'}, ("X-Key: 42",)),
        Feature("active checks", {"upstreams.backend.health.path": '"/"'}),
        Feature("outlier ejection", {"upstreams.backend.outlier.consecutive_failures": None}),
        Feature("breaker", {"upstreams.backend.breaker.scope": None}),
        Feature("retries", {"upstreams.backend.retry.max_retries": None}),
        Feature("TLS to the backends", {**tls, endpoints: secure}),
        Feature("HTTP/2 to the backends", {**h2, endpoints: h2c}),
        Feature("TLS and HTTP/2 to the backends", {**tls, **h2, endpoints: secure_h2}),
        Feature("TLS from clients",
                {"listeners.public.tls.cert": '"cert.pem"', "listeners.public.tls.key": '"key.pem"'}, scheme="https"),
        Feature("HTTP/2 from clients", {}, http2=True),
        Feature("all defaults", dict.fromkeys(OFF)),
    ]


def compare(tools, folder, arguments):
    """Measures all that can be. Returns the subjects, and why each of the others is missing."""
    addresses = {kind: free_address() for kind in ("secure", "h2c", "secure_h2")}
    plain = [free_address() for _ in range(3)]
    missing = {}
    with contextlib.ExitStack() as stack:
        listeners = backend_listeners(tools, folder, addresses)
        command, output = peers.backend(folder, plain, **listeners), folder / "backend.out"
        nginx = stack.enter_context(program(LOAD_CORE, command, output))
        wait_for(f"http://{plain[0]}/", nginx, output)
        subjects = []
        for number, feature in enumerate(features(addresses)):
            try:
                subjects.append(start(stack, tools, folder / f"feature{number}.toml", feature, plain))
            except RuntimeError as reason:
                missing[feature.name] = str(reason)
        if BASE in missing:
            raise SystemExit(f"no feature can be measured without the base: {missing[BASE]}")
        measure(subjects, tools, arguments)
    return subjects, missing


def backend_listeners(tools, folder, addresses):
    """Those of `addresses` that the backend can serve: without openssl there is no certificate."""
    try:
        peers.make_certificate(tools.path("openssl"), folder)
        return addresses
    except RuntimeError:
        return {"h2c": addresses["h2c"]}


def start(stack, tools, file, feature, plain):
    if feature.http2:
        tools.path("oha")
    address, metrics = free_address(), free_address()
    table = gateway.settings(address, metrics, plain) | OFF | feature.settings
    gateway.write(file, table | {"telemetry.access_log.file": f'"{file.with_suffix(".access")}"'})
    refusal = gateway.refusal(tools.path("olympus"), file)
    if refusal:
        raise RuntimeError(f"this build refuses its settings: {refusal}")
    output = file.with_suffix(".out")
    process = stack.enter_context(program(SUBJECT_CORE, gateway.command(tools.path("olympus"), file), output))
    wait_for(f"http://{metrics}/readyz", process, output)
    return Subject(feature.name, process.pid, Target(f"{feature.scheme}://{address}/", feature.headers, feature.http2))
