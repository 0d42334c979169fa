#!/usr/bin/env python3
"""What it costs a live run to be looked at: CPU time a call with the live view, with a line, and with neither.

Each round runs the same scenario once with each `--progress`, in turns first, on a pseudo-terminal of 80 columns
and 24 rows that takes all that is drawn. Only the ratios within a round mean anything, since whatever else the
machine does hits all three: their median is the result.
"""

import argparse
import csv
import fcntl
import os
import pathlib
import pty
import statistics
import struct
import subprocess
import tempfile
import termios
import threading

HERE = pathlib.Path(__file__).resolve().parent
LOOKS = {"none": "none", "plain": "a line", "auto": "the live view"}


def take_all(terminal):
    """Reads what is drawn; how many bytes."""
    count = 0
    while True:
        try:
            read = len(os.read(terminal, 65536))
        except OSError:  # Nobody has the other end any more.
            return count
        if read == 0:
            return count
        count += read


def run(program, look, seconds, folder):
    """Runs the scenario; CPU microseconds a call, calls, bytes drawn."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    drawn = []
    reader = threading.Thread(target=lambda: drawn.append(take_all(ours)))
    out = folder / look
    command = [program, "run", str(HERE / "chain.yaml"), "--duration", f"{seconds}s", "--records", "none",
               "--out", str(out), "--progress", look]
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    child = subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=environment,
                             start_new_session=True)
    os.close(theirs)
    reader.start()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    os.close(ours)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    with (out / "strategies.csv").open(newline="") as file:
        calls = int(next(csv.DictReader(file))["calls"])
    return (usage.ru_utime + usage.ru_stime) * 1e6 / calls, calls, drawn[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--badgateway", required=True, help="the program, built as a release")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=10, help="how long one run's load goes on")
    args = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as temp:
        for n in range(args.rounds):
            names = list(LOOKS)
            names = names[n % 3:] + names[:n % 3]
            found = {name: run(args.badgateway, name, args.seconds, pathlib.Path(temp)) for name in names}
            rounds.append(found)
            print(f"round {n + 1}: " + ", ".join(
                f"{LOOKS[name]} {cost:.1f} us a call ({calls} calls, {drawn} bytes drawn)"
                for name, (cost, calls, drawn) in sorted(found.items())), flush=True)
    for name in ("plain", "auto"):
        ratios = sorted(found[name][0] / found["none"][0] for found in rounds)
        print(f"{LOOKS[name]}: {statistics.median(ratios):.3f} times the CPU time of none, "
              f"{ratios[0]:.3f}..{ratios[-1]:.3f}")


if __name__ == "__main__":
    main()
