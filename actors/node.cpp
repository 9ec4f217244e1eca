#include "actors/node.hpp"

#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "actors/applier.hpp"
#include "actors/archivist.hpp"
#include "actors/elector.hpp"
#include "actors/gateway_loop.hpp"
#include "actors/journal_flusher.hpp"
#include "actors/kj_network.hpp"
#include "actors/kj_thread.hpp"
#include "actors/listen.hpp"
#include "actors/new_ensemble.hpp"
#include "actors/peer.hpp"
#include "actors/role_context.hpp"
#include "actors/state_flusher.hpp"
#include "actors/status_board.hpp"
#include "actors/thread_host.hpp"
#include "actors/ticker.hpp"
#include "schema/check.hpp"

namespace troupe {
namespace {

constexpr auto tick_interval = 20 * kj::MILLISECONDS;
constexpr unsigned applier_ticks = 10;

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t have = 0; have < size;) {
    const auto got = getrandom(bytes.data() + have, size - have, 0);
    TROUPE_CHECK(got > 0, "the system has random numbers");
    have += static_cast<std::size_t>(got);
  }
  return bytes;
}

RoleOptions make_options(const NodeConfig& config) {
  if (!config.members.contains(config.id)) {
    throw std::invalid_argument("node " + to_string(config.id) + " is not among the members of its ensemble");
  }
  RoleOptions options;
  options.self = config.id;
  options.configuration = Configuration::of_file({config.members, {}});
  options.reconfig_enabled = config.reconfig_enabled;
  options.standalone_enabled = config.standalone_enabled;
  options.heartbeat_ms = config.heartbeat_ms;
  options.failure_timeout_ms = config.failure_timeout_ms;
  options.init_timeout_ms = std::int64_t{config.init_limit} * config.tick_ms;
  options.cleanup = {.interval_ms = config.container_check_ms,
                     .per_minute = config.container_max_per_minute,
                     .never_used_ms = config.container_never_used_ms};
  options.enforce_quota = config.enforce_quota;
  options.acl_schemes = {.x509 = config.acl_x509, .sasl = config.acl_sasl};
  return options;
}

/// What the file says and what the log says of who belongs to the ensemble.
void compare_members(const NodeConfig& config, const Configuration& logged) {
  const EnsembleConfig file{config.members, {}};
  if (file.decides_as(logged.current) || (logged.next && file.decides_as(*logged.next))) return;
  if (config.reconfig_enabled) {
    spdlog::warn(
        "the ensemble has been reconfigured since this node's file was written: the file's members no longer "
        "count, those in /zookeeper/config do");
  } else if (!logged.by_client()) {
    spdlog::warn(
        "this node's file names other members than the ensemble has. They get into force when the leader's "
        "file names them and enough of them are there; until then those in /zookeeper/config count");
  } else {
    throw std::invalid_argument(
        "this node's file names other members than the ensemble has, which clients have reconfigured since. Either "
        "enable reconfiguration (then the ensemble's own count), or write into the file the members that "
        "/zookeeper/config shows:\n" +
        to_text(logged.next ? *logged.next : logged.current));
  }
}

/// What the network begins with: the members that the log tells of, where it does.
std::map<PeerId, Member> first_members(const NodeConfig& config, const store::Log& log) {
  const auto txn = log.configuration();
  if (txn.empty()) return config.members;
  const auto logged = Configuration::of_txn(txn);
  compare_members(config, *logged);
  auto members = placed(logged->reachable(log.checkpoint().value_or(Zxid{})), config.members, config.reconfig_enabled);
  members.insert(*config.members.find(config.id));  // one that was removed, or is not added yet
  return members;
}

struct ActorSystemConfig : caf::actor_system_config {
  ActorSystemConfig() {
    // Every actor has its host; the scheduler's own thread has nothing to do.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 1);
  }
};

GatewayOptions make_gateway_options(const NodeConfig& config, std::uint32_t gateway,
                                    std::shared_ptr<NodeSessions> sessions) {
  GatewayOptions options;
  options.node = config.id;
  options.gateway = gateway;
  const auto random = random_bytes(sizeof options.seed);
  std::memcpy(&options.seed, random.data(), sizeof options.seed);
  options.super_digest = config.super_digest;
  options.super_subject = config.super_subject;
  options.local_sessions = config.local_sessions;
  options.upgrade_local_sessions = config.local_sessions_upgrading;
  options.node_sessions = std::move(sessions);
  options.min_timeout_ms = config.min_session_timeout_ms != 0 ? config.min_session_timeout_ms : 2 * config.tick_ms;
  options.max_data = std::max<std::size_t>(options.max_data, config.jute_maxbuffer);
  options.max_timeout_ms = config.max_session_timeout_ms != 0 ? config.max_session_timeout_ms : 20 * config.tick_ms;
  // A usual election is over by then. Who were refused would go to the next node, perhaps the one that was lost, and
  // wait there for longer.
  options.patience_ms = 500;
  constexpr std::uint32_t longest_election_ms = 2'000;
  if (config.read_only_mode) options.read_only_after_ms = std::max(longest_election_ms, config.tick_ms);
  return options;
}

/// The log keeps what is behind the last checkpoint but one: it must have room for that.
CheckpointRules checkpoint_rules(const NodeConfig& config) {
  constexpr std::uint64_t most_bytes = 4ull << 30;
  return {config.checkpoint_txns, std::min(most_bytes, config.log_map_size / 8)};
}

/// What lives on the peer loop, beside the actors.
struct PeerLoop {
  PeerLoop(kj::AsyncIoContext& io, KjHost& host, const NodeConfig& config, const std::map<PeerId, Member>& members)
      : network(io, host, config, members) {}

  KjNetwork network;
  std::optional<Ticker> ticker;
  std::shared_ptr<GatewayLoop> gateway;  // where clients have no loop of their own
};

}  // namespace

void end_process(const std::string& message) {
  spdlog::critical("the node stops: {}", message);
  spdlog::default_logger()->flush();
  std::_Exit(fatal_exit_status);  // destructors would wait for actors that wait for the disk
}

struct Node::Impl {
  Impl(const NodeConfig& config, FatalHandler fatal_handler)
      : config(config),
        fatal([this, tell = std::move(fatal_handler)](const std::string& message) {
          if (!failed.exchange(true)) tell(message);
        }),
        options(make_options(config)),
        data(store::open_lmdb_disk(config.data_dir), config.id,
             {.log = {.map_size = config.log_map_size}, .state_map_size = config.state_map_size}),
        system(system_config),
        board(std::max(1u, config.gateways)),
        admission(config.max_client_cnxns, config.max_cnxns),
        log_host(std::make_unique<ThreadHost>(system, "log writer")),
        flusher_host(std::make_unique<ThreadHost>(system, "state flusher")),
        journal_host(std::make_unique<ThreadHost>(system, "journal flusher")),
        archivist_host(std::make_unique<ThreadHost>(system, "archivist")) {}

  void start();
  void open_ports();
  std::shared_ptr<GatewayLoop> start_gateway(kj::AsyncIoContext& io, KjHost& host);
  void start_peer(kj::AsyncIoContext& io, KjHost& host, PeerLoop& loop);
  void end_actors_of_loops();
  void stop();

  const NodeConfig config;
  std::atomic<bool> failed = false;
  const FatalHandler fatal;
  const RoleOptions options;
  store::DataDir data;
  ActorSystemConfig system_config;
  caf::actor_system system;
  RoleContext context;
  ArchivistActor archivist;
  StateFlusherActor flusher;
  JournalFlusherActor journal_flusher;
  ElectorActor elector;
  PeerActor peer;
  bool stopped = false;

  StatusBoard board;
  Listening rpc, zk, zk_secure;
  std::optional<zk::TlsContext> tls;
  ClientPorts ports;
  zk::Admission admission;
  zk::DoorBalance zk_doors, secure_doors;
  zk::NodeClients clients;
  const std::shared_ptr<NodeSessions> sessions = std::make_shared<NodeSessions>(GatewayOptions{}.tick_ms);

  // The threads go first.
  std::unique_ptr<ThreadHost> log_host, applier_host, flusher_host, journal_host, archivist_host;
  std::vector<std::unique_ptr<KjThread>> gateway_threads;
  std::unique_ptr<KjThread> peer_thread;
};

void Node::Impl::start() {
  board.show(NodeStatus{.id = config.id});
  if (config.force_new_ensemble) force_new_ensemble(data, {config.members, {}}, wall_clock_ms(), random_bytes(16));
  context.options = options;
  context.data = &data;
  context.wall_clock = wall_clock_ms;
  context.random_bytes = random_bytes;
  const auto checkpoint = data.log().checkpoint();
  for (auto* host : {log_host.get(), flusher_host.get(), journal_host.get(), archivist_host.get()}) {
    host->on_storage_error(fatal);
  }
  journal_flusher = spawn_on<JournalFlusher>(system, *journal_host, data);
  context.log_writer = spawn_on<LogWriter>(system, *log_host, data, journal_flusher, fatal);
  archivist =
      spawn_on<Archivist>(system, *archivist_host, data, context.log_writer, checkpoint, checkpoint_rules(config));
  flusher = spawn_on<StateFlusher>(system, *flusher_host, data, archivist);
  const auto members = first_members(config, data.log());
  open_ports();
  if (config.gateways != 0) {
    applier_host = std::make_unique<ThreadHost>(system, "state applier");
    applier_host->on_storage_error(fatal);
    context.applier = spawn_on<Applier>(system, *applier_host, data, flusher, fatal);
  }
  const std::chrono::microseconds idle_poll(config.idle_poll_us);
  const auto set_up_gateway = [&](kj::AsyncIoContext& io, KjHost& host) {
    host.on_storage_error(fatal);
    return start_gateway(io, host);
  };
  for (std::uint32_t id = 0; id < config.gateways; ++id) {
    gateway_threads.push_back(
        std::make_unique<KjThread>(system, "gateway " + std::to_string(id), set_up_gateway, idle_poll));
  }
  const auto set_up_peer = [&](kj::AsyncIoContext& io, KjHost& host) {
    host.on_storage_error(fatal);
    auto loop = std::make_shared<PeerLoop>(io, host, config, members);
    try {
      if (config.gateways == 0) {
        context.applier = spawn_on<Applier>(system, host, data, flusher, fatal, [&host](std::function<void()> task) {
          host.at_end_of_turn(std::move(task));
        });
        loop->gateway = start_gateway(io, host);
      }
      start_peer(io, host, *loop);
    } catch (...) {
      end_actors_of_loops();  // while they have their loop
      throw;
    }
    return loop;
  };
  peer_thread = std::make_unique<KjThread>(system, "peer loop", set_up_peer, idle_poll);
}

void Node::Impl::open_ports() {
  const auto& rpc_address = config.rpc_address.empty() ? config.client_address : config.rpc_address;
  rpc = listen_on(rpc_address, config.rpc_port, "clients");
  if (config.zk_port != 0) zk = listen_on(config.client_address, config.zk_port, "ZooKeeper's clients");
  ports = {.rpc = rpc.socket.get(), .zk = config.zk_port != 0 ? zk.socket.get() : -1};
  if (config.zk_secure_port != 0) {
    tls.emplace(config.tls);
    const auto& address = config.secure_address.empty() ? config.client_address : config.secure_address;
    zk_secure = listen_on(address, config.zk_secure_port, "ZooKeeper's clients over TLS");
    ports.zk_secure = zk_secure.socket.get();
    ports.tls = &*tls;
  }
}

/// The next gateway and its doors, on that loop; called by one thread at a time.
std::shared_ptr<GatewayLoop> Node::Impl::start_gateway(kj::AsyncIoContext& io, KjHost& host) {
  auto options = make_gateway_options(config, static_cast<std::uint32_t>(context.gateways.size()), sessions);
  options.on_storage_error = fatal;
  auto loop = std::make_shared<GatewayLoop>(system, io, host, options, ports, config,
                                            SharedByLoops{board, admission, zk_doors, secure_doors, clients});
  context.gateways.push_back(loop->actor());
  caf::anon_send(context.applier, Subscribe{new_subscription()}, AppliedUserActor{loop->actor()});
  return loop;
}

void Node::Impl::start_peer(kj::AsyncIoContext& io, KjHost& host, PeerLoop& loop) {
  context.host = &host;
  context.network = &loop.network;
  elector = spawn_on<ElectorRole>(system, host, context);
  peer = spawn_on<Peer>(system, host, context, elector, [this](const NodeStatus& now) { board.show(now); });
  auto tick = [this, ticks = 0u](Tick now) mutable {
    caf::anon_send(elector, now);
    caf::anon_send(peer, now);
    if (ticks++ % applier_ticks == 0) caf::anon_send(context.applier, now);  // which may be another thread's
  };
  tick(Tick{monotonic_ms()});  // before anything else comes to them, they know the time
  loop.network.start(elector, peer);
  loop.ticker.emplace(io.provider->getTimer(), tick_interval, [tick, &host](Tick now) mutable {
    tick(now);
    host.hurry();  // clients must not keep the node from its peers
  });
}

/// Those that may live on a KJ loop, which must not be gone before them.
void Node::Impl::end_actors_of_loops() {
  caf::anon_send_exit(peer, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(elector, caf::exit_reason::user_shutdown);  // which a peer that failed has not told
  for (const auto& gateway : context.gateways) caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(context.applier, caf::exit_reason::user_shutdown);
}

void Node::Impl::stop() {
  if (std::exchange(stopped, true)) return;
  if (peer) {
    caf::anon_send(peer, Stop{});
    caf::scoped_actor waiter{system};
    waiter->wait_for(peer);  // its roles have been told, and the gateways that nobody serves them
  }
  end_actors_of_loops();
  caf::anon_send_exit(archivist, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(flusher, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(journal_flusher, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(context.log_writer, caf::exit_reason::user_shutdown);
  system.await_all_actors_done();

  // With the threads and the handles go the last views of the tree.
  rpc.socket = nullptr;
  zk.socket = nullptr;
  zk_secure.socket = nullptr;
  peer_thread.reset();
  gateway_threads.clear();
  log_host.reset();
  applier_host.reset();
  flusher_host.reset();
  journal_host.reset();
  archivist_host.reset();
  peer = nullptr;
  elector = nullptr;
  archivist = nullptr;
  flusher = nullptr;
  journal_flusher = nullptr;
  context = {};
  if (!failed) data.close();  // what failed is left as a crash would leave it
}

Node::Node(const NodeConfig& config, FatalHandler fatal) : impl_(std::make_unique<Impl>(config, std::move(fatal))) {
  try {
    impl_->start();
  } catch (...) {
    impl_->stop();
    throw;
  }
}

Node::~Node() {
  try {
    impl_->stop();
  } catch (const store::StorageError& error) {
    spdlog::error("{}", error.what());
  }
}

void Node::stop() { impl_->stop(); }

NodeStatus Node::status() const { return impl_->board.status(); }

bool Node::wait(const std::function<bool(const NodeStatus&)>& condition, std::chrono::milliseconds limit) const {
  return impl_->board.wait(condition, limit);
}

std::uint16_t Node::rpc_port() const { return impl_->rpc.port; }
std::uint16_t Node::zk_port() const { return impl_->zk.port; }

}  // namespace troupe
