// What the leader makes of each request: the transaction, or the refusal with the error that ZooKeeper's order of
// checks gives, looking at what is applied and at what is only proposed. proposer_model_test.cpp compares at random.
#include "actors/proposer.hpp"

#include "tests/catch.hpp"
#include "tests/logic/single_node.hpp"

using namespace troupe;
using namespace troupe::testing;
using Kind = schema::NodeKind;

namespace {

constexpr SessionId alice{0x0100000000000001}, bob{0x0200000000000001}, ensemble{0};

/// A node with two sessions. Everything that the tests ask is pending unless they use run().
struct Fixture : SingleNode {
  Fixture() {
    run({alice, 0, OpenSession{}});
    run({bob, 0, OpenSession{}});
  }
  Error ask(const Op& op, SessionId session = alice, const Identities& identities = {}) {
    return answer({session, ++number_, op, identities});
  }
  std::string created(const Create& create) {
    const auto proposal = prepare({alice, ++number_, create});
    const FlatReader<schema::Txn> txn(proposal->txn);
    REQUIRE(txn.root().isChange());
    return txn.root().getChange().getCreate().getPath();
  }

 private:
  std::uint64_t number_ = 0;
};

store::AclList digest(std::uint32_t perms, const std::string& id = "bob:x") { return {{perms, "digest", id}}; }

}  // namespace

TEST_CASE_METHOD(Fixture, "A transaction says who asked, when and what happens") {
  const auto proposal = prepare({alice, 7, Create{"/a", "data"}, {}, true, 5}, 1'234);
  const FlatReader<schema::Txn> txn(proposal->txn);
  CHECK(txn.root().getZxid() == proposal->zxid.value);
  CHECK(txn.root().getTime() == 1'234);
  CHECK(txn.root().getSession() == alice.value);
  CHECK(txn.root().getNumber() == 7);
  CHECK(txn.root().getNumbered());
  CHECK(txn.root().getAnswered() == 5);
  const auto create = txn.root().getChange().getCreate();
  CHECK(create.getPath() == "/a");
  CHECK(create.getData() == capnp::Data::Reader(kj::StringPtr("data").asBytes()));
  CHECK(create.getOwner() == 0);
  CHECK(create.getKind() == Kind::PERSISTENT);
  CHECK(create.getAcl().size() == 0);  // open to all
}

TEST_CASE_METHOD(Fixture, "No data and empty data are two things") {
  const auto none = prepare({alice, 1, Create{"/a", std::nullopt}});
  const auto empty = prepare({alice, 2, Create{"/b", ""}});
  CHECK_FALSE(FlatReader<schema::Txn>(none->txn).root().getChange().getCreate().hasData());
  CHECK(FlatReader<schema::Txn>(empty->txn).root().getChange().getCreate().hasData());
}

TEST_CASE_METHOD(Fixture, "The time of transactions does not go back, nor under a new leader with a slow clock") {
  CHECK(run({alice, 1, Create{"/a"}}, 5'000).stat.ctime == 5'000);
  CHECK(run({alice, 2, Create{"/b"}}, 4'000).stat.ctime == 5'000);
  restart_proposer();
  CHECK(run({alice, 3, Create{"/c"}}, 4'000).stat.ctime == 5'000);
}

TEST_CASE_METHOD(Fixture, "A refused request is a transaction that changes nothing") {
  const auto proposal = prepare({alice, 9, Delete{"/a"}});
  const FlatReader<schema::Txn> txn(proposal->txn);
  REQUIRE(txn.root().isRefused());
  CHECK(txn.root().getNumber() == 9);
  CHECK(txn.root().getRefused().getError() == static_cast<int>(Error::no_node));
  CHECK(txn.root().getRefused().getOperations() == 0);
}

TEST_CASE_METHOD(Fixture, "create: what comes first in ZooKeeper's order of checks is what is answered") {
  ask(Create{"/closed", {}, Kind::PERSISTENT, digest(store::perm::all)});
  ask(Create{"/ephemeral", {}, Kind::EPHEMERAL});
  CHECK(ask(Create{"no slash", {}, Kind::TTL, {}, 0}) == Error::bad_arguments);
  CHECK(ask(Create{"no slash", {}, Kind::PERSISTENT, {}}) == Error::bad_arguments);
  CHECK(ask(Create{"/missing/..", {}, Kind::PERSISTENT, {}}) == Error::invalid_acl);
  CHECK(ask(Create{"/missing/.."}) == Error::no_node);
  CHECK(ask(Create{"/missing/"}) == Error::no_node);
  CHECK(ask(Create{"relative/a"}) == Error::no_node);
  CHECK(ask(Create{"/closed/.."}) == Error::no_auth);
  CHECK(ask(Create{"/ephemeral/.."}) == Error::bad_arguments);
  CHECK(ask(Create{"/ephemeral/"}) == Error::bad_arguments);
  CHECK(ask(Create{"/ephemeral"}) == Error::node_exists);
  CHECK(ask(Create{"/ephemeral/a"}) == Error::no_children_for_ephemerals);
  CHECK(ask(Create{"/"}) == Error::node_exists);
  CHECK(ask(Create{std::string("/a\0b", 4)}) == Error::bad_arguments);
  CHECK(ask(Create{"/a\nb"}) == Error::bad_arguments);
}

TEST_CASE_METHOD(Fixture, "The time to live is 1 ms to 2^40 - 1 ms, and of ttl znodes alone") {
  const auto ttl = [&](Kind kind, std::int64_t ms) { return ask(Create{"/t", {}, kind, open_acl, ms}); };
  CHECK(ttl(Kind::TTL, 0) == Error::bad_arguments);
  CHECK(ttl(Kind::TTL, -1) == Error::bad_arguments);
  CHECK(ttl(Kind::TTL_SEQUENTIAL, 1ll << 40) == Error::bad_arguments);
  CHECK(ttl(Kind::PERSISTENT, 1) == Error::bad_arguments);
  CHECK(ttl(static_cast<Kind>(8), 0) == Error::bad_arguments);
  CHECK(ttl(Kind::TTL, (1ll << 40) - 1) == Error::ok);
  CHECK(ttl(Kind::TTL_SEQUENTIAL, 1) == Error::ok);
}

TEST_CASE_METHOD(Fixture, "A sequential znode's number counts all creations of its parent") {
  ask(Create{"/q"});
  CHECK(created({"/q/n-", {}, Kind::PERSISTENT_SEQUENTIAL}) == "/q/n-0000000000");
  CHECK(created({"/q/plain"}) == "/q/plain");
  CHECK(created({"/q/", {}, Kind::EPHEMERAL_SEQUENTIAL}) == "/q/0000000002");
  CHECK(ask(Delete{"/q/plain"}) == Error::ok);
  CHECK(ask(Create{"/q/n-0000000000"}) == Error::node_exists);
  CHECK(created({"/q/n-", {}, Kind::TTL_SEQUENTIAL, open_acl, 5}) == "/q/n-0000000003");
}

TEST_CASE_METHOD(Fixture, "delete: the order of checks") {
  ask(Create{"/p"});
  ask(Create{"/p/c"});
  ask(Create{"/p/c/d"});
  ask(Create{"/closed", {}, Kind::PERSISTENT, digest(store::perm::all)});
  CHECK(ask(Delete{"no slash"}) == Error::bad_arguments);
  for (const char* special : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    CHECK(ask(Delete{special}) == Error::bad_arguments);
  }
  CHECK(ask(Delete{"/missing/a"}) == Error::no_node);
  CHECK(ask(Delete{"/closed/a"}) == Error::no_auth);
  CHECK(ask(Delete{"/p/missing"}) == Error::no_node);
  CHECK(ask(Delete{"/p/"}) == Error::no_node);
  CHECK(ask(Delete{"/p/c", 3}) == Error::bad_version);
  CHECK(ask(Delete{"/p/c", 0}) == Error::not_empty);
  CHECK(ask(Delete{"/p/c/d", 0}) == Error::ok);
  CHECK(ask(Delete{"/p/c", -1}) == Error::ok);
  CHECK(ask(Delete{"/p/c", -1}) == Error::no_node);
  CHECK(ask(Delete{"/closed"}) == Error::ok);  // it is the parent that must permit it
}

TEST_CASE_METHOD(Fixture, "setData: the order of checks, and versions that count pending changes") {
  ask(Create{"/a"});
  ask(Create{"/ro", {}, Kind::PERSISTENT, {{store::perm::read, "world", "anyone"}}});
  CHECK(ask(SetData{"/a/", "x"}) == Error::bad_arguments);
  CHECK(ask(SetData{"/missing", "x", 5}) == Error::no_node);
  CHECK(ask(SetData{"/ro", "x", 5}) == Error::no_auth);
  CHECK(ask(SetData{"/a", "x", 1}) == Error::bad_version);
  CHECK(ask(SetData{"/a", "x", 0}) == Error::ok);
  CHECK(ask(SetData{"/a", "x", 0}) == Error::bad_version);
  CHECK(ask(SetData{"/a", "x", 1}) == Error::ok);
  CHECK(ask(SetData{"/a", "x"}) == Error::ok);
  CHECK(ask(SetData{"/a", "x", 3}) == Error::ok);
}

TEST_CASE_METHOD(Fixture, "setACL: the order of checks, against the version of the list") {
  ask(Create{"/a"});
  ask(Create{"/ro", {}, Kind::PERSISTENT, {{store::perm::read | store::perm::write, "world", "anyone"}}});
  CHECK(ask(SetAcl{"/a/", {}}) == Error::bad_arguments);
  CHECK(ask(SetAcl{"/missing", {}}) == Error::invalid_acl);
  CHECK(ask(SetAcl{"/missing"}) == Error::no_node);
  CHECK(ask(SetAcl{"/ro", open_acl, 7}) == Error::no_auth);
  ask(SetData{"/a", "x"});
  CHECK(ask(SetAcl{"/a", open_acl, 1}) == Error::bad_version);
  CHECK(ask(SetAcl{"/a", open_acl, 0}) == Error::ok);
  CHECK(ask(SetAcl{"/a", open_acl, 1}) == Error::ok);
}

TEST_CASE_METHOD(Fixture, "A list that is not applied yet is in force") {
  CHECK(ask(Create{"/b", {}, Kind::PERSISTENT, digest(store::perm::all)}) == Error::ok);
  CHECK(ask(SetData{"/b", "x"}, alice, {{"digest", "alice:x"}}) == Error::no_auth);
  CHECK(ask(SetData{"/b", "x"}, bob, {{"ip", "::1"}, {"digest", "bob:x"}}) == Error::ok);
  CHECK(ask(SetData{"/b", "x"}, alice, {{"super", ""}}) == Error::ok);
  CHECK(ask(SetAcl{"/b"}, bob, {{"digest", "bob:x"}}) == Error::ok);
  CHECK(ask(SetData{"/b", "x"}) == Error::ok);
}

TEST_CASE_METHOD(Fixture, "auth in a list is the creator's identities, in the transaction too") {
  const auto proposal =
      prepare({alice, 1, Create{"/a", {}, Kind::PERSISTENT, {{31, "auth", ""}}}, {{"digest", "alice:x"}}});
  const FlatReader<schema::Txn> txn(proposal->txn);
  const auto acl = txn.root().getChange().getCreate().getAcl();
  REQUIRE(acl.size() == 1);
  CHECK(acl[0].getScheme() == "digest");
  CHECK(acl[0].getId() == "alice:x");
  CHECK(ask(Create{"/b", {}, Kind::PERSISTENT, {{31, "auth", ""}}}, alice, {{"ip", "::1"}}) == Error::invalid_acl);
}

TEST_CASE_METHOD(Fixture, "check stands in a multi alone, and needs READ") {
  ask(Create{"/a"});
  ask(Create{"/w", {}, Kind::PERSISTENT, {{store::perm::write, "world", "anyone"}}});
  CHECK(ask(Check{"/a"}) == Error::bad_arguments);
  const auto check = [&](const Check& op) { return answer({alice, 1, Multi{{op}}}); };
  CHECK(check({"/a", 0}) == Error::ok);
  CHECK(check({"/a", 1}) == Error::bad_version);
  CHECK(check({"/missing"}) == Error::no_node);
  CHECK(check({"/w"}) == Error::no_auth);
  CHECK(check({"/a/"}) == Error::bad_arguments);
}

TEST_CASE_METHOD(Fixture, "In a multi each operation sees those before it") {
  CHECK(answer({alice, 1,
                Multi{{Create{"/a"}, Create{"/a/b"}, SetData{"/a/b", "x", 0}, Check{"/a/b", 1}, Delete{"/a/b", 1},
                       Delete{"/a"}}}}) == Error::ok);
  CHECK(ask(SetData{"/a", "x"}) == Error::no_node);
}

TEST_CASE_METHOD(Fixture, "A multi that fails leaves nothing behind") {
  ask(Create{"/p"});
  ask(SetData{"/p", "x"});
  const auto pending = proposer().pending();
  const auto proposal = prepare(
      {alice, 3,
       Multi{{Create{"/p/n-", {}, Kind::EPHEMERAL_SEQUENTIAL}, SetData{"/p", "y"}, Delete{"/p", 9}, Create{"/q"}}}});
  const FlatReader<schema::Txn> txn(proposal->txn);
  REQUIRE(txn.root().isRefused());
  CHECK(txn.root().getRefused().getError() == static_cast<int>(Error::bad_version));
  CHECK(txn.root().getRefused().getOperations() == 4);
  CHECK(txn.root().getRefused().getFailed() == 2);
  CHECK(proposer().pending() == pending);
  CHECK(ask(SetData{"/p", "x", 1}) == Error::ok);
  CHECK(created({"/p/n-", {}, Kind::PERSISTENT_SEQUENTIAL}) == "/p/n-0000000000");
}

TEST_CASE_METHOD(Fixture, "An empty multi is granted") { CHECK(answer({alice, 1, Multi{}}) == Error::ok); }

TEST_CASE_METHOD(Fixture, "A session that is not there cannot ask for anything") {
  const SessionId carol{77};
  CHECK(ask(Create{"/a"}, carol) == Error::session_expired);
  CHECK(answer({carol, 1, Multi{{Create{"/a"}}}}) == Error::session_expired);
  CHECK(answer({carol, 1, CloseSession{}}) == Error::session_expired);
  CHECK(answer({carol, 1, OpenSession{}}) == Error::ok);  // pending is enough
  CHECK(ask(Create{"/a"}, carol) == Error::ok);
  CHECK(answer({carol, 1, OpenSession{}}) == Error::invalid_state);
  CHECK(answer({carol, 2, CloseSession{}}) == Error::ok);
  CHECK(ask(Create{"/b"}, carol) == Error::session_expired);
  CHECK(answer({carol, 3, CloseSession{}}) == Error::session_expired);
  CHECK(answer({ensemble, 1, OpenSession{}}) == Error::bad_arguments);
}

TEST_CASE_METHOD(Fixture, "A session that only its node knows need not be there, but owns nothing") {
  const SessionId carol{77};
  const auto local = [&](auto what, bool numbered = false) {
    return Ask{.session = carol, .number = 5, .what = what, .numbered = numbered, .local = true};
  };
  CHECK(answer(local(Create{"/a"})) == Error::ok);
  CHECK(answer(local(Multi{{SetData{"/a", "x"}, Create{"/b"}}})) == Error::ok);
  CHECK(answer(local(Multi{{Create{"/c"}, Create{"/e", {}, Kind::EPHEMERAL}}})) == Error::ephemeral_on_local_session);
  CHECK(answer(local(Create{"/none/e", {}, Kind::EPHEMERAL_SEQUENTIAL})) == Error::ephemeral_on_local_session);
  CHECK(answer(local(Create{"/b"})) == Error::node_exists);
  CHECK(answer(local(CloseSession{})) == Error::session_expired);
  const auto applied = apply(queued());
  CHECK(applied.outcomes.at(2).session == carol);
  CHECK(applied.outcomes.at(2).number == 5);

  // Not even of a numbered one is anything kept.
  run(local(Create{"/d"}, true));
  CHECK(run(local(Create{"/d"}, true)).error == Error::node_exists);
  CHECK(tree().view()->last_number(carol) == 0);
  CHECK(tree().view()->session_count() == 2);
}

TEST_CASE_METHOD(Fixture, "A closed session's ephemerals are gone at once, committed or pending") {
  run({alice, 1, Create{"/p"}});
  run({alice, 2, Create{"/p/committed", {}, Kind::EPHEMERAL}});
  run({alice, 3, Create{"/p/deleted", {}, Kind::EPHEMERAL}});
  run({alice, 4, Create{"/p/taken", {}, Kind::EPHEMERAL}});
  ask(Create{"/p/pending", {}, Kind::EPHEMERAL});
  ask(Delete{"/p/deleted"});
  ask(Delete{"/p/taken"});
  ask(Create{"/p/taken", {}, Kind::EPHEMERAL}, bob);
  CHECK(answer({alice, 9, CloseSession{}}) == Error::ok);
  CHECK(ask(SetData{"/p/committed", "x"}, bob) == Error::no_node);
  CHECK(ask(SetData{"/p/pending", "x"}, bob) == Error::no_node);
  CHECK(ask(Delete{"/p"}, bob) == Error::not_empty);
  CHECK(ask(Delete{"/p/taken"}, bob) == Error::ok);
  CHECK(ask(Delete{"/p"}, bob) == Error::ok);
  apply(queued());  // and the tree agrees
  advance();
  CHECK(proposer().pending() == 0);
}

TEST_CASE_METHOD(Fixture, "A numbered request that comes again is dropped, pending or applied, refused or not") {
  const Ask first{alice, 1, Create{"/a"}, {}, true};
  const Ask second{alice, 2, Create{"/a"}, {}, true};
  CHECK(prepare(first));
  CHECK_FALSE(prepare(first));
  CHECK(answer(second) == Error::node_exists);
  CHECK_FALSE(prepare(second));
  apply(queued());
  advance();
  CHECK_FALSE(prepare(first));
  CHECK_FALSE(prepare(second));
  restart_proposer();
  CHECK_FALSE(prepare(second));
  CHECK(prepare({alice, 3, Create{"/b"}, {}, true}));
  CHECK(prepare({bob, 1, Create{"/c"}, {}, true}));      // each session counts by itself
  CHECK(answer({alice, 1, Create{"/d"}}) == Error::ok);  // a gateway's own numbers are not looked at
}

TEST_CASE_METHOD(Fixture, "What is applied is not pending any more") {
  for (int i = 0; i < 10; ++i) ask(Create{"/n" + std::to_string(i)});
  CHECK(proposer().pending() == 11);  // and the root
  apply(4);
  advance();
  CHECK(proposer().pending() == 7);
  apply(6);
  advance();
  CHECK(proposer().pending() == 0);
  CHECK(ask(Create{"/n3"}) == Error::node_exists);
}

TEST_CASE_METHOD(Fixture, "The ensemble deletes nothing that is not due") {
  ask(Create{"/p"});
  CHECK(ask(Delete{"/p"}, ensemble) == Error::bad_version);
}

TEST_CASE_METHOD(Fixture, "A container is due when its last child is gone") {
  const auto clean = [&] { return answer({ensemble, 0, Delete{"/c"}}); };
  ask(Create{"/c", {}, Kind::CONTAINER, digest(store::perm::read)});
  CHECK(clean() == Error::bad_version);  // it has had none yet
  ask(SetAcl{"/c"}, alice, {{"super", ""}});
  ask(Create{"/c/x"});
  CHECK(clean() == Error::not_empty);
  ask(Delete{"/c/x"});
  CHECK(clean() == Error::ok);
}

TEST_CASE_METHOD(Fixture, "A ttl znode is due when it has no child and its time is over") {
  const auto clean = [&](std::int64_t time) { return answer({ensemble, 0, Delete{"/t"}}, time); };
  ask(Create{"/t", {}, Kind::TTL, open_acl, 100});  // at time 1000
  CHECK(clean(1'100) == Error::bad_version);
  prepare({alice, 2, SetData{"/t", "x"}}, 1'150);  // starts it anew
  CHECK(clean(1'250) == Error::bad_version);
  ask(Create{"/t/x"});
  CHECK(clean(1'251) == Error::not_empty);
  ask(Delete{"/t/x"});
  CHECK(clean(1'251) == Error::ok);
}

TEST_CASE_METHOD(Fixture, "The ensemble needs no permission, and owns nothing") {
  ask(Create{"/a", {}, Kind::PERSISTENT, digest(store::perm::read)});
  CHECK(ask(SetData{"/a", "x"}, ensemble) == Error::ok);
  CHECK(ask(Create{"/e", {}, Kind::EPHEMERAL}, ensemble) == Error::bad_arguments);
}

TEST_CASE_METHOD(Fixture, "The leader's own requests are as a gateway would make them") {
  const Bytes closing = close_session_request(alice);
  const FlatReader<schema::Request> close(closing);
  CHECK(close.root().getSession() == alice.value);
  CHECK(close.root().isCloseSession());
  const Bytes cleaning = delete_due_request("/c/long enough to need some room of its own");
  const FlatReader<schema::Request> clean(cleaning);
  CHECK(clean.root().getSession() == 0);
  CHECK(clean.root().getWrite().getDelete().getPath() == "/c/long enough to need some room of its own");
  CHECK(clean.root().getWrite().getDelete().getVersion() == -1);
}

TEST_CASE("The first transaction holds the ensemble's identity and the session key") {
  SingleNode node;
  const auto first = node.proposer().found(Zxid::of(Epoch{1}, 1), 1'000, std::string(16, 'e'), std::string(32, 'k'));
  node.tree().apply({first});
  CHECK(node.tree().view()->ensemble_id() == std::string(16, 'e'));
  CHECK(node.tree().view()->session_key() == std::string(32, 'k'));
}

TEST_CASE_METHOD(Fixture, "A request that cannot be read is refused and leaves nothing behind") {
  const Bytes good = encode({alice, 1, Multi{{Create{"/good"}, Create{"/damaged"}}}});
  // Let every pointer word behind the root point out of the message, one after the other.
  std::size_t refused = 0;
  for (std::size_t at = 16; at + 8 <= good.size(); at += 8) {
    const Bytes bad = Bytes::copy(good.view());
    std::memset(const_cast<std::byte*>(bad.data()) + at, 0x7d, 8);
    const FlatReader<schema::Request> request(bad);
    if (request.root().getNumbered()) continue;  // then its number is kept
    const auto pending = proposer().pending();
    const auto zxid = Zxid::of(Epoch{9}, static_cast<std::uint32_t>(at));
    try {
      const auto reader = request.root();
      proposer().prefetch({&reader, 1});
      const auto proposal = proposer().prepare(zxid, 1'000, reader);
      if (!proposal) continue;
      const FlatReader<schema::Txn> txn(proposal->txn);
      if (!txn.root().isRefused()) continue;
      ++refused;
      CHECK(proposer().pending() == pending);
    } catch (const kj::Exception&) {
      FAIL("it got out");
    }
  }
  CHECK(refused > 0);
}

TEST_CASE_METHOD(Fixture, "A large request's bytes are whole") {
  const std::string data(1'000'000, 'x');
  const auto proposal = prepare({alice, 1, Create{"/large", data}});
  CHECK(proposal->txn.size() % 8 == 0);
  CHECK(proposal->txn.size() < data.size() + 1'000);
  CHECK(FlatReader<schema::Txn>(proposal->txn).root().getChange().getCreate().getData().size() == data.size());
}

TEST_CASE("A flat message that outgrows its hint is as good as one that does not") {
  for (const std::size_t words : {0, 1, 4, 64}) {
    FlatMessage message(words);
    auto ops = message.initRoot<schema::Request>().initMulti(20);
    for (unsigned i = 0; i < ops.size(); ++i) ops[i].initDelete().setPath("/path/" + std::to_string(i));
    const Bytes bytes = message.finish();
    const FlatReader<schema::Request> reader(bytes);
    REQUIRE(reader.root().getMulti().size() == 20);
    CHECK(reader.root().getMulti()[19].getDelete().getPath() == "/path/19");
  }
}

TEST_CASE("A hard quota refuses, what is proposed counts, and without the switch nothing is refused") {
  for (const bool enforced : {true, false}) {
    std::vector<std::string> warnings;
    Rules rules;
    rules.enforce_quota = enforced;
    rules.on_quota_exceeded = [&](const std::string& what) { warnings.push_back(what); };
    SingleNode node(rules);
    const auto run = [&](const Op& op) { return node.run({ensemble, 1, op}).error; };
    const auto propose = [&](const Op& op) { return node.answer({ensemble, 1, op}); };
    const Error refused = enforced ? Error::quota_exceeded : Error::ok;
    run(Create{"/k", "12345"});
    run(Create{"/zookeeper/quota/k"});
    run(Create{"/zookeeper/quota/k/zookeeper_limits", "count=1,bytes=100=;countHardLimit=3"});
    run(Create{"/zookeeper/quota/k/zookeeper_stats", "count=0,bytes=0"});
    CHECK(propose(Create{"/k/1"}) == Error::ok);
    CHECK(propose(Create{"/k/2"}) == Error::ok);
    CHECK(propose(Create{"/k/3"}) == refused);
    CHECK(propose(Create{"/elsewhere"}) == Error::ok);
    CHECK(warnings.size() == (enforced ? 1 : 0));

    // Bytes: the soft limit counts only where there is no hard one; less is refused until it is little enough.
    CHECK(propose(SetData{"/zookeeper/quota/k/zookeeper_limits", "count=-1,bytes=3"}) == Error::ok);
    CHECK(propose(SetData{"/k", "1234567"}) == Error::ok);
    CHECK(warnings.size() == (enforced ? 2 : 0));
    CHECK(propose(SetData{"/zookeeper/quota/k/zookeeper_limits", "count=-1,bytes=-1=;byteHardLimit=3"}) == Error::ok);
    CHECK(propose(SetData{"/k", "1234", 99}) == (enforced ? Error::quota_exceeded : Error::bad_version));
    CHECK(propose(SetData{"/k", "7654321"}) == Error::ok);  // no more than before
    CHECK(propose(SetData{"/k", "123"}) == Error::ok);
    CHECK(propose(SetData{"/zookeeper/quota/k/zookeeper_limits", "gibberish"}) == Error::ok);
    CHECK(propose(SetData{"/k", "1"}) == (enforced ? Error::marshalling_error : Error::ok));
  }
}
