"""Changes an ensemble as an administrator would, through kazoo: ZooKeeper's client for Python.

Arguments: the nodes of the ensemble; the server line of another node that runs, and where its clients go; the
server lines, with commas, of three that do not run; the number of the node to make an observer. Says "all is well".
"""
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadArgumentsError, BadVersionError, NewConfigNoQuorumError, NoAuthError

PATIENCE = 60
CONFIG = "/zookeeper/config"


def client(hosts):
    one = KazooClient(hosts=hosts, timeout=10)
    one.start(timeout=PATIENCE)
    return one


def refused(error, zk, joining=None, leaving=None, members=None, version=-1):
    try:
        zk.reconfig(joining, leaving, members, version)
    except error:
        return True
    return False


def servers(data):
    return {line.split(b"=")[0]: line for line in data.splitlines() if line.startswith(b"server.")}


def version(data):
    return int(data.rpartition(b"version=")[2], 16)


def main(hosts, joiner, joiner_address, absent, demoted):
    admin, user = client(hosts), client(hosts)
    before, stat = admin.get(CONFIG)
    assert len(servers(before)) == 3 and stat.version == -1
    assert refused(NoAuthError, admin, joining=joiner)
    admin.add_auth("digest", "super:secret")
    assert refused(BadVersionError, admin, joining=joiner, version=version(before) + 1)
    assert refused(BadArgumentsError, admin, joining="nonsense")
    assert refused(BadArgumentsError, admin, leaving="1,2")
    assert refused(BadArgumentsError, admin, members="nonsense")
    assert refused(NewConfigNoQuorumError, admin, members=absent)
    assert admin.get(CONFIG)[0] == before

    changed = threading.Event()
    user.get(CONFIG, watch=lambda event: changed.set())
    grown, stat = admin.reconfig(joiner, None, None, version(before))
    assert set(servers(grown)) == set(servers(before)) | {joiner.split("=")[0].encode()}
    assert stat.mzxid == version(grown) and stat.version == -1 and stat.dataLength == len(grown)
    assert changed.wait(PATIENCE)
    user.sync(CONFIG)
    assert user.get(CONFIG) == (grown, stat)

    new = client(joiner_address)
    new.create("/by-the-new-one", b"x")
    new.stop()
    shrunk, _ = admin.reconfig(None, joiner.split("=")[0].partition(".")[2], None)
    assert servers(shrunk) == servers(before) and version(shrunk) > version(grown)

    member = servers(shrunk)[b"server." + demoted.encode()]
    wanted = shrunk.replace(member, member.replace(b":participant", b":observer")).decode()
    assert refused(BadVersionError, admin, members=wanted, version=version(grown))
    third, _ = admin.reconfig(None, None, wanted, version(shrunk))
    assert third.count(b":observer;") == 1 and len(servers(third)) == 3
    user.sync(CONFIG)
    assert user.get(CONFIG)[0] == third and user.get("/by-the-new-one")[0] == b"x"
    admin.stop()
    user.stop()
    print("all is well", flush=True)


main(*sys.argv[1:])
