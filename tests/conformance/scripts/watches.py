"""One-shot, persistent and recursive watches, and re-arming them after a reconnect."""

import operations as ops
import wire
from operations import BASE, SeenZxid
from scripts import again, ask, at, tree
from steps import Burst

SOMEBODY_ELSE = 1


def _changes(path):
    """A life of a node and of a child, made by another session."""
    return ask(ops.create(path, b"1"), ops.set_data(path, b"2"), ops.create(path + b"/c", b""),
               ops.set_data(path + b"/c", b"x"), ops.set_acl(path, (((31, b"world", b"anyone")),)),
               ops.delete(path + b"/c"), ops.delete(path), ops.create(path, b"again"), ops.delete(path),
               session=SOMEBODY_ELSE)


def exists_watch():
    yield from tree()
    yield from ask(ops.exists(at(b"/w"), True))
    yield from _changes(at(b"/w"))
    for change in (ops.create(at(b"/w")), ops.set_data(at(b"/w"), b""), ops.create(at(b"/w/c")),
                   ops.delete(at(b"/w/c")), ops.delete(at(b"/w"))):
        yield from ask(ops.exists(at(b"/w"), True))
        yield from ask(change, session=SOMEBODY_ELSE)


def data_watch():
    yield from tree(b"/w")
    for change in (ops.set_data(at(b"/w"), b""), ops.create(at(b"/w/c")), ops.delete(at(b"/w/c")),
                   ops.delete(at(b"/w"))):
        yield from ask(ops.get_data(at(b"/w"), True))
        yield from ask(change, session=SOMEBODY_ELSE)
    yield from ask(ops.get_data(at(b"/w"), True), ops.create(at(b"/w")))


def child_watch():
    yield from tree(b"/w")
    for change in (ops.set_data(at(b"/w"), b""), ops.create(at(b"/w/c")), ops.set_data(at(b"/w/c"), b""),
                   ops.delete(at(b"/w/c")), ops.delete(at(b"/w"))):
        yield from ask(ops.get_children(at(b"/w"), True), ops.get_children2(at(b"/w"), True))
        yield from ask(change, session=SOMEBODY_ELSE)
    yield from ask(ops.get_children(at(b"/w"), True), ops.create(at(b"/w")))


def all_kinds_on_one_node():
    yield from tree(b"/w")
    yield from ask(ops.get_data(at(b"/w"), True), ops.exists(at(b"/w"), True), ops.get_children(at(b"/w"), True),
                   ops.get_children(BASE, True))
    yield from ask(ops.delete(at(b"/w")), session=SOMEBODY_ELSE)


def own_changes():
    yield from tree(b"/w")
    yield from ask(ops.get_data(at(b"/w"), True), ops.get_children(BASE, True), ops.set_data(at(b"/w"), b"1"),
                   ops.get_data(at(b"/w"), True), ops.delete(at(b"/w")))


def events_in_a_burst():
    yield from tree(b"/w")
    yield Burst(0, (ops.get_data(at(b"/w"), True), ops.set_data(at(b"/w"), b"1"), ops.get_data(at(b"/w"), True),
                     ops.exists(at(b"/n"), True), ops.get_children(BASE, True), ops.create(at(b"/n")),
                     ops.get_children(BASE, True), ops.delete(at(b"/w")), ops.sync(BASE), ops.ping(),
                     ops.exists(at(b"/w"))))


def persistent_watch():
    yield from tree()
    yield from ask(ops.add_watch(at(b"/w"), 0), ops.add_watch(at(b"/w"), 0))
    yield from _changes(at(b"/w"))
    yield from _changes(at(b"/w"))


def recursive_watch():
    yield from tree()
    yield from ask(ops.add_watch(at(b"/w"), 1))
    yield from _changes(at(b"/w"))
    yield from ask(ops.add_watch(BASE, 1))
    yield from _changes(at(b"/w"))


def recursive_watch_on_the_root():
    yield from tree()
    yield from ask(ops.add_watch(b"/", 1))
    yield from _changes(at(b"/w"))
    yield from ask(ops.remove_watches(b"/", 3))


def kinds_on_top_of_each_other():
    yield from tree(b"/w")
    for first, second in ((0, 1), (1, 0), (0, None), (None, 0), (None, 1)):
        for mode in (first, second):
            yield from ask(ops.get_data(at(b"/w"), True) if mode is None else ops.add_watch(at(b"/w"), mode))
        yield from ask(ops.set_data(at(b"/w"), b"1"), ops.create(at(b"/w/c")), ops.set_data(at(b"/w/c"), b""),
                       ops.delete(at(b"/w/c")), ops.set_data(at(b"/w"), b"2"), session=SOMEBODY_ELSE)
        yield from ask(ops.remove_watches(at(b"/w"), 3), ops.remove_watches(at(b"/w"), 3))


def modes_and_paths_of_add_watch():
    yield from tree()
    for mode in (-1, 2, 3, 100):
        yield from ask(ops.add_watch(BASE, mode))
    for path in (b"", None, b"relative", at(b"/"), at(b"//"), b"/", at(b"/none/deep")):
        yield from ask(ops.add_watch(path, 0), ops.add_watch(path, 1))


def removing():
    yield from tree(b"/w")
    for arm in (ops.get_data(at(b"/w"), True), ops.exists(at(b"/w"), True), ops.get_children(at(b"/w"), True),
                ops.add_watch(at(b"/w"), 0), ops.add_watch(at(b"/w"), 1)):
        for kind in (3,) if arm.op == wire.ADD_WATCH else (1, 2, 3):
            yield from ask(ops.remove_watches(at(b"/w"), kind), arm, ops.check_watches(at(b"/w"), 1),
                           ops.check_watches(at(b"/w"), 2), ops.check_watches(at(b"/w"), 3),
                           ops.remove_watches(at(b"/w"), kind), ops.check_watches(at(b"/w"), 3))
            yield from ask(ops.set_data(at(b"/w"), b""), ops.create(at(b"/w/c")), ops.delete(at(b"/w/c")),
                           session=SOMEBODY_ELSE)
            yield from ask(ops.remove_watches(at(b"/w"), 3))


def removing_half_of_a_persistent_watch():
    yield from tree(b"/w")
    yield from ask(ops.add_watch(at(b"/w"), 0), ops.remove_watches(at(b"/w"), 1))


def removing_with_odd_arguments():
    yield from tree(b"/w")
    yield from ask(ops.get_data(at(b"/w"), True))
    for kind in (0, 4, 5, 6, -1, 100):
        yield from ask(ops.check_watches(at(b"/w"), kind), ops.remove_watches(at(b"/w"), kind))
    yield from ask(ops.remove_watches(b"bad", 3), ops.remove_watches(at(b"/none"), 3), ops.remove_watches(None, 3),
                   ops.check_watches(at(b"/w"), 2))
    yield from ask(ops.remove_watches(at(b"/w"), 2), session=SOMEBODY_ELSE)


def checking_for_watches_of_others():
    yield from tree(b"/w")
    yield from ask(ops.get_data(at(b"/w"), True))
    yield from ask(ops.check_watches(at(b"/w"), 2), session=SOMEBODY_ELSE)


def watches_go_with_the_connection():
    yield from tree(b"/w")
    yield from ask(ops.get_data(at(b"/w"), True), ops.add_watch(BASE, 1))
    yield from again()
    yield from ask(ops.check_watches(at(b"/w"), 3), ops.check_watches(BASE, 3))
    yield from ask(ops.set_data(at(b"/w"), b"1"), session=SOMEBODY_ELSE)


def re_arming_after_changes():
    for changes in ((ops.set_data(at(b"/w"), b"1"),), (ops.delete(at(b"/w/c")),),
                    (ops.delete(at(b"/w/c")), ops.delete(at(b"/w"))), (ops.create(at(b"/new")),),
                    (ops.set_data(at(b"/stays"), b"1"), ops.create(at(b"/stays/new")),
                     ops.create(at(b"/below/it/new"))), ()):
        yield from tree(b"/w", b"/w/c", b"/still", b"/stays", b"/below", b"/below/it")
        for how in (False, True):
            yield from ask(ops.exists(BASE))
            yield from ask(*changes, session=SOMEBODY_ELSE)
            paths = (at(b"/w"), at(b"/still"), at(b"/none"), at(b"/new"))
            more = ((at(b"/stays"), at(b"/stays/new")), (at(b"/below"),)) if how else (None, None)
            yield from again()
            yield from ask(ops.set_watches(paths, paths, paths, SeenZxid(2), *more), ops.check_watches(at(b"/w"), 1),
                           ops.check_watches(at(b"/w"), 2), ops.check_watches(at(b"/none"), 2))
            yield from ask(*changes, session=SOMEBODY_ELSE)
            yield from ask(ops.create(at(b"/none")), ops.set_data(at(b"/still"), b""), ops.create(at(b"/still/c")),
                           ops.delete(at(b"/still/c")), ops.delete(at(b"/none")), ops.set_data(at(b"/stays"), b"2"),
                           ops.delete(at(b"/stays/new")), ops.create(at(b"/below/it/too")),
                           ops.delete(at(b"/below/it/too")), session=SOMEBODY_ELSE)


def re_arming_from_zero_and_from_the_future():
    yield from tree(b"/w", b"/p", b"/r")
    paths = (at(b"/w"), at(b"/none"))
    for zxid in (0, -1, 2 ** 62):
        for more in ((None, None), ((at(b"/p"), at(b"/no/p")), (at(b"/r"), at(b"/no/r")))):
            yield from ask(ops.set_watches(paths, paths, paths, zxid, *more), ops.set_data(at(b"/w"), b""))
            yield from again()


def re_arming_nothing_or_badly():
    yield from tree()
    yield from ask(ops.set_watches(), ops.set_watches(persistent=()), ops.set_watches((b"bad",)),
                   ops.set_watches(None, None, None), ops.set_watches((None,)), ops.exists(BASE))


def one_change_for_several_sessions():
    yield from tree(b"/w")
    for session in (1, 2, 3):
        yield from ask(ops.get_data(at(b"/w"), True), ops.get_children(BASE, True), session=session)
    yield from ask(ops.delete(at(b"/w")))


def ephemerals_that_go_fire():
    yield from tree(b"/w")
    yield from ask(ops.create(at(b"/w/0"), flags=1), session=1)
    yield from ask(ops.get_children(at(b"/w"), True), ops.exists(at(b"/w/0"), True), ops.add_watch(BASE, 1))
    yield from ask(ops.close_session(), session=1)
    yield from ask(ops.get_children2(at(b"/w")))


def container_and_ttl_events():
    yield from tree()
    yield from ask(ops.get_children(BASE, True), ops.exists(at(b"/c"), True), ops.create_container(at(b"/c")),
                   ops.get_children(BASE, True), ops.exists(at(b"/t"), True), ops.create_ttl(at(b"/t")))
