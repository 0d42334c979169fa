#!/usr/bin/env python3
"""Compares the virtual engine with NeXosim, SimPy and Ciw on the same models, within one run.

Each round runs each of them once, for about a second, in turns first. What counts is CPU time, without
that of a Python's start. Only the ratios within a round mean anything, since whatever else the machine
does hits all of them: their median is the result, with the least and the most. That the models are the same is shown by the mean latency of their calls.
"""

import argparse
import json
import os
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# What is run: (name, kind, model or scenario, seconds of virtual time, at 1000 calls a second).
MODELS = {
    "W1, four M/M/1 queues in a row": [
        ("badgateway", "dropped", "tandem", 300),
        ("badgateway, counted", "counted", "tandem", 300),
        ("NeXosim, one thread", "nexosim", "tandem", 100),
        ("SimPy", "simpy", "tandem", 10),
        ("Ciw", "ciw", "tandem", 5),
    ],
    "W3, four hops with a time-out each": [
        ("badgateway", "dropped", "chain", 300),
        ("badgateway, counted", "counted", "chain", 300),
        ("badgateway, counted and written", "written", "chain", 100),
        ("NeXosim, one thread", "nexosim", "chain", 100),
        ("SimPy", "simpy", "chain", 10),
    ],
    "W3 with retries, budgets and breakers": [
        ("badgateway", "dropped", "policies", 300),
        ("badgateway, counted", "counted", "policies", 300),
    ],
}


class Failed(Exception):
    """Something that makes the figures worthless."""


def run(command):
    """What the command prints, and the CPU seconds that it has taken."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Failed(f"{shlex.join(map(str, command))} failed:\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout) | {"cpu": cpu}


def measure(options, entry):
    _, kind, model, seconds = entry
    seconds = max(1, round(seconds * options.scale))
    if kind in ("simpy", "ciw"):
        got = run([*options.python, HERE / "models.py", kind, model, str(seconds)])
        return got | {"cpu": got["seconds"]}
    if kind == "nexosim":
        return run([*options.nexosim, model, str(seconds)])
    return virtual(options, model, kind, seconds)


def virtual(options, scenario, sink, seconds):
    file = HERE / f"{scenario}.yaml"
    return run([*options.virtual_run, "--scenario", file, "--sink", sink, "--seconds", str(seconds)])


def rounds(options, entries):
    """For each round, for each entry, calls a CPU second and the mean latency."""
    figures = []
    for n in range(options.rounds):
        row = [None] * len(entries)
        for i in range(len(entries)):
            place = (i + n) % len(entries)
            got = measure(options, entries[place])
            row[place] = got["calls"] / got["cpu"], got["mean_ms"]
        figures.append(row)
    return figures


def table(entries, figures):
    yield f"  {'':<33}{'calls/CPU s':>11}  {'mean ms':>7}  badgateway is so many times as fast"
    for place, (name, *_) in enumerate(entries):
        rates = [row[place][0] for row in figures]
        latency = statistics.median(row[place][1] for row in figures)
        ratios = [row[0][0] / row[place][0] for row in figures]
        spread = f"{statistics.median(ratios):.3g} ({min(ratios):.3g}..{max(ratios):.3g})"
        yield f"  {name:<33}{statistics.median(rates):>11,.0f}  {latency:>7.2f}  {spread if place else 1}"


def crowd(options):
    """What a hundred thousand calls in flight and as many pending events cost."""
    begin = virtual(options, "crowd", "dropped", 1)
    many = virtual(options, "crowd", "dropped", 500)
    few = virtual(options, "chain", "dropped", 500)
    calls, seconds = many["calls"] - begin["calls"], many["cpu"] - begin["cpu"]
    yield f"  a call in flight takes up {begin['memory_kib'] * 1024 / 1e5:,.0f} bytes, with all that belongs to it"
    yield (
        f"  a call beside a hundred thousand pending events takes {seconds / calls * 1e6:.2f} us; "
        f"beside ten, {few['cpu'] / few['calls'] * 1e6:.2f} us"
    )


def command(text):
    return [os.path.expanduser(part) for part in shlex.split(text)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--virtual-run", type=command, default="target/release/virtual-run", metavar="COMMAND")
    nexosim = HERE / "nexosim" / "target" / "release" / "nexosim-models"
    parser.add_argument(
        "--nexosim", type=command, default=[nexosim], metavar="COMMAND", help="the models in NeXosim"
    )
    parser.add_argument(
        "--python", type=command, default=sys.executable, metavar="COMMAND", help="one that has SimPy and Ciw"
    )
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="(7)")
    parser.add_argument("--scale", type=float, default=1, metavar="X", help="so many times as long (1)")
    return parser.parse_args()


def main():
    options = arguments()
    if os.getloadavg()[0] > 0.5:
        print(
            f"compare: the machine is busy (load {os.getloadavg()[0]:.1f}): the ratios will scatter",
            file=sys.stderr,
        )
    for title, entries in MODELS.items():
        print(f"{title}; medians of {options.rounds} rounds (min..max):", flush=True)
        print("\n".join(table(entries, rounds(options, entries))), flush=True)
    print("A hundred thousand users:", flush=True)
    print("\n".join(crowd(options)))


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"compare: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
