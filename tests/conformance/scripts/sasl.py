"""Identities proved by SASL (DIGEST-MD5), and ACLs that name them. The users are setups.SASL_USERS."""

import operations as ops
import wire
from operations import BASE
from scripts import again, ask, at, log_in, tree
from steps import Login
from wire import ALL, READ

BOB = ((ALL, b"sasl", b"bob"),)


def a_good_login():
    yield from tree()
    yield Login(0, b"bob", b"bobsecret")
    yield from ask(ops.who_am_i(), ops.create(at(b"/mine"), b"d", wire.CREATOR_ACL), ops.get_acl(at(b"/mine")),
                   ops.get_data(at(b"/mine")), ops.set_data(at(b"/mine"), b"e"))
    yield from ask(ops.get_data(at(b"/mine")), ops.who_am_i(), session=1)
    yield Login(1, b"alice", b"alicesecret")
    yield from ask(ops.get_data(at(b"/mine")), ops.who_am_i(), session=1)


def a_wrong_password():
    yield from tree()
    yield Login(0, b"bob", b"wrong")
    yield from ask(ops.who_am_i(), ops.exists(BASE))


def an_unknown_user():
    yield from tree()
    yield Login(0, b"mallory", b"mallorys")
    yield from ask(ops.who_am_i(), ops.exists(BASE))


def an_unknown_user_with_the_password_of_another():
    yield Login(0, b"bob", b"bobsecret")
    yield Login(1, b"mallory", b"bobsecret")


def acls_of_users():
    yield from tree()
    for number, acl in enumerate((BOB, ((READ, b"sasl", b"bob"), (ALL, b"sasl", b"alice")), ((ALL, b"sasl", b""),),
                                  ((ALL, b"sasl", b"a b"),), ((ALL, b"sasl", b"bob@REALM"),), ((ALL, b"sasl", b"bob/host"),),
                                  ((ALL, b"sasl", b"nobody"),))):
        yield from ask(ops.create(at(b"/%d" % number), b"d", acl), ops.get_acl(at(b"/%d" % number)))
    for session, user in enumerate((b"bob", b"alice"), 1):
        yield Login(session, user, user + b"secret")
        for number in range(7):
            yield from ask(ops.get_data(at(b"/%d" % number)), ops.set_data(at(b"/%d" % number), user), session=session)


def several_identities():
    yield from tree()
    yield from log_in(b"carol:pw")
    yield Login(0, b"bob", b"bobsecret")
    yield from ask(ops.who_am_i(), ops.create(at(b"/x"), b"", wire.CREATOR_ACL), ops.get_acl(at(b"/x")))


def identities_go_with_the_connection():
    yield from tree()
    yield Login(0, b"bob", b"bobsecret")
    yield from ask(ops.create(at(b"/x"), b"d", BOB), ops.get_data(at(b"/x")))
    yield from again()
    yield from ask(ops.get_data(at(b"/x")), ops.who_am_i())
    yield Login(0, b"bob", b"bobsecret")
    yield from ask(ops.get_data(at(b"/x")))


def a_second_login():
    yield Login(0, b"bob", b"bobsecret")
    yield Login(0, b"alice", b"alicesecret")
    yield from ask(ops.who_am_i())


def _changed(**changed):
    yield Login(0, b"bob", b"bobsecret", tuple(changed.items()))
    yield from ask(ops.who_am_i())
    yield from again()


def answers_with_something_wrong():
    for changed in ({"response": b"0" * 32}, {"response": b"short"}, {"nonce": b"x" * 40}, {"nonce": None},
                    {"realm": b"elsewhere"}, {"nc": b"00000002"}, {"nc": None}, {"cnonce": None},
                    {"qop": b"auth-int"}, {"qop": None}, {"charset": None}, {"maxbuf": None}, {"digest_uri": None},
                    {"digest_uri": b"http/other"}, {"username": None}, {"charset": b"ascii"}, {"other": b"x"},
                    {"response": None}):
        yield from _changed(**changed)


def an_answer_without_a_realm():
    yield from _changed(realm=None)


def an_answer_for_another_host():
    yield from _changed(digest_uri=b"zookeeper/elsewhere")


def on_behalf_of_others():
    for name in (b"bob", b"alice", b""):
        yield from _changed(authzid=name)


def tokens_that_are_none():
    for token in (b"username=bob", b"\x00\xff", b"=", b",,,", b"x" * 5000, None):
        yield from ask(ops.sasl(b""), ops.sasl(token), ops.who_am_i(), session=1)


def an_answer_without_a_question():
    for token in (b"username=bob", None):
        yield from ask(ops.sasl(token), ops.who_am_i())


def by_add_auth():
    yield from ask(ops.auth(b"sasl", b"bob"), ops.who_am_i())
