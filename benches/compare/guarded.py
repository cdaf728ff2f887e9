"""The third table: the same token and one rate limit on every request, before the same backend.

Each checks an RS256 signature, issuer, audience and dates, and counts the client against a limit it never reaches; all
keep what they verified once, as they come. The gateway is measured without them too, in the same rounds.
"""

import base64
import contextlib
import json
import re
import subprocess
import time

import gateway
import peers
from load import Target
from processes import LOAD_CORE, SUBJECT_CORE, free_address, program, wait_for
from rounds import Subject, measure

PLAIN, OLYMPUS, HAPROXY, ENVOY = "olympus, plain route", "olympus", "HAProxy", "Envoy"
ISSUER, AUDIENCE, KEY_ID = "https://bench.internal", "bench", "bench-1"
TENANT = "0190a5b2-7c1e-7000-8000-000000000001"
# Never reached, so that it is counting that is measured.
PER_SECOND = 1_000_000
HAPROXY_GUARD = """
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {issuer} }}
  http-request deny deny_status 401 unless {{ var(txn.aud) -m str {audience} }}
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{key}") 1 }}
  stick-table type ip size 100k expire 30s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {limit} }}
"""


def compare(tools, folder, arguments):
    """Measures all that can be started. Returns the subjects, and why each of the others is missing."""
    backend = free_address()
    subjects, missing = [], {}
    try:
        token = make_token(tools.path("openssl"), folder)
    except RuntimeError as reason:
        return [], dict.fromkeys((PLAIN, OLYMPUS, HAPROXY, ENVOY), str(reason))
    headers = (f"Authorization: Bearer {token}",)
    with contextlib.ExitStack() as stack:
        command, output = peers.backend(folder, [backend]), folder / "backend.out"
        wait_for(f"http://{backend}/", stack.enter_context(program(LOAD_CORE, command, output)), output)
        for name in (PLAIN, OLYMPUS, HAPROXY, ENVOY):
            address, metrics = free_address(), free_address()
            output = folder / f"{name}.out"
            try:
                command = command_of(name, tools, folder, address, backend, metrics)
                process = stack.enter_context(program(SUBJECT_CORE, command, output))
                ready = f"http://{metrics}/readyz" if name in (PLAIN, OLYMPUS) else None
                wait_until_guarded(address, headers, process, output, ready)
            except RuntimeError as reason:
                missing[name] = str(reason)
                continue
            subjects.append(Subject(name, process.pid, Target(f"http://{address}/", headers)))
        measure(subjects, tools, arguments)
    return subjects, missing


def command_of(name, tools, folder, address, backend, metrics):
    match name:
        case "olympus, plain route" | "olympus":
            program_path, file = tools.path("olympus"), folder / f"{name}.toml"
            table = gateway.settings(address, metrics, [backend]) | {
                "telemetry.access_log.file": f'"{folder / name}.access"',
            }
            gateway.write(file, table | (guard(folder) if name == OLYMPUS else {}))
            refusal = gateway.refusal(program_path, file)
            if refusal:
                raise RuntimeError(f"this build refuses its settings: {refusal}")
            return gateway.command(program_path, file)
        case "HAProxy":
            tools.path("haproxy")
            rules = HAPROXY_GUARD.format(
                issuer=ISSUER, audience=AUDIENCE, key=folder / "jwt.pub", limit=PER_SECOND)
            return peers.haproxy(folder, address, backend, rules)
        case "Envoy":
            return peers.envoy(tools.path("envoy"), folder, address, backend, envoy_filters(folder))


def guard(folder):
    """What the gateway is told besides `gateway.settings`."""
    return {
        "auth.issuers.bench.issuer": f'"{ISSUER}"',
        "auth.issuers.bench.audience": f'"{AUDIENCE}"',
        "auth.issuers.bench.key_file": f'"{folder / "jwt.pub"}"',
        "auth.issuers.bench.algorithms": '["RS256"]',
        "limits.all.key": '["ip"]',
        "limits.all.rate": f'"{PER_SECOND}/s"',
        "limits.all.burst": str(PER_SECOND),
        "routes.proxied.auth": '"required"',
        "routes.proxied.limits": '["all"]',
    }


def envoy_filters(folder):
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "forward": True,
        "local_jwks": {"inline_string": json.dumps({"keys": [public_key(folder)]})},
        "jwt_cache_config": {"jwt_cache_size": 100},
    }
    rules = [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}]
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {"max_tokens": PER_SECOND, "tokens_per_fill": PER_SECOND, "fill_interval": "1s"}
    return [
        peers.named("filters.http.jwt_authn", "filters.http.jwt_authn.v3.JwtAuthentication",
                    providers={"bench": provider}, rules=rules),
        peers.named("filters.http.local_ratelimit", "filters.http.local_ratelimit.v3.LocalRateLimit",
                    stat_prefix="all", token_bucket=bucket, filter_enabled=always, filter_enforced=always),
    ]


def wait_until_guarded(address, headers, process, output, ready):
    """Waits until it serves, and sees that the token is what lets a request pass."""
    if ready:
        wait_for(ready, process, output)
    name, value = headers[0].split(": ", 1)
    deadline = time.monotonic() + 10
    while status(address, {name: value}) != 200:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"it does not take the token: {output.read_text()[-300:]}")
        time.sleep(0.05)
    if not ready and status(address, {}) != 401:
        raise RuntimeError("it lets requests without a token pass")


def status(address, headers):
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2"]
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    done = subprocess.run([*command, *given, f"http://{address}/"], capture_output=True, text=True)
    return int(done.stdout or 0)


def make_token(openssl, folder):
    """A key pair, jwt.key and jwt.pub, and a token it signed that is good for a day."""
    run(openssl, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", folder / "jwt.key")
    run(openssl, "pkey", "-in", folder / "jwt.key", "-pubout", "-out", folder / "jwt.pub")
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "0190a5b2-7c1e-7000-8000-000000000002", "tenant": TENANT,
        "roles": ["member"], "iat": now, "nbf": now, "exp": now + 86_400,
        "jti": "0190a5b2-7c1e-7000-8000-000000000003",
    }
    signed = ".".join(encode(json.dumps(part).encode()) for part in (
        {"alg": "RS256", "typ": "at+jwt", "kid": KEY_ID}, claims))
    signature = run(openssl, "dgst", "-sha256", "-sign", folder / "jwt.key", given=signed.encode())
    return f"{signed}.{encode(signature)}"


def public_key(folder):
    modulus = run("openssl", "rsa", "-pubin", "-in", folder / "jwt.pub", "-modulus", "-noout").decode()
    number = bytes.fromhex(re.search(r"Modulus=([0-9A-F]+)", modulus)[1])
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": encode(number), "e": "AQAB"}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def run(*command, given=None):
    done = subprocess.run(command, input=given, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl: {done.stderr.decode().strip()}")
    return done.stdout
