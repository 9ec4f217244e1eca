"""Hand-written sequences: each public function of a module is one, and its name says what it is about."""

import operations as ops
from operations import BASE
from steps import Ask, Reopen


def at(suffix=b""):
    """A path below the base of the sequence."""
    return BASE + suffix


def ask(*requests, session=0):
    """The requests one after the other on one session."""
    return [Ask(session, request) for request in requests]


def tree(*suffixes):
    """Creates the base and nodes below it."""
    return ask(ops.create(BASE), *(ops.create(at(suffix), b"data" + suffix) for suffix in suffixes))


def log_in(*users, session=0):
    return ask(*(ops.auth(b"digest", user) for user in users), session=session)


def again(session=0, **how):
    """Cuts the connection and re-attaches."""
    return [Reopen(session, drop=True, **how)]
