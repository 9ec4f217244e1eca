#!/usr/bin/env python3
"""Tests of the comparison itself: two real servers come out equal, one that is altered on the way does not.

Starts two servers once; takes some seconds. Run it as it is, or by `python3 -m unittest selftest`.
"""

import contextlib
import pathlib
import random
import struct
import sys
import time
import unittest

import accepted
import digest_md5
import operations as ops
import steps
import wire
import words
import zkserver
from compare import Comparison, Difference
from generator import Generator
from jute import Malformed, Reader, Writer
from mapping import Bijection, Clock, Mapping, MonotoneBijection
from operations import BASE
from proxy import Proxy
from replies import Field
from runner import Runner
from scripts import ask, at, tree
from world import Observation

EVENT = struct.pack(">iq", wire.XID_NOTIFICATION, -1)


class Jute(unittest.TestCase):
    def test_what_was_written_is_read(self):
        data = Writer().int(-5).long(2 ** 40).buffer(None).buffer(b"abc").boolean(True).bytes()
        reader = Reader(data)
        self.assertEqual((reader.int(), reader.long(), reader.buffer(), reader.buffer(), reader.byte()),
                         (-5, 2 ** 40, None, b"abc", 1))
        self.assertEqual(reader.left(), 0)

    def test_too_few_bytes_are_malformed(self):
        for data in (b"", b"\0\0\0", b"\0\0\0\x05abc", b"\xff\xff\xff\xfe"):
            with self.assertRaises(Malformed):
                Reader(data).buffer()


class Mappings(unittest.TestCase):
    def test_a_pair_once_learnt_stays(self):
        pairs = Bijection()
        self.assertTrue(pairs.agrees(10, 77))
        self.assertTrue(pairs.agrees(10, 77))
        self.assertFalse(pairs.agrees(10, 78))
        self.assertFalse(pairs.agrees(11, 77))

    def test_zero_and_negative_values_stand_for_themselves(self):
        pairs = Bijection()
        self.assertTrue(pairs.agrees(0, 0))
        self.assertTrue(pairs.agrees(-1, -1))
        self.assertFalse(pairs.agrees(0, 5))
        self.assertFalse(pairs.agrees(5, -1))

    def test_zxids_keep_their_order(self):
        zxids = MonotoneBijection()
        self.assertTrue(zxids.agrees(10, 1000))
        self.assertTrue(zxids.agrees(20, 2000))
        self.assertTrue(zxids.agrees(15, 1500))
        self.assertFalse(zxids.agrees(16, 1400))
        self.assertFalse(zxids.agrees(30, 1999))

    def test_a_zxid_that_was_not_taken_is_skipped(self):
        zxids = MonotoneBijection()
        self.assertTrue(zxids.agrees(10, 1000))
        self.assertTrue(zxids.stands_still(11, 1000))
        self.assertTrue(zxids.agrees(11, 1000))
        self.assertTrue(zxids.agrees(12, 1001))
        self.assertFalse(zxids.stands_still(13, 1000))
        self.assertFalse(zxids.stands_still(12, 1001))

    def test_times_belong_to_transactions_and_do_not_go_back(self):
        now = int(time.time() * 1000)
        clock = Clock()
        self.assertTrue(clock.plausible(0, 0))
        self.assertTrue(clock.plausible(now, 5))
        self.assertFalse(clock.plausible(now + 1, 5))
        self.assertFalse(clock.plausible(now - 1, 6))
        self.assertTrue(clock.plausible(now, 6))
        self.assertFalse(clock.plausible(0, 7))
        self.assertFalse(clock.plausible(now, 0))
        self.assertFalse(clock.plausible(now + 10 ** 8, 9))


class Words(unittest.TestCase):
    def test_numbers_are_marked_but_lines_count(self):
        self.assertIsNone(words.difference(b"srvr", b"Received: 5\nSent: 6\n", b"Received: 50\nSent: 7\n"))
        self.assertIsNotNone(words.difference(b"srvr", b"Received: 5\nSent: 6\n", b"Received: 5\n"))
        self.assertIsNotNone(words.difference(b"srvr", b"Received: 5\nSent: 6\n", b"Sent: 6\nReceived: 5\n"))

    def test_dumps_tell_the_same_sessions_and_ephemerals(self):
        head, own = b"SessionTracker dump:\n", b"ephemeral nodes dump:\nSessions with Ephemerals (1):\n0x1:\n\t/e\n"
        theirs = head + b"Session Sets (6)/(1):\n1 expire at Sat Nov 1:\n\t0x1\n" + own + b"Connections dump:\n"
        ours = head + b"Global Sessions(1):\n0x7\t10000ms\n" + own + b"Connections dump:\n"
        connection = b"\tip: /127.0.0.1:5 sessionId: 0x0\n"
        self.assertTrue(words.dumps_the_same(theirs, ours))
        self.assertTrue(words.dumps_the_same(theirs + connection, ours + connection))
        self.assertFalse(words.dumps_the_same(theirs, ours + connection))
        self.assertFalse(words.dumps_the_same(theirs, ours.replace(b"/e", b"/f")))
        self.assertFalse(words.dumps_the_same(theirs, ours.replace(b"0x7", b"0x7\t1ms\n0x8")))

    def test_numbers_that_follow_from_the_requests_count(self):
        two, three = b"2 connections watching 2 paths", b"2 connections watching 3 paths"
        self.assertIsNotNone(words.difference(b"wchs", two, three))


class Logins(unittest.TestCase):
    def test_the_standards_example(self):
        response, proof = digest_md5.answer(b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh"', b"chris", b"secret",
                                            digest_uri=b"imap/elwood.innosoft.com")
        self.assertIn(b"response=d388dad90d4bbd760a152321f2143af7", response)
        self.assertEqual(proof, b"rspauth=ea40f60335c427b5527b84dbabcdfffd")

    def test_challenges_may_differ_in_the_nonce_alone(self):
        def token(text):
            return Field("token", "token", text)
        one, other, short = (token(b'realm="r",nonce="%s",charset=utf-8' % nonce) for nonce in (b"a" * 40, b"b" * 40, b"c"))
        self.assertTrue(Mapping().same(one, other))
        self.assertFalse(Mapping().same(one, short))
        self.assertFalse(Mapping().same(one, token(other.value.replace(b"=utf-8", b"=ascii"))))
        self.assertTrue(Mapping().same(one, token(b",".join(reversed(other.value.split(b","))))))
        self.assertFalse(Mapping().same(one, token(other.value + b",charset=utf-8")))
        self.assertTrue(accepted.same_challenge(one.value, other.value + b',qop="auth"'))
        self.assertFalse(accepted.same_challenge(one.value, other.value + b',qop="auth-int"'))
        self.assertFalse(Mapping().same(token(b"rspauth=right"), token(b"rspauth=0123")))


class AcceptedDifferences(unittest.TestCase):
    def test_the_documentation_lists_them(self):
        self.assertIn(accepted.listing(), pathlib.Path(__file__).with_name("README.md").read_text())

    def test_a_sequence_may_end_with_its_own_difference_alone(self):
        one = accepted.KEPT[0]
        name = one.sequences[0]
        self.assertIs(accepted.kept(name, Difference(one.signature, "")), one)
        self.assertIsNone(accepted.kept(name, Difference(("create", "reply", "reply", "zxid"), "")))
        self.assertIsNone(accepted.kept("another", Difference(one.signature, "")))

    def test_events_that_are_more_are_accepted_before_setWatches2_alone(self):
        event = Observation(0, "event", EVENT + struct.pack(">iiii", 0, 3, 3, 0))
        for op, found in ((wire.SET_WATCHES2, False), (wire.SET_WATCHES, True)):
            answer = Observation(0, "reply", struct.pack(">iqi", -8, 5, 0), ops.raw(op, b""))
            self.assertIs(Comparison().step([answer], [event, answer]) is not None, found)
            self.assertIsNotNone(Comparison().step([event, answer], [answer]))


    def test_events_may_overtake_writes_and_no_reads(self):
        event = Observation(0, "event", EVENT + struct.pack(">iiii", 0, 3, 3, 0))

        def answer(op, xid, body=b""):
            return Observation(0, "reply", struct.pack(">iqi", xid, 5, 0) + body, ops.raw(op, b""))
        delete, check = answer(wire.DELETE, 1), answer(wire.DELETE, 2)
        self.assertIsNone(Comparison().step([delete, event, check], [event, delete, check]))
        self.assertIsNotNone(Comparison().step([event, delete, check], [delete, event, check]))
        ping = answer(wire.PING, 1)
        self.assertIsNotNone(Comparison().step([ping, event, check], [event, ping, check]))


class Generated(unittest.TestCase):
    def test_a_seed_makes_the_same_sequence_again(self):
        one, other = (Generator(random.Random("7/1")).sequence(300) for _ in range(2))
        self.assertEqual(one, other)

    def test_nothing_is_sent_that_ends_the_real_server(self):
        for number in range(20):
            for step in Generator(random.Random(number)).sequence(300):
                for request in getattr(step, "requests", ()) or (getattr(step, "request", None),):
                    self.assertNotEqual(getattr(request, "op", None), wire.CHECK)


def _passing():
    """Alters nothing."""
    return lambda payload: [payload]


def _reply_to(payload, xid):
    return len(payload) >= 16 and struct.unpack_from(">i", payload)[0] == xid


class Altered(unittest.TestCase):
    """Each alteration of one server's answers is found, and the sequence that shows it becomes short."""

    SEQUENCE = tuple(tree(b"/a")) + tuple(
        ask(ops.get_data(at(b"/a"), True), ops.exists(at(b"/b"), True))
        + ask(ops.set_data(at(b"/a"), b"1"), ops.create(at(b"/b"), flags=wire.EPHEMERAL), session=1)
        + ask(ops.get_data(at(b"/a")), ops.exists(at(b"/b")), ops.get_children2(BASE), ops.create(at(b"/a")))
        + [steps.Reopen(1, drop=True)])

    @classmethod
    def setUpClass(cls):
        cls.servers = contextlib.ExitStack()
        cls.reference, cls.other = (cls.servers.enter_context(zkserver.zookeeper()) for _ in range(2))

    @classmethod
    def tearDownClass(cls):
        cls.servers.close()

    def run_altered(self, alter, sequence=SEQUENCE):
        with Proxy(self.other.addresses[0], alter) as proxy:
            runner = Runner(self.reference, zkserver.Running([proxy.address]))
            failure = runner.run("altered", sequence)
            return failure, runner

    def assert_found(self, alter, field):
        with Proxy(self.other.addresses[0], alter) as proxy:
            runner = Runner(self.reference, zkserver.Running([proxy.address]), first_base=random.randrange(900_000))
            failure = runner.run("altered", self.SEQUENCE)
            self.assertIsNotNone(failure)
            self.assertIn(field, failure.difference.signature[-1])
            self.assertIn("DIFFERENCE", failure.report())
            shorter = runner.shrink(failure)
            self.assertIsNotNone(shorter)
            self.assertLessEqual(shorter.at, failure.at)

    def test_equal_servers_are_equal(self):
        failure, _ = self.run_altered(_passing)
        self.assertIsNone(failure, failure and failure.report())

    def test_generated_sequences_are_equal(self):
        for number in range(3):
            sequence = Generator(random.Random(number)).sequence(200)
            failure, _ = self.run_altered(_passing, sequence)
            self.assertIsNone(failure, failure and failure.report())

    def test_children_in_another_order_are_accepted(self):
        def alter():
            def change(payload):
                if _reply_to(payload, 7) and payload[16:20] == struct.pack(">i", 2):
                    names = payload[20:-68]
                    first = 4 + struct.unpack_from(">i", names)[0]
                    payload = payload[:20] + names[first:] + names[:first] + payload[-68:]
                return [payload]
            return change
        failure, runner = self.run_altered(alter)
        self.assertIsNone(failure, failure and failure.report())
        self.assertGreater(runner.accepted.get("order of names", 0), 0)

    def test_a_changed_version(self):
        def alter():
            def change(payload):
                if _reply_to(payload, 3) and len(payload) > 84:
                    at_version = len(payload) - 68 + 32
                    payload = payload[:at_version] + struct.pack(">i", 9) + payload[at_version + 4:]
                return [payload]
            return change
        self.assert_found(alter, "stat.version")

    def test_a_changed_error_code(self):
        def alter():
            def change(payload):
                if len(payload) == 16 and payload[12:] == struct.pack(">i", -110):
                    payload = payload[:12] + struct.pack(">i", -8)
                return [payload]
            return change
        self.assert_found(alter, "err")

    def test_a_byte_too_many(self):
        def alter():
            return lambda payload: [payload + b"\0" if _reply_to(payload, 3) else payload]
        self.assert_found(alter, "rest")

    def test_a_lost_event(self):
        def alter():
            return lambda payload: [] if payload.startswith(EVENT) else [payload]
        self.assert_found(alter, "kind")

    def test_an_event_behind_the_next_reply(self):
        def alter():
            kept = []

            def change(payload):
                if payload.startswith(EVENT):
                    kept.append(payload)
                    return []
                late = kept[:]
                kept.clear()
                return [payload, *late]
            return change
        self.assert_found(alter, "kind")

    def test_an_event_of_another_type(self):
        def alter():
            def change(payload):
                if payload.startswith(EVENT):
                    payload = payload[:16] + struct.pack(">i", 4) + payload[20:]
                return [payload]
            return change
        self.assert_found(alter, "type")

    def test_a_zxid_that_stands_still(self):
        def alter():
            seen = []

            def change(payload):
                if len(payload) >= 16 and not payload.startswith(EVENT):
                    xid, zxid = struct.unpack_from(">iq", payload)
                    if xid > 0 and zxid > 0:
                        seen.append(zxid)
                        payload = struct.pack(">iq", xid, seen[0]) + payload[12:]
                return [payload]
            return change
        self.assert_found(alter, "zxid")

    def test_a_time_of_another_transaction(self):
        def alter():
            def change(payload):
                if _reply_to(payload, 3) and len(payload) > 84:
                    at_ctime = len(payload) - 68 + 16
                    (ctime,) = struct.unpack_from(">q", payload, at_ctime)
                    payload = payload[:at_ctime] + struct.pack(">q", ctime + 1_000_000_000) + payload[at_ctime + 8:]
                return [payload]
            return change
        self.assert_found(alter, "ctime")

    def test_an_owner_that_is_another_session(self):
        def alter():
            def change(payload):
                if len(payload) == 84 and any(payload[-28:-20]):
                    payload = payload[:-28] + struct.pack(">q", 12345) + payload[-20:]
                return [payload]
            return change
        self.assert_found(alter, "ephemeralOwner")

    def test_a_session_that_is_another_after_reconnecting(self):
        def alter():
            count = []

            def change(payload):
                if not count:
                    count.append(1)
                    session = random.getrandbits(62) + 1
                    payload = payload[:8] + struct.pack(">q", session) + payload[16:]
                return [payload]
            return change
        failure, _ = self.run_altered(alter)
        self.assertIsNotNone(failure)


if __name__ == "__main__":
    if zkserver.missing():
        print(zkserver.missing(), file=sys.stderr)
        sys.exit(zkserver.SKIPPED_STATUS)
    unittest.main()
