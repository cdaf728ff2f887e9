"""What was measured, as tables and verdicts in Markdown."""

import os
import pathlib
import platform
import re

import guarded
import served
from proxies import BARE, BARE_LOCAL, ENVOY, HAPROXY, LAID_OUT, LOCAL, NGINX, OLYMPUS
from tools import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
# A core that was idle for longer than this did not limit its subject: the load did.
IDLE = 0.05


def proxies_table(subjects, missing):
    lines = [
        "| proxied | requests/s | p50 ms | p99 ms | CPU µs/request | ÷ bare | ÷ Envoy | RSS MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    by_name = {subject.name: subject for subject in subjects}
    for name in (OLYMPUS, LAID_OUT, BARE, NGINX, HAPROXY, ENVOY):
        lines.append(proxy_row(name, by_name, BARE, ENVOY, missing))
    for name in (LOCAL, BARE_LOCAL):
        lines.append(proxy_row(name, by_name, BARE_LOCAL, None, missing))
    return "\n".join(lines)


def proxy_row(name, subjects, bare, envoy, missing):
    subject = subjects.get(name)
    if subject is None:
        return f"| {name} | not measured: {missing.get(name, 'its program did not start')} | | | | | | |"
    latencies = " | ".join(number(subject.median(key), ".2f") for key in ("p50", "p99"))
    ratios = " | ".join(number(ratio(subject, subjects.get(other)), ".2f") for other in (bare, envoy))
    cpu, rss = number(subject.median("cpu"), ".1f"), number(subject.median("rss"), ".0f")
    return f"| {name} | {rate(subject)} | {latencies} | {cpu} | {ratios} | {rss} |"


def features_table(subjects):
    lines = [
        "| one thing on | requests/s | CPU µs/request | µs over the base | ÷ base |",
        "|---|---:|---:|---:|---:|",
    ]
    base = subjects[0]
    for subject in subjects:
        more = subject.against(base, lambda mine, theirs: mine - theirs)
        cpu = number(subject.median("cpu"), ".1f")
        lines.append(f"| {subject.name} | {rate(subject)} | {cpu} | {more:+.1f} | {ratio(subject, base):.2f} |")
    return "\n".join(lines)


def guarded_table(subjects, missing):
    """With its verdicts: the same token and one rule for all."""
    lines = [
        "| a token and a limit | requests/s | CPU µs/request | ÷ plain | RSS MB |",
        "|---|---:|---:|---:|---:|",
    ]
    by_name = {subject.name: subject for subject in subjects}
    plain, ours = by_name.get(guarded.PLAIN), by_name.get(guarded.OLYMPUS)
    for subject in subjects:
        cpu, rss = number(subject.median("cpu"), ".1f"), number(subject.median("rss"), ".0f")
        share = number(ratio(subject, plain), ".2f")
        lines.append(f"| {subject.name} | {rate(subject)} | {cpu} | {share} | {rss} |")
    if ours is None:
        return "\n".join([*lines, "", f"- not measured: {missing.get(guarded.OLYMPUS)}"])
    promises = [(guarded.PLAIN, 1.25), (guarded.HAPROXY, 0.8), (guarded.ENVOY, 0.6)]
    told = [
        verdict(f"token and limit ≤ {limit} × {name}", ratio(ours, by_name.get(name)), limit, " ×",
                missing.get(name, "it was not measured"))
        for name, limit in promises
    ]
    return "\n".join([*lines, "", *told])


def served_table(subjects):
    """With its verdicts: the same transaction of both."""
    if not subjects:
        return ""
    lines = [
        "| a read | requests/s | p50 ms | p99 ms | CPU µs/request | ÷ bare | RSS MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    by_name = {subject.name: subject for subject in subjects}
    bare = {
        served.ONE: served.BARE_ONE, served.CACHED_ONE: served.BARE_ONE, served.BARE_ONE: served.BARE_ONE,
        served.LIST: served.BARE_LIST, served.CACHED_LIST: served.BARE_LIST, served.BARE_LIST: served.BARE_LIST,
    }
    for name, other in bare.items():
        subject = by_name.get(name)
        if subject is None:
            continue
        latencies = " | ".join(number(subject.median(key), ".2f") for key in ("p50", "p99"))
        cpu, rss = number(subject.median("cpu"), ".1f"), number(subject.median("rss"), ".0f")
        share = number(ratio(subject, by_name.get(other)), ".2f")
        lines.append(f"| {name} | {rate(subject)} | {latencies} | {cpu} | {share} | {rss} |")
    told = [
        verdict(f"CPU of {name.removeprefix('olympus, ')} ≤ 1.3 × bare axum and tokio-postgres",
                ratio(by_name[name], by_name.get(bare[name])), 1.3, " ×", "it did not start")
        for name in (served.ONE, served.LIST)
    ]
    return "\n".join([*lines, "", *told])


def left_out(missing):
    lines = [f"- {name}: {reason}" for name, reason in missing.items()]
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


def rate(subject):
    at_least = "≥ " if subject.median("idle") > IDLE else ""
    return f"{at_least}{subject.median('rate'):,.0f}"


def ratio(subject, other):
    return subject.against(other, lambda mine, theirs: mine / theirs) if other else None


def number(value, shape):
    return "–" if value is None else format(value, shape)


def verdicts(subjects, missing):
    """Each promise beside what was measured."""
    by_name = {subject.name: subject for subject in subjects}
    ours, laid_out, bare, envoy = (by_name.get(name) for name in (OLYMPUS, LAID_OUT, BARE, ENVOY))
    why = {name: missing.get(name, "it was not measured") for name in (OLYMPUS, LAID_OUT, BARE, ENVOY)}
    if ours is None:
        return f"- not measured: the gateway itself: {why[OLYMPUS]}"
    no_latencies = missing.get("oha", "the load could not be held in most rounds")
    return "\n".join([
        verdict("CPU per proxied request ≤ 1.15 × bare Pingora", ratio(ours, bare), 1.15, " ×", why[BARE]),
        verdict("CPU of the program laid out ≤ 1.15 × bare Pingora, which is not",
                laid_out and ratio(laid_out, bare), 1.15, " ×", why[LAID_OUT] if laid_out is None else why[BARE]),
        verdict("CPU per proxied request ≤ 0.75 × Envoy", ratio(ours, envoy), 0.75, " ×", why[ENVOY]),
        verdict("p99 at 70 % of own maximum throughput < 10 ms", ours.median("p99"), 10, " ms", no_latencies),
        verdict("RSS < 100 MB", ours.median("rss"), 100, " MB", ""),
    ])


def verdict(promise, measured, limit, unit, reason):
    if measured is None:
        return f"- not measured: {promise}: {reason}"
    holds = measured <= limit if "≤" in promise else measured < limit
    return f"- {'holds' if holds else '**does not hold**'}: {promise}: {measured:.2f}{unit}"


def machine(busy):
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    name = f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"
    return f"{name}; others kept its two cores {busy:.0f} % busy before the run"


def write(text):
    before, rest = DOCUMENT.read_text().split(BEGIN, 1)
    DOCUMENT.write_text(before + BEGIN + "\n" + text + "\n" + END + rest.split(END, 1)[1])
