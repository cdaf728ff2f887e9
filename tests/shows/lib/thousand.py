"""A configuration of 1000 routes and 1000 endpoints. Usage: thousand.py FOLDER PORT METRICS ADMIN BACKEND

Ten teams have a file each, with ten upstreams of ten endpoints and ten routes to each of them. Every endpoint is an
address of its own, 127.1.U.E, so that one backend that listens on all addresses answers for all; each is checked.
"""

import sys
from pathlib import Path

TEAMS = UPSTREAMS = ENDPOINTS = ROUTES = 10

MAIN = """\
version = 1
include = ["teams/*.toml"]
server.drain.delay = "0s"
listeners.public.address = "127.0.0.1:{port}"
[admin]
listen = "127.0.0.1:{admin}"
token = "the token of this show"
metrics_listen = "127.0.0.1:{metrics}"
[defaults.upstream.health]
path = "/healthz"
[defaults.route]
auth = "none"
"""

# Of every four routes: a rest, parameters, a literal, and one of several paths.
PATHS = (
    ('"/api/service{0}/{{*rest}}"', "/api/service{0}"),
    ('"/api/service{0}/bytes/{{count}}"', "/api/service{0}"),
    ('"/api/service{0}/healthz"', "/api/service{0}"),
    ('["/v1/service{0}/{{*rest}}", "/v1/service{0}/bytes/{{count}}/of/{{kind}}"]', "/v1/service{0}"),
)


def upstream(number: int, backend: str) -> str:
    endpoints = (f'{{ address = "127.1.{number}.{n}:{backend}" }}' for n in range(1, ENDPOINTS + 1))
    return f"[upstreams.pool{number}]\nendpoints = [{', '.join(endpoints)}]\n"


def route(number: int) -> str:
    path, prefix = (text.format(number) for text in PATHS[number % len(PATHS)])
    pool = number // ROUTES
    return f'[routes.route{number}]\npath = {path}\nstrip_prefix = "{prefix}"\nupstream = "pool{pool}"\n'


def main(folder: Path, port: str, metrics: str, admin: str, backend: str) -> None:
    (folder / "teams").mkdir(parents=True, exist_ok=True)
    (folder / "gateway.toml").write_text(MAIN.format(port=port, metrics=metrics, admin=admin))
    for team in range(TEAMS):
        pools = range(team * UPSTREAMS, (team + 1) * UPSTREAMS)
        routes = range(pools.start * ROUTES, pools.stop * ROUTES)
        tables = [*(upstream(pool, backend) for pool in pools), *map(route, routes)]
        (folder / "teams" / f"team{team}.toml").write_text("\n".join(tables))


main(Path(sys.argv[1]), *sys.argv[2:6])
