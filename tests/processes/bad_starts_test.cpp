// What a node cannot start with, or go on with: it ends with the status for that and says what is wrong and what
// to do, touches nothing, and started rightly afterwards has all its data.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <sstream>

#include "apps/config.hpp"
#include "apps/exit_codes.hpp"
#include "apps/local_ensemble.hpp"
#include "client/client.hpp"
#include "store/data_dir.hpp"
#include "store/encoding.hpp"
#include "tests/catch.hpp"
#include "tests/node/damage.hpp"
#include "tests/processes/ensemble.hpp"
#include "tests/processes/program.hpp"
#include "tests/temp_dir.hpp"
#include "tests/wait.hpp"

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const std::string mark = "a mark that is nowhere else";

/// A node alone, its configuration, and its data as a stopped or a killed process left it.
class OneNode {
 public:
  OneNode()
      : node(open_ensemble({.directory = directory.path(), .participants = 1, .base_port = free_base_port(3)})[0]) {
    fill();
  }

  /// Puts the data back as the node has left it.
  void reset(bool killed) {
    fs::remove_all(data());
    fs::copy(directory / (killed ? "killed" : "stopped"), data(), fs::copy_options::recursive);
  }

  fs::path data() const { return node.config.data_dir; }
  void configure(const NodeConfig& config) const { std::ofstream(node.config_file) << to_toml(config); }
  std::vector<std::string> command() const { return test::troupe({"node", "--config", node.config_file}); }

  /// Starts it; it serves.
  std::unique_ptr<Program> start() const {
    auto program = std::make_unique<Program>(command(), true);
    const auto line = program->wait_for_line("serves clients on");
    INFO(program->output());
    REQUIRE(line);
    return program;
  }

  /// Starts it; it is expected not to serve.
  Finished start_in_vain() const {
    Program program(command(), true);
    if (program.wait_for_line("serves clients on")) program.signal(SIGTERM);
    const int status = program.finish();
    return {status, program.output(), ""};
  }

  void check_data() const {
    Client client(node.client_address(), {.patience = patience});
    for (int i = 0; i < znodes; ++i) CHECK(client.get("/kept-" + std::to_string(i)).data == std::to_string(i));
    CHECK(client.get("/marked").data == mark);
    CHECK(client.get("/after").data == "the last");
  }

  TempDir directory;
  const EnsembleNode node;

 private:
  static constexpr int znodes = 20;
  const client::Options lasting{.session_timeout = std::chrono::seconds(40), .patience = patience};

  void fill() {
    auto program = start();
    {
      Client client(node.client_address(), lasting);
      for (int i = 0; i < znodes; ++i) client.create("/kept-" + std::to_string(i), std::to_string(i));
      client.create("/after", "soon");
      client.create("/marked", mark);
      client.set("/after", "the last");
      client.abandon();
    }
    program->signal(SIGKILL);
    program->finish();
    fs::rename(data(), directory / "killed");
    reset(true);
    program = start();
    {
      Client client(node.client_address(), lasting);
      client.set("/marked", mark);  // is now the last record of the log
      client.abandon();
    }
    program->signal(SIGTERM);
    CHECK(program->finish() == exit_code::ok);
    fs::rename(data(), directory / "stopped");
  }
};

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Undoes what was spoilt.
using Mend = std::function<void()>;

Mend with_config(OneNode& at, const std::function<void(NodeConfig&)>& change) {
  NodeConfig config = at.node.config;
  change(config);
  at.configure(config);
  return [&at] { at.configure(at.node.config); };
}

Mend with_line(OneNode& at, const std::string& line) {
  const std::string right = read(at.node.config_file);
  std::ofstream(at.node.config_file) << line << '\n' << right;
  return [&at] { at.configure(at.node.config); };
}

Mend with_port_taken(std::uint16_t port) {
  const auto taken = std::shared_ptr<int>(new int(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), [](int* socket) {
    close(*socket);
    delete socket;
  });
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(*taken, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  REQUIRE(bind(*taken, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(*taken, 1) == 0);
  return [held = taken]() mutable { held.reset(); };
}

Mend with_content(const fs::path& file, const std::string& content) {
  const std::string right = read(file);
  std::ofstream(file, std::ios::binary) << content;
  return [file, right] { std::ofstream(file, std::ios::binary) << right; };
}

/// A byte is not what it was, wherever the mark stands.
Mend with_damage(const fs::path& file) {
  testing::damage(file, mark);
  std::string damaged = mark;
  damaged[0] ^= 1;
  return [file, damaged] { testing::damage(file, damaged); };
}

Mend without_head(const fs::path& file) {
  std::string content = read(file);
  std::fill_n(content.begin(), 8192, '\0');
  return with_content(file, content);
}

Mend without(OneNode& at, const std::string& name) {
  const fs::path from = at.data() / name, to = at.directory / "away";
  fs::rename(from, to);
  return [from, to] { fs::rename(to, from); };
}

/// The environment's row "format" says otherwise.
Mend with_format(OneNode& at, const std::string& environment, const std::string& format) {
  const auto exchange = [path = at.data().string(), environment](const std::string& value) {
    const auto kv = store::open_lmdb_disk(path)->open(environment, {.tables = {"meta"}});
    auto writer = kv->write();
    std::string before(writer->get(0, "format").value());
    writer->put(0, "format", value);
    writer->commit();
    return before;
  };
  return [exchange, before = exchange(format)] { exchange(before); };
}

struct BadStart {
  std::string what;
  bool killed;  ///< the process before; otherwise it was stopped
  std::function<Mend(OneNode&)> spoil;
  int status;
  std::vector<std::string> says;
};

std::vector<BadStart> bad_starts() {
  const std::vector<std::string> lost{"Put the data directory aside", "start this one with an empty directory"};
  const auto saying = [](std::vector<std::string> what, const std::vector<std::string>& more) {
    what.insert(what.end(), more.begin(), more.end());
    return what;
  };
  constexpr bool stopped = false, killed = true;
  return {
      {"a key that is none",
       stopped,
       [](OneNode& at) { return with_line(at, "tick_msec = 5"); },
       exit_code::usage,
       {"node-1.toml:1: unknown key tick_msec", "did you mean tick_ms?"}},
      {"the plug-in that users log in with is missing",
       stopped,
       [](OneNode& at) -> Mend {
         at.directory.write("jaas.conf", "Server { user_bob=\"secret\"; };");
         const Mend mend = with_config(at, [&](NodeConfig& config) { config.jaas_file = at.directory / "jaas.conf"; });
         setenv("SASL_PATH", at.directory.path().c_str(), 1);  // where libsasl2 looks for plug-ins
         return [mend] {
           unsetenv("SASL_PATH");
           mend();
         };
       },
       exit_code::usage,
       {"users log in by SASL", "apt-get install libsasl2-modules"}},
      {"the clients' port is taken",
       stopped,
       [](OneNode& at) { return with_port_taken(at.node.config.rpc_port); },
       exit_code::network,
       {"cannot listen for clients on 127.0.0.1 port ", "end what uses it, or choose another port"}},
      {"the port for ZooKeeper's clients is taken",
       stopped,
       [](OneNode& at) { return with_port_taken(at.node.config.zk_port); },
       exit_code::network,
       {"cannot listen for ZooKeeper's clients on 127.0.0.1 port ", "end what uses it, or choose another port"}},
      {"the port for the other nodes is taken",
       stopped,
       [](OneNode& at) -> Mend {
         const std::uint16_t port = at.node.config.members.at({1}).peer_port;
         const Mend release = with_port_taken(port);
         const Mend mend = with_config(at, [&](NodeConfig& config) {  // a node alone has no others
           config.members[{2}] = {.host = "127.0.0.1", .peer_port = static_cast<std::uint16_t>(port + 10)};
         });
         return [release, mend] { release(), mend(); };
       },
       exit_code::network,
       {"cannot listen for the other nodes on 127.0.0.1 port ", "end what uses it, or choose another port"}},
      {"another node's data directory",
       stopped,
       [](OneNode& at) {
         return with_config(at, [](NodeConfig& config) {
           config.id = {2};
           config.members[{2}] = config.members.at({1});
           config.members[{1}].peer_port += 10;
           config.members[{1}].rpc_port += 10;
         });
       },
       exit_code::storage,
       {"this data directory belongs to node 1, and this is node 2", "start the node with its own directory"}},
      {"a data directory that is in use",
       stopped,
       [](OneNode& at) -> Mend {
         const auto owner = std::make_shared<std::unique_ptr<Program>>(at.start());
         const Mend mend = with_config(at, [](NodeConfig& config) {
           config.rpc_port += 10;
           config.zk_port += 10;
           config.members.at({1}).peer_port += 10;
           config.members.at({1}).rpc_port += 10;
         });
         return [&at, owner, mend] {
           at.check_data();
           (*owner)->signal(SIGTERM);
           CHECK((*owner)->finish() == exit_code::ok);
           mend();
         };
       },
       exit_code::storage,
       {"is in use by another process", "give this node a directory of its own"}},
      {"a data directory that is a file",
       stopped,
       [](OneNode& at) -> Mend {
         const Mend mend = with_config(at, [&](NodeConfig& config) { config.data_dir = at.directory / "file"; });
         at.directory.write("file", "no directory");
         return [&at, mend] {
           CHECK(read(at.directory / "file") == "no directory");
           mend();
         };
       },
       exit_code::storage,
       {"/file", "Check the path"}},
      {"a log of a later version",
       stopped,
       [](OneNode& at) { return with_format(at, "log", store::big_endian(99)); },
       exit_code::storage,
       {"the transaction log (log) has format 99", "start the newer version that wrote it"}},
      {"a state of a later version",
       stopped,
       [](OneNode& at) { return with_format(at, "state", std::string(store::raw_bytes(std::uint64_t{99}))); },
       exit_code::storage,
       {"the state has a format that this program does not know", "start the newer version"}},
      {"a record of the log is damaged", stopped,
       // The last one; the others are looked at whenever they are read, see storage_failure_test.cpp.
       [](OneNode& at) { return with_damage(at.data() / "log/data.mdb"); }, exit_code::storage,
       saying({"the transaction log (log) is damaged", "Check its disk"}, lost)},
      {"a record of the journal is damaged", killed,
       [](OneNode& at) {
         const fs::path first = at.data() / "log/journal-0", second = at.data() / "log/journal-1";
         return with_damage(read(first).find(mark) != std::string::npos ? first : second);
       },
       exit_code::storage, saying({"the journal of the transaction log is damaged", "Check its disk"}, lost)},
      {"the log's file is none", stopped, [](OneNode& at) { return without_head(at.data() / "log/data.mdb"); },
       exit_code::storage, saying({"/log: ", "is damaged", "Check its disk"}, lost)},
      {"the log is missing", stopped, [](OneNode& at) { return without(at, "log"); }, exit_code::storage,
       saying({"its transaction log is lost", "Put the log back"}, lost)},
      {"the log's file is missing", killed, [](OneNode& at) { return without(at, "log/data.mdb"); }, exit_code::storage,
       saying({"log/data.mdb is missing", "Put it back"}, lost)},
      {"a journal is missing", killed, [](OneNode& at) { return without(at, "log/journal-0"); }, exit_code::storage,
       saying({"log/journal-0 is missing", "Put it back"}, lost)},
      {"the state's file is none",
       stopped,
       [](OneNode& at) -> Mend {
         without_head(at.data() / "state/data.mdb");
         return [&at] { fs::remove_all(at.data() / "state"); };  // it is made again, of the log
       },
       exit_code::storage,
       {"/state: ", "is damaged", "Check its disk", "remove the whole state"}},
      {"the state's file is missing",
       stopped,
       [](OneNode& at) { return without(at, "state/data.mdb"); },
       exit_code::storage,
       {"state/data.mdb is missing", "Put it back", "remove the whole state"}},
  };
}

/// A node in a file system of its own that has little room, and gets more. Its first process ends by itself.
class CrampedNode {
 public:
  static bool possible() {
    const std::string mount = "mount -t tmpfs none /tmp";
    return run({"/usr/bin/env", "unshare", "-Urmpf", "--kill-child", "/bin/sh", "-c", mount}, "", true).status == 0;
  }

  explicit CrampedNode(const EnsembleNode& node)
      : program_({"/usr/bin/env", "unshare", "-Urmpf", "--kill-child", "/bin/sh", "-c",
                  "mkdir -p \"$2\" && mount -t tmpfs -o size=24m none \"$2\" || exit\n"
                  "\"$0\" node --config \"$1\"; echo \"ended with status $?\"\n"
                  "read go && mount -o remount,size=240m \"$2\" && exec \"$0\" node --config \"$1\"",
                  TROUPE_PROGRAM, node.config_file, node.config.data_dir},
                 true) {}

  Program& program() { return program_; }
  void give_room() { program_.write("go\n"); }

 private:
  Program program_;
};

}  // namespace

TEST_CASE("what a node cannot start with is told with what to do, and costs no data") {
  OneNode at;
  for (const BadStart& bad : bad_starts()) {
    INFO(bad.what);
    at.reset(bad.killed);
    {
      const Mend mend = bad.spoil(at);
      const Finished finished = at.start_in_vain();
      CHECK(finished.status == bad.status);
      CHECK_THAT(finished.output, Catch::StartsWith("troupe node: "));
      for (const std::string& part : bad.says) CHECK_THAT(finished.output, Contains(part));
      mend();
    }
    const auto program = at.start();
    at.check_data();
    program->signal(SIGTERM);
    CHECK(program->finish() == exit_code::ok);
  }
}

TEST_CASE("a key of zoo.cfg that is not known is named, and the node serves its data") {
  OneNode at;
  at.reset(false);
  const std::string file = at.directory / "zoo.cfg";
  std::ofstream(file) << "tickTme=500\nclientPort=" << at.node.config.zk_port << "\nrpcPort=" << at.node.config.rpc_port
                      << "\nclientPortAddress=127.0.0.1\ndataDir=" << at.node.config.data_dir << '\n';
  Program program(test::troupe({"node", "--config", file}), true);
  const auto warning = program.wait_for_line("warning: ");
  REQUIRE(warning);
  CHECK_THAT(*warning, Contains("zoo.cfg:1: tickTme is not supported and has no effect; did you mean tickTime?"));
  REQUIRE(program.wait_for_line("serves clients on"));
  at.check_data();
  program.signal(SIGTERM);
  CHECK(program.finish() == exit_code::ok);
}

TEST_CASE("a full disk ends the node with what to do, with room again it has all that was acknowledged") {
  if (!CrampedNode::possible()) {
    WARN("this test is skipped: no file system can be mounted in a namespace of one's own here; allow user namespaces");
    return;
  }
  TempDir directory;
  const EnsembleNode node =
      open_ensemble({.directory = directory.path(), .participants = 1, .base_port = free_base_port(1)})[0];
  CrampedNode cramped(node);
  REQUIRE(cramped.program().wait_for_line("serves clients on"));
  std::vector<std::string> acknowledged;
  const std::string data(200'000, 'x');
  {
    Client client(node.client_address(), {.patience = patience});
    const auto full = [&] {
      auto [done, answer] = client::promised<client::Created>();
      const std::string path = "/" + std::to_string(acknowledged.size());
      client.create(path, data, {}, std::move(done));
      // None comes from a node that has ended.
      bool ended = false;
      CHECK(comes_true([&] {
        ended = client.state() != client::State::connected;
        return ended || answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
      }));
      if (!ended && answer.get().ok()) acknowledged.push_back(path);
      return ended;
    };
    client.exists("/");
    while (!full()) REQUIRE(acknowledged.size() < 1'000);
    client.abandon();
  }
  CHECK(acknowledged.size() > 10);
  const auto ended = cramped.program().wait_for_line("ended with status ");
  REQUIRE(ended);
  CHECK(*ended == "ended with status " + std::to_string(exit_code::storage));
  CHECK_THAT(cramped.program().output(),
             Contains("No space left on device") && Contains("Free some space on its disk, then start the node again"));

  cramped.give_room();
  REQUIRE(cramped.program().wait_for_line("serves clients on"));
  Client client(node.client_address(), {.patience = patience});
  for (const std::string& path : acknowledged) CHECK(client.get(path).data == data);
  client.create("/again", data);
}
