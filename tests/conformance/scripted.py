"""The hand-written sequences, by area. Each area is a module in scripts/ with functions that return steps."""

import inspect

from scripts import (acls, connections, expiry, malformed, members, multis, nodes, quotas, standalone, system, watches,
                     words)

AREAS = (nodes, acls, multis, watches, connections, malformed, quotas, system)
SLOW_AREAS = (expiry,)
# A member's answers hang on whether it leads.
STANDALONE_AREAS = (standalone, words)
ENSEMBLE_AREAS = (members,)


def sequences(slow, ensemble):
    """All sequences as (name, steps), in the order of the source; those that fit an ensemble, or a single server."""
    for area in AREAS + (ENSEMBLE_AREAS if ensemble else STANDALONE_AREAS) + (SLOW_AREAS if slow else ()):
        functions = [one for name, one in inspect.getmembers(area, inspect.isfunction)
                     if one.__module__ == area.__name__ and not name.startswith("_")]
        functions.sort(key=lambda one: one.__code__.co_firstlineno)
        for function in functions:
            yield f"{area.__name__.rpartition('.')[2]}: {function.__name__}", list(function())
