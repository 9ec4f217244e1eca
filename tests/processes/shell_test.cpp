// The shell's commands against a real ensemble: what is typed and what is answered.
#include "apps/exit_codes.hpp"
#include "tests/catch.hpp"
#include "tests/processes/ensemble.hpp"

using namespace troupe;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using test::Ensemble;
using test::Finished;

namespace {

/// One ensemble of one node for all cases: each works below a path of its own.
Ensemble& ensemble() {
  static Ensemble instance(1);
  return instance;
}

std::string type(const std::string& lines) {
  return ensemble().shell_lines(lines).output;
}

}  // namespace

TEST_CASE("znodes are created, read, changed and deleted") {
  CHECK(type("create /z one\nget /z\nset /z \"two words\"\nget /z\ndelete /z\nget /z\n") ==
        "Created /z\none\ntwo words\nno such node: /z\n");
  CHECK(type("create /nothing\nget /nothing\ncreate /nothing\n") == "Created /nothing\n\nnode exists: /nothing\n");
}

TEST_CASE("a set or a delete can be bound to a version") {
  CHECK(type("create /v x\nset -v 1 /v y\nset -v 0 /v y\nget /v\ndelete -v 0 /v\ndelete -v 1 /v\n") ==
        "Created /v\nversion mismatch: /v\ny\nversion mismatch: /v\n");
}

TEST_CASE("the kinds of znodes have their options") {
  CHECK(type("create /k\ncreate -s /k/s\ncreate -s /k/s\nls /k\n") ==
        "Created /k\nCreated /k/s0000000000\nCreated /k/s0000000001\n[s0000000000, s0000000001]\n");
  CHECK(type("create -e /k/e\ncreate /k/e/child\n") ==
        "Created /k/e\nephemeral nodes cannot have children: /k/e/child\n");
  CHECK(type("ls /k\n") == "[s0000000000, s0000000001]\n");  // the ephemeral went with its session
  CHECK(
      type("create -c /k/c\ncreate -t 100000 /k/t\ncreate -e -c /k/x\n") ==
      "Created /k/c\nCreated /k/t\nof -e, -c and -t a znode can have one, and -c not with -s; leave the others out\n");
}

TEST_CASE("a stat shows what is known beside the data") {
  std::string text = type("create /stat abc\nstat /stat\n");
  CHECK_THAT(text,
             Contains("dataVersion = 0\naclVersion = 0\nephemeralOwner = 0x0\ndataLength = 3\nnumChildren = 0\n"));
  CHECK_THAT(type("get -s /stat\n"), StartsWith("abc\ncZxid = 0x"));
  CHECK_THAT(type("ls -s /stat\n"), StartsWith("[]\ncZxid = 0x"));
  CHECK_THAT(type("set -s /stat d\n"), Contains("dataVersion = 1\n"));
  CHECK(type("stat /missing\n") == "no such node: /missing\n");
}

TEST_CASE("a subtree is listed, counted and deleted as a whole") {
  CHECK(type("create /t\ncreate /t/a\ncreate /t/b\ncreate /t/a/c\nls -R /t\ngetAllChildrenNumber /t\n") ==
        "Created /t\nCreated /t/a\nCreated /t/b\nCreated /t/a/c\n/t\n/t/a\n/t/b\n/t/a/c\n3\n");
  CHECK(type("delete /t\ndeleteall /t -b 2\nls /t\n") == "node has children: /t\nno such node: /t\n");
}

TEST_CASE("access is granted and refused by lists") {
  CHECK(type("create /acl x world:anyone:cdra\ngetAcl /acl\nset /acl y\nsetAcl /acl world:anyone:cdrwa\nset /acl y\n"
             "get /acl\n") == "Created /acl\n'world,'anyone\n: cdra\nnot authorised: /acl\ny\n");
  CHECK(type("addauth digest user:secret\ncreate /mine x auth::cdrwa\nget /mine\n") == "Created /mine\nx\n");
  CHECK(type("get /mine\n") == "not authorised: /mine\n");
  CHECK_THAT(type("addauth digest user:secret\nwhoami\n"),
             StartsWith("Auth scheme: User\n") && Contains("digest: user\n"));
  CHECK(type("create /r\ncreate /r/a\nsetAcl -R /r world:anyone:ra\ngetAcl /r/a\n") ==
        "Created /r\nCreated /r/a\n'world,'anyone\n: ra\n");
}

TEST_CASE("the event of a watch is told before the change is acknowledged") {
  const std::string changed = "WATCHER::\nWatchedEvent state:SyncConnected type:NodeDataChanged path:/w\n";
  CHECK(type("create /w x\nget -w /w\nset /w y\nset /w z\nget /w\n") == "Created /w\nx\n" + changed + "z\n");
  CHECK(type("stat -w /w2\ncreate /w2\n") ==
        "no such node: /w2\nCreated /w2\nWATCHER::\nWatchedEvent state:SyncConnected type:NodeCreated path:/w2\n");
  CHECK(type("ls -w /w\ncreate /w/c\nls /w\n") ==
        "[]\nCreated /w/c\nWATCHER::\nWatchedEvent state:SyncConnected type:NodeChildrenChanged path:/w\n[c]\n");
}

TEST_CASE("a persistent watch stays until it is removed") {
  const std::string created = "WatchedEvent state:SyncConnected type:NodeCreated path:/p/";
  CHECK(type("create /p\naddWatch /p\ncreate /p/a\ncreate /p/b\nremovewatches /p\ncreate /p/c\nls /p\n") ==
        "Created /p\nCreated /p/a\nWATCHER::\n" + created + "a\nCreated /p/b\nWATCHER::\n" + created +
            "b\nCreated /p/c\n[a, b, c]\n");
  CHECK(type("addWatch -m x /p\n") == "\"x\" is no mode of a watch; write PERSISTENT or PERSISTENT_RECURSIVE\n");
}

TEST_CASE("lines can be seen and done again") {
  CHECK(type("create /h\nls /h\nredo 1\nhistory\nredo 9\n") ==
        "Created /h\n[]\n[]\n0 - create /h\n1 - ls /h\n2 - ls /h\n3 - history\nthere is no line 9; see history\n");
}

TEST_CASE("the connection can be closed and opened again") {
  CHECK(type("close\nls /\nconnect " + ensemble().connect() + "\nls /zookeeper\nquit\nls /\n") ==
        "not connected; use connect\n[config, quota]\n");
  CHECK(type("sync /\n") == "Sync is OK\n");
}

TEST_CASE("what is no command is answered with where to look") {
  CHECK(type("frobnicate\n") == "there is no command frobnicate; help lists them\n");
  CHECK(type("get\n") == "too few words; usage: get [-s] [-w] path\n");
  CHECK_THAT(type("help\n"), Contains("\n  create [-s] [-e] [-c] [-t milliseconds] path [data] [acl]\n"));
  CHECK(type("help set\n") == "set [-s] [-v version] path data\n");
  CHECK(type("ls relative\n").starts_with("bad arguments: relative"));
}

TEST_CASE("one command prints its result alone and tells by its status whether it was done") {
  Finished created = ensemble().shell({"create", "/once", "x y"});
  CHECK(created.status == exit_code::ok);
  CHECK(created.output == "Created /once\n");
  CHECK(created.errors.empty());
  CHECK(ensemble().shell({"get", "-s", "/once"}).output.starts_with("x y\ncZxid"));
  Finished missing = ensemble().shell({"get", "/missing"});
  CHECK(missing.status == exit_code::failed);
  CHECK(missing.output.empty());
  CHECK(missing.errors == "no such node: /missing\n");
}

TEST_CASE("a stream of commands fails if one of them failed") {
  CHECK(ensemble().shell_lines("ls /\n").status == exit_code::ok);
  CHECK(ensemble().shell_lines("get /missing\nls /\n").status == exit_code::failed);
}
