"""What only a server that is alone answers so."""

import operations as ops
from operations import BASE
from scripts import ask, log_in, tree
from zkserver import SUPER_PASSWORD


def reconfig_of_a_standalone_server():
    yield from tree()
    for request in (ops.reconfig(), ops.reconfig(b"server.9=127.0.0.1:1:2:participant;3"), ops.reconfig(None, b"9"),
                    ops.reconfig(None, None, b"server.9=127.0.0.1:1:2:participant;3"), ops.reconfig(config_id=1)):
        yield from ask(request)
    yield from log_in(SUPER_PASSWORD)
    for request in (ops.reconfig(), ops.reconfig(b"server.9=127.0.0.1:1:2:participant;3"), ops.reconfig(None, b"9")):
        yield from ask(request)
    yield from ask(ops.get_data(b"/zookeeper/config"), ops.exists(BASE))
