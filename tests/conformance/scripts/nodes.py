"""Creating, changing, reading and deleting nodes."""

import operations as ops
import wire
from operations import BASE
from scripts import ask, at, tree
from wire import CREATE, CREATE2, CREATE_CONTAINER, CREATE_TTL, OPEN_ACL

BAD_PATHS = (
    b"", None, b"relative", b"//", at(b"/"), at(b"//a"), at(b"/."), at(b"/.."), at(b"/./a"), at(b"/a/../b"),
    at(b"/\x00"), at(b"/\x1f"), at(b"/\x7f"), at("/\u0080".encode()), at("/\u009f".encode()), at("/\ud7ff".encode()),
    at("/\ue000".encode()), at("/\uf8ff".encode()), at("/\uf900".encode()), at("/\uffef".encode()),
    at("/\ufff0".encode()), at("/\ufffd".encode()), at(b"/\xff"), at(b"/\xc3"), at(b"/\xed\xa0\x80"), at(b"/\xc0\x80"),
    at("/\U0001f600".encode()),
)
GOOD_PATHS = (at(b"/..."), at(b"/.a"), at(b"/ "), at(b"/a.b"), at("/\u00a0".encode()), at("/\u00e4".encode()))


def first_session_of_the_fresh_tree():
    for path in (b"/zookeeper", b"/zookeeper/quota", b"/zookeeper/config"):
        yield from ask(ops.exists(path), ops.get_data(path), ops.get_children(path), ops.get_children2(path),
                       ops.get_acl(path), ops.get_all_children_number(path))
    yield from ask(ops.get_data(b"/"), ops.get_acl(b"/"), ops.get_children2(b"/"), ops.get_all_children_number(b"/"))


def one_node_through_its_life():
    path = at(b"/a")
    yield from tree()
    yield from ask(ops.create(path, b"one"), ops.create(path, b"one"), ops.exists(path), ops.get_data(path),
                   ops.set_data(path, b"three"), ops.set_data(path, b"x", 0), ops.set_data(path, b"y", 1),
                   ops.set_data(path, None), ops.get_data(path), ops.set_data(path, b""), ops.get_data(path),
                   ops.get_acl(path), ops.delete(path, 3), ops.delete(path, 4), ops.delete(path), ops.exists(path),
                   ops.get_data(path), ops.get_children(path), ops.get_children2(path), ops.get_acl(path),
                   ops.set_data(path, b""), ops.exists(BASE))


def null_and_empty_data():
    yield from tree()
    for data in (None, b"", b"x"):
        yield from ask(ops.create2(at(b"/n"), data), ops.get_data(at(b"/n")), ops.exists(at(b"/n")),
                       ops.delete(at(b"/n")))


def bad_paths_in_creates():
    yield from tree()
    for path in BAD_PATHS + GOOD_PATHS:
        yield from ask(ops.create(path), ops.create2(path, flags=wire.EPHEMERAL))


def bad_paths_in_sequential_creates():
    yield from tree()
    for path in BAD_PATHS:
        yield from ask(ops.create(path, flags=wire.SEQUENTIAL))


def bad_paths_elsewhere():
    yield from tree()
    for path in BAD_PATHS:
        yield from ask(
            ops.exists(path), ops.get_data(path), ops.get_children(path), ops.get_children2(path), ops.get_acl(path),
            ops.set_data(path, b"x"), ops.set_acl(path, OPEN_ACL), ops.delete(path), ops.sync(path),
            ops.get_all_children_number(path), ops.get_ephemerals(path), ops.multi_read(ops.get_data(path)),
            ops.delete_container(path))
        if path is not None:
            yield from ask(ops.multi(ops.check(path)))


def all_flags_of_all_creates():
    yield from tree()
    for op in (CREATE, CREATE2, CREATE_CONTAINER):
        for flags in (-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 100):
            if op != CREATE_CONTAINER and flags in (5, 6):
                continue
            path = at(b"/%d-%d" % (op, flags))
            yield from ask(ops.create(path, b"d", OPEN_ACL, flags, op), ops.get_children(BASE), ops.exists(path))
    for flags in (5, 6):
        path = at(b"/ttl-%d" % flags)
        yield from ask(ops.create(path, b"d", OPEN_ACL, flags, CREATE_TTL, 60_000), ops.exists(path),
                       ops.get_children(BASE))


def largest_ttls():
    yield from tree()
    for ttl in (3_600_000, 2 ** 39, 2 ** 40 - 1):
        yield from ask(ops.create_ttl(at(b"/t%d" % (ttl % 1000)), ttl=ttl), ops.get_children(BASE))


def sequence_numbers_count_all_creates():
    yield from tree(b"/q")
    yield from ask(
        ops.create(at(b"/q/s-"), flags=2), ops.create(at(b"/q/plain")), ops.create(at(b"/q/s-"), flags=2),
        ops.delete(at(b"/q/plain")), ops.create2(at(b"/q/"), flags=2), ops.create(at(b"/q/s-"), flags=3),
        ops.create(at(b"/q/plain/none"), flags=2), ops.create(at(b"/q/s-"), flags=2), ops.exists(at(b"/q")),
        ops.get_children2(at(b"/q")))


def sequential_name_that_exists():
    yield from tree(b"/q", b"/q/s0000000001")
    yield from ask(ops.create(at(b"/q/s"), flags=2), ops.create(at(b"/q/s0000000003")),
                   ops.create(at(b"/q/s"), flags=2), ops.create(at(b"/q/s"), flags=2), ops.get_children2(at(b"/q")))


def stats_of_parents():
    yield from tree(b"/p")
    for change in (ops.create(at(b"/p/a")), ops.create(at(b"/p/b")), ops.set_data(at(b"/p/a"), b"new"),
                   ops.set_acl(at(b"/p/a"), wire.READ_ACL), ops.create(at(b"/p/a/x")), ops.delete(at(b"/p/b")),
                   ops.delete(at(b"/p/a/x")), ops.delete(at(b"/p/a")), ops.set_data(at(b"/p"), b"x")):
        yield from ask(change, ops.exists(at(b"/p")), ops.exists(at(b"/p/a")))


def deleting_what_is_not_there_or_not_empty():
    yield from tree(b"/p", b"/p/c")
    yield from ask(ops.delete(at(b"/p")), ops.delete(at(b"/p"), 5), ops.delete(at(b"/none")),
                   ops.delete(at(b"/none/child")), ops.delete(at(b"/p/c"), 7), ops.delete(at(b"/p/c"), -2),
                   ops.delete(at(b"/p/c"), 0), ops.delete(at(b"/p")))


def special_nodes_stay():
    for path in (b"/", b"/zookeeper", b"/zookeeper/quota", b"/zookeeper/config"):
        yield from ask(ops.delete(path), ops.delete(path, 0), ops.multi(ops.delete(path)), ops.create(path))
    yield from ask(ops.set_data(b"/zookeeper/config", b"x"), ops.exists(b"/zookeeper/config"),
                   ops.exists(b"/zookeeper"), ops.create(b"/zookeeper/config/x"),
                   ops.create(b"/zookeeper/config/x", flags=1))


def ephemerals_have_no_children_and_go_with_the_session():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1), ops.create(at(b"/e/x")), ops.create(at(b"/e/x"), flags=1),
                   ops.create(at(b"/e/x"), flags=2), ops.create(at(b"/s"), flags=3), session=1)
    yield from ask(ops.exists(at(b"/e")), ops.get_children2(BASE), ops.get_ephemerals(b"/"))
    yield from ask(ops.get_ephemerals(b"/"), ops.close_session(), session=1)
    yield from ask(ops.exists(at(b"/e")), ops.get_children2(BASE))


def prefix_of_get_ephemerals():
    yield from tree(b"/a", b"/ab")
    yield from ask(*(ops.create(path, flags=1) for path in (at(b"/a/1"), at(b"/ab/2"), at(b"/a1"), at(b"/b"))))
    for prefix in (b"", b"/", None, BASE, at(b"/"), at(b"/a"), at(b"/a/"), at(b"/a/1"), at(b"/none"), b"x", b"/.."):
        yield from ask(ops.get_ephemerals(prefix))
        yield from ask(ops.get_ephemerals(prefix), session=1)


def counting_descendants():
    yield from tree(b"/a", b"/a/b", b"/a/b/c", b"/ab", b"/d")
    for path in (BASE, at(b"/a"), at(b"/a/b"), at(b"/d"), at(b"/none"), at(b"/ab"), b"/zookeeper"):
        yield from ask(ops.get_all_children_number(path))


def containers():
    yield from tree()
    yield from ask(ops.create_container(at(b"/c"), b"data"), ops.exists(at(b"/c")), ops.create(at(b"/c/x"), flags=1),
                   ops.create_container(at(b"/c")), ops.delete(at(b"/c")), ops.delete(at(b"/c/x")),
                   ops.delete_container(at(b"/c")), ops.exists(at(b"/c")), ops.set_data(at(b"/c"), b"2"),
                   ops.delete(at(b"/c")))


def ttl_nodes():
    yield from tree()
    yield from ask(ops.create_ttl(at(b"/t"), b"data"), ops.exists(at(b"/t")), ops.create(at(b"/t/x")),
                   ops.create_ttl(at(b"/t")), ops.create_ttl(at(b"/s"), flags=6), ops.create_ttl(at(b"/s"), flags=6),
                   ops.delete(at(b"/t/x")), ops.delete(at(b"/t")), ops.get_children2(BASE))


def many_children():
    yield from tree(b"/m")
    yield from ask(*(ops.create(at(b"/m/%03d") % i) for i in range(120)))
    yield from ask(ops.get_children(at(b"/m")), ops.get_children2(at(b"/m")), ops.get_all_children_number(BASE))


def large_data():
    yield from tree(b"/big")
    for size in (1000, 100_000, 1_000_000):
        yield from ask(ops.set_data(at(b"/big"), b"\xa5" * size), ops.get_data(at(b"/big")), ops.exists(at(b"/big")))


def sync_answers_its_path():
    yield from tree(b"/a")
    for path in (BASE, at(b"/a"), at(b"/none"), b"/", b""):
        yield from ask(ops.sync(path))
