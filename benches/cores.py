#!/usr/bin/env python3
"""How much faster two cores are than one, over seeds of one scenario in virtual time.

Each round runs the scenario over the same seeds, with one run at a time and with two, in turns first. The
result is the ratio of the wall times, round by round. On a machine that has something else to do that ratio says
little, so the CPU times are told too: what two runs beside each other take from each other (caches, memory, locks)
shows in more CPU time for the same work, whatever else the machine does; and a core that was there for nothing
else would have shown as the ratio that follows from it.
"""

import argparse
import os
import pathlib
import resource
import shlex
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def run(options, jobs):
    """The wall and the CPU seconds that all seeds take."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*options.badgateway, "run", options.scenario, "--engine", "virtual", "--quiet"]
        command += ["--duration", options.duration, "--seeds", str(options.seeds), "--records", "none"]
        command += ["--jobs", str(jobs), "--out", pathlib.Path(folder) / "out"]
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def spread(ratios):
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--badgateway", type=shlex.split, default="target/release/badgateway", metavar="COMMAND")
    parser.add_argument("--scenario", default=HERE / "virtual-others" / "chain.yaml", metavar="FILE")
    parser.add_argument("--duration", default="100s", metavar="D", help="of a run, in virtual time (100s)")
    parser.add_argument("--seeds", type=int, default=40, metavar="N", help="(40)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="(7)")
    return parser.parse_args()


def main():
    options = arguments()
    rounds = []
    for n in range(options.rounds):
        took = {jobs: run(options, jobs) for jobs in ((1, 2) if n % 2 == 0 else (2, 1))}
        rounds.append((took[1], took[2]))
    walls = [one[0] / two[0] for one, two in rounds]
    work = [two[1] / one[1] for one, two in rounds]
    # How many cores it had, on average: the rest of the time others had them.
    cores = [two[1] / two[0] for _, two in rounds]
    print(f"{options.seeds} seeds of {options.duration}, {options.rounds} rounds; load {os.getloadavg()[0]:.1f}")
    print(f"  two runs at a time are so many times as fast as one: {spread(walls)}")
    print(f"  CPU time of the same work, two at a time against one: {spread(work)}")
    print(f"  processors that two at a time really had: {spread(cores)}")


if __name__ == "__main__":
    main()
