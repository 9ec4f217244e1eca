"""Types commands into cli_mt, the shell that comes with ZooKeeper's client for C, also while the leader is killed.

What it prints asks for disturbances; see ../foreign_client.hpp.
"""
import queue
import re
import subprocess
import sys
import threading
import time

CLI = "/usr/lib/zookeeper/bin/cli_mt"
PATIENCE = 60


class Shell:
    """cli_mt with pipes for its input and for its output, all of which it writes as errors."""

    def __init__(self, hosts):
        self._process = subprocess.Popen([CLI, hosts], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, bufsize=1)
        self._lines, self._seen = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def wait_for(self, pattern, patience=PATIENCE):
        """Waits for a line since the last command; returns whether it came."""
        deadline = time.monotonic() + patience
        while True:
            for line in self._seen:
                if re.search(pattern, line):
                    return True
            left = deadline - time.monotonic()
            try:
                self._seen.append(self._lines.get(timeout=max(left, 0.001)))
            except queue.Empty:
                return False

    def type(self, command):
        self._seen.clear()
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def check(self, command, *patterns):
        """Types the command and waits for what it must show."""
        self.type(command)
        for pattern in patterns:
            assert self.wait_for(pattern), f"{command} does not show {pattern}, but {self._seen}"

    def insist(self, command, *patterns):
        """Likewise, again and again while there is no connection."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.type(command)
            if all(self.wait_for(pattern, patience=1) for pattern in patterns):
                return
            assert time.monotonic() < deadline, f"{command} does not show {patterns}, but {self._seen}"

    def quit(self):
        self._process.stdin.write("quit\n")
        self._process.stdin.flush()
        assert self._process.wait(PATIENCE) == 0, "cli_mt fails"


def ask(what):
    print(what, flush=True)
    sys.stdin.readline()


def main(hosts):
    shell = Shell(hosts)
    assert shell.wait_for("state = CONNECTED_STATE"), "cli_mt does not connect"
    shell.check("create /cli", r"\[/cli\]: rc = 0", "name = /cli")
    shell.check("set /cli hello", "/cli: rc = 0", "version=1")
    shell.check("get /cli", "value_len = 5", "hello")
    shell.check("aget /cli", "hello")
    shell.check("sync /cli", r"\[/cli\]: rc = 0")
    shell.check("wexists /cli/mine", "Error -101 for /cli/mine")
    shell.check("create +e /cli/mine", r"\[/cli/mine\]: rc = 0", "CREATED_EVENT .* for path /cli/mine")
    shell.check("create +s /cli/one-", r"name = /cli/one-0000000001")
    shell.check("ls /cli", "^mine$", "^one-0000000001$")
    shell.check("create /cli", "Error|rc = -110")
    shell.check("delete /none", "rc = -101")

    ask("kill the leader")
    shell.insist("get /cli", "value_len = 5", "hello")
    shell.insist("set /cli again", "/cli: rc = 0")
    shell.check("get /cli/mine", "/cli/mine: rc = 0")  # the session lives, and so does what is its own
    shell.check("acreate +e /cli/later", r"\[/cli/later\]: rc = 0")
    ask("start what was killed")
    shell.check("delete /cli/mine", "DELETED_EVENT .* for path /cli/mine")
    shell.check("ls /cli", "^later$", "^one-0000000001$")
    shell.quit()
    print("all is well", flush=True)


main(sys.argv[1])
