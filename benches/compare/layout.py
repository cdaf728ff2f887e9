#!/usr/bin/env python3
"""Builds the program with its code in the order in which requests run through it, by BOLT (Panchenko et al., "BOLT: A
Practical Binary Optimizer for Data Centers and Beyond", CGO 2019).

Cargo links it with the dist profile and its relocations; a copy that counts runs under the loads of the comparison; what
was run is then put together, block by block, and what was not, apart. So a request needs a third fewer lines of the first
instruction cache. `make dist` does this; it takes some minutes.

    python3 benches/compare/layout.py            # prints where the program is
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile

import features
import guarded
import served
import tools

FOLDER = tools.TARGET / "dist" / "layout"
LINK = ("--profile", "dist", "--bin", "olympus", "--", "-C", "link-arg=-Wl,--emit-relocs")
ORDER = ("-reorder-blocks=ext-tsp", "-reorder-functions=hfsort", "-split-functions", "-split-all-cold")
# Proxied requests with each feature on, tokens and limits, reads of the REST API.
LOADS = (features.compare, guarded.compare, served.compare)
SHAPE = argparse.Namespace(rounds=1, seconds=1, connections=64)
OTHERS = ("haproxy", "envoy", "bare_api")


def laid_out(kit):
    """Where the program is. A RuntimeError says why there is none."""
    subprocess.run(["cargo", "rustc", "--locked", *LINK], cwd=tools.ROOT, check=True)
    linked, made = tools.TARGET / "dist" / "olympus", FOLDER / "olympus"
    if not made.exists() or made.stat().st_mtime < linked.stat().st_mtime:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        lay_out(linked, made, kit)
    return made


def lay_out(linked, made, kit):
    """Counts how often what runs, and puts it in order. `made` is there only once it is whole."""
    # It looks for its libraries from where it really is.
    bolt, new = pathlib.Path(kit.path("llvm-bolt-16")).resolve(), made.with_suffix(".new")
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        folder = pathlib.Path(folder)
        counting, counts, profile = folder / "olympus", folder / "counts", folder / "profile"
        run(bolt, linked, "-instrument", "-o", counting, f"--instrumentation-file={counts}",
            "--instrumentation-file-append-pid")
        exercise(counting, kit)
        written = sorted(folder.glob("counts.*"))
        if not written:
            raise RuntimeError("the program that counts wrote no counts")
        run(bolt.with_name("merge-fdata"), *written, "-o", profile)
        run(bolt, linked, "-o", new, f"-data={profile}", *ORDER)
    # Names of functions stay: `strip` of binutils breaks what BOLT made.
    run(new, "--version")
    os.replace(new, made)


def exercise(program, kit):
    """Puts the program alone under the loads of the comparison."""
    alone = tools.Tools(kit.paths | {"olympus": program}, kit.missing | dict.fromkeys(OTHERS, "not asked for"))
    for load in LOADS:
        with tempfile.TemporaryDirectory() as folder:
            load(alone, pathlib.Path(folder), SHAPE)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise RuntimeError(f"{pathlib.Path(command[0]).name} failed: {lines[-1]}")


def main():
    kit = tools.gather()
    try:
        print(laid_out(kit))
    except (RuntimeError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"the program was not laid out: {error}") from error


if __name__ == "__main__":
    main()
