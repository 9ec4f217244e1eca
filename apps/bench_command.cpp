#include "apps/bench_command.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>

#include "apps/bench/report.hpp"
#include "apps/bench/scratch_ensemble.hpp"
#include "apps/bench/server_cpu.hpp"
#include "apps/bench/startup.hpp"
#include "apps/connect_option.hpp"
#include "apps/exit_codes.hpp"
#include "apps/node_status.hpp"
#include "client/address.hpp"

namespace troupe {
namespace {

struct BenchOptions {
  std::shared_ptr<std::string> connect;
  bool local = false;
  std::uint32_t nodes = 3;
  std::string directory;
  std::vector<bench::Workload> workloads{bench::Workload::set, bench::Workload::get};
  std::vector<unsigned> connections{1, 16}, outstanding{1, 16, 256};
  double seconds = 10, warm_up = 2;
  std::size_t value_size = 100, znodes = 10'000;
  bool json = false, keep = false;
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

/// A line at the terminal that is written over and over; nothing where stderr is none.
class ProgressLine {
 public:
  ~ProgressLine() { clear(); }
  void show(const std::string& text) {
    if (!terminal_) return;
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    shown_ = true;
  }
  void clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
};

void complain(const std::string& what) {
  std::fprintf(stderr, "troupe bench: %s\n", what.c_str());
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void warn_if_in_memory(const bench::ScratchDir& directory) {
  if (directory.in_memory())
    complain("warning: " + directory.path() + " is in memory, where a flush costs nothing; choose a disk with --dir");
}

std::chrono::duration<double> own_cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6; };
  return std::chrono::duration<double>(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

/// Who plays what, for it explains what a connection to one of them costs.
std::string describe_nodes(const std::vector<std::string>& nodes) {
  std::string text = "nodes:";
  for (const StatusAnswer& answer : query_status(nodes, std::chrono::seconds(3)))
    text += " " + answer.address + " (" + (answer.status ? answer.status->role : answer.problem) + ")";
  return text + "\n";
}

bench::Row measure(const std::vector<std::string>& nodes, const bench::Workspace& workspace, const bench::Load& load) {
  const std::vector<pid_t> servers = bench::listeners(nodes);
  bench::Row row{.load = load};
  bench::Usage servers_before;
  std::chrono::duration<double> own_before{0};
  ProgressLine line;
  row.measured = bench::run(
      nodes, workspace, load,
      {.measuring =
           [&] {
             servers_before = bench::usage_of(servers);
             own_before = own_cpu();
           },
       .measured =
           [&] {
             row.client_cpu = own_cpu() - own_before;
             if (!servers.empty()) row.server_cpu = bench::usage_of(servers).cpu - servers_before.cpu;
           },
       .progress =
           [&](std::chrono::duration<double> since, std::uint64_t answers) {
             char text[128];
             std::snprintf(text, sizeof text, "%s, %u connections, %u requests on each: %.0f s of %.0f, %llu answers",
                           name_of(load.workload), load.connections, load.outstanding, since.count(),
                           (load.warm_up + load.duration).count(), static_cast<unsigned long long>(answers));
             line.show(text);
             return !interrupted;
           }});
  return row;
}

/// All combinations. Returns whether every request was answered without an error.
bool run_matrix(const BenchOptions& options, const std::string& connect) {
  const std::vector<std::string> nodes = client::ConnectString::parse(connect).servers;
  if (!options.json) print(describe_nodes(nodes));
  bench::Workspace workspace(connect, options.znodes, options.value_size);
  if (!options.json) print(bench::table_heading());
  bool fine = true;
  for (bench::Workload workload : options.workloads)
    for (unsigned connections : options.connections)
      for (unsigned outstanding : options.outstanding) {
        if (interrupted) break;
        const bench::Row row = measure(nodes, workspace,
                                       {.workload = workload,
                                        .connections = connections,
                                        .outstanding = outstanding,
                                        .value_size = options.value_size,
                                        .warm_up = std::chrono::duration<double>(options.warm_up),
                                        .duration = std::chrono::duration<double>(options.seconds)});
        print(options.json ? bench::json_row(row) : bench::table_row(row));
        if (row.measured.lost_connections > 0)
          complain(std::to_string(row.measured.lost_connections) + " connections were lost and gave up");
        fine = fine && row.measured.errors == 0 && row.measured.lost_connections == 0;
        if (workload == bench::Workload::create && !options.keep) workspace.remove_created();
      }
  if (options.keep)
    complain("the znodes are left below " + workspace.path());
  else
    workspace.remove();
  return fine && !interrupted;
}

int run(const BenchOptions& options) {
  try {
    if (!options.local) return run_matrix(options, *options.connect) ? exit_code::ok : exit_code::failed;
    bench::ScratchEnsemble ensemble(options.directory, options.nodes);
    warn_if_in_memory(ensemble.directory());
    return run_matrix(options, ensemble.nodes().connect()) ? exit_code::ok : exit_code::failed;
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
    ProgressLine line;
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

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "bench",
      "Measure how fast an ensemble reads and writes. Every workload is run with every number of connections "
      "and every number of outstanding requests that is given");
  auto options = std::make_shared<BenchOptions>();
  options->connect = add_connect_option(*command);
  const std::map<std::string, bench::Workload> workloads{
      {"get", bench::Workload::get}, {"set", bench::Workload::set}, {"create", bench::Workload::create}};
  command->add_flag("--local", options->local, "Start an ensemble for it, in a temporary directory of this machine");
  command->add_option("--nodes", options->nodes, "How many nodes --local starts")
      ->check(CLI::Range(1, 15))
      ->capture_default_str();
  command->add_option("--dir", options->directory, "Where --local puts its data; otherwise where TMPDIR says");
  command->add_option("--workloads", options->workloads, "get, set: of random znodes; create: of new ones (set,get)")
      ->delimiter(',')
      ->transform(CLI::CheckedTransformer(workloads));
  command->add_option("--connections", options->connections, "Sessions, each on a thread and a connection of its own")
      ->delimiter(',')
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command
      ->add_option("--outstanding", options->outstanding,
                   "Requests under way on each connection; in all, connections times outstanding")
      ->delimiter(',')
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "How long each combination is measured")
      ->check(CLI::Range(0.01, 1e6))
      ->capture_default_str();
  command->add_option("--warmup", options->warm_up, "Seconds before that, which do not count")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  command->add_option("--value-size", options->value_size, "Bytes of data in a znode")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  command->add_option("--znodes", options->znodes, "How many znodes get and set choose from")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command->add_flag("--keep", options->keep, "Leave the znodes there");
  command->add_flag("--json", options->json, "Write a line of JSON for each combination");
  add_startup_command(*command, exit_code);
  command->callback([&exit_code, command, options] {
    if (!command->get_subcommands().empty()) return;  // bench startup
    end_gracefully();
    exit_code = run(*options);
  });
}

}  // namespace troupe
