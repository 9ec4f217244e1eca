"""The servers that are compared: how each is configured, started, stopped, and found out about.

All nodes run on loopback, each with a directory of its own below one that the caller chooses, so that all
write to the same disk. Nothing is tuned for one of them: Troupe and ZooKeeper read the same zoo.cfg.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import zk

START_PATIENCE = 60.0
STOP_PATIENCE = 20.0
PORTS_OF_NODE = 10

ZOO_CFG = """\
tickTime=2000
initLimit=10
syncLimit=5
maxClientCnxns=0
dataDir={directory}
clientPort={client}
"""


def free_ports(nodes):
    """The first of a range of ports, PORTS_OF_NODE for each node, that nobody uses, below those that the
    system gives to outgoing connections. Troupe's RPC is served 10,000 above the clients' port."""
    first = 11000 + os.getpid() % 90 * 100
    for base in [*range(first, 20000, 100), *range(11000, first, 100)]:
        ports = range(base, base + nodes * PORTS_OF_NODE)
        if all(_is_free(port) and _is_free(port + 10_000) for port in ports):
            return base
    raise RuntimeError("no free ports")


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Ensemble:
    """Nodes 0 to count - 1. They end with stop(), and by leaving the `with` statement."""

    name = ""
    protocol = "zk"

    def __init__(self, directory, count):
        self.directory = directory
        self.base = free_ports(count)
        self.processes = [None] * count
        for node in range(count):
            self.prepare(node)

    def __enter__(self):
        try:
            for node in range(len(self.processes)):
                self.start(node)
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # What a server has to say for itself.
    def prepare(self, node):
        """Makes the node's directory, with nothing in it but its configuration."""
        raise NotImplementedError

    def command(self, node):
        raise NotImplementedError

    def describe(self):
        """How it is configured, in a line."""
        raise NotImplementedError

    # What is the same for all.
    def port(self, node, offset):
        return self.base + node * PORTS_OF_NODE + offset

    def address(self, node):
        return f"127.0.0.1:{self.port(node, 0)}"

    def addresses(self):
        return ",".join(self.address(node) for node in range(len(self.processes)))

    def node_directory(self, node):
        return os.path.join(self.directory, f"{self.name}-{node + 1}")

    def pids(self):
        return ",".join(str(process.pid) for process in self.processes)

    def start(self, node):
        log = open(os.path.join(self.directory, f"{self.name}-{node + 1}.log"), "ab")
        with log:
            self.processes[node] = subprocess.Popen(
                self.command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)

    def kill(self, node):
        """As a crash would: SIGKILL."""
        self.processes[node].kill()
        self.processes[node].wait()

    def wipe(self, node):
        shutil.rmtree(self.node_directory(node))
        self.prepare(node)

    def restart_dead(self):
        """Starts again what has ended."""
        for node, process in enumerate(self.processes):
            if process.poll() is not None:
                self.start(node)
        self.wait_ready()

    def modes(self):
        return [zk.mode_of(self.address(node)) for node in range(len(self.processes))]

    def wait_ready(self):
        """Until one node leads and all others follow."""
        expected = sorted(["leader"] + ["follower"] * (len(self.processes) - 1))
        end = time.monotonic() + START_PATIENCE
        while time.monotonic() < end:
            modes = self.modes()
            if modes == ["standalone"] or sorted(map(str, modes)) == expected:
                return
            if any(process.poll() is not None for process in self.processes):
                break
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not get ready ({modes}); see the logs in {self.directory}")

    def follower(self):
        return next(node for node, mode in enumerate(self.modes()) if mode != "leader")

    def stop(self):
        running = [process for process in self.processes if process is not None and process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGCONT)  # a fault may have frozen it
            process.terminate()
        for process in running:
            try:
                process.wait(STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class _FromZooCfg(Ensemble):
    """Servers that read a zoo.cfg."""

    def prepare(self, node):
        directory = self.node_directory(node)
        os.makedirs(directory)
        lines = ZOO_CFG.format(directory=directory, client=self.port(node, 0))
        if len(self.processes) > 1:
            with open(os.path.join(directory, "myid"), "w") as file:
                file.write(f"{node + 1}\n")
            for other in range(len(self.processes)):
                lines += f"server.{other + 1}=127.0.0.1:{self.port(other, 2)}:{self.port(other, 3)}\n"
        with open(self.config(node), "w") as file:
            file.write(lines)

    def config(self, node):
        return os.path.join(self.directory, f"{self.name}-{node + 1}.cfg")


class ZooKeeper(_FromZooCfg):
    name = "zookeeper"
    jar = "/usr/share/java/zookeeper.jar"
    heap = "-Xmx2g"

    @classmethod
    def missing(cls):
        """Why it cannot be run here; None if it can."""
        if not os.path.exists(cls.jar) or not shutil.which("java"):
            return "apt-get install zookeeper"
        return None

    def command(self, node):
        return ["java", self.heap, "-cp", self.jar, "-Dzookeeper.admin.enableServer=false",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", self.config(node)]

    def describe(self):
        version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "zookeeper"], capture_output=True,
                                 text=True).stdout
        return (f"ZooKeeper {version} of Debian, {self.heap}, forceSync as by default, tickTime 2000, initLimit 10, "
                "syncLimit 5, maxClientCnxns 0, no admin server")


class Troupe(_FromZooCfg):
    name = "troupe"
    program = None  # set by the command line

    @classmethod
    def missing(cls):
        return None if os.access(cls.program, os.X_OK) else f"there is no {cls.program}: build it first"

    def command(self, node):
        return [self.program, "node", "--config", self.config(node)]

    def describe(self):
        version = subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout.strip()
        return f"Troupe {version}, the same zoo.cfg, every acknowledged write flushed by a quorum"


class Etcd(Ensemble):
    name = "etcd"
    protocol = "etcd"

    @classmethod
    def missing(cls):
        return None if shutil.which("etcd") else "apt-get install etcd-server"

    def prepare(self, node):
        os.makedirs(self.node_directory(node), mode=0o700)

    def command(self, node):
        def url(of, offset):
            return f"http://127.0.0.1:{self.port(of, offset)}"

        members = ",".join(f"{self.name}-{other + 1}={url(other, 2)}" for other in range(len(self.processes)))
        return ["etcd", "--name", f"{self.name}-{node + 1}", "--data-dir", self.node_directory(node),
                "--listen-client-urls", url(node, 0), "--advertise-client-urls", url(node, 0),
                "--listen-peer-urls", url(node, 2), "--initial-advertise-peer-urls", url(node, 2),
                "--initial-cluster", members, "--initial-cluster-token", f"troupe-{self.base}",
                "--quota-backend-bytes", str(8 << 30)]

    def modes(self):
        """As in the others' words: one leader once all nodes say that they have one."""
        healthy = [self.healthy(node) for node in range(len(self.processes))]
        if not all(healthy):
            return [None] * len(healthy)
        return ["leader"] + ["follower"] * (len(healthy) - 1)

    def healthy(self, node):
        try:
            with urllib.request.urlopen(f"http://{self.address(node)}/health", timeout=2) as answer:
                return json.load(answer).get("health") == "true"
        except (OSError, ValueError):
            return False

    def describe(self):
        version = subprocess.run(["etcd", "--version"], capture_output=True, text=True).stdout.split()[2]
        return f"etcd {version} of Debian, a quota of 8 GiB, else as by default; gets are serializable, creates are exclusive"


KNOWN = {server.name: server for server in (Troupe, ZooKeeper, Etcd)}
