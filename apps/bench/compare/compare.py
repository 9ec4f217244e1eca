#!/usr/bin/env python3
"""Compares Troupe with ZooKeeper on this machine.

In each round all servers are started anew, and warmed up. Then each scenario is run by the same load
generator at one server right after the other, so that what else the machine does weighs on both alike;
meanwhile the others are idle. The order of the servers turns round from one scenario to the next, and
from one round to the next. The ratios are taken within a round.

Exit status: 0 done, 1 something was counted that must not be (errors, lost writes), 2 wrong command line.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile

import picture
import plan
import results
import servers


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/apps/troupe", help="the troupe command (%(default)s)")
    parser.add_argument("--servers", default="troupe,zookeeper",
                        help="the first is compared with each of the others, in the picture with the second; known are "
                        + ", ".join(servers.KNOWN) + " (%(default)s)")
    parser.add_argument("--scenarios", help="which, by name; all if this is left out. `list` shows them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", help="where the servers put their data: a disk, not memory")
    parser.add_argument("--short", action="store_true", help="prove that everything works, and measure nothing")
    parser.add_argument("--skip-missing", action="store_true", help="leave out servers that are not installed")
    parser.add_argument("--json", metavar="FILE", help="write all that was measured, after each round")
    parser.add_argument("--from", metavar="FILE", dest="source", help="measure nothing; take what --json has written")
    parser.add_argument("--svg", metavar="FILE", help="draw the picture")
    return parser.parse_args(arguments)


def machine():
    """What the numbers depend on, beside the servers."""
    cpu = "unknown"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} × {cpu}, Linux {platform.release()}, servers and load on one machine over loopback"


def run_round(number, kinds, sizes, rows, program, directory, record):
    """All scenarios, in ensembles of the sizes that they ask for."""
    for nodes in sorted({row.nodes for row in rows}, reverse=True):
        with contextlib.ExitStack() as running:
            benches = []
            for kind in kinds:
                place = os.path.join(directory, f"{kind.name}-{nodes}")
                os.makedirs(place)
                bench = plan.Bench(program, running.enter_context(kind(place, nodes)), sizes)
                # Processors, caches and compilers that learn while they run get their time before it counts.
                bench.load("mixed", "--shapes", "16x16")
                benches.append((kind, bench))
            for index, row in enumerate(row for row in rows if row.nodes == nodes):
                for kind, bench in benches if (number + index) % 2 == 0 else reversed(benches):
                    if kind.protocol in row.protocols:
                        os.sync()  # what the one before has written is not for this one to wait for
                        record(kind, row, row.run(bench), bench.ensemble.describe())


def measure(options, kinds, sizes, rows):
    """Returns what --json writes, and the number of things that must not be."""
    data = {"machine": machine(), "configuration": {}, "short": options.short, "records": []}
    failures = 0

    for number in range(options.rounds):

        def record(kind, row, result, description):
            nonlocal failures
            data["configuration"][kind.name] = description
            data["records"].append({"round": number, "server": kind.name, "scenario": row.name, "result": result})
            numbers = ", ".join(
                f"{metric.title} {results.readable(value, metric.unit)}" for metric in row.metrics
                if (value := results.value_of(data["records"][-1], metric)) is not None)
            print(f"round {number + 1} of {options.rounds}, {kind.name}: {row.title}: {numbers}", flush=True)
            for problem in plan.problems(result):
                failures += 1
                print(f"  WRONG: {problem}", flush=True)

        directory = tempfile.mkdtemp(prefix="troupe-compare-", dir=options.dir and os.path.abspath(options.dir))
        try:
            run_round(number, kinds, sizes, rows, os.path.abspath(options.program), directory, record)
        except BaseException:
            print(f"the logs are left in {directory}", file=sys.stderr)
            raise
        shutil.rmtree(directory)
        if options.json:  # after every round: who stops it early has those that were done
            with open(options.json, "w") as file:
                json.dump(data, file, indent=1)
    return data, failures


def report(options, data, rows, names):
    for name, description in data["configuration"].items():
        print(f"{name}: {description}")
    print(f"machine: {data['machine']}")
    ours = names[0]
    for theirs in names[1:]:
        print("\n" + results.table(results.compare(data["records"], rows, ours, theirs), ours, theirs))
    if options.svg:
        theirs = names[1]
        rounds = 1 + max(record["round"] for record in data["records"])
        notes = [f"Bars: medians of {rounds} rounds; lines: from the least to the greatest. {data['machine']}"]
        notes += [data["configuration"][name] for name in (ours, theirs)]
        with open(options.svg, "w") as file:
            file.write(picture.draw(results.compare(data["records"], rows, ours, theirs), ours, theirs, notes))


def main(arguments):
    options = parse(arguments)
    sizes = plan.SHORT if options.short else plan.Sizes()
    rows = plan.scenarios(sizes)
    if options.scenarios == "list":
        print("\n".join(f"{row.name:20} {row.title}" for row in rows))
        return 0
    if options.scenarios:
        wanted = options.scenarios.split(",")
        unknown = set(wanted) - {row.name for row in rows}
        if unknown:
            print(f"no such scenario: {', '.join(sorted(unknown))}; --scenarios list shows them", file=sys.stderr)
            return 2
        rows = [row for row in rows if row.name in wanted]
    names = options.servers.split(",")
    if set(names) - servers.KNOWN.keys():
        print(f"--servers: known are {', '.join(servers.KNOWN)}", file=sys.stderr)
        return 2
    if options.svg and len(names) < 2:
        print("--svg: a comparison takes two --servers", file=sys.stderr)
        return 2
    failures = 0
    if options.source:
        with open(options.source) as file:
            data = json.load(file)
    else:
        servers.Troupe.program = os.path.abspath(options.program)
        kinds = [servers.KNOWN[name] for name in names]
        for kind in [kind for kind in kinds if kind.missing()]:
            print(f"{kind.name} cannot be run: {kind.missing()}", file=sys.stderr)
            if not options.skip_missing:
                return 2
            kinds.remove(kind)
        data, failures = measure(options, kinds, sizes, rows)
    report(options, data, rows, names)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
