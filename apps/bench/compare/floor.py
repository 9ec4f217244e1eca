#!/usr/bin/env python3
"""What a write costs beyond what it cannot do without: a client's request and the answer to it, a proposal to a
follower and its acknowledgement, and a commit on a disk.

Each of these is measured by itself, and the write between them, round by round: the trips between a load generator and
a server that does nothing else, the commit as a durable transaction of LMDB, and the write as a set, one at a time, at
the leader of three nodes.

Exit status: 0 done, 1 it could not be measured, 2 wrong command line, 77 the directory is in memory.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile

import plan
import servers

PARTS = ("a client's round trip", "a peer's round trip", "a durable commit of LMDB")


class Server:
    """One that listens at `address`, for a plan.Bench."""

    protocol = "zk"

    def __init__(self, address, pids):
        self.address = address
        self.ids = pids

    def addresses(self):
        return self.address

    def pids(self):
        return self.ids


@contextlib.contextmanager
def null_server(program):
    """Answers as ZooKeeper would, and does nothing."""
    process = subprocess.Popen([program, "bench", "null"], stdout=subprocess.PIPE, text=True)
    try:
        yield Server(process.stdout.readline().split()[1], str(process.pid))
    finally:
        process.terminate()
        process.wait()


def microseconds_of_commit(program, seconds, directory):
    """The median."""
    command = [program, "--benchmark_filter=durable_commit", f"--benchmark_min_time={seconds}", "--benchmark_format=json"]
    finished = subprocess.run(command, check=True, env={**os.environ, "TMPDIR": directory}, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    result = json.loads(finished.stdout)["benchmarks"][0]
    if result.get("error_occurred"):
        print(f"{result['error_message']}: set --dir", file=sys.stderr)
        sys.exit(77)
    return result["p50"] * 1e6


def microseconds_of_set(bench):
    """The median, one at a time."""
    result = bench.load("set", "--shapes", "1x1")
    if found := plan.problems(result):
        raise RuntimeError(", ".join(found))
    return result["latency_us"]["p50"]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/apps/troupe", help="the troupe command (%(default)s)")
    parser.add_argument("--microbench", default="build/release/apps/troupe_microbench",
                        help="the microbenchmarks beside it (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="for each measurement (%(default)s)")
    parser.add_argument("--dir", help="where the nodes put their data: a disk, not memory")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    program = servers.Troupe.program = os.path.abspath(options.program)
    sizes = plan.Sizes(seconds=options.seconds, warm_up=1)
    rounds = []
    with contextlib.ExitStack() as running:
        directory = running.enter_context(
            tempfile.TemporaryDirectory(prefix="troupe-floor-", dir=options.dir and os.path.abspath(options.dir)))
        trips = plan.Bench(program, running.enter_context(null_server(program)), sizes)
        nodes = running.enter_context(servers.Troupe(directory, 3))
        leader = nodes.address(nodes.modes().index("leader"))
        writes = plan.Bench(program, Server(leader, nodes.pids()), sizes)
        for _ in range(options.rounds):
            client, peer = (microseconds_of_set(trips) for _ in range(2))
            commit = microseconds_of_commit(options.microbench, options.seconds, directory)
            write = microseconds_of_set(writes)
            rounds.append((client, peer, commit, write, write / (client + peer + commit)))
        if nodes.address(nodes.modes().index("leader")) != leader:
            sys.exit("the leader has changed: what was measured are writes of a follower's clients")
    *parts, write, _ = map(statistics.median, zip(*rounds))
    for name, value in zip(PARTS, parts):
        print(f"{name:30}{value:6.0f} us")
    print(f"{'a write':30}{write:6.0f} us")
    ratios = sorted(ratio for *_, ratio in rounds)
    print(f"a write, of the sum of these: {ratios[0]:.2f} to {ratios[-1]:.2f} times, "
          f"median of {len(ratios)} rounds {statistics.median(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
