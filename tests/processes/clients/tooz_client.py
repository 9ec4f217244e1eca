"""Members of a group that coordinate themselves through tooz, OpenStack's library for that, over its driver for
ZooKeeper: who is there, who leads, who holds a lock.

What it prints asks for disturbances; see ../foreign_client.hpp.
"""
import sys
import threading
import time

from tooz import coordination

PATIENCE = 60
GROUP = b"workers"


def until(condition):
    """Asks again and again, also while there is no connection."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            found = condition()
        except Exception:  # of the driver as of kazoo below it
            if time.monotonic() > deadline:
                raise
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "what is waited for does not come"
        time.sleep(0.01)


class Member:
    def __init__(self, name, hosts):
        self.name, self.seen = name, []
        self.coordinator = coordination.get_coordinator(f"zookeeper://{hosts}?timeout=10", name)
        self.coordinator.start(start_heart=True)

    def join(self):
        self.coordinator.join_group(GROUP, {"name": self.name.decode()}).get()
        self.coordinator.watch_join_group(GROUP, lambda event: self.seen.append(("joined", event.member_id)))
        self.coordinator.watch_leave_group(GROUP, lambda event: self.seen.append(("left", event.member_id)))
        self.coordinator.watch_elected_as_leader(GROUP, lambda event: self.seen.append(("leads", event.member_id)))

    def members(self):
        return self.coordinator.get_members(GROUP).get() - {b"leader"}  # the driver keeps its lock among them

    def leader(self):
        return self.coordinator.get_leader(GROUP).get()

    def sees(self, *what):
        self.coordinator.run_watchers()
        return what in self.seen


def main(hosts):
    ann, bob = Member(b"ann", hosts), Member(b"bob", hosts)
    ann.coordinator.create_group(GROUP).get()
    assert GROUP in ann.coordinator.get_groups().get()
    try:
        ann.coordinator.create_group(GROUP).get()
        raise AssertionError("a group can be created twice")
    except coordination.GroupAlreadyExist:
        pass
    ann.join()
    until(lambda: ann.sees("leads", b"ann"))
    bob.join()
    until(lambda: ann.sees("joined", b"bob") and ann.members() == {b"ann", b"bob"})
    assert ann.coordinator.get_member_capabilities(GROUP, b"bob").get() == {"name": "bob"}
    bob.coordinator.update_capabilities(GROUP, {"name": "Bob"}).get()
    until(lambda: ann.coordinator.get_member_capabilities(GROUP, b"bob").get() == {"name": "Bob"})

    held, wanted = ann.coordinator.get_lock(b"lock"), bob.coordinator.get_lock(b"lock")
    assert held.acquire(blocking=False) and not wanted.acquire(blocking=False)
    got = threading.Event()
    threading.Thread(target=lambda: wanted.acquire(blocking=PATIENCE) and got.set(), daemon=True).start()

    print("kill the leader", flush=True)
    sys.stdin.readline()
    until(lambda: ann.coordinator.heartbeat() and bob.coordinator.heartbeat())
    until(lambda: ann.members() == bob.members() == {b"ann", b"bob"})
    assert until(bob.leader) == b"ann" and not bob.sees("leads", b"bob")
    assert until(held.is_still_owner) and not got.is_set()
    held.release()
    assert got.wait(PATIENCE)
    until(wanted.is_still_owner)
    wanted.release()

    ann.coordinator.stop()
    until(lambda: bob.sees("left", b"ann") and bob.sees("leads", b"bob"))
    assert bob.leader() == b"bob" and bob.members() == {b"bob"}
    bob.coordinator.leave_group(GROUP).get()
    bob.coordinator.stop()
    print("all is well", flush=True)


main(sys.argv[1])
