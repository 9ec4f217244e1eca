#include "apps/node_command.hpp"

#include <kj/exception.h>
#include <sched.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "actors/node.hpp"
#include "actors/zk/sasl_login.hpp"
#include "apps/config.hpp"
#include "apps/exit_codes.hpp"
#include "store/error.hpp"

namespace troupe {
namespace {

void complain(const std::string& what) { std::fprintf(stderr, "troupe node: %s\n", what.c_str()); }

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

/// Says what `error` is and returns the exit status for it.
int report(std::exception_ptr error) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const ConfigError& e) {
    complain(e.what());
    return exit_code::usage;
  } catch (const zk::BadTls& e) {
    complain(e.what());
    return exit_code::usage;
  } catch (const zk::SaslUnavailable& e) {
    complain(std::string("users log in by SASL, as jaas_file says, and ") + e.what());
    return exit_code::usage;
  } catch (const store::StorageError& e) {
    complain(e.what());
    return exit_code::storage;
  } catch (const kj::Exception& e) {
    complain(e.getDescription().cStr());
    return exit_code::network;
  } catch (const std::system_error& e) {
    complain(e.what());
    return exit_code::network;
  } catch (const std::exception& e) {
    complain(e.what());
    return exit_code::failed;
  }
}

/// A role that fails in its thread ends the process: a failed disk with its message and status,
/// anything else as the broken invariant that it is.
void install_terminate_handler() {
  std::set_terminate([] {
    if (std::exception_ptr error = std::current_exception()) {
      int status = report(error);
      spdlog::default_logger_raw()->flush();
      if (status == exit_code::storage) std::_Exit(status);
    }
    std::abort();
  });
}

/// The data directory is mapped into memory: a page that the disk cannot read or has no room for comes as a signal, to
/// whoever touches it.
void install_bad_page_handler() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    constexpr std::string_view message =
        "troupe node: a page of a mapped file can be neither read nor written. If its disk is full (No space left on "
        "device): Free some space on its disk, then start the node again. If not, the disk fails, or a file of the "
        "data directory was cut short: check the disk.\n";
    [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, message.data(), message.size());
    std::_Exit(exit_code::storage);
  };
  sigaction(SIGBUS, &action, nullptr);
  // A file that has no room to grow by the process's limits is told as an error.
  std::signal(SIGXFSZ, SIG_IGN);
}

void set_up_log(const NodeConfig& config) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("troupe"));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ [" + to_string(config.id) + "] %v");
  spdlog::set_level(spdlog::level::from_str(config.log_level));
}

/// Every client takes a file descriptor, and the customary limit is meant for programs that wait with select().
void allow_many_clients() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Told of the calling thread, and so of all that it starts. Whoever has chosen otherwise for this process is heeded.
void schedule_in_batches() {
  const sched_param no_priority{};
  if (sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_BATCH, &no_priority) != 0)
    spdlog::warn("the system does not let this node run in batches: {}", std::strerror(errno));
}

int run(const std::string& path, bool force_new_ensemble) {
  sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread: all inherit it
  try {
    LoadedConfig loaded = load_config(path);
    for (const std::string& warning : loaded.warnings) complain("warning: " + warning);
    loaded.node.force_new_ensemble = force_new_ensemble;
    const NodeConfig& config = loaded.node;
    set_up_log(config);
    install_terminate_handler();
    install_bad_page_handler();
    allow_many_clients();
    if (config.batch_scheduling) schedule_in_batches();
    if (!config.jaas_file.empty()) zk::set_up_sasl();
    Node node(config);
    const auto& rpc_address = config.rpc_address.empty() ? config.client_address : config.rpc_address;
    spdlog::info("node {} serves clients on {}:{}", to_string(config.id), rpc_address, node.rpc_port());
    if (node.zk_port() != 0) {
      spdlog::info("node {} speaks ZooKeeper's protocol on {}:{}", to_string(config.id), config.client_address,
                   node.zk_port());
    }
    if (config.zk_secure_port != 0) {
      spdlog::info("node {} speaks ZooKeeper's protocol over TLS on {}:{}", to_string(config.id),
                   config.secure_address.empty() ? config.client_address : config.secure_address,
                   config.zk_secure_port);
    }
    int signal = 0;
    sigwait(&signals, &signal);
    spdlog::info("stopping: {}", sigdescr_np(signal));
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second one ends the process, which loses nothing
    node.stop();
    return exit_code::ok;
  } catch (...) {
    return report(std::current_exception());
  }
}

}  // namespace

void add_node_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("node", "Run one node of an ensemble");
  auto config = std::make_shared<std::string>();
  command->add_option("--config", *config, "The node's configuration: *.toml, or a ZooKeeper *.cfg")->required();
  auto force = std::make_shared<bool>(false);
  command->add_flag("--force-new-ensemble", *force,
                    "After most of the voters are lost for good: make a new ensemble of the members that the "
                    "configuration names and of all that this node holds. What only the lost ones had is gone, and "
                    "nodes of the old ensemble are refused. Start one node with it, once");
  command->callback([&exit_code, config, force] { exit_code = run(*config, *force); });
}

}  // namespace troupe
