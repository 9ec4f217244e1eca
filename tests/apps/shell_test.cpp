// The shell's commands against a server in this process: what is typed and what is answered.
#include "apps/shell/shell.hpp"

#include <chrono>
#include <sstream>
#include <utility>

#include "tests/catch.hpp"
#include "tests/client/test_server.hpp"

using namespace troupe;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using shell::CommandError;
using shell::Shell;

namespace {

/// A shell as a terminal uses it: notices show before the next line is read.
class Typist {
 public:
  explicit Typist(const std::string& nodes, bool escape = false) : shell_(settings(nodes, escape)) {}

  /// Types `lines`; returns all that is then to be seen.
  std::string type(const std::string& lines) {
    std::string seen, line;
    for (std::istringstream in(lines); !shell_.finished() && std::getline(in, line);) {
      try {
        seen += shell_.run(line);
      } catch (const CommandError& error) {
        seen += std::string(error.what()) + "\n";
      }
      std::lock_guard lock(mutex_);
      seen += std::exchange(notices_, {});
    }
    return seen;
  }
  Shell& shell() { return shell_; }

 private:
  shell::Settings settings(const std::string& nodes, bool escape) {
    return {.connect = nodes, .escape_data = escape, .notify = [this](const std::string& text) {
              std::lock_guard lock(mutex_);
              notices_ += text;
            }};
  }

  std::mutex mutex_;
  std::string notices_;
  Shell shell_;
};

struct Server {
  testing::TestServer server{2};

  /// Types into a shell of its own.
  std::string type(const std::string& lines) { return Typist(server.nodes()).type(lines); }
};

}  // namespace

TEST_CASE_METHOD(Server, "znodes are created, read, changed and deleted") {
  CHECK(type("create /z one\nget /z\nset /z \"two words\"\nget /z\ndelete /z\nget /z\n") ==
        "Created /z\none\ntwo words\nNode does not exist: /z\n");
  CHECK(type("create /nothing\nget /nothing\ncreate /nothing\n") ==
        "Created /nothing\n\nNode already exists: /nothing\n");
}

TEST_CASE_METHOD(Server, "a set or a delete can be bound to a version") {
  CHECK(type("create /v x\nset -v 1 /v y\nset -v 0 /v y\nget /v\ndelete -v 0 /v\ndelete -v 1 /v\n") ==
        "Created /v\nversion No is not valid : /v\ny\nversion No is not valid : /v\n");
}

TEST_CASE_METHOD(Server, "the kinds of znodes have their options") {
  CHECK(type("create /k\ncreate -s /k/s\ncreate -s /k/s\nls /k\n") ==
        "Created /k\nCreated /k/s0000000000\nCreated /k/s0000000001\n[s0000000000, s0000000001]\n");
  CHECK(type("create -e /k/e\ncreate /k/e/child\n") == "Created /k/e\nEphemerals cannot have children: /k/e/child\n");
  CHECK(type("ls /k\n") == "[s0000000000, s0000000001]\n");  // the ephemeral went with its session
  CHECK(
      type("create -c /k/c\ncreate -t 100000 /k/t\ncreate -e -c /k/x\n") ==
      "Created /k/c\nCreated /k/t\nof -e, -c and -t a znode can have one, and -c not with -s; leave the others out\n");
}

TEST_CASE_METHOD(Server, "a stat shows what is known beside the data") {
  std::string text = type("create /stat abc\nstat /stat\n");
  CHECK_THAT(text,
             Contains("dataVersion = 0\naclVersion = 0\nephemeralOwner = 0x0\ndataLength = 3\nnumChildren = 0\n"));
  CHECK_THAT(type("get -s /stat\n"), StartsWith("abc\ncZxid = 0x"));
  CHECK_THAT(type("ls -s /stat\n"), StartsWith("[]\ncZxid = 0x"));
  CHECK_THAT(type("set -s /stat d\n"), Contains("dataVersion = 1\n"));
  CHECK(type("stat /missing\n") == "Node does not exist: /missing\n");
}

TEST_CASE_METHOD(Server, "a subtree is listed, counted and deleted as a whole") {
  CHECK(type("create /t\ncreate /t/a\ncreate /t/b\ncreate /t/a/c\nls -R /t\ngetAllChildrenNumber /t\n") ==
        "Created /t\nCreated /t/a\nCreated /t/b\nCreated /t/a/c\n/t\n/t/a\n/t/b\n/t/a/c\n3\n");
  CHECK(type("delete /t\ndeleteall /t -b 2\nls /t\n") == "Node not empty: /t\nNode does not exist: /t\n");
}

TEST_CASE_METHOD(Server, "access is granted and refused by lists") {
  CHECK(type("create /acl x world:anyone:cdra\ngetAcl /acl\nset /acl y\nsetAcl /acl world:anyone:cdrwa\nset /acl y\n"
             "get /acl\n") == "Created /acl\n'world,'anyone\n: cdra\nInsufficient permission : /acl\ny\n");
  CHECK(type("addauth digest user:secret\ncreate /mine x auth::cdrwa\nget /mine\n") == "Created /mine\nx\n");
  CHECK(type("get /mine\n") == "Insufficient permission : /mine\n");
  CHECK_THAT(type("addauth digest user:secret\nwhoami\n"),
             StartsWith("Auth scheme: User\n") && Contains("digest: user\n"));
  CHECK(type("create /r\ncreate /r/a\nsetAcl -R /r world:anyone:ra\ngetAcl /r/a\n") ==
        "Created /r\nCreated /r/a\n'world,'anyone\n: ra\n");
}

TEST_CASE_METHOD(Server, "the event of a watch is told before the change is acknowledged") {
  const std::string changed = "WATCHER::\nWatchedEvent state:SyncConnected type:NodeDataChanged path:/w\n";
  CHECK(type("create /w x\nget -w /w\nset /w y\nset /w z\nget /w\n") == "Created /w\nx\n" + changed + "z\n");
  CHECK(
      type("stat -w /w2\ncreate /w2\n") ==
      "Node does not exist: /w2\nCreated /w2\nWATCHER::\nWatchedEvent state:SyncConnected type:NodeCreated path:/w2\n");
  CHECK(type("ls -w /w\ncreate /w/c\nls /w\n") ==
        "[]\nCreated /w/c\nWATCHER::\nWatchedEvent state:SyncConnected type:NodeChildrenChanged path:/w\n[c]\n");
}

TEST_CASE_METHOD(Server, "a persistent watch stays until it is removed") {
  const std::string created = "WatchedEvent state:SyncConnected type:NodeCreated path:/p/";
  CHECK(type("create /p\naddWatch /p\ncreate /p/a\ncreate /p/b\nremovewatches /p\ncreate /p/c\nls /p\n") ==
        "Created /p\nCreated /p/a\nWATCHER::\n" + created + "a\nCreated /p/b\nWATCHER::\n" + created +
            "b\nCreated /p/c\n[a, b, c]\n");
  CHECK(type("addWatch -m x /p\n") == "\"x\" is no mode of a watch; write PERSISTENT or PERSISTENT_RECURSIVE\n");
}

TEST_CASE_METHOD(Server, "lines can be seen and done again") {
  CHECK(type("create /h\nls /h\nredo 1\nhistory\nredo 9\n") ==
        "Created /h\n[]\n[]\n0 - create /h\n1 - ls /h\n2 - ls /h\n3 - history\nthere is no line 9; see history\n");
}

TEST_CASE_METHOD(Server, "the connection can be closed and opened again") {
  CHECK(type("close\nls /\nconnect " + server.nodes() + "\nls /zookeeper\nquit\nls /\n") ==
        "not connected; use connect\n[config, quota]\n");
  CHECK(type("sync /\n") == "Sync is OK\n");
}

TEST_CASE_METHOD(Server, "what is no command is answered with where to look") {
  CHECK(type("frobnicate\n") == "there is no command frobnicate; help lists them\n");
  CHECK(type("get\n") == "too few words; usage: get [-s] [-w] path\n");
  CHECK_THAT(type("help\n"), Contains("\n  create [-s] [-e] [-c] [-t milliseconds] path [data] [acl]\n"));
  CHECK(type("help set\n") == "set [-s] [-v version] path data\n");
  CHECK(type("ls relative\n").starts_with("bad arguments: relative"));
}

TEST_CASE_METHOD(Server, "the tab key offers commands first, then paths") {
  using Words = std::vector<std::string>;
  Typist typist(server.nodes());
  typist.type("create /tab\ncreate /tab/one\ncreate /tab/only\ncreate /tab/two\n");
  Shell& shell = typist.shell();
  CHECK(shell.complete({}, "hi") == Words{"history"});
  CHECK(shell.complete({}, "get") == Words{"get", "getAcl", "getAllChildrenNumber"});
  CHECK(shell.complete({"ls"}, "/ta") == Words{"/tab"});
  CHECK(shell.complete({"ls"}, "/tab/on") == Words{"/tab/one", "/tab/only"});
  CHECK(shell.complete({"ls"}, "/tab/").size() == 3);
  CHECK(shell.complete({"ls"}, "/none/x").empty());
  CHECK(shell.complete({"set", "/tab"}, "data").empty());
}

TEST_CASE_METHOD(Server, "the prompt tells where the shell is and how many lines were typed") {
  Typist typist("127.0.0.1:" + std::to_string(server.port(0)));
  typist.type("ls /\nls /\n");
  CHECK(typist.shell().prompt() == "[troupe: 127.0.0.1:" + std::to_string(server.port(0)) + " (CONNECTED) 2] ");
  typist.type("close\n");
  CHECK_THAT(typist.shell().prompt(), Contains("(CLOSED) 3"));
}

TEST_CASE_METHOD(Server, "data that goes to a terminal is shown without control characters") {
  type("create /raw \"a\x1b[2Jb\"\n");
  CHECK(type("get /raw\n") == "a\x1b[2Jb\n");
  CHECK(Typist(server.nodes(), true).type("get /raw\n") == "a\\x1b[2Jb\n");
}

TEST_CASE_METHOD(Server, "a path can be taken as the root") {
  type("create /root\ncreate /root/a x\n");
  CHECK(Typist(server.nodes() + "/root").type("ls /\nget /a\n") == "[a]\nx\n");
  CHECK_THROWS_AS(Shell({.connect = "host:port:port"}), std::invalid_argument);
  CHECK_THAT(type("connect a:b\n"), Contains("is no list of nodes"));
}
