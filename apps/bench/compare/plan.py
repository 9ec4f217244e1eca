"""What is measured: scenarios for `troupe bench`, and those in which servers are started and killed."""

import dataclasses
import json
import subprocess
import time

import zk


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number that two servers are compared by."""

    title: str
    path: tuple  # where it is in a record's result
    unit: str
    more_is_better: bool = False


OPS = Metric("operations", ("ops_per_second",), "/s", more_is_better=True)
P50 = Metric("p50", ("latency_us", "p50"), "us")
P99 = Metric("p99", ("latency_us", "p99"), "us")
P999 = Metric("p99.9", ("latency_us", "p99.9"), "us")
CPU = Metric("servers' CPU", ("server_cpu_us_per_op",), "us/op")
MEMORY = Metric("servers' memory", ("server_memory_bytes", "anonymous"), "B")
EACH = Metric("memory of each", ("figures", "server_bytes_per_session"), "B")
GAP = Metric("longest gap", ("figures", "longest_gap_ms"), "ms")
SECONDS = Metric("time", ("seconds",), "s")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A row of the comparison. `run(bench)` returns a result; the metrics say what counts in it."""

    name: str
    title: str
    metrics: tuple
    run: object
    nodes: int = 3
    protocols: tuple = ("zk", )  # over which there is such a thing


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How long and how large; the short form proves that everything works, and no more."""

    seconds: float = 10
    warm_up: float = 3
    znodes: int = 10_000
    created: int = 1_000_000
    under_one_parent: int = 200_000
    watchers: int = 1000
    sessions: int = 10_000
    children: int = 100_000
    fault_seconds: float = 15
    shapes: tuple = ("1x1", "1x16", "16x16", "64x64", "256x1")


SHORT = Sizes(seconds=0.3, warm_up=0.1, znodes=100, created=2000, under_one_parent=500, watchers=20, sessions=50,
              children=300, fault_seconds=3, shapes=("1x1", "8x8"))


OVER_ETCD = ("get", "set", "mixed", "multi", "create", "create-spread")


class Bench:
    """One server's ensemble, and the load generator that is let loose on it."""

    def __init__(self, program, ensemble, sizes):
        self.program = program
        self.ensemble = ensemble
        self.sizes = sizes

    def load(self, workload, *options, seconds=None):
        """Runs one load; returns the line of JSON that it printed."""
        command = [self.program, "bench", "--protocol", self.ensemble.protocol, "--connect",
                   self.ensemble.addresses(), "--pids", self.ensemble.pids(), "--json", "--keep", "--workloads",
                   workload, "--seconds", str(seconds or self.sizes.seconds), "--warmup", str(self.sizes.warm_up), "--znodes",
                   str(self.sizes.znodes), *map(str, options)]
        finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return parse_result(finished.stdout, finished.stderr)

    def first_read_of_follower_without_data(self):
        """A follower loses its disk: seconds from its start to its first read, which a node
        gives only when it has all that its leader has."""
        path = self.path_of_znodes(self.load("create-spread", "--shapes", "16x16", "--count", self.sizes.created))
        node = self.ensemble.follower()
        self.ensemble.kill(node)
        self.ensemble.wipe(node)
        return self.time_start(node, path)

    def first_read_after_kill(self):
        """A node alone is killed: seconds from its start to its first read."""
        path = self.path_of_znodes(self.load("create-spread", "--shapes", "16x16", "--count", self.sizes.created))
        self.ensemble.kill(0)
        return self.time_start(0, path)

    def time_start(self, node, path):
        started = time.monotonic()
        self.ensemble.start(node)
        seconds = zk.seconds_to_first_read(self.ensemble.address(node), path, started)
        self.ensemble.wait_ready()
        return {"operations": 1, "errors": 0, "order_errors": 0, "seconds": seconds}

    def failover(self, fault):
        result = self.load("failover", "--fault", fault, "--rate", 1000, "--shapes", "12x1",
                           seconds=self.sizes.fault_seconds)
        self.ensemble.restart_dead()
        return result

    @staticmethod
    def path_of_znodes(result):
        if result["errors"]:
            raise RuntimeError("the znodes could not be made")
        return result["tree"] + "/created/0"


def parse_result(output, complaints):
    """The one line of JSON of a `troupe bench --json`."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if len(lines) != 1:
        raise RuntimeError(f"troupe bench printed {len(lines)} results: {complaints.strip()}")
    return json.loads(lines[0])


def scenarios(sizes):
    """All of them, the destructive ones last."""
    rows = []

    def add(name, title, metrics, workload, *options, nodes=3):
        protocols = ("zk", "etcd") if workload in OVER_ETCD else ("zk", )
        rows.append(Scenario(name, title, metrics, lambda bench: bench.load(workload, *options), nodes, protocols))

    for workload in ("get", "set"):
        for shape in sizes.shapes:
            metrics = (P50, CPU) if shape == "1x1" else (OPS, P99, CPU)
            add(f"{workload}-{shape}", f"{workload}, {shape.replace('x', '×')}", metrics, workload, "--shapes", shape)
    add("mixed", "9 gets to a set, 64×16", (OPS, P99, CPU), "mixed", "--shapes", "64x16")
    add("multi", "10 sets at once, 16×16", (OPS, P99, CPU), "multi", "--shapes", "16x16")
    add("create-one-parent", "creates below one parent", (OPS, P99), "create", "--shapes", "16x16", "--count",
        sizes.under_one_parent)
    add("listing", f"{sizes.children:,} children listed, 1×1", (OPS, P50, CPU), "list", "--shapes", "1x1", "--children",
        sizes.children)
    add("children", f"gets beside 10 lists of {sizes.children:,} a second", (P99, P999), "children",
        "--shapes", "8x1", "--rate", 10, "--children", sizes.children)
    add("watch", f"a change told to {sizes.watchers:,} watches", (P50, CPU), "watch", "--watchers", sizes.watchers)
    add("watch-persistent", f"a change told to {sizes.watchers:,} persistent watches", (P50, CPU), "watch-persistent",
        "--watchers", sizes.watchers)
    add("lock", "a lock handed over, 16 in the queue", (P50, ), "lock", "--shapes", "16x1")
    add("ephemerals", "sessions with an ephemeral that come and go", (OPS, CPU), "ephemerals", "--shapes", "16x1")
    add("sessions", f"{sizes.sessions:,} sessions opened", (OPS, P99, EACH), "sessions", "--shapes", "256x1",
        "--sessions", sizes.sessions)
    rows.append(Scenario("leader-killed", "leader killed under 1000 writes/s", (GAP, ),
                         lambda bench: bench.failover("kill")))
    rows.append(Scenario("leader-frozen", "leader frozen under 1000 writes/s", (GAP, ),
                         lambda bench: bench.failover("stop")))
    rows.append(Scenario("empty-follower", f"an empty follower catches up {sizes.created:,} znodes", (SECONDS, ),
                         lambda bench: bench.first_read_of_follower_without_data()))
    add("create-standalone", f"{sizes.created:,} creates, one node", (OPS, CPU, MEMORY), "create-spread", "--shapes",
        "16x64", "--count", sizes.created, nodes=1)
    rows.append(Scenario("restart", f"restart with {sizes.created:,} znodes, one node", (SECONDS, ),
                         lambda bench: bench.first_read_after_kill(), nodes=1))
    return rows


def problems(result):
    """What must not be, whatever the times: a list of sentences, empty if all is well."""
    found = []
    for name in ("errors", "order_errors"):
        if result.get(name, 0):
            found.append(f"{result[name]} {name}")
    if not result.get("operations"):
        found.append("no operations")
    figures = result.get("figures", {})
    if figures.get("missing"):
        found.append(f"{figures['missing']} acknowledged writes are missing")
    if figures.get("acknowledged", 0) != figures.get("found", figures.get("acknowledged", 0)):
        found.append(f"{figures['acknowledged']} creates acknowledged, {figures['found']} znodes found")
    return found
