"""The command line: `python -m analytics --listen 127.0.0.1:9021 --name analytics-1`."""

import argparse
import asyncio

from . import log
from .app import build
from .facts import TENANTS, Facts
from .server import serve


def main() -> None:
    arguments = parse()
    log.start()
    aliases = dict(arguments.alias)
    asyncio.run(serve(build(arguments.name, Facts(), aliases), arguments.listen))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="analytics", description="Sales analytics over generated facts.")
    parser.add_argument("--listen", type=address, required=True, help="HOST:PORT; port 0 takes a free one")
    parser.add_argument("--name", required=True, help="name of this instance, sent in x-backend")
    parser.add_argument(
        "--alias",
        type=alias,
        action="append",
        default=[],
        metavar="ID=TENANT",
        help="an id by which X-Tenant-Id or tenant= may also name a tenant; may be repeated",
    )
    return parser.parse_args()


def address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"`{text}` is not HOST:PORT")
    return host.strip("[]"), int(port)


def alias(text: str) -> tuple[str, str]:
    other, _, tenant = text.partition("=")
    if not other or tenant not in TENANTS:
        raise argparse.ArgumentTypeError(f"`{text}` is not ID=TENANT with a tenant of {', '.join(TENANTS)}")
    return other, tenant


if __name__ == "__main__":
    main()
