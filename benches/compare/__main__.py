#!/usr/bin/env python3
"""Measures the gateway beside other proxies, its features one by one, what a token and a limit cost, and reads of its
REST API, and prints four tables.

One worker thread each, pinned to one core; the backend (nginx) and the load on the other. Rounds are interleaved, so
that whatever else the machine does touches all alike. CPU per request is user + system time of the whole program
from /proc, which noise moves far less than latencies; compare ratios within one run only.

    python3 benches/compare            # builds with the dist profile, measures, prints; about 20 minutes, and 2 GB
                                       # of access logs in the temporary folder
    python3 benches/compare --write    # and puts the tables into docs/benchmarks.md
    python3 benches/compare --quick    # a look whether everything works; its figures mean little
"""

import argparse
import pathlib
import signal
import subprocess
import sys
import tempfile

import features
import guarded
import layout
import processes
import proxies
import report
import served
import tools

# What we measure ourselves against.
EXAMPLES = ("--example", "bare", "--example", "bare_api")


def main():
    arguments = parse()
    # As an exception, so that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    if not {processes.SUBJECT_CORE, processes.LOAD_CORE} <= processes.allowed_cores():
        raise SystemExit("two cores are needed, one for the subject and one for the load")
    kit = ours(tools.gather(), arguments.programs)
    busy = processes.busy_percent()
    try:
        tables = [first, second, third, fourth]
        wanted = [tables[number - 1] for number in arguments.tables]
        sections = [section for table in wanted for section in table(kit, arguments)]
    except RuntimeError as error:
        raise SystemExit(f"the comparison broke off: {error}") from error
    sections.append(f"`{command(arguments)}`, profile `dist`, {report.machine(busy)}.")
    text = "\n\n".join(section for section in sections if section)
    print(f"\n{text}")
    if arguments.write:
        report.write(text)


def ours(kit, folder):
    """The same with our own programs, built or from a folder."""
    missing = {}
    if folder is None:
        folder = tools.TARGET / "dist"
        subprocess.run(["cargo", "build", "--locked", "--profile", "dist", *EXAMPLES], cwd=tools.ROOT, check=True)
        try:
            layout.laid_out(kit)
        except RuntimeError as error:
            missing["laid out"] = str(error)
    elif not (folder / "layout" / "olympus").exists():
        missing["laid out"] = "it is not among the programs given"
    programs = {"olympus": "olympus", "laid out": "layout/olympus", "bare": "examples/bare",
                "bare_api": "examples/bare_api"}
    paths = {name: folder / path for name, path in programs.items()}
    return tools.Tools(kit.paths | paths, kit.missing | missing)


def command(arguments):
    """How to measure the same again. Where the programs were built is nobody else's business."""
    shape = f"--rounds {arguments.rounds} --seconds {arguments.seconds} --connections {arguments.connections}"
    return f"python3 benches/compare {shape}"


def parse():
    parser = argparse.ArgumentParser(prog="python3 benches/compare", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4, help="how long each loop of a round takes")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--tables", type=int, nargs="+", choices=(1, 2, 3, 4), default=(1, 2, 3, 4),
                        help="only these of the four")
    parser.add_argument("--programs", type=pathlib.Path,
                        help="where olympus, examples/bare and examples/bare_api are already: no build")
    parser.add_argument("--quick", action="store_true", help="two rounds of a second: whether everything works")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.write and (arguments.quick or len(arguments.tables) < 4):
        parser.error("only figures of a whole run are for the document")
    if arguments.quick:
        arguments.rounds, arguments.seconds = 2, 1
    return arguments


def first(kit, arguments):
    with tempfile.TemporaryDirectory() as folder:
        subjects, missing = proxies.compare(kit, pathlib.Path(folder), arguments)
    missing |= {name: reason for name, reason in kit.missing.items() if name == "oha"}
    return [report.proxies_table(subjects, missing), report.left_out(missing), report.verdicts(subjects, missing)]


def second(kit, arguments):
    with tempfile.TemporaryDirectory() as folder:
        subjects, missing = features.compare(kit, pathlib.Path(folder), arguments)
    return [report.features_table(subjects), report.left_out(missing)]


def third(kit, arguments):
    with tempfile.TemporaryDirectory() as folder:
        subjects, missing = guarded.compare(kit, pathlib.Path(folder), arguments)
    return [report.guarded_table(subjects, missing), report.left_out(missing)]


def fourth(kit, arguments):
    with tempfile.TemporaryDirectory() as folder:
        subjects, missing = served.compare(kit, pathlib.Path(folder), arguments)
    return [report.served_table(subjects), report.left_out(missing)]


if __name__ == "__main__":
    main()
