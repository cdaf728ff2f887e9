"""Prints what was measured: over time for each run, then one table of all."""

STEP = 2  # seconds

HEADS = ["fault", "balance", "retries", "failed, 1st s", "failed, later", "of", "p99 before", "1st s", "sick", "after"]
HEADS += ["share before", "1st s", "sick", "back after", "retried", "no leave"]


def series(fault, runs):
    """Three lines a run: what happened in each two seconds, with bars where the fault began and ended."""
    print(f"\n{fault.name}: every {STEP} s, from the first request to the last; | the fault begins, and ends")
    for run in runs:
        print(f" {run.balance}, {'with' if run.retries else 'no'} retries")
        line("failed", run, lambda begin, end: run.failed(begin, end))
        line("p99 ms", run, lambda begin, end: run.p99(begin, end))
        line("share %", run, lambda begin, end: percent(run.watch.share(begin, end)))


def line(title, run, value):
    cells, at = [], run.start
    while at + STEP <= run.end_at + 0.1:
        mark = "| " if min(abs(at - run.sick_at), abs(at - run.mended_at)) < STEP / 2 else ""
        cells.append(mark + number(value(at, at + STEP)))
        at += STEP
    print(f"   {title:8}{' '.join(cells)}")


def row(run):
    sick, mended, far = run.sick_at, run.mended_at, run.end_at + 60
    took = run.full_share()
    upstream = 'olympus_upstream="shop"'
    return [
        run.fault.name,
        run.balance,
        "yes" if run.retries else "no",
        run.failed(sick, sick + 1),
        run.failed(sick + 1, far),
        len(run.due(sick, mended)),
        *(number(run.p99(*each)) for each in phases(run)),
        *(number(percent(run.watch.share(*each))) for each in list(phases(run))[:3]),
        "-" if took is None else f"{run.recovered_at - mended + took:.0f}",
        f"{run.metrics.sum('olympus_upstream_retries_total', upstream):.0f}",
        f"{run.metrics.sum('olympus_upstream_retry_budget_exhausted_total', upstream):.0f}",
    ]


def phases(run):
    """Before the fault, its first second, the rest of it, and after it."""
    return (run.start, run.sick_at), (run.sick_at, run.sick_at + 1), (run.sick_at + 1, run.mended_at), (run.mended_at, run.end_at)


def show(rows):
    cells = [HEADS, ["---"] * len(HEADS), *rows]
    print()
    for each in cells:
        print("|", " | ".join(map(str, each)), "|")
    print("\np99 in ms, share in % of the tries begun; back after: seconds from the fault's end to the full share")


def percent(share):
    return None if share is None else 100 * share


def number(value):
    return "-" if value is None else f"{value:.0f}"
