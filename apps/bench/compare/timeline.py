#!/usr/bin/env python3
"""Where the time of one read and of one write goes, from the system calls of three nodes and of a client that
waits for each answer before it asks again. Takes root and perf (Debian's linux-perf).

Exit status: 0 done, 1 nothing was seen, 2 wrong command line.
"""

import argparse
import bisect
import os
import re
import statistics
import subprocess
import sys
import tempfile

import servers

# System call, the smallest size that counts (what wakes an event loop writes 8 bytes), and what it is here.
EVENTS = {
    "sys_enter_sendto": (0, "answer or ask"),
    "sys_exit_recvfrom": (0, "hear"),
    "sys_enter_write": (8, "tell a node"),
    "sys_enter_writev": (None, "tell a node"),
    "sys_exit_read": (8, "hear a node"),
    "sys_enter_pwrite64": (None, "begin to write"),
    "sys_exit_pwrite64": (0, "have written"),
}
SIZE = {"sys_enter_sendto": "len", "sys_exit_recvfrom": "ret", "sys_enter_write": "count", "sys_exit_read": "ret",
        "sys_exit_pwrite64": "ret"}
LINE = re.compile(r"^\s*(?P<comm>.*?)\s+(?P<pid>\d+)/\d+\s+(?P<time>\d+\.\d+):\s+syscalls:(?P<event>\w+):")

READ = [("the client has asked → the node has the question", "asked", "heard"),
        ("the node reads the tree and answers", "heard", "answered"),
        ("→ the client has the answer", "answered", "done")]
WRITE = [("the client has asked → the leader has the request", "asked", "heard"),
         ("the leader decides, and tells its followers", "heard", "told"),
         ("→ a follower has the proposal", "told", "follower heard"),
         ("the follower hands it to its log writer", "follower heard", "follower writes"),
         ("the follower's disk", "follower writes", "follower wrote"),
         ("the follower's log writer says so, it acknowledges", "follower wrote", "acknowledged"),
         ("→ the leader has the acknowledgement of the first, and its own disk", "acknowledged", "quorum"),
         ("the leader commits, applies, and answers", "quorum", "answered"),
         ("→ the client has the answer", "answered", "done")]
OWN = [("meanwhile: the leader hands it to its log writer", "heard", "leader writes"),
       ("meanwhile: the leader's disk", "leader writes", "leader wrote")]
THROUGH = [("the client has asked → the follower has the request", "asked", "heard"),
           ("the follower passes it on", "heard", "passed on"),
           ("→ the leader has the request", "passed on", "leader heard"),
           ("the leader decides, and tells its followers", "leader heard", "told"),
           ("→ the follower has the proposal", "told", "proposed"),
           ("the follower hands it to its log writer", "proposed", "follower writes"),
           ("the follower's disk", "follower writes", "follower wrote"),
           ("→ and it knows that the leader has it on disk", "follower wrote", "known"),
           ("the follower acknowledges, applies, and answers", "known", "answered"),
           ("→ the client has the answer", "answered", "done")]
BESIDE = [("meanwhile: the leader hands it to its log writer", "leader heard", "leader writes"),
          ("meanwhile: the leader's disk", "leader writes", "leader wrote"),
          ("meanwhile: the leader's log writer says so, it tells its followers", "leader wrote", "leader told"),
          ("meanwhile: → the follower hears of it", "leader told", "follower heard")]


class Trace:
    """Times, in microseconds, by process and what it did."""

    def __init__(self, lines):
        self.times = {}
        for line in lines:
            match = LINE.match(line)
            if not match:
                continue
            name = match["event"]
            least, what = EVENTS[name]
            size = re.search(rf"\b{SIZE[name]}: (0x[0-9a-f]+|-?\d+)", line) if name in SIZE else None
            size = re.search(r"(0x[0-9a-f]+)$", line.strip()) if name in SIZE and size is None else size
            if least is not None and (size is None or not least < int(size[1], 0) < 1 << 62):
                continue
            if "pwrite" in name and match["comm"] != "log writer":
                continue  # the flushers'
            self.times.setdefault((int(match["pid"]), what), []).append(float(match["time"]) * 1e6)
        for times in self.times.values():
            times.sort()

    def all(self, pid, what):
        return self.times.get((pid, what), [])

    def next(self, pid, what, after):
        """The first at or after that time; far away if there is none."""
        times = self.all(pid, what)
        place = bisect.bisect_left(times, after)
        return times[place] if place < len(times) else float("inf")


def way_of_read(trace, client, leader, asked):
    way = {"asked": asked}
    way["heard"] = trace.next(leader, "hear", asked)
    way["answered"] = trace.next(leader, "answer or ask", way["heard"])
    way["done"] = trace.next(client, "hear", way["answered"])
    return way


def way_of_write(trace, client, leader, followers, asked):
    way = {"asked": asked}
    way["heard"] = trace.next(leader, "hear", asked)
    way["told"] = trace.next(leader, "tell a node", way["heard"])
    way["leader writes"] = trace.next(leader, "begin to write", way["heard"])
    way["leader wrote"] = trace.next(leader, "have written", way["leader writes"])
    firsts = []
    for follower in followers:
        heard = trace.next(follower, "hear a node", way["told"])
        writes = trace.next(follower, "begin to write", heard)
        wrote = trace.next(follower, "have written", writes)
        firsts.append((trace.next(follower, "tell a node", wrote), heard, writes, wrote))
    way["acknowledged"], way["follower heard"], way["follower writes"], way["follower wrote"] = min(firsts)
    way["quorum"] = max(trace.next(leader, "hear a node", way["acknowledged"]), way["leader wrote"])
    way["answered"] = trace.next(leader, "answer or ask", way["quorum"])
    way["done"] = trace.next(client, "hear", way["answered"])
    return way


def way_through_follower(trace, client, follower, leader, asked):
    way = {"asked": asked}
    way["heard"] = trace.next(follower, "hear", asked)
    way["passed on"] = trace.next(follower, "tell a node", way["heard"])
    way["leader heard"] = trace.next(leader, "hear a node", way["passed on"])
    way["told"] = trace.next(leader, "tell a node", way["leader heard"])
    way["leader writes"] = trace.next(leader, "begin to write", way["leader heard"])
    way["leader wrote"] = trace.next(leader, "have written", way["leader writes"])
    way["leader told"] = trace.next(leader, "tell a node", way["leader wrote"])
    way["proposed"] = trace.next(follower, "hear a node", way["told"])
    way["follower writes"] = trace.next(follower, "begin to write", way["proposed"])
    way["follower wrote"] = trace.next(follower, "have written", way["follower writes"])
    way["follower heard"] = trace.next(follower, "hear a node", way["leader told"])
    way["known"] = max(way["follower wrote"], way["follower heard"])
    way["answered"] = trace.next(follower, "answer or ask", way["known"])
    way["done"] = trace.next(client, "hear", way["answered"])
    return way


def record(program, ensemble, workload, node, seconds, directory):
    """The trace of that workload of a client of that node, and the client's process id."""
    bench = subprocess.Popen(
        [program, "bench", "--protocol", "zk", "--connect", ensemble.address(node), "--workloads", workload,
         "--shapes", "1x1", "--warmup", "1", "--seconds", str(seconds + 3), "--znodes", "1000"],
        stdout=subprocess.DEVNULL)
    data = os.path.join(directory, workload)
    events = [word for name in EVENTS for word in ("-e", "syscalls:" + name)]
    try:
        # Behind the making of the znodes and the warm-up.
        subprocess.run(["perf", "record", "-q", "-a", "-D", "2500", "-o", data, *events, "--", "sleep",
                        str(seconds + 2.5)], check=True, stderr=subprocess.PIPE)
    finally:
        bench.wait()
    script = subprocess.run(["perf", "script", "-i", data, "--ns", "-F", "comm,pid,tid,time,event,trace"], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return Trace(script.stdout.splitlines()), bench.pid


def table(title, steps, ways):
    total = statistics.median(way["done"] - way["asked"] for way in ways)
    lines = [f"{title}: {len(ways)} of them, median {total:.0f} us", "", "| step | median us | of the whole |", "| --- | --- | --- |"]
    for text, begin, end in steps:
        median = statistics.median(way[end] - way[begin] for way in ways)
        lines.append(f"| {text} | {median:.0f} | {median / total:.0%} |")
    return "\n".join(lines)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/apps/troupe", help="the troupe command (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--dir", help="where the nodes put their data: a disk, not memory")
    options = parser.parse_args(arguments)
    program = os.path.abspath(options.program)
    servers.Troupe.program = program
    with tempfile.TemporaryDirectory(prefix="troupe-timeline-",
                                     dir=options.dir and os.path.abspath(options.dir)) as directory:
        with servers.Troupe(directory, 3) as ensemble:
            leader, follower = ensemble.modes().index("leader"), ensemble.follower()
            pids = [process.pid for process in ensemble.processes]
            others = [pid for node, pid in enumerate(pids) if node != leader]
            for title, workload, node, way, steps in (
                    ("a read", "get", leader, lambda *to: way_of_read(*to[:2], pids[leader], to[2]), READ),
                    ("a write", "set", leader, lambda *to: way_of_write(*to[:2], pids[leader], others, to[2]), WRITE + OWN),
                    ("a write of a follower's client", "set", follower,
                     lambda *to: way_through_follower(*to[:2], pids[follower], pids[leader], to[2]), THROUGH + BESIDE)):
                trace, client = record(program, ensemble, workload, node, options.seconds, directory)
                asks = trace.all(client, "answer or ask")
                ways = [way(trace, client, asked) for asked in asks]
                # What was cut off at the end, and where a sign of life came in between.
                ways = [way for way, following in zip(ways, asks[1:]) if way["done"] <= following]
                if not ways:
                    print("nothing was seen: is this run as root, and where perf may look?", file=sys.stderr)
                    return 1
                print(table(title, steps, ways) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
