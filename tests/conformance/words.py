"""Compares the answers to four-letter words: which lines, in which order, of which form.

What a server measures, or is called, or where it lives, becomes a mark; what follows from the requests stays.
"""

import re

# Lines that follow from the requests alone, but for addresses and ids, are compared with their numbers.
EXACT = frozenset({b"ruok", b"isro", b"wchs", b"gtmk", b"srst", b"crst"})

_MARKS = (
    (rb"(?m)^(Zookeeper version:|Environment:).*$", rb"\1 <...>"),
    (rb"(?m)^(zk_version\t).*$", rb"\1<version>"),
    (rb"(?m)^(zk_server_state\t).*$", rb"\1<state>"),
    (rb"(?m)^((?:dataDir|dataLogDir|clientPortAddress)=).*$", rb"\1<path>"),
    (rb"(?m)^((?:host|java|os|user|zookeeper)[.\w]*=).*$", rb"\1<text>"),
    (rb"/?127\.0\.0\.1:\d+", b"<address>"),
    (rb"0x[0-9a-f]+", b"<hex>"),
    (rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} \d.*", b"<date>"),
    (rb"-?\d+(?:\.\d+)?(?:E-?\d+)?|NaN", b"#"),
)


# What dashboards read of mntr; the rest is about the inside of the Java server.
MNTR_KEYS = (
    "version server_state ephemerals_count num_alive_connections avg_latency min_latency max_latency znode_count"
    " outstanding_requests packets_sent packets_received watch_count approximate_data_size global_sessions uptime"
    " open_file_descriptor_count max_file_descriptor_count").split()


def form(word, text):
    """The answer with marks for what differs by nature, and what comes from hash tables in a fixed order."""
    for pattern, mark in _MARKS[:-1] if word in EXACT else _MARKS:
        text = re.sub(pattern, mark, text)
    # In which bucket of time a session expires is chance.
    lines = [line for line in text.split(b"\n") if b" expire at " not in line]
    blocks = [(b"", [])]
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            blocks[-1][1].append(line)
        else:
            blocks.append((line, []))
    if word in (b"wchc", b"wchp"):
        blocks.sort(key=lambda block: (block[0], sorted(block[1])))
    return b"\n".join(b"\n".join([head, *sorted(inner)]) for head, inner in blocks)


def monitors_the_same(_, target):
    """Whether a mntr answer has all keys that people look at."""
    keys = {line.partition(b"\t")[0].decode("latin-1") for line in target.split(b"\n")}
    return all("zk_" + key in keys for key in MNTR_KEYS)


def lists_properties(_, target):
    """Whether an envi answer is a list of properties."""
    head, *lines = target.rstrip(b"\n").split(b"\n")
    return head == b"Environment:" and all(b"=" in line for line in lines)


def _dumped(text):
    """What a dump tells: how many sessions there are, whose ephemerals are which, and the connections."""
    sessions, _, rest = form(b"dump", text).partition(b"ephemeral nodes dump:\n")
    ephemerals, _, connections = rest.partition(b"Connections dump:\n")
    return sessions.count(b"<hex>"), ephemerals, sorted(re.findall(rb"\tip: .*", connections))


def dumps_the_same(reference, target):
    """Whether two dumps tell the same, but for the times at which sessions and connections expire."""
    return _dumped(reference) == _dumped(target)


def _watched(text):
    """The lines of a list of watches, but for those on no path, which ZooKeeper forgets to remove."""
    text = re.sub(rb"(?m)^(?:null\n(?:\t.*\n)+|\tnull\n)", b"", text)
    return set(form(b"wchp", text).split(b"\n"))


def shows_all_watches(reference, target):
    """Whether a list of watches has all that the reference's has."""
    return _watched(reference) <= _watched(target)


def summary_of_the_same_form(reference, target):
    """Whether two summaries of watches are equal but for the numbers."""
    return form(b"", reference) == form(b"", target)


def difference(word, reference, target):
    """What differs between two answers, line by line; None if nothing does."""
    ours, theirs = form(word, reference).split(b"\n"), form(word, target).split(b"\n")
    if ours == theirs:
        return None
    lines = [f"- {line.decode('latin-1')}" for line in ours if line not in theirs]
    lines += [f"+ {line.decode('latin-1')}" for line in theirs if line not in ours]
    return "the lines differ (-: the reference's, +: the target's)\n" + "\n".join(lines or ["in their order or number"])
