"""Starts and stops servers to compare: the real ZooKeeper, standalone or three nodes, and any other by command.

Everything lives in a temporary directory and on free loopback ports. The settings are those of production
except where an operation needs a switch, or where a background task would act at a moment of its own.
"""

import base64
import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CLASSPATH = "/usr/share/java/zookeeper.jar"
MAIN_CLASS = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
SUPER_PASSWORD = b"super:secret"
# What ZooKeeper wants in its configuration.
SUPER_DIGEST = "super:" + base64.b64encode(hashlib.sha1(SUPER_PASSWORD).digest()).decode()
TICK_MS = 2000
START_SECONDS = 60
SWEEP_MS = 86_400_000

# In the configuration of both sides.
SETTINGS = (
    "extendedTypesEnabled=true",
    "4lw.commands.whitelist=*",
    f"DigestAuthenticationProvider.superDigest={SUPER_DIGEST}",
    "maxClientCnxns=0",
    "admin.enableServer=false",
    # So that no container and no TTL node goes while a sequence runs. ZooKeeper itself is told by NO_SWEEP.
    f"znode.container.checkIntervalMs={SWEEP_MS}",
    # The disk's own pace says nothing about the protocol.
    "forceSync=no",
)
NO_SWEEP = f"-Dznode.container.checkIntervalMs={SWEEP_MS}"
JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", NO_SWEEP, "-cp", CLASSPATH, MAIN_CLASS)


# What a test ends with that cannot be run.
SKIPPED_STATUS = 77


class ServerFailed(Exception):
    """A server did not start, or was found dead."""


def missing():
    """What the real ZooKeeper lacks on this machine, as a sentence; None if it can be started."""
    if os.path.exists(CLASSPATH) and shutil.which(JAVA[0]):
        return None
    return f"ZooKeeper is not installed ({CLASSPATH} and {JAVA[0]}): apt-get install zookeeper"


def free_ports(count):
    """Loopback ports that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def ask(address, word, timeout=5.0):
    """Sends a four-letter word; returns all that is answered until the server closes."""
    with socket.create_connection(address, timeout=timeout) as connection:
        connection.sendall(word)
        parts = []
        while True:
            part = connection.recv(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)


def serves(address):
    """Whether the server at this address serves clients: ruok alone is answered too early in an ensemble."""
    try:
        return b"Mode:" in ask(address, b"srvr", timeout=2.0)
    except OSError:
        return False


def zxid_of(address):
    """The zxid that the server at this address has reached; -1 if it does not say."""
    try:
        found = re.search(rb"(?m)^Zxid: 0x([0-9a-f]+)$", ask(address, b"srvr", timeout=2.0))
    except OSError:
        return -1
    return int(found[1], 16) if found else -1


def await_isro(address, word):
    """Waits until the server at this address answers isro like this."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if ask(address, b"isro", timeout=2.0) == word:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise ServerFailed(f"the server at {address} does not say {word} after {START_SECONDS} s")


class Servers:
    """Processes of one side of the comparison; a context manager that ends them and removes their files."""

    def __init__(self, label):
        self.label = label
        self.addresses = []
        self.directory = None
        self._processes = []
        self._commands = []
        self._stopped = set()

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="conformance-")
        try:
            self._start()
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _start(self):
        raise NotImplementedError

    def _spawn(self, command, name):
        with open(os.path.join(self.directory, name + ".log"), "ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                                    start_new_session=True)

    def _run(self, command, name):
        self._commands.append((command, name))
        self._processes.append(self._spawn(command, name))

    def stop(self, node):
        """Ends a node, numbered from 0."""
        self._stopped.add(node)
        self._processes[node].terminate()
        self._processes[node].wait(timeout=10)

    def start(self, node):
        """Starts a node again that was stopped."""
        self._processes[node] = self._spawn(*self._commands[node])
        self._stopped.discard(node)

    def start_stopped(self):
        """Starts all nodes again that were stopped, and waits until all serve."""
        if not self._stopped:
            return
        for node in sorted(self._stopped):
            self.start(node)
        for address in self.addresses:
            await_isro(address, b"rw")

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        for address in self.addresses:
            while not serves(address):
                self.check_alive()
                if time.monotonic() > deadline:
                    late = f"{self.label} at {address} is not ready after {START_SECONDS} s\n"
                    raise ServerFailed(late + self.logs())
                time.sleep(0.05)

    def check_alive(self):
        """Raises ServerFailed if a process has ended."""
        for process in self._processes:
            if process.poll() is not None:
                raise ServerFailed(f"{self.label} ended with status {process.returncode}\n" + self.logs())

    def kill_leader(self):
        """Kills the one that says that it leads an ensemble."""
        leads = [b"Mode: leader" in ask(address, b"srvr") for address in self.addresses]
        self._processes[leads.index(True)].kill()

    def logs(self):
        """The last lines that the processes wrote."""
        text = []
        for name in sorted(os.listdir(self.directory)):
            if name.endswith(".log"):
                with open(os.path.join(self.directory, name), errors="replace") as log:
                    text += [f"--- {name}\n"] + log.readlines()[-25:]
        return "".join(text)

    def _stop(self):
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._processes.clear()
        shutil.rmtree(self.directory, ignore_errors=True)


class Configured(Servers):
    """Servers that are started with a configuration file of ZooKeeper's format: one alone, or an ensemble.

    In the command {config} stands for the file, {dir} for a directory and {port} for the port of clients.
    """

    def __init__(self, label, command, nodes=1, settings=(), files=None):
        super().__init__(label)
        self._command = command
        self._nodes = nodes
        self._settings = settings
        self._files = files or {}

    def _start(self):
        ports = free_ports(4 * self._nodes)
        clients, quorum, election, own = (ports[i::4] for i in range(4))
        self.addresses = [("127.0.0.1", port) for port in clients]
        members = [
            f"server.{i + 1}=127.0.0.1:{quorum[i]}:{election[i]}:participant;127.0.0.1:{clients[i]}"
            for i in range(self._nodes)]
        for i in range(self._nodes):
            home = os.path.join(self.directory, f"node{i + 1}")
            settings = [one.format(own_port=own[i], home=home) for one in self._settings]
            config = self._configure(home, i + 1, clients[i], members, settings)
            values = {"config": config, "dir": home, "home": home, "port": clients[i]}
            self._run([word.format(**values) for word in self._command], f"node{i + 1}")

    def _configure(self, home, number, client_port, members, settings):
        """Writes the node's files; returns the path of its configuration."""
        os.makedirs(home + "/data")
        for name, text in self._files.items():
            _write(f"{home}/{name}", [text])
        lines = [f"tickTime={TICK_MS}", "initLimit=20", "syncLimit=10", f"dataDir={home}/data", *SETTINGS, *settings]
        if self._nodes == 1:
            lines += [f"clientPort={client_port}", "clientPortAddress=127.0.0.1"]
        else:
            lines += ["reconfigEnabled=true", "standaloneEnabled=false", f"dynamicConfigFile={home}/members"]
            _write(home + "/members", members)
            _write(home + "/data/myid", [str(number)])
        _write(home + "/zoo.cfg", lines)
        return home + "/zoo.cfg"


def zookeeper(nodes=1, settings=(), properties=(), files=None):
    """The real ZooKeeper; properties are the Java machine's."""
    return Configured("ZooKeeper", [JAVA[0], *properties, *JAVA[1:], "{config}"], nodes, settings, files)


def target(command, nodes=1, settings=(), files=None):
    """The server to compare, started by a command line. A port more is in its configuration, as rpcPort."""
    return Configured("target", shlex.split(command), nodes, ["rpcPort={own_port}", *settings], files)


def _write(path, lines):
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


class Running(Servers):
    """Servers that somebody else started and stops."""

    def __init__(self, addresses):
        super().__init__("target")
        self.addresses = addresses

    def _start(self):
        for address in self.addresses:
            socket.create_connection(address, timeout=5).close()

    def _wait_until_ready(self):
        """It is for those who started them to know."""
