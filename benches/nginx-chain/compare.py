#!/usr/bin/env python3
"""Compares a live badgateway chain with the same chain built of nginx.

Three reverse proxies in front of one server that answers 100 bytes of JSON, keep-alive
everywhere, wrk beside it on the same machine. Each round starts both chains anew (how nginx's
workers share the connections is an accident of its start) and loads them in short slices, one
after the other, in turns first. Only the ratios within a round mean anything, since whatever else
the machine does hits both: their median is the result.
"""

import argparse
import contextlib
import functools
import getpass
import grp
import http.client
import json
import os
import pathlib
import re
import select
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
PROXIES = 3
BODY = '{"id": "call-1", "object": "completion", "model": "m", "choices": [], "usage": {"total_tokens": 10}}'

# Where the project stands: a plain `axum::serve` with timers that records each hop, and what the
# engine is to reach. (requests/s, CPU a request), as multiples of nginx.
MILESTONE = {16: (0.82, 1.32), 64: (0.72, 1.46)}
TARGET = (0.95, 1.15)

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """Something that makes the figures worthless."""


# --- The chains ---------------------------------------------------------------------------------


class Chain:
    """A running chain: where to send requests, and which processes it is."""

    def __init__(self, name, process, url):
        self.name, self.process, self.url = name, process, url

    def cpu_s(self):
        """User and system time of the process and its children so far."""
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with code {self.process.returncode}")
        stats = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has ended just now
                # The name, in parentheses, may hold anything; the fields after it are numbers.
                fields = stat.read_text().rpartition(")")[2].split()
                stats[int(stat.parent.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
        own = {self.process.pid} | {pid for pid, (parent, _) in stats.items() if parent == self.process.pid}
        return sum(stats[pid][1] for pid in own) * TICK_S


@contextlib.contextmanager
def ends(process):
    """Ends the process when the block does."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def nginx_conf(prefix, ports):
    """One nginx with two workers that is all the proxies and the server."""
    temp = "\n".join(
        f"  {kind}_temp_path {prefix}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    proxies = "\n".join(
        f"""
  upstream hop{i} {{ server 127.0.0.1:{after}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ proxy_pass http://hop{i}; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}"""
        for i, (port, after) in enumerate(zip(ports, ports[1:]))
    )
    # Workers keep the caller's identity; only root may, and must, say so.
    group = grp.getgrgid(os.getgid()).gr_name
    user = f"user {getpass.getuser()} {group};" if os.geteuid() == 0 else ""
    return f"""
daemon off;
{user}
worker_processes 2;
pid {prefix}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
{temp}
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
{proxies}
  server {{
    listen 127.0.0.1:{ports[-1]} reuseport;
    default_type application/json;
    location / {{ return 200 '{BODY}'; }}
  }}
}}
"""


def start_nginx(stack, nginx):
    prefix = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nginx-chain-")))
    ports = free_ports(PROXIES + 1)
    conf = prefix / "nginx.conf"
    conf.write_text(nginx_conf(prefix, ports))
    process = stack.enter_context(ends(subprocess.Popen([*nginx, "-p", prefix, "-e", "stderr", "-c", conf])))
    for port in ports:
        wait_for(port, process)
    return Chain("nginx", process, f"http://127.0.0.1:{ports[0]}/")


def start_badgateway(stack, chain_host):
    record = stack.enter_context(tempfile.TemporaryDirectory(prefix="chain-records-"))
    process = stack.enter_context(
        ends(
            subprocess.Popen(
                [*chain_host, "--scenario", HERE / "chain.yaml", "--record", record],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    )
    if not select.select([process.stdout], [], [], 30)[0]:
        raise Failed("chain-host printed nothing for 30 s")
    line = process.stdout.readline().strip()
    if not line:
        raise Failed(f"chain-host ended with code {process.wait(10)}")
    if not line.startswith("entry http://"):
        raise Failed(f"chain-host printed {line!r} instead of `entry http://...`")
    return Chain("badgateway", process, line.removeprefix("entry "))


def wait_for(port, process):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"{process.args[0]} ended with code {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise Failed(f"nothing listens on port {port} after 10 s")


def describe(chain):
    """One request, so that it can be seen that both chains answer alike."""
    url = urllib.parse.urlsplit(chain.url)
    with contextlib.closing(http.client.HTTPConnection(url.hostname, url.port, timeout=10)) as connection:
        connection.request("GET", url.path)
        response = connection.getresponse()
        body = response.read()
    if response.status != 200:
        raise Failed(f"{chain.name} answers {response.status}")
    return f"{response.status}, {len(body)} bytes of {response.getheader('Content-Type')}"


# --- The measurement ----------------------------------------------------------------------------


def slice_of_load(chain, wrk, connections, seconds):
    """Requests a second, and CPU microseconds of the chain's processes a request."""
    before = chain.cpu_s()
    command = [*wrk, "-t1", f"-c{connections}", f"-d{seconds}s", chain.url]
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
    time.sleep(0.2)  # what the chain does afterwards for these requests is theirs too
    cpu_s = chain.cpu_s() - before
    text = output.stdout + output.stderr
    total = re.search(r"(\d+) requests in ", text)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
    if output.returncode != 0 or not total or not rate or int(total[1]) == 0:
        raise Failed(f"wrk against {chain.name} failed:\n{text}")
    if "Non-2xx" in text or "Socket errors" in text:
        raise Failed(f"{chain.name} did not answer every request with 200:\n{text}")
    return float(rate[1]), cpu_s / int(total[1]) * 1e6


def measure(starts, wrk, counts, rounds, seconds):
    """What the chains are; for each connection count, each round's slices, chain by chain."""
    about, results = [], {connections: [] for connections in counts}
    for n in range(rounds):
        say(f"round {n + 1} of {rounds}")
        with contextlib.ExitStack() as stack:
            chains = [start(stack) for start in starts]
            about = [(chain.name, describe(chain)) for chain in chains]
            for connections in counts:
                slices = [None, None]
                for i in (0, 1) if n % 2 == 0 else (1, 0):
                    slice_of_load(chains[i], wrk, connections, 1)  # to warm up
                    slices[i] = slice_of_load(chains[i], wrk, connections, seconds)
                results[connections].append(slices)
    return about, results


def summary(rounds, figure):
    """The medians of the reference and of the subject; the ratio's median, least and most."""
    reference, subject = ([slices[chain][figure] for slices in rounds] for chain in (0, 1))
    ratios = [s / r for r, s in zip(reference, subject)]
    return {
        "reference": statistics.median(reference),
        "subject": statistics.median(subject),
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


# --- The report ---------------------------------------------------------------------------------


def say(text):
    print(text, file=sys.stderr, flush=True)


def table(names, results):
    yield (
        f"{'connections':>11}  {'':<17}{names[0]:>12}{names[1]:>12}  "
        f"{'ratio':>5} {'(min..max)':<12}  {'milestone':>9}  {'target':>7}"
    )
    for result in results:
        known = MILESTONE.get(result["connections"])
        for figure, (key, label, sign) in enumerate(
            [("rps", "requests/s", ">="), ("cpu_us", "CPU us a request", "<=")]
        ):
            s = result[key]
            spread = f"({s['ratio_min']:.2f}..{s['ratio_max']:.2f})"
            milestone = f"{known[figure]:.2f}" if known else "-"
            yield (
                f"{result['connections'] if figure == 0 else '':>11}  {label:<17}"
                f"{s['reference']:>12,.{figure}f}{s['subject']:>12,.{figure}f}  "
                f"{s['ratio']:>5.2f} {spread:<12}  {milestone:>9}  {sign + f' {TARGET[figure]:.2f}':>7}"
            )


def command(text):
    return [os.path.expanduser(part) for part in shlex.split(text)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chain-host", type=command, default="target/release/chain-host", metavar="COMMAND")
    parser.add_argument("--nginx", type=command, default="nginx", metavar="COMMAND")
    parser.add_argument("--wrk", type=command, default="wrk", metavar="COMMAND")
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="(12)")
    parser.add_argument("--seconds", type=int, default=3, metavar="S", help="length of a slice (3)")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64], metavar="N", help="(16 64)")
    parser.add_argument("--json", metavar="FILE", help="write the figures of every round")
    parser.add_argument("--dry-run", action="store_true", help="nginx against itself: how noisy is this machine?")
    return parser.parse_args()


def main():
    options = arguments()
    # Debian keeps servers in /usr/sbin, which a user's PATH may lack.
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))

    if os.getloadavg()[0] > 0.5:
        say(f"compare: the machine is busy (load {os.getloadavg()[0]:.1f}): the ratios will scatter")

    nginx = functools.partial(start_nginx, nginx=options.nginx)
    subject = nginx if options.dry_run else functools.partial(start_badgateway, chain_host=options.chain_host)
    about, slices = measure(
        [nginx, subject], options.wrk, options.connections, options.rounds, options.seconds
    )
    results = [
        {"connections": connections, "rps": summary(rounds, 0), "cpu_us": summary(rounds, 1), "rounds": rounds}
        for connections, rounds in slices.items()
    ]
    names = [name for name, _ in about]
    print(f"{PROXIES} proxies in front of one server, which is each chain's own:")
    for name, answer in about:
        print(f"  {name:<10}  {answer}")
    print(f"Medians of {options.rounds} rounds of {options.seconds} s; ratios to {names[0]}, round by round:")
    print("\n".join(table(names, results)))
    print("milestone: `axum::serve` with timers, recording each hop; target: what the engine is to reach")
    if options.json:
        # A slice is [requests/s, CPU us a request]; each round has the reference's, then the subject's.
        figures = {"proxies": PROXIES, "seconds": options.seconds, "reference": names[0], "subject": names[1]}
        pathlib.Path(options.json).write_text(json.dumps(figures | {"results": results}, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"compare: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
