"""Uses an ensemble as applications do through kazoo, ZooKeeper's client for Python: its calls and all its recipes.

What it prints asks for disturbances; see ../foreign_client.hpp. Recipes that keep something are begun before the
leader is killed, and must have kept it when they go on.
"""
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NodeExistsError, NoNodeError, RolledBackError
from kazoo.protocol.states import KazooState
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

PATIENCE = 60


def client(hosts, timeout=10):
    retry = KazooRetry(max_tries=-1, max_delay=1, deadline=PATIENCE)
    one = KazooClient(hosts=hosts, timeout=timeout, connection_retry=retry, command_retry=retry)
    one.start(timeout=PATIENCE)
    return one


def refused(error, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except error:
        return True
    return False


class Seen:
    """What callbacks of other threads have told."""

    def __init__(self):
        self._values = []
        self._changed = threading.Condition()

    def __call__(self, value):
        with self._changed:
            self._values.append(value)
            self._changed.notify_all()

    def wait(self, enough):
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self._values), PATIENCE), self._values
            return list(self._values)

    def wait_for(self, value):
        return self.wait(lambda values: value in values)


class Threads:
    """Calls that wait, each on a thread of its own."""

    def __init__(self, *calls):
        self.results = Seen()
        for call in calls:
            threading.Thread(target=lambda call=call: self.results(call()), daemon=True).start()


# --- in one piece ---

def data(zk):
    assert zk.create("/app", b"one") == "/app"
    value, stat = zk.get("/app")
    assert (value, stat.version, stat.dataLength) == (b"one", 0, 3)
    assert zk.set("/app", b"two").version == 1
    assert refused(BadVersionError, zk.set, "/app", b"three", version=0)
    assert refused(NodeExistsError, zk.create, "/app")
    assert refused(NoNodeError, zk.get, "/missing")
    assert zk.create("/app/n-", sequence=True) == "/app/n-0000000000"
    path, stat = zk.create("/app/n-", sequence=True, include_data=True)
    assert path == "/app/n-0000000001" and stat.version == 0
    assert sorted(zk.get_children("/app")) == ["n-0000000000", "n-0000000001"]
    zk.delete("/app/n-0000000000")
    zk.ensure_path("/app/deep/er/still")
    zk.delete("/app/deep", recursive=True)
    assert zk.exists("/app/deep") is None
    zk.sync("/app")


def transactions(zk):
    good = zk.transaction()
    good.create("/app/a")
    good.check("/app", 1)
    good.set_data("/app/a", b"x")
    good.delete("/app/n-0000000001")
    assert good.commit()[0] == "/app/a"
    bad = zk.transaction()
    bad.create("/app/b")
    bad.check("/app", 99)
    results = bad.commit()
    assert isinstance(results[0], RolledBackError) and isinstance(results[1], BadVersionError)
    assert zk.exists("/app/b") is None


def credentials(zk, other):
    zk.add_auth("digest", "bob:secret")
    zk.create("/private", b"x", acl=[make_digest_acl("bob", "secret", all=True)])
    assert zk.get("/private")[0] == b"x"
    assert refused(Exception, other.get, "/private")
    acls, stat = zk.get_acls("/private")
    assert len(acls) == 1 and stat.aversion == 0
    assert zk.set_acls("/private", [make_digest_acl("bob", "secret", read=True)]).aversion == 1


def barriers(zk, other):
    barrier = zk.Barrier("/barrier")
    barrier.create()
    other.sync("/")
    assert not other.Barrier("/barrier").wait(0.05)
    waiting = Threads(lambda: other.Barrier("/barrier").wait(PATIENCE))
    assert barrier.remove()
    waiting.results.wait_for(True)

    meeting = [one.DoubleBarrier("/meeting", 2, name) for one, name in ((zk, "one"), (other, "other"))]
    for each in ("enter", "leave"):
        Threads(*(getattr(one, each) for one in meeting)).results.wait(lambda values: len(values) == 2)


def queues(zk, other):
    queue = zk.Queue("/queue")
    for value, priority in ((b"late", 200), (b"first", 100), (b"second", 100)):
        queue.put(value, priority=priority)
    assert len(queue) == 3
    other.sync("/")
    assert [other.Queue("/queue").get(), queue.get(), queue.get(), queue.get()] == [b"first", b"second", b"late", None]


def semaphores(zk, other):
    first, second = zk.Semaphore("/semaphore", "first", 1), other.Semaphore("/semaphore", "second", 1)
    assert first.acquire(timeout=PATIENCE) and not second.acquire(blocking=False)
    waiting = Threads(lambda: second.acquire(timeout=PATIENCE))
    first.release()
    waiting.results.wait_for(True)
    second.release()


def leases(zk, other):
    from datetime import timedelta
    assert zk.NonBlockingLease("/lease", timedelta(minutes=1), "first")
    assert not other.NonBlockingLease("/lease", timedelta(minutes=1), "second")


# --- with a part before the leader is killed, and one after it ---

class Watching:
    def __init__(self, zk, other):
        self.other, self.data, self.children, self.tree = other, Seen(), Seen(), Seen()
        zk.DataWatch("/watched", lambda value, stat: self.data(value))
        zk.ensure_path("/family")
        zk.ChildrenWatch("/family", lambda names: self.children(sorted(names)))
        self.cache = TreeCache(zk, "/family")
        self.cache.listen(lambda event: self.tree((event.event_type, event.event_data and event.event_data.path)))
        self.cache.start()
        self.tree.wait(lambda values: (TreeEvent.INITIALIZED, None) in values)
        self.data.wait_for(None)
        other.create("/watched", b"first")
        other.create("/family/ann", b"1")
        self.children.wait_for(["ann"])
        self.tree.wait_for((TreeEvent.NODE_ADDED, "/family/ann"))

    def go_on(self):
        self.other.set("/watched", b"last")
        self.other.create("/family/ann/son", b"2")
        self.other.create("/family/bob", b"3")
        self.other.set("/family/ann", b"4")
        self.data.wait_for(b"last")
        self.children.wait_for(["ann", "bob"])
        for event in ((TreeEvent.NODE_ADDED, "/family/ann/son"), (TreeEvent.NODE_UPDATED, "/family/ann")):
            self.tree.wait_for(event)
        assert self.cache.get_data("/family/ann").data == b"4"
        assert self.cache.get_children("/family/ann") == {"son"}
        self.other.delete("/family/ann", recursive=True)
        self.tree.wait_for((TreeEvent.NODE_REMOVED, "/family/ann"))
        self.cache.close()


class Locking:
    def __init__(self, zk, other):
        self.held, self.wanted = zk.Lock("/lock", "first"), other.Lock("/lock", "second")
        assert self.held.acquire(timeout=PATIENCE)
        assert not self.wanted.acquire(blocking=False)
        self.waiting = Threads(lambda: self.wanted.acquire(timeout=PATIENCE))
        while self.held.contenders() != ["first", "second"]:
            time.sleep(0.01)
        self.read = [one.ReadLock("/shared") for one in (zk, other)]
        assert all(lock.acquire(timeout=PATIENCE) for lock in self.read)
        self.write = zk.WriteLock("/shared")
        assert not self.write.acquire(blocking=False)

    def go_on(self):
        assert self.held.is_acquired and not self.wanted.is_acquired
        assert self.held.contenders() == ["first", "second"]
        self.held.release()
        self.waiting.results.wait_for(True)
        self.wanted.release()
        for lock in self.read:
            lock.release()
        assert self.write.acquire(timeout=PATIENCE)
        self.write.release()


class Electing:
    def __init__(self, zk, other):
        self.leads, self.may_end = Seen(), threading.Event()
        self.elections = [one.Election("/election", name) for one, name in ((zk, "first"), (other, "second"))]
        self.run(0)
        self.leads.wait_for(0)
        self.run(1)
        while self.elections[1].contenders() != ["first", "second"]:
            time.sleep(0.01)

    def run(self, which):
        Threads(lambda: self.elections[which].run(lambda: (self.leads(which), self.may_end.wait(PATIENCE))))

    def go_on(self):
        assert self.leads.wait(len) == [0]
        self.may_end.set()
        assert self.leads.wait(lambda values: len(values) == 2) == [0, 1]


class Queueing:
    def __init__(self, zk, other):
        self.queue, self.others = zk.LockingQueue("/locking"), other.LockingQueue("/locking")
        self.queue.put_all([b"one", b"two"])
        assert self.queue.get(PATIENCE) == b"one" and self.queue.holds_lock()

    def go_on(self):
        assert self.queue.holds_lock()
        assert self.others.get(PATIENCE) == b"two" and self.others.consume()
        assert self.queue.consume() and self.queue.get(0.05) is None


class Gathering:
    def __init__(self, zk, other):
        self.sessions = zk, other
        self.parties = [[getattr(one, kind)("/" + kind, name) for one, name in ((zk, "ann"), (other, "bob"))]
                        for kind in ("Party", "ShallowParty")]
        for ann, bob in self.parties:
            ann.join()
            bob.join()
        self.check({"ann", "bob"})

    def check(self, present):
        for which, zk in enumerate(self.sessions):
            zk.sync("/")
            for party in self.parties:
                assert set(party[which]) == present and len(party[which]) == len(present)

    def go_on(self):
        self.check({"ann", "bob"})
        for ann, bob in self.parties:
            bob.leave()
        self.check({"ann"})


class Counting:
    """Both count at the same time; a sum says whether a write happened twice or not at all."""

    def __init__(self, zk, other):
        self.counters = [one.Counter("/counter") for one in (zk, other)]
        self.done = Seen()

    def during(self):
        for counter in self.counters:
            threading.Thread(target=self.count, args=(counter,), daemon=True).start()

    def count(self, counter):
        for _ in range(30):
            counter += 1
        self.done(None)

    def go_on(self):
        self.done.wait(lambda values: len(values) == 2)
        assert self.counters[0].value >= 60


# --- the session ---

def expire(hosts):
    states = Seen()
    zk = client(hosts, timeout=2)
    zk.add_listener(states)
    session = zk.client_id[0]
    zk.create("/short", ephemeral=True)
    print("stop me until /short is gone", flush=True)
    sys.stdin.readline()
    assert states.wait_for(KazooState.LOST)
    states.wait_for(KazooState.CONNECTED)
    assert zk.client_id[0] != session and zk.exists("/short") is None
    zk.stop()


def main(hosts):
    zk, other = client(hosts), client(hosts)
    data(zk)
    transactions(zk)
    for recipe in (credentials, barriers, queues, semaphores, leases):
        other.sync("/")
        recipe(zk, other)
    begun = [recipe(zk, other) for recipe in (Watching, Locking, Electing, Queueing, Gathering, Counting)]
    zk.create("/here", ephemeral=True)
    session = zk.client_id[0]

    begun[-1].during()
    print("kill the leader", flush=True)
    sys.stdin.readline()
    for number in range(20):
        zk.retry(zk.create, "/app/after-%d-" % number, sequence=True)
    assert zk.client_id[0] == session, "the session outlives the leader"
    for one in (zk, other):
        one.retry(one.sync, "/")
    for recipe in begun:
        recipe.go_on()
    other.sync("/")
    assert other.exists("/here") is not None

    gone = threading.Event()
    if other.exists("/here", watch=lambda event: gone.set()) is not None:
        zk.stop()
        assert gone.wait(PATIENCE)
    assert other.exists("/here") is None
    other.stop()
    expire(hosts)
    print("all is well", flush=True)


main(sys.argv[1])
