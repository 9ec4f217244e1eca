#!/usr/bin/python3
"""Types commands into zkCli, the shell that comes with ZooKeeper, and compares what it shows with zkcli.txt.

    zkcli_client.py HOST:PORT,…     what it prints asks for disturbances; see ../foreign_client.hpp
    zkcli_client.py --record        prints zkcli.txt anew, with the answers of the real ZooKeeper

In zkcli.txt a line that begins with ">" is typed, one with "!" is an event that comes when it is carried out, one
with "#" is for whom disturbs the ensemble; all others are shown. What is different each time stands there
under a name: two zxids with one name are the same zxid.
"""
import os
import queue
import re
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "zkcli.txt")
ZKCLI = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "/usr/share/java/zookeeper.jar",
         "org.apache.zookeeper.ZooKeeperMain", "-timeout", "10000", "-server"]
PATIENCE = 60
NOT_CONNECTED = "Not connected"
# Shows this in any state. Without a connection zkCli says so behind it.
MARK, SHOWN_FOR_MARK = "printwatches", ("printwatches is on", "printwatches is off")
CONNECTED = "SyncConnected None null"


class Shell:
    """zkCli with pipes for its input and output. What it shows is split into text and events."""

    def __init__(self, hosts):
        self._process = subprocess.Popen([*ZKCLI, hosts], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True)
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._text, self._events, self._past = [], [], 0
        self._last = None

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _take(self, deadline):
        line = self._lines.get(timeout=max(deadline - time.monotonic(), 0.001))
        if line is None:
            raise EOFError
        event = re.fullmatch(r"WatchedEvent state:(\w+) type:(\w+) path:(.*)", line)
        if event:
            self._events.append(" ".join(event.groups()))
        elif line not in ("", "WATCHER::"):
            if not (line == NOT_CONNECTED and self._last in SHOWN_FOR_MARK):
                self._text.append(line)
            self._last = line

    def _take_until(self, done):
        deadline = time.monotonic() + PATIENCE
        try:
            while not done():
                self._take(deadline)
        except (queue.Empty, EOFError) as problem:
            raise AssertionError(f"zkCli {type(problem).__name__}: {self._text} {self._events}") from None

    def run(self, command):
        """What the command shows."""
        self._text = []
        self._process.stdin.write(command + "\n" + MARK + "\n")
        self._process.stdin.flush()
        self._take_until(lambda: self._text and self._text[-1] in SHOWN_FOR_MARK)
        return self._text[:-1]

    def events(self, expected):
        """The events since the last call, once there are so many; those of connections left out."""
        self._take_until(lambda: len(self._of_znodes()) >= expected)
        events, self._events, self._past = self._of_znodes(), [], 0
        return events

    def _of_znodes(self):
        return [event.split(" ", 1)[1] for event in self._events if " None " not in event]

    def wait_connected(self):
        """Waits for a connection newer than the last call's."""
        self._take_until(lambda: CONNECTED in self._events[self._past:])
        self._past = len(self._events)

    def settle(self):
        """Takes what comes without being waited for."""
        try:
            while True:
                self._take(time.monotonic() + 0.5)
        except queue.Empty:
            pass

    def quit(self):
        """The status with which it ends."""
        self._process.stdin.write("quit\n")
        self._process.stdin.close()
        return self._process.wait(PATIENCE)


def in_order(lines):
    """The members of an ensemble, which ZooKeeper lists in the order of a hash table, without Troupe's own lines.
    Its clients are served on all addresses."""
    lines = [line.replace(";0.0.0.0:", ";127.0.0.1:") for line in lines if not re.match(r"rpc\.\d+=", line)]
    members = sorted(line for line in lines if line.startswith("server."))
    return [members.pop(0) if line.startswith("server.") else line for line in lines]


class Names:
    """Names for what is different each time."""
    PATTERNS = (("zxid", re.compile(r"(?<=Zxid = )0x\w+|(?<=^version=)\w+")),
                ("port", re.compile(r"(?<=127\.0\.0\.1:)\d+|(?<=\d:)\d+(?=:)")),
                ("session", re.compile(r"(?<=ephemeralOwner = )0x\w{2,}")),
                ("time", re.compile(r"(?<=time = ).*")),
                ("version", re.compile(r"(?<=CLI version: ).*")))

    def __init__(self):
        self._names = {}

    def name(self, kind, value):
        names = self._names.setdefault(kind, {})
        return f"<{kind}>" if kind in ("time", "port", "version") else names.setdefault(value, f"<{kind} {len(names) + 1}>")

    def give(self, lines):
        for line in in_order(lines):
            for kind, pattern in self.PATTERNS:
                line = pattern.sub(lambda found: self.name(kind, found.group()), line)
            if line.startswith("["):  # the order of ZooKeeper's hash table
                line = "[" + ", ".join(sorted(line.strip("[]").split(", "))) + "]"
            yield line.rstrip()


class Step:
    def __init__(self, typed):
        self.typed, self.shown, self.events = typed, [], []

    def lines(self):
        return [self.typed, *self.shown, *("! " + event for event in self.events)]


def read_script():
    steps = []
    for line in open(SCRIPT):
        line = line.rstrip("\n")
        if line.startswith((">", "#")):
            steps.append(Step(line))
        elif line.startswith("! "):
            steps[-1].events.append(line[2:])
        elif line:
            steps[-1].shown.append(line)
    return steps


def play(hosts, disturb, recording=False):
    """Yields pairs of a step as it is in the script and as it went."""
    shell, names = Shell(hosts), Names()
    shell.run("")
    shell.wait_connected()
    for step in read_script():
        went = Step(step.typed)
        if step.typed.startswith("#"):
            disturb(step.typed[1:].strip())
            shell.wait_connected()
        else:
            went.shown = list(names.give(shell.run(step.typed[1:].strip().replace("HOSTS", hosts))))
            if step.typed.startswith("> connect"):
                shell.wait_connected()
            if recording:
                shell.settle()
        went.events = shell.events(0 if recording else len(step.events))
        yield step, went
    shell.run("ls /")
    assert shell.quit() == 0


def compare(hosts):
    def ask(disturbance):
        print(disturbance, flush=True)
        sys.stdin.readline()

    different = 0
    for expected, went in play(hosts, ask):
        if expected.lines() != went.lines():
            different += 1
            print("ZooKeeper:", *expected.lines(), "here:", *went.lines(), sep="\n  ")
    assert not different, f"{different} commands show something else"
    print("all is well", flush=True)


def record():
    sys.path.insert(0, os.path.join(HERE, "../../conformance"))
    import zkserver
    with zkserver.zookeeper(3) as servers:
        hosts = ",".join(f"{host}:{port}" for host, port in servers.addresses)
        disturbances = {"kill the leader": servers.kill_leader}
        for _, went in play(hosts, lambda what: disturbances[what](), recording=True):
            print(*went.lines(), sep="\n")


if __name__ == "__main__":
    record() if sys.argv[1] == "--record" else compare(sys.argv[1])
