#!/usr/bin/env python3
"""Compares a server with the real ZooKeeper: see README.md. Exit status 0: no difference that is not accepted."""

import argparse
import random
import signal
import sys
import time

import accepted
import scripted
import zkserver
from generator import Generator
from runner import Runner

SEQUENCE_LENGTH = 400


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="how many generated requests (default: 10000)")
    parser.add_argument("--seed", type=int, default=None, help="of the generated requests (default: a new one)")
    parser.add_argument("--only", default=None, help="run only the scripted sequences whose name contains this")
    parser.add_argument("--no-scripted", action="store_true", help="leave the scripted sequences out")
    parser.add_argument("--slow", action="store_true", help="run the scripted sequences that wait for expiry, too")
    parser.add_argument("--target", default="zookeeper", metavar="HOST:PORT[,HOST:PORT...]",
                        help="the server to compare; 'zookeeper' starts a second real one (default)")
    parser.add_argument("--target-command", default=None, metavar="COMMAND",
                        help="starts the target (each node of it); {config}, a zoo.cfg, {port} and {dir} are filled in")
    parser.add_argument("--reference", default=None, metavar="HOST:PORT[,...]",
                        help="a running ZooKeeper (default: one is started)")
    parser.add_argument("--nodes", type=int, default=1, help="nodes of what is started: 1 or 3 (default: 1)")
    parser.add_argument("--transcript", default=None, metavar="FILE", help="write what the reference answered")
    parser.add_argument("--no-shrink", action="store_true", help="do not look for a shorter sequence")
    parser.add_argument("--keep-going", action="store_true", help="go on after a sequence that differs")
    parser.add_argument("--coverage", action="store_true", help="print how often each operation got which answer")
    parser.add_argument("--skip-missing", action="store_true",
                        help=f"end with status {zkserver.SKIPPED_STATUS} if ZooKeeper is not installed")
    parser.add_argument("--list-accepted", action="store_true", help="print the accepted differences and end")
    return parser.parse_args()


def addresses(text):
    pairs = (one.rpartition(":") for one in text.split(","))
    return [(host, int(port)) for host, _, port in pairs]


def servers(options):
    """The two sides, not started yet."""
    if options.reference:
        reference = zkserver.Running(addresses(options.reference))
    else:
        reference = zkserver.zookeeper(options.nodes)
    if options.target_command:
        target = zkserver.target(options.target_command, options.nodes)
    elif options.target == "zookeeper":
        target = zkserver.zookeeper(options.nodes)
    else:
        target = zkserver.Running(addresses(options.target))
    return reference, target


def work(options, seed):
    """The sequences to run, as (name, steps); generated ones are made as they are needed."""
    if not options.no_scripted:
        for name, sequence in scripted.sequences(options.slow, options.nodes > 1):
            if options.only is None or options.only in name:
                yield "scripted: " + name, sequence
    if options.only is None:
        for number in range((options.requests + SEQUENCE_LENGTH - 1) // SEQUENCE_LENGTH):
            generator = Generator(random.Random(f"{seed}/{number}"))
            yield f"generated: seed {seed}, sequence {number}", generator.sequence(SEQUENCE_LENGTH)


def tell(runner, failure, options):
    """Prints a difference, and the shortest sequence that shows it."""
    print(failure.report(), flush=True)
    if options.no_shrink:
        return
    shorter = runner.shrink(failure)
    if shorter is None:
        print("\nThis did not come again when the sequence was repeated.", flush=True)
    else:
        print("\nSHORTEST SEQUENCE FOUND\n" + shorter.report(), flush=True)


def run(options, seed, reference, target, transcript):
    """Runs all that is wanted; whether anything differed."""
    first_base = random.randrange(1, 900_000)
    runner = Runner(reference.addresses, target.addresses, first_base, transcript)
    failures = []
    count = 0
    started = time.monotonic()
    for name, sequence in work(options, seed):
        failure = runner.run(name, sequence)
        count += 1
        if failure:
            failures.append(failure)
            tell(runner, failure, options)
            for side in (reference, target):
                side.check_alive()
            if not options.keep_going:
                break
    seconds = time.monotonic() - started
    print(f"\n{count} sequences, {runner.requests} requests in {seconds:.0f} s, seed {seed}:"
          f" {len(failures)} with a difference")
    for failure in failures:
        print(f"- {failure.summary()}")
    for rule, times in sorted(runner.accepted.items()):
        print(f"accepted {times} times: {rule}")
    if options.coverage:
        for (name, error), times in sorted(runner.answers.items()):
            print(f"{name} answered {error}: {times} times")
    return bool(failures)


def main():
    options = arguments()
    # A request to end must end the servers that were started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    if options.list_accepted:
        print(accepted.listing())
        return 0
    lack = None if options.reference else zkserver.missing()
    if lack:
        print(lack, file=sys.stderr)
        return zkserver.SKIPPED_STATUS if options.skip_missing else 1
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    reference, target = servers(options)
    with reference, target:
        if options.transcript:
            with open(options.transcript, "w") as transcript:
                return int(run(options, seed, reference, target, transcript))
        return int(run(options, seed, reference, target, None))


if __name__ == "__main__":
    sys.exit(main())
