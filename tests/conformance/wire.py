"""Op codes, error codes and flags of ZooKeeper's protocol, by name."""

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_ACL, SET_ACL, GET_CHILDREN, SYNC = range(1, 10)
PING, GET_CHILDREN2, CHECK, MULTI, CREATE2, RECONFIG, CHECK_WATCHES, REMOVE_WATCHES = range(11, 19)
CREATE_CONTAINER, DELETE_CONTAINER, CREATE_TTL, MULTI_READ = range(19, 23)
AUTH, SET_WATCHES, SASL, GET_EPHEMERALS, GET_ALL_CHILDREN_NUMBER, SET_WATCHES2, ADD_WATCH, WHO_AM_I = range(100, 108)
CREATE_SESSION, CLOSE_SESSION, ERROR = -10, -11, -1

OP_NAMES = {
    0: "notification", CREATE: "create", DELETE: "delete", EXISTS: "exists", GET_DATA: "getData", SET_DATA: "setData",
    GET_ACL: "getACL", SET_ACL: "setACL", GET_CHILDREN: "getChildren", SYNC: "sync", PING: "ping",
    GET_CHILDREN2: "getChildren2", CHECK: "check", MULTI: "multi", CREATE2: "create2", RECONFIG: "reconfig",
    CHECK_WATCHES: "checkWatches", REMOVE_WATCHES: "removeWatches", CREATE_CONTAINER: "createContainer",
    DELETE_CONTAINER: "deleteContainer", CREATE_TTL: "createTTL", MULTI_READ: "multiRead", AUTH: "auth",
    SET_WATCHES: "setWatches", SASL: "sasl", GET_EPHEMERALS: "getEphemerals",
    GET_ALL_CHILDREN_NUMBER: "getAllChildrenNumber", SET_WATCHES2: "setWatches2", ADD_WATCH: "addWatch",
    WHO_AM_I: "whoAmI", CREATE_SESSION: "createSession", CLOSE_SESSION: "closeSession", ERROR: "error",
}

XID_NOTIFICATION, XID_PING, XID_AUTH, XID_SET_WATCHES = -1, -2, -4, -8
FIXED_XIDS = {PING: XID_PING, AUTH: XID_AUTH, SET_WATCHES: XID_SET_WATCHES, SET_WATCHES2: XID_SET_WATCHES}

PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL, CONTAINER, TTL, TTL_SEQUENTIAL = range(7)
READ, WRITE, CREATE_CHILD, DELETE_CHILD, ADMIN, ALL = 1, 2, 4, 8, 16, 31

OPEN_ACL = ((ALL, b"world", b"anyone"),)
READ_ACL = ((READ, b"world", b"anyone"),)
CREATOR_ACL = ((ALL, b"auth", b""),)

# Which of the operations above can change the tree, and so cause events at other sessions.
WRITES = frozenset({CREATE, DELETE, SET_DATA, SET_ACL, CREATE2, MULTI, RECONFIG, CREATE_CONTAINER, DELETE_CONTAINER,
                    CREATE_TTL, CLOSE_SESSION, CREATE_SESSION})


def op_name(code):
    return OP_NAMES.get(code, f"op {code}")
