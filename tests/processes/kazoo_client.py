"""Uses an ensemble as an application would, through kazoo: ZooKeeper's client for Python.

Says "kill the leader" when it is ready for that, goes on after a line of input, and says "all is well".
"""
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NodeExistsError, NoNodeError, RolledBackError
from kazoo.retry import KazooRetry

PATIENCE = 60


def client(hosts):
    retry = KazooRetry(max_tries=-1, max_delay=1, deadline=PATIENCE)
    one = KazooClient(hosts=hosts, timeout=10, connection_retry=retry, command_retry=retry)
    one.start(timeout=PATIENCE)
    return one


def refused(error, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except error:
        return True
    return False


def data(zk):
    assert zk.create("/app", b"one") == "/app"
    value, stat = zk.get("/app")
    assert (value, stat.version, stat.dataLength) == (b"one", 0, 3)
    assert zk.set("/app", b"two").version == 1
    assert refused(BadVersionError, zk.set, "/app", b"three", version=0)
    assert refused(NodeExistsError, zk.create, "/app")
    assert refused(NoNodeError, zk.get, "/missing")
    assert zk.create("/app/n-", sequence=True) == "/app/n-0000000000"
    assert zk.create("/app/n-", sequence=True) == "/app/n-0000000001"
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


def watches(zk, other):
    seen = []
    fired = threading.Event()

    @zk.DataWatch("/app/watched")
    def watch(value, stat):
        seen.append(value)
        if value == b"last":
            fired.set()

    other.create("/app/watched", b"first")
    other.set("/app/watched", b"last")
    assert fired.wait(PATIENCE) and seen[0] is None


def credentials(zk, other):
    from kazoo.security import make_digest_acl

    zk.add_auth("digest", "bob:secret")
    zk.create("/private", b"x", acl=[make_digest_acl("bob", "secret", all=True)])
    assert zk.get("/private")[0] == b"x"
    assert refused(Exception, other.get, "/private")


def locks(zk, other):
    first, second = zk.Lock("/app/lock", "first"), other.Lock("/app/lock", "second")
    assert first.acquire(timeout=PATIENCE)
    assert not second.acquire(blocking=False)
    first.release()
    assert second.acquire(timeout=PATIENCE)
    return second


def main(hosts):
    zk, other = client(hosts), client(hosts)
    data(zk)
    transactions(zk)
    watches(zk, other)
    credentials(zk, other)
    held = locks(zk, other)
    zk.create("/app/here", ephemeral=True)
    session = zk.client_id[0]

    print("kill the leader", flush=True)
    sys.stdin.readline()
    for number in range(20):
        zk.retry(zk.create, "/app/after-%d-" % number, sequence=True)
    assert zk.client_id[0] == session, "the session outlives the leader"
    assert zk.retry(other.exists, "/app/here") is not None
    assert held.is_acquired
    held.release()

    gone = threading.Event()
    if other.retry(other.exists, "/app/here", watch=lambda event: gone.set()) is not None:
        zk.stop()
        assert gone.wait(PATIENCE)
    assert other.retry(other.exists, "/app/here") is None
    other.stop()
    print("all is well", flush=True)


main(sys.argv[1])
