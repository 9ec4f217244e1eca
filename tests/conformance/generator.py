"""Random sequences from a seed: all operations, valid and invalid, on few paths, so that they meet each other.

Left out is what kills the real server (see accepted.NOT_SENT) and what time decides: expiry is scripted.
"""

import base64
import hashlib

import operations as ops
import steps
import wire
from operations import BASE
from wire import ALL, OPEN_ACL, READ_ACL

SESSIONS = 3

# How a request begins whose path is null.
NULL = b"\xff\xff\xff\xff"

# Those that end the connection, and setACL: the real server checks what follows it in the same burst sometimes
# against the old ACL, sometimes against the new one.
NOT_IN_BURSTS = frozenset({wire.AUTH, wire.SASL, wire.CLOSE_SESSION, wire.SET_ACL})

USERS = (b"alice:secret", b"bob:pw", b"nocolon")


def _digest(user_and_password):
    """A user and password as an ACL holds them."""
    user = user_and_password.split(b":")[0]
    return user + b":" + base64.b64encode(hashlib.sha1(user_and_password).digest())


VALID_ACLS = (
    OPEN_ACL, OPEN_ACL, OPEN_ACL, OPEN_ACL, READ_ACL,
    wire.CREATOR_ACL,
    ((ALL, b"digest", _digest(b"alice:secret")),),
    ((ALL, b"digest", _digest(b"bob:pw")), (wire.READ, b"world", b"anyone")),
    ((wire.READ | wire.WRITE, b"world", b"anyone"),),
    ((wire.CREATE_CHILD | wire.DELETE_CHILD | wire.READ, b"world", b"anyone"), (wire.ADMIN, b"ip", b"127.0.0.1")),
    ((ALL, b"ip", b"127.0.0.0/8"),),
    ((ALL, b"ip", b"10.0.0.1"),),
    ((ALL, b"world", b"anyone"), (ALL, b"world", b"anyone")),
    ((0, b"world", b"anyone"),),
)
INVALID_ACLS = (
    (), None, ((ALL, b"nosuch", b"x"),), ((ALL, b"world", b"somebody"),), ((ALL, b"digest", b"noseparator"),),
    ((ALL, b"ip", b"not an address"),), ((ALL, b"ip", b"127.0.0.1/99"),), ((ALL, b"", b""),),
    ((ALL, b"digest", b"a:b:c"),), ((ALL, b"super", b""),),
    ((ALL, b"world", b"anyone"), (ALL, b"nosuch", b"x")),
)
STRANGE_PATHS = (
    b"", None, b"relative", BASE + b"/", BASE + b"//a", BASE + b"/.", BASE + b"/..", BASE + b"/./a", BASE + b"/a/../b",
    BASE + b"/\x00", BASE + b"/a\x01b", BASE + b"/a\x7f", BASE + "/\u00e4".encode(), BASE + "/\u0085".encode(),
    BASE + "/\ud7ff".encode(), BASE + "/\ue000".encode(), BASE + "/\uf8ff".encode(), BASE + "/\uffef".encode(),
    BASE + "/\ufff0".encode(), BASE + "/\U0001f600".encode(), BASE + b"/ space", BASE + b"/...", BASE + b"/a/b/c/d/e",
    b"//", b"/" + b"x" * 300, BASE + b"/nosuch/child",
)
SPECIAL_PATHS = (b"/", b"/zookeeper", b"/zookeeper/quota", b"/zookeeper/config", b"/zookeeper/nosuch")
# The paths of persistent watches with their modes, for which no others are set: ZooKeeper 3.8 mixes them up.
STAYING_WATCHES = {BASE: 1, BASE + b"/a/x": 0, BASE + b"/k": 1, BASE + b"/s": 0}
WORDS = (b"", b"a", b"bb", b"data", b"x" * 100, None)


class Generator:
    """Draws steps from a random.Random; the same seed gives the same steps."""

    def __init__(self, random):
        self._random = random
        self._paths = [BASE + suffix for suffix in (
            b"", b"/a", b"/b", b"/a/x", b"/a/y", b"/a/x/deep", b"/e", b"/k", b"/k/1", b"/s")]
        self._sequential = [BASE + parent + b"%010d" % number
                            for parent in (b"/s", b"/a/s", b"/s/") for number in range(4)]

    def sequence(self, length):
        """A sequence of about that many requests."""
        made = [steps.Ask(0, ops.create(BASE))]
        count = 0
        while count < length:
            step = self._step()
            made.append(step)
            count += len(step.requests) if isinstance(step, steps.Burst) else 1
        return made

    # --- steps

    def _step(self):
        session = self._random.randrange(SESSIONS)
        chance = self._random.random()
        if chance < 0.010:
            return steps.Drop(session)
        if chance < 0.020:
            return steps.Reopen(session, drop=self._chance(0.8), zxid=self._pick("seen", "seen", "zero"),
                                timeout=self._pick(4000 * 5, 40000, 600_000))
        if chance < 0.023:
            return steps.Reopen(session, drop=True, password=self._pick("wrong", "short", "null"))
        if chance < 0.025:
            return steps.Reopen(session, drop=True, zxid="future")
        if chance < 0.07:
            return steps.Burst(session, tuple(self._harmless() for _ in range(self._random.randint(2, 20))))
        return steps.Ask(session, self._request())

    def _harmless(self):
        """What a burst is made of: the connection is still there afterwards, and the answers do not hang on timing."""
        while True:
            request = self._request()
            if request.op > 0 and request.op in wire.OP_NAMES and request.op not in NOT_IN_BURSTS:
                return request

    def _request(self):
        makers, weights = zip(*self._table())
        return self._random.choices(makers, weights)[0]()

    def _table(self):
        return (
            (self._create, 16), (self._delete, 9), (self._set_data, 9), (self._exists, 6), (self._get_data, 6),
            (self._get_children, 5), (self._get_acl, 3), (self._set_acl, 4), (self._sync, 1), (self._ping, 1),
            (self._multi, 8), (self._multi_read, 3), (self._create_special, 4), (self._add_watch, 3),
            (self._remove_watches, 3), (self._set_watches, 2), (self._ephemerals, 2), (self._count, 2),
            (self._auth, 1.5), (self._who_am_i, 1), (self._close, 0.4), (self._reconfig, 0.2), (self._sasl, 0.3),
            (self._delete_container, 0.3), (self._unknown, 0.15), (self._truncated, 2), (self._quota, 1.0),
        )

    # --- arguments

    def _chance(self, probability):
        return self._random.random() < probability

    def _pick(self, *choices):
        return self._random.choice(choices)

    def _path(self, strange=0.06):
        chance = self._random.random()
        if chance < strange:
            return self._random.choice(STRANGE_PATHS)
        if chance < strange + 0.03:
            return self._random.choice(SPECIAL_PATHS)
        if chance < strange + 0.13:
            return self._random.choice(self._sequential)
        return self._random.choice(self._paths)

    def _own_path(self):
        """A path below the base: where a write must not touch what later sequences see."""
        while True:
            path = self._path()
            if path not in SPECIAL_PATHS and path != b"/" + b"x" * 300:
                return path

    def _new_path(self):
        """A path to create: the base with a sequence number behind it would be outside the base."""
        while True:
            path = self._own_path()
            if path != BASE:
                return path

    def _watched(self, path):
        """Whether to set a watch that fires once."""
        return path not in STAYING_WATCHES and self._chance(0.5)

    def _data(self):
        return self._random.choice(WORDS)

    def _version(self):
        return self._pick(-1, -1, -1, 0, 0, 1, 1, 2, 3, 5, -2, 2 ** 31 - 1, -2 ** 31)

    def _acl(self):
        if self._chance(0.06):
            return self._random.choice(INVALID_ACLS)
        return self._random.choice(VALID_ACLS) if self._chance(0.3) else OPEN_ACL

    # --- requests

    def _create(self):
        flags = self._pick(0, 0, 0, 0, 1, 1, 2, 2, 3, 3)
        if self._chance(0.03):
            flags = self._pick(4, 7, -1, 8, 100)
        maker = self._pick(ops.create, ops.create2)
        return maker(self._new_path(), self._data(), self._acl(), flags)

    def _create_special(self):
        if self._chance(0.5):
            # In a multi, other flags are still answered in another form than ZooKeeper's.
            return ops.create_container(self._new_path(), self._data(), self._acl(), 4)
        return ops.create_ttl(self._new_path(), self._data(), self._acl(), self._pick(5, 6),
                              self._pick(3_600_000, 86_400_000, 2 ** 39))

    def _delete(self):
        return ops.delete(self._path(), self._version())

    def _set_data(self):
        return ops.set_data(self._own_path(), self._data(), self._version())

    def _exists(self):
        path = self._path()
        return ops.exists(path, self._watched(path))

    def _get_data(self):
        path = self._path()
        return ops.get_data(path, self._watched(path))

    def _get_children(self):
        path = self._path()
        return self._pick(ops.get_children, ops.get_children2)(path, self._watched(path))

    def _get_acl(self):
        return ops.get_acl(self._path())

    def _set_acl(self):
        path = self._own_path()
        acl = self._acl() if self._chance(0.6) else self._random.choice(VALID_ACLS)
        return ops.set_acl(path, acl, self._version())

    def _sync(self):
        return ops.sync(self._path())

    def _ping(self):
        return ops.ping()

    def _multi(self):
        makers = (self._create, self._create, self._delete, self._set_data, self._check, self._create_special)
        parts = [self._random.choice(makers)() for _ in range(self._random.randint(0, 5))]
        parts = [part for part in parts if not part.body(None).startswith(NULL)]
        if self._chance(0.03):
            parts.append(self._pick(self._get_data, self._exists, self._set_acl)())
        return ops.multi(*parts, end=not self._chance(0.01))

    def _check(self):
        return ops.check(self._path(), self._version())

    def _multi_read(self):
        makers = (self._get_data, lambda: ops.get_children(self._path(), self._chance(0.2)))
        parts = [self._random.choice(makers)() for _ in range(self._random.randint(0, 5))]
        if self._chance(0.05):
            parts.append(self._pick(self._delete, self._exists)())
        return ops.multi_read(*parts)

    def _add_watch(self):
        if self._chance(0.05):
            return ops.add_watch(self._path(), self._pick(-1, 2, 7))
        return ops.add_watch(*self._pick(*STAYING_WATCHES.items()))

    def _remove_watches(self):
        if self._chance(0.1):
            maker = self._pick(ops.remove_watches, ops.check_watches)
            return maker(self._path(), self._pick(0, 4, 5, 6, -1))
        path = self._path()
        return ops.remove_watches(path, 3 if path in STAYING_WATCHES else self._pick(1, 2, 3))

    def _some_paths(self):
        paths = (self._path(strange=0.01) or b"" for _ in range(self._random.randint(0, 3)))
        return tuple(path for path in paths if path not in STAYING_WATCHES)

    def _some_staying(self, mode):
        return tuple(path for path, of_path in STAYING_WATCHES.items() if of_path == mode and self._chance(0.5))

    def _set_watches(self):
        zxid = ops.SeenZxid(self._pick(0, 0, 3, 10, 1000))
        more = (self._some_staying(0), self._some_staying(1)) if self._chance(0.5) else (None, None)
        return ops.set_watches(self._some_paths(), self._some_paths(), self._some_paths(), zxid, *more)

    def _ephemerals(self):
        return ops.get_ephemerals(self._pick(BASE, BASE + b"/", BASE + b"/a", BASE + b"/s", b"/", b"", self._path()))

    def _count(self):
        return ops.get_all_children_number(self._path())

    def _auth(self):
        if self._chance(0.1):
            return ops.auth(self._pick(b"nosuch", b"world", b"ip", b"sasl"), b"x")
        return ops.auth(b"digest", self._pick(*USERS))

    def _who_am_i(self):
        return ops.who_am_i()

    def _close(self):
        return ops.close_session()

    def _reconfig(self):
        return ops.reconfig(self._pick(None, b"", b"server.9=127.0.0.1:1:2:participant;3"), None, None, -1)

    def _sasl(self):
        return ops.sasl(self._data())

    def _delete_container(self):
        return ops.delete_container(self._path())

    def _unknown(self):
        return ops.raw(self._pick(10, 23, 50, 99, 108, 1000, -1, -2), b"")

    def _quota(self):
        parent = b"/zookeeper/quota" + BASE
        path = self._pick(parent, parent, parent + b"/zookeeper_limits", parent + b"/zookeeper_stats", parent + b"/a",
                          parent + b"/a/zookeeper_limits", parent + b"/a/zookeeper_stats")
        value = self._pick(b"count=3,bytes=-1", b"count=-1,bytes=10", b"count=100,bytes=1000", b"count=-1,bytes=-1",
                           b"count=5,bytes=50=;byteHardLimit=60;countHardLimit=6", b"nonsense", b"")
        return self._pick(lambda: ops.create(path, value), lambda: ops.create(path, value),
                          lambda: ops.set_data(path, value), lambda: ops.delete(path), lambda: ops.get_data(path))()

    def _truncated(self):
        """A request whose body ends too early; nothing of it may be read as something else."""
        whole = self._pick(self._create, self._set_data, self._delete, self._exists, self._get_data, self._get_acl,
                           self._set_acl, self._get_children, self._ephemerals, self._count, self._sync,
                           self._remove_watches, self._add_watch)()
        body = whole.body(None)
        return ops.raw(whole.op, body[:self._random.randrange(len(body))], f"cut off from {whole}:")
