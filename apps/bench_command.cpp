#include "apps/bench_command.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "apps/bench/matrix.hpp"
#include "apps/bench/scratch_ensemble.hpp"
#include "apps/bench/startup.hpp"
#include "apps/bench/terminal_line.hpp"
#include "apps/bench/wire/null_server.hpp"
#include "apps/connect_option.hpp"
#include "apps/exit_codes.hpp"

namespace troupe {
namespace {

struct BenchOptions {
  std::shared_ptr<std::string> connect;
  bool local = false;
  std::uint32_t nodes = 3;
  std::string directory;
  bench::Matrix matrix;
  double seconds = 10, warm_up = 2;
  std::vector<std::string> shapes;
};

volatile std::sig_atomic_t interrupted = 0;

/// From now on the signals that end a program end the measuring alone: what was made is tidied away.
void end_gracefully() {
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    std::signal(signal, [](int number) {
      interrupted = 1;
      std::signal(number, SIG_DFL);  // the second one ends the program
    });
}

void complain(const std::string& what) { std::fprintf(stderr, "troupe bench: %s\n", what.c_str()); }

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void warn_if_in_memory(const bench::ScratchDir& directory) {
  if (directory.in_memory())
    complain("warning: " + directory.path() + " is in memory, where a flush costs nothing; choose a disk with --dir");
}

/// "64x16"
bench::Shape shape_of(const std::string& text) {
  unsigned connections = 0, outstanding = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%ux%u%c", &connections, &outstanding, &rest) != 2 || connections < 1 ||
      connections > 10'000 || outstanding < 1 || outstanding > 100'000)
    throw CLI::ValidationError("--shapes", text + ": it is connections and requests on each, as in 64x16");
  return {connections, outstanding};
}

int run(const BenchOptions& options) {
  const auto run_at = [&](const std::string& connect) {
    return bench::run_matrix(options.matrix, connect, [] { return interrupted != 0; }) ? exit_code::ok
                                                                                       : exit_code::failed;
  };
  try {
    if (!options.local) return run_at(*options.connect);
    if (options.matrix.protocol == bench::Protocol::etcd) {
      complain("--protocol etcd measures an etcd that runs already, at --connect: --local starts nodes of Troupe");
      return exit_code::usage;
    }
    bench::ScratchEnsemble ensemble(options.directory, options.nodes);
    warn_if_in_memory(ensemble.directory());
    LocalEnsemble& nodes = ensemble.nodes();
    return run_at(options.matrix.protocol == bench::Protocol::zk ? nodes.zk_connect() : nodes.connect());
  } catch (const std::invalid_argument& error) {
    complain(std::string("--connect: ") + error.what());
    return exit_code::usage;
  } catch (const std::exception& error) {
    complain(error.what());
    return exit_code::failed;
  }
}

void print_startup(const bench::Startup& result, bool json) {
  const auto ms = [](bench::Histogram::Duration time) { return static_cast<double>(time.count()) / 1e6; };
  std::printf(json ? "{\"znodes\": %zu, \"after\": \"%s\", \"starts\": %llu, \"mean_ms\": %.3f, \"p50_ms\": %.3f, "
                     "\"max_ms\": %.3f, \"page_faults\": %llu}\n"
                   : "%9zu  %-6s %8llu %9.1f %9.1f %9.1f %12llu\n",
              result.znodes, result.killed ? "kill" : "stop", static_cast<unsigned long long>(result.times.count()),
              ms(result.times.mean()), ms(result.times.percentile(50)), ms(result.times.max()),
              static_cast<unsigned long long>(result.page_faults));
}

int run_startup(const bench::StartupOptions& options, bool json) {
  try {
    bench::TerminalLine line;
    const auto results = bench::measure_startup(options, [&](const std::string& doing) {
      if (interrupted) throw std::runtime_error("interrupted");
      line.show(doing);
    });
    line.clear();
    if (!json)
      print(
          "                            time to the first answer, ms\n"
          "   znodes  after    starts      mean       p50       max  page faults\n");
    for (const bench::Startup& result : results) print_startup(result, json);
    return exit_code::ok;
  } catch (const std::exception& error) {
    complain(error.what());
    return exit_code::failed;
  }
}

void add_startup_command(CLI::App& bench, int& exit_code) {
  CLI::App* command =
      bench.add_subcommand("startup", "Measure how long a node takes to start, by the size of its tree");
  auto options = std::make_shared<bench::StartupOptions>();
  auto json = std::make_shared<bool>(false);
  command->add_option("--znodes", options->sizes, "Sizes of the tree")
      ->delimiter(',')
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command->add_option("--starts", options->starts, "How often to start, for each size, after a stop and after a kill")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--dir", options->directory, "Where to put the temporary data; otherwise where TMPDIR says");
  command->add_flag("--json", *json, "Write lines of JSON");
  command->callback([&exit_code, options, json] {
    end_gracefully();
    exit_code = run_startup(*options, *json);
  });
}

/// What the load generator costs by itself is measured against this; of no use to anybody else, so hidden.
void add_null_command(CLI::App& bench, int& exit_code) {
  CLI::App* command = bench.add_subcommand("null", "Serve ZooKeeper's protocol without doing anything")->group("");
  auto port = std::make_shared<std::uint16_t>(0);
  auto options = std::make_shared<bench::NullServerOptions>();
  command->add_option("--port", *port, "Where to listen on loopback; 0 is any that is free");
  command->add_option("--value-size", options->value_size, "Bytes that a get answers");
  command->callback([&exit_code, port, options] {
    end_gracefully();
    bench::EventLoop loop;
    const bench::NullServer server(loop, *port, *options);
    print("ready: " + server.address() + "\n");
    loop.run_until([] { return interrupted != 0; });
    exit_code = exit_code::ok;
  });
}

void add_load_options(CLI::App& command, BenchOptions& options) {
  bench::Matrix& matrix = options.matrix;
  bench::Load& load = matrix.load;
  std::map<std::string, bench::Workload> workloads;
  for (bench::Workload workload : bench::all_workloads()) workloads.emplace(bench::name_of(workload), workload);
  std::map<std::string, bench::Protocol> protocols;
  for (bench::Protocol protocol : {bench::Protocol::rpc, bench::Protocol::zk, bench::Protocol::etcd})
    protocols.emplace(bench::name_of(protocol), protocol);
  const std::map<std::string, bench::Fault> faults{
      {"none", bench::Fault::none}, {"kill", bench::Fault::kill}, {"stop", bench::Fault::stop}};
  command
      .add_option("--protocol", matrix.protocol,
                  "rpc: Cap'n Proto; zk: ZooKeeper's, at Troupe or at ZooKeeper; etcd: etcd's, at etcd (rpc)")
      ->transform(CLI::CheckedTransformer(protocols));
  command
      .add_option("--workloads", matrix.workloads,
                  "get, set, mixed, multi: of random znodes; create, create-spread: of new ones below one parent, a "
                  "thousand; list: of the names below a large parent; children: gets while that is listed, at --rate "
                  "if there is one; watch, watch-persistent: a change told "
                  "to many; sessions: many opened; ephemerals: sessions that come and go; lock: handed on; failover: "
                  "writes while the leader is lost (set,get)")
      ->delimiter(',')
      ->transform(CLI::CheckedTransformer(workloads));
  command.add_option("--connections", matrix.connections, "Sessions, each on a connection of its own")
      ->delimiter(',')
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command
      .add_option("--outstanding", matrix.outstanding,
                  "Requests under way on each connection; in all, connections times outstanding")
      ->delimiter(',')
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--shapes", options.shapes, "Instead of all combinations of the two above these, as in 1x1,64x16")
      ->delimiter(',');
  command.add_option("--threads", load.threads, "Threads of the load generator, which share the connections")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      .add_option("--rate", load.rate,
                  "Requests a second of all connections together, of children the listings, instead of a closed loop")
      ->check(CLI::Range(0.0, 1e7));
  command.add_option("--count", load.count, "So many requests, instead of --seconds and --warmup")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1'000'000'000'000}));
  command.add_option("--seconds", options.seconds, "How long each combination is measured")
      ->check(CLI::Range(0.01, 1e6))
      ->capture_default_str();
  command.add_option("--warmup", options.warm_up, "Seconds before that, which do not count")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  command.add_option("--value-size", load.value_size, "Bytes of data in a znode")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  command.add_option("--znodes", matrix.znodes, "How many znodes get and set choose from")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command.add_option("--write-percent", load.write_percent, "Sets among the requests of mixed")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command.add_option("--watchers", load.watchers, "Sessions that watch")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command
      .add_option("--sessions", load.sessions,
                  "How many sessions opens: by --rate, or as many at once as there are connections")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--children", load.children, "How many znodes children lists")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command.add_option("--fault", load.fault, "What failover does to the leader: none, kill, stop (kill)")
      ->transform(CLI::CheckedTransformer(faults));
  command
      .add_option("--pids", matrix.servers, "The nodes' processes in the order of --connect, if they cannot be found")
      ->delimiter(',');
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "bench",
      "Measure how fast an ensemble reads and writes. Every workload is run with every number of connections "
      "and every number of outstanding requests that is given");
  auto options = std::make_shared<BenchOptions>();
  options->connect = add_connect_option(*command);
  command->add_flag("--local", options->local, "Start an ensemble for it, in a temporary directory of this machine");
  command->add_option("--nodes", options->nodes, "How many nodes --local starts")
      ->check(CLI::Range(1, 15))
      ->capture_default_str();
  command->add_option("--dir", options->directory, "Where --local puts its data; otherwise where TMPDIR says");
  add_load_options(*command, *options);
  command->add_flag("--keep", options->matrix.keep, "Leave the znodes there");
  command->add_flag("--json", options->matrix.json, "Write a line of JSON for each combination");
  add_startup_command(*command, exit_code);
  add_null_command(*command, exit_code);
  command->callback([&exit_code, command, options] {
    if (!command->get_subcommands().empty()) return;
    options->matrix.load.warm_up = std::chrono::duration<double>(options->warm_up);
    options->matrix.load.duration = std::chrono::duration<double>(options->seconds);
    for (const std::string& shape : options->shapes) options->matrix.shapes.push_back(shape_of(shape));
    end_gracefully();
    exit_code = run(*options);
  });
}

}  // namespace troupe
