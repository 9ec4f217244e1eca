"""The client's side of SASL's DIGEST-MD5 (RFC 2831), good and bad."""

import hashlib
import re

CNONCE = b"OA6MHXh6VqTrRk"


def _hex(data):
    return hashlib.md5(data).hexdigest().encode()


def directives(challenge):
    """What a challenge says, by name."""
    return {name: value for name, quoted, plain in re.findall(rb'([\w-]+)=(?:"([^"]*)"|([^,]*))', challenge)
            for value in (quoted or plain,)}


def parts(token):
    """What a token of a server says, in any order, without what is drawn anew each time."""
    return token and sorted(re.sub(rb'nonce="[^"]{20,}"', b"nonce=<fresh>", token).split(b","))


def answer(challenge, user, password, **changed):
    """(response to the challenge, proof that the server must give). What is changed replaces directives; None leaves
    one out. The digest is of the changed ones."""
    said = directives(challenge)
    values = {"charset": b"utf-8", "username": user, "realm": said.get(b"realm", b""), "nonce": said.get(b"nonce", b""),
              "nc": b"00000001", "cnonce": CNONCE, "digest_uri": b"zookeeper/zk-sasl-md5", "maxbuf": b"65536",
              "qop": b"auth", "authzid": None, "response": b""}
    values.update({name: value for name, value in changed.items() if name != "response"})
    use = {name: value or b"" for name, value in values.items()}
    secret = hashlib.md5(b":".join((use["username"], use["realm"], password))).digest()
    first = b":".join((secret, use["nonce"], use["cnonce"], *((use["authzid"],) if values["authzid"] else ())))

    def digest(method):
        second = _hex(method + b":" + use["digest_uri"])
        return _hex(b":".join((_hex(first), use["nonce"], use["nc"], use["cnonce"], use["qop"], second)))
    values["response"] = changed.get("response", digest(b"AUTHENTICATE"))
    plain = ("charset", "nc", "maxbuf", "response", "qop")
    parts = [name.replace("_", "-").encode() + b"=" + (value if name in plain else b'"' + value + b'"')
             for name, value in values.items() if value is not None]
    return b",".join(parts), b"rspauth=" + digest(b"")
