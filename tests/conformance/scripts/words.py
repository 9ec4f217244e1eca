"""Four-letter words. Their numbers differ by nature; the lines, their order and their form must not."""

import operations as ops
from scripts import ask, at, tree
from steps import Word

ALL_WORDS = (b"conf", b"cons", b"dirs", b"dump", b"envi", b"gtmk", b"hash", b"isro", b"mntr", b"ruok", b"srvr", b"stat",
             b"wchc", b"wchp", b"wchs")


def on_an_idle_server():
    for word in ALL_WORDS:
        yield Word(word)


def with_sessions_watches_and_ephemerals():
    yield from tree(b"/a", b"/b")
    yield from ask(ops.create(at(b"/e"), flags=1), ops.get_data(at(b"/a"), True), ops.get_children(at(b"/b"), True),
                   ops.exists(at(b"/none"), True))
    yield from ask(ops.exists(at(b"/a"), True), session=1)
    for word in ALL_WORDS:
        yield Word(word)


def words_that_change_something():
    yield from tree()
    for word in (b"srst", b"crst", b"srvr", b"stat", b"cons"):
        yield Word(word)


def words_that_are_none():
    for word in (b"ruok\n", b"ruokruok", b"stmk\x00\x00\x00\x00\x00\x00\x00\x01", b"RUOK", b"quit"):
        yield Word(word)
