#include "apps/sim/sim_node.hpp"

#include "actors/applier.hpp"
#include "actors/archivist.hpp"
#include "actors/client_identity.hpp"
#include "actors/elector.hpp"
#include "actors/gateway_actor.hpp"
#include "actors/journal_flusher.hpp"
#include "actors/log_writer.hpp"
#include "actors/peer.hpp"
#include "actors/state_flusher.hpp"
#include "apps/sim/history.hpp"

namespace troupe::sim {
namespace {

constexpr std::int64_t longest_on_ms = 10'000'000'000;  // some months

/// Subscribes to a node's applier for the checkers.
class Observer : public Hosted<AppliedUserActor> {
 public:
  Observer(caf::actor_config& config, std::function<void(const Applied&)> on_applied)
      : Hosted(config), on_applied_(std::move(on_applied)) {}

  behavior_type make_behavior() override {
    return {[this](const Applied& applied) { on_applied_(applied); }};
  }

 private:
  std::function<void(const Applied&)> on_applied_;
};

}  // namespace

Member sim_member(PeerId id, bool observer) {
  return {.host = "node" + to_string(id), .observer = observer, .election_port = 3888, .client_port = 2181};
}

struct SimNode::Process {
  RoleContext context;
  std::unique_ptr<store::DataDir> data;
  std::unique_ptr<SimHost> peer_host, log_host, apply_host, flush_host, archivist_host, gateway_host, observer_host;
  std::unique_ptr<SimNetwork> network;
  ElectorActor elector;
  PeerActor peer;
  StateFlusherActor flusher;
  JournalFlusherActor journal_flusher;
  ArchivistActor archivist;
  AppliedUserActor observer;

  void drain() {
    for (int round = 0; round < 3; ++round) {
      for (auto* host :
           {&log_host, &apply_host, &flush_host, &archivist_host, &peer_host, &observer_host, &gateway_host}) {
        (*host)->drain();
      }
    }
  }

  /// Ends every actor at once, unheard by anybody outside.
  void end() {
    network->detach();
    caf::anon_send_exit(context.log_writer, caf::exit_reason::kill);
    caf::anon_send_exit(context.applier, caf::exit_reason::kill);
    caf::anon_send_exit(peer, caf::exit_reason::kill);
    caf::anon_send_exit(elector, caf::exit_reason::kill);
    caf::anon_send_exit(observer, caf::exit_reason::kill);
    caf::anon_send_exit(flusher, caf::exit_reason::kill);
    caf::anon_send_exit(journal_flusher, caf::exit_reason::kill);
    caf::anon_send_exit(archivist, caf::exit_reason::kill);
    for (auto& gateway : context.gateways) caf::anon_send_exit(gateway, caf::exit_reason::kill);
    drain();
    peer = nullptr;
    elector = nullptr;
    observer = nullptr;
    context.log_writer = nullptr;
    context.applier = nullptr;
    context.gateways.clear();
    flusher = nullptr;
    journal_flusher = nullptr;
    archivist = nullptr;
    drain();
  }
};

SimNode::SimNode(caf::actor_system& system, World& world, Wire& wire, const SimNodeOptions& options,
                 AppliedHook on_applied)
    : system_(system),
      world_(world),
      wire_(wire),
      options_(options),
      on_applied_(std::move(on_applied)),
      on_for_ms_(world.between(0, longest_on_ms)) {}

SimNode::~SimNode() {
  if (running()) kill();
}

std::int64_t SimNode::passed_ms() const {
  return static_cast<std::int64_t>(static_cast<double>(world_.now()) * options_.clock_rate / 1000.0);
}

void SimNode::start() {
  ++incarnation_;
  failure_.clear();
  out_of_space_ = false;
  clock_stopped_until_ = 0;
  status_ = NodeStatus{};
  status_.id = options_.id;
  store::DataDirOptions data_options;
  // All the time, or after some hundred batches.
  data_options.log.flush_bytes = world_.random() % 2 == 0 ? 0 : 330 << 10;
  data_options.log.recent_bytes = world_.random() % 2 == 0 ? 0 : 4 << 10;
  auto data =
      std::make_unique<store::DataDir>(machine_.disk(), options_.id, data_options);  // throws if it cannot be opened
  process_ = std::make_unique<Process>();
  auto& p = *process_;
  const auto enter = [this] { (void)this; };
  const auto host = [&](Micros shortest, Micros longest) {
    return std::make_unique<SimHost>(system_, world_, shortest, longest, enter);
  };
  p.peer_host = host(0, 30);
  p.log_host = host(options_.disk_shortest, options_.disk_longest);
  p.apply_host = host(0, 500);
  p.gateway_host = host(0, 30);
  p.flush_host = host(options_.disk_shortest, 50 * options_.disk_longest);
  p.archivist_host = host(0, 50 * options_.disk_longest);
  p.observer_host = host(0, 0);
  p.data = std::move(data);
  p.network =
      std::make_unique<SimNetwork>(wire_, options_.id, options_.reconfig_enabled, ids_of(options_.ensemble.members));

  const auto fatal = [this, incarnation = incarnation_](const std::string& message) {
    if (dying_) return;
    failure_ = message;
    out_of_space_ = disk_full_;
    world_.trace(name(), "stops: " + message);
    world_.after(0, [this, incarnation] {
      if (running() && incarnation_ == incarnation) kill();
    });
  };
  auto& context = p.context;
  context.options.self = options_.id;
  context.options.configuration = Configuration::of_file(options_.ensemble);
  context.options.reconfig_enabled = options_.reconfig_enabled;
  context.options.standalone_enabled = options_.standalone_enabled;
  context.options.init_timeout_ms = 5'000;
  context.options.session_interval_ms = 100;
  context.options.cleanup = {.interval_ms = 700, .per_minute = 60'000, .never_used_ms = never_used_ms};
  context.host = p.peer_host.get();
  context.network = p.network.get();
  context.data = p.data.get();
  context.wall_clock = [this] { return wall_ms(); };
  context.random_bytes = [this](std::size_t size) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(world_.random());
    return bytes;
  };
  p.journal_flusher = spawn_on<JournalFlusher>(system_, *p.flush_host, *p.data);
  context.log_writer = spawn_on<LogWriter>(system_, *p.log_host, *p.data, p.journal_flusher, fatal);
  for (auto* disk_user : {&p.flush_host, &p.archivist_host}) (*disk_user)->on_storage_error(fatal);
  p.archivist = spawn_on<Archivist>(system_, *p.archivist_host, *p.data, context.log_writer, p.data->log().checkpoint(),
                                    CheckpointRules{options_.checkpoint_txns, 1ull << 30});
  p.flusher = spawn_on<StateFlusher>(system_, *p.flush_host, *p.data, p.archivist);
  context.applier = spawn_on<Applier>(system_, *p.apply_host, *p.data, p.flusher, fatal);
  GatewayOptions gateway;
  gateway.node = options_.id;
  gateway.seed = world_.random();
  gateway.super_digest = digest_id(super_credentials);
  gateway.local_sessions = gateway.upgrade_local_sessions = options_.local_sessions;
  gateway.tick_ms = 22;  // see tick(), on average
  gateway.min_timeout_ms = 500;
  gateway.max_timeout_ms = 10'000;
  gateway.patience_ms = 300;
  context.gateways.push_back(GatewayActor{spawn_on<GatewayRole>(
      system_, *p.gateway_host, gateway, [this, incarnation = incarnation_](std::function<void()> task) {
        world_.after(0, [this, incarnation, task = std::move(task)] {
          if (running() && incarnation_ == incarnation) task();
        });
      })});
  caf::anon_send(context.applier, Subscribe{1u << 30}, AppliedUserActor{context.gateways.front()});

  p.observer =
      spawn_on<Observer>(system_, *p.observer_host, [this](const Applied& applied) { on_applied_(*this, applied); });
  caf::anon_send(context.applier, Subscribe{(1u << 30) + 1}, AppliedUserActor{p.observer});

  p.elector = spawn_on<ElectorRole>(system_, *p.peer_host, context);
  p.peer =
      spawn_on<Peer>(system_, *p.peer_host, context, p.elector, [this](const NodeStatus& status) { status_ = status; });
  p.network->start(p.elector, p.peer);
  world_.trace(name(), "starts");
  tick();
}

void SimNode::tick() {
  const Tick tick{steady_ms()};
  caf::anon_send(process_->elector, tick);
  if (status_.role != zab::PeerState::leading) clock_stopped_until_ = 0;
  if (world_.now() >= clock_stopped_until_) caf::anon_send(process_->peer, tick);
  caf::anon_send(process_->context.applier, tick);
  for (auto& gateway : process_->context.gateways) caf::anon_send(gateway, tick);
  world_.after(world_.between(19'000, 25'000), [this, incarnation = incarnation_] {
    if (running() && incarnation_ == incarnation) this->tick();
  });
}

void SimNode::kill() {
  // What was not committed by now never will be, whatever the actors still try.
  machine_.fill(true);
  dying_ = true;
  process_->end();
  process_.reset();
  dying_ = false;
  machine_.fill(disk_full_);
  status_ = NodeStatus{};
  status_.id = options_.id;
  world_.trace(name(), "is dead");
}

void SimNode::fill_disk(bool full) {
  disk_full_ = full;
  machine_.fill(full);
  world_.trace(name(), full ? "has a full disk" : "has room on its disk again");
}

void SimNode::cut_power() {
  kill();
  machine_.cut_power();
  on_for_ms_ = world_.between(0, longest_on_ms);
}

void SimNode::set_clock(std::int64_t offset_ms) {
  options_.clock_offset_ms = offset_ms;
  world_.trace(name(), "has its clock set to " + std::to_string(offset_ms) + " ms from the right time");
}

store::DataDir& SimNode::data() { return *process_->data; }
Gateway& SimNode::gateway() { return gateway_of(process_->context.gateways.front()); }
void SimNode::slow_disk(Micros shortest, Micros longest) { process_->log_host->set_delays(shortest, longest); }
void SimNode::slow_applier(Micros shortest, Micros longest) { process_->apply_host->set_delays(shortest, longest); }

}  // namespace troupe::sim
