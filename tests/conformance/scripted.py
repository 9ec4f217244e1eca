"""The hand-written sequences, by area. Each area is a module in scripts/ with functions that return steps."""

import inspect


def sequences(areas):
    """The sequences of these modules as (name, steps), in the order of the source."""
    for area in areas:
        functions = [one for name, one in inspect.getmembers(area, inspect.isfunction)
                     if one.__module__ == area.__name__ and not name.startswith("_")]
        functions.sort(key=lambda one: one.__code__.co_firstlineno)
        for function in functions:
            yield f"{area.__name__.rpartition('.')[2]}: {function.__name__}", list(function())
