#include "apps/bench/matrix.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "apps/bench/report.hpp"
#include "apps/bench/terminal_line.hpp"
#include "apps/bench/wire/etcd_session.hpp"
#include "apps/bench/wire/rpc_session.hpp"
#include "apps/bench/wire/workload.hpp"
#include "apps/bench/wire/zk_session.hpp"
#include "apps/bench/workspace.hpp"
#include "apps/node_status.hpp"
#include "client/address.hpp"

namespace troupe::bench {
namespace {

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void complain(const std::string& what) { std::fprintf(stderr, "troupe bench: %s\n", what.c_str()); }

std::chrono::duration<double> own_cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6; };
  return std::chrono::duration<double>(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

/// What a protocol has to do for a matrix.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual Measured run(const Load& load, const Observer& observer, const std::vector<pid_t>& servers) = 0;
  virtual void remove_created() = 0;
  virtual void remove() = 0;
  virtual const std::string& path() const = 0;
};

class RpcBench final : public Bench {
 public:
  RpcBench(const std::string& connect, std::vector<std::string> nodes, const Matrix& matrix)
      : nodes_(std::move(nodes)), workspace_(connect, matrix.znodes, matrix.load.value_size) {}

  Measured run(const Load& load, const Observer& observer, const std::vector<pid_t>&) override {
    return bench::run(nodes_, workspace_, load, observer);
  }
  void remove_created() override { workspace_.remove_created(); }
  void remove() override { workspace_.remove(); }
  const std::string& path() const override { return workspace_.path(); }

 private:
  const std::vector<std::string> nodes_;
  Workspace workspace_;
};

class WireBench final : public Bench {
 public:
  WireBench(const std::vector<std::string>& nodes, const Matrix& matrix)
      : driver_(driver_of(matrix.protocol)),
        nodes_(resolve(nodes)),
        tree_(rig(), matrix.znodes, matrix.load.value_size) {}

  Measured run(const Load& load, const Observer& observer, const std::vector<pid_t>& servers) override {
    return bench::run({.rig = rig(), .tree = tree_, .load = load, .observer = observer, .servers = servers});
  }
  void remove_created() override { tree_.remove_created(); }
  void remove() override { tree_.remove(); }
  const std::string& path() const override { return tree_.path(); }

 private:
  static std::unique_ptr<Driver> driver_of(Protocol protocol) {
    if (protocol == Protocol::etcd) return std::make_unique<EtcdDriver>();
    if (protocol == Protocol::rpc) return std::make_unique<RpcDriver>();
    return std::make_unique<ZkDriver>();
  }
  Rig rig() { return {loop_, *driver_, nodes_}; }

  EventLoop loop_;
  const std::unique_ptr<Driver> driver_;
  const std::vector<Endpoint> nodes_;
  Tree tree_;
};

bool possible(Protocol protocol, Workload workload) {
  switch (workload) {
    case Workload::get:
    case Workload::set:
    case Workload::create:
    case Workload::create_spread:
    case Workload::mixed:
    case Workload::multi:
    case Workload::list:
    case Workload::children:
      return true;
    case Workload::watch:
    case Workload::watch_persistent:
    case Workload::lock:
      return protocol != Protocol::etcd;
    default:
      return protocol == Protocol::zk;
  }
}

/// Whether the loop of load.hpp does, which speaks to the doors itself; for the rest there is the client library.
bool straight_at_doors(const Matrix& matrix) {
  return matrix.protocol == Protocol::rpc && matrix.load.rate == 0 && matrix.load.count == 0 &&
         std::ranges::all_of(matrix.workloads, [](Workload workload) {
           return workload == Workload::get || workload == Workload::set || workload == Workload::create;
         });
}

/// Who plays what, for it explains what a connection to one of them costs.
std::string describe_nodes(Protocol protocol, const std::vector<std::string>& nodes) {
  std::string text = "nodes:";
  if (protocol == Protocol::rpc) {
    for (const StatusAnswer& answer : query_status(nodes, std::chrono::seconds(3)))
      text += " " + answer.address + " (" + (answer.status ? answer.status->role : answer.problem) + ")";
  } else {
    for (const Endpoint& node : resolve(nodes)) {
      text += " " + node.name;
      if (protocol != Protocol::zk) continue;
      const std::string answer = ask(node, "srvr", 3);
      const std::size_t mode = answer.find("Mode: ");
      if (mode != std::string::npos) text += " (" + answer.substr(mode + 6, answer.find('\n', mode) - mode - 6) + ")";
    }
  }
  return text + "\n";
}

std::string describe(const Load& load) {
  std::string text = std::string(name_of(load.workload)) + ", " + std::to_string(load.connections) + " connections";
  const char* what = load.workload == Workload::children ? " listings/s" : "/s";
  return load.rate > 0 ? text + ", " + std::to_string(static_cast<long>(load.rate)) + what
                       : text + ", " + std::to_string(load.outstanding) + " requests on each";
}

Row measure(Bench& bench, const Load& load, const std::vector<pid_t>& servers,
            const std::function<bool()>& interrupted) {
  Row row{.load = load};
  Usage servers_before;
  std::chrono::duration<double> own_before{0};
  TerminalLine line;
  const auto measuring = [&] {
    servers_before = usage_of(servers);
    own_before = own_cpu();
  };
  const auto measured = [&] {
    row.client_cpu = own_cpu() - own_before;
    if (servers.empty() || load.workload == Workload::failover) return;  // a process that is gone tells nothing
    row.server_cpu = usage_of(servers).cpu - servers_before.cpu;
    row.server_memory = memory_of(servers);
  };
  const auto progress = [&](std::chrono::duration<double> since, std::uint64_t answers) {
    const double done = load.count > 0 ? static_cast<double>(answers) / static_cast<double>(load.count)
                                       : since / (load.warm_up + load.duration);
    line.show(done, describe(load) + ": " + std::to_string(answers) + " answers");
    return !interrupted();
  };
  row.measured = bench.run(load, {.measuring = measuring, .measured = measured, .progress = progress}, servers);
  return row;
}

bool fine(const Measured& measured) {
  if (measured.lost_connections > 0)
    complain(std::to_string(measured.lost_connections) + " connections were lost and gave up");
  if (measured.order_errors > 0)
    complain(std::to_string(measured.order_errors) + " answers or events were not those to be expected next");
  return measured.errors == 0 && measured.order_errors == 0 && measured.lost_connections == 0;
}

}  // namespace

const char* name_of(Protocol protocol) {
  constexpr const char* names[] = {"rpc", "zk", "etcd"};
  return names[static_cast<int>(protocol)];
}

std::vector<Shape> shapes_of(const Matrix& matrix, Workload workload) {
  std::vector<Shape> shapes = matrix.shapes;
  if (shapes.empty())
    for (unsigned connections : matrix.connections)
      for (unsigned outstanding : matrix.outstanding) shapes.emplace_back(connections, outstanding);
  switch (workload) {
    case Workload::watch:
    case Workload::watch_persistent:
    case Workload::sessions:
    case Workload::failover: {
      // Once: the first two have numbers of their own, and a leader is lost once.
      unsigned most = 1;
      for (const Shape& shape : shapes) most = std::max(most, shape.first);
      return {{most, 1}};
    }
    case Workload::ephemerals:
    case Workload::lock:
      for (Shape& shape : shapes) shape.second = 1;
      shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
      return shapes;
    default:
      return shapes;
  }
}

bool run_matrix(const Matrix& matrix, const std::string& connect, const std::function<bool()>& interrupted) {
  for (Workload workload : matrix.workloads)
    if (!possible(matrix.protocol, workload))
      throw std::runtime_error(std::string(name_of(workload)) + " is not run over " + name_of(matrix.protocol) +
                               ", but over ZooKeeper's protocol: --protocol zk");
  const std::vector<std::string> nodes = client::ConnectString::parse(connect).servers;
  const std::vector<pid_t> servers = matrix.servers.empty() ? listeners(nodes) : matrix.servers;
  std::unique_ptr<Bench> bench;
  if (straight_at_doors(matrix))
    bench = std::make_unique<RpcBench>(connect, nodes, matrix);
  else
    bench = std::make_unique<WireBench>(nodes, matrix);
  if (!matrix.json) print(describe_nodes(matrix.protocol, nodes) + table_heading());
  bool all_fine = true;
  for (Workload workload : matrix.workloads)
    for (const auto& [connections, outstanding] : shapes_of(matrix, workload)) {
      if (interrupted()) break;
      Load load = matrix.load;
      load.workload = workload;
      load.connections = connections;
      load.outstanding = outstanding;
      Row row = measure(*bench, load, servers, interrupted);
      row.protocol = name_of(matrix.protocol);
      row.tree = bench->path();
      print(matrix.json ? json_row(row) : table_row(row));
      all_fine = fine(row.measured) && all_fine;
      if (!matrix.keep) bench->remove_created();
    }
  if (matrix.keep)
    complain("the znodes are left below " + bench->path());
  else
    bench->remove();
  return all_fine && !interrupted();
}

}  // namespace troupe::bench
