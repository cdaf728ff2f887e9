"""Runs a command ten times and prints the medians of its wall and CPU time in ms. Usage: median.py COMMAND..."""

import os
import subprocess
import sys
import time
from statistics import median

walls, processors = [], []
for _ in range(10):
    began, before = time.perf_counter(), os.times()
    subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
    walls.append(time.perf_counter() - began)
    after = os.times()
    processors.append(after.children_user + after.children_system - before.children_user - before.children_system)
print(f"{median(walls) * 1e3:.0f} {median(processors) * 1e3:.0f} {min(walls) * 1e3:.0f}")
