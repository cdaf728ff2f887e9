"""Who is measured beside the gateway, and the backend behind them all. Each with one worker thread, connections
to the backend kept, and an access log in a file of its own; else as it comes."""

import json
import subprocess

# Enough for a small JSON answer.
BODY = "x" * 1024
NGINX = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.error;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-fastcgi; uwsgi_temp_path {folder}/{name}-uwsgi; scgi_temp_path {folder}/{name}-scgi;
  keepalive_requests 1000000000;
  {inside}
}}
"""
BACKEND = """
  access_log off; default_type text/plain;
  server {{ {listen} location / {{ return 200 "{body}"; }} }}
"""
ENCRYPTED = "ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
PROXY = """
  access_log {folder}/nginx.log;
  upstream backend {{ server {backend}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {address} backlog=4096;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
"""
# It cannot write files itself, but its standard output is one.
HAPROXY = """
global
  nbthread 1
  maxconn 4096
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend public
  bind {address}
{rules}  default_backend backend
backend backend
  server one {backend}
"""


def backend(folder, plain, secure=None, h2c=None, secure_h2=None):
    """One nginx with answers of 1 KB at all these addresses; None where there is no certificate for it."""
    def listen(address, options=""):
        return f"listen {address} {options} backlog=4096;"

    lines = [listen(address) for address in plain]
    lines += [listen(h2c, "http2")] if h2c else []
    if secure:
        lines += [listen(secure, "ssl"), listen(secure_h2, "ssl http2"), ENCRYPTED.format(folder=folder)]
    inside = BACKEND.format(listen="\n".join(lines), body=BODY)
    return nginx_command(folder, "backend", inside)


def nginx(folder, address, backend_address):
    return nginx_command(folder, "nginx", PROXY.format(folder=folder, address=address, backend=backend_address))


def nginx_command(folder, name, inside):
    file = folder / f"{name}.conf"
    file.write_text(NGINX.format(folder=folder, name=name, inside=inside))
    return ["nginx", "-c", file]


def haproxy(folder, address, backend_address, rules=""):
    """`rules` are further lines of its frontend."""
    file = folder / "haproxy.cfg"
    file.write_text(HAPROXY.format(address=address, backend=backend_address, rules=rules))
    return ["haproxy", "-db", "-f", file]


def envoy(program, folder, address, backend_address, filters=()):
    """`filters` come before its router."""
    file = folder / "envoy.json"
    file.write_text(json.dumps(envoy_settings(address, backend_address, folder / "envoy.access", filters)))
    # Hot restarts would share memory with an Envoy that somebody else runs.
    return [program, "--concurrency", 1, "--disable-hot-restart", "--log-level", "warning", "-c", file]


def envoy_settings(address, backend_address, log, filters):
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}]
    manager = {
        "@type": envoy_type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "public",
        "access_log": [named("access_loggers.file", "access_loggers.file.v3.FileAccessLog", path=str(log))],
        "http_filters": [*filters, named("filters.http.router", "filters.http.router.v3.Router")],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
    }
    chain = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    endpoint = {"endpoint": {"address": envoy_address(backend_address)}}
    cluster = {
        "name": "backend",
        "load_assignment": {"cluster_name": "backend", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    listener = {"name": "public", "address": envoy_address(address), "filter_chains": [{"filters": chain}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def named(name, kind, **settings):
    return {"name": f"envoy.{name}", "typed_config": {"@type": envoy_type(kind), **settings}}


def envoy_type(kind):
    return f"type.googleapis.com/envoy.extensions.{kind}"


def envoy_address(address):
    host, port = address.split(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def make_certificate(openssl, folder):
    """An authority and a certificate of its own, for `backend.internal`: ca.pem, cert.pem and key.pem."""
    def request(subject, *arguments):
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command = [openssl, "req", "-x509", *curve, "-days", "2", "-subj", subject, *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"openssl made no certificate: {done.stderr.strip().splitlines()[-1]}")

    # Without a configuration of Debian's, which would make every certificate an authority's.
    (folder / "openssl.cnf").write_text("[req]\ndistinguished_name = name\n[name]\n")
    plain = ["-config", "openssl.cnf"]
    request("/CN=bench authority", *plain, "-addext", "basicConstraints=critical,CA:TRUE",
            "-keyout", "ca.key", "-out", "ca.pem")
    request("/CN=backend.internal", *plain, "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "subjectAltName=DNS:backend.internal,IP:127.0.0.1",
            "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem")
