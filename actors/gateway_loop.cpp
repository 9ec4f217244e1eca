#include "actors/gateway_loop.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

#include "actors/gateway_actor.hpp"

namespace troupe {
namespace {

constexpr auto tick_interval = 100 * kj::MILLISECONDS;

kj::AutoCloseFd share(int listening) {
  const int fd = fcntl(listening, F_DUPFD_CLOEXEC, 0);
  if (fd < 0)
    throw std::system_error(errno, std::system_category(), "cannot share the clients' port among the gateways");
  return kj::AutoCloseFd(fd);
}

const char* describe(zab::PeerState role) {
  switch (role) {
    case zab::PeerState::looking:
      return "looking";
    case zab::PeerState::following:
      return "following";
    case zab::PeerState::leading:
      return "leading";
    case zab::PeerState::observing:
      return "observing";
  }
  return "unknown";
}

}  // namespace

GatewayLoop::GatewayLoop(caf::actor_system& system, kj::AsyncIoContext& io, KjHost& host, const GatewayOptions& options,
                         const ClientPorts& ports, const NodeConfig& config, const SharedByLoops& shared)
    : id_(options.gateway),
      config_(config),
      board_(shared.board),
      actor_(spawn_on<GatewayRole>(system, host, options,
                                   [&host](std::function<void()> task) { host.at_end_of_turn(std::move(task)); })),
      gateway_(gateway_of(actor_)),
      ticker_(io.provider->getTimer(), tick_interval, [this](Tick tick) {
        caf::anon_send(actor_, tick);
        publish();
      }) {
  try {
    open_doors(io, host, ports, shared);
  } catch (...) {
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    throw;
  }
}

GatewayLoop::~GatewayLoop() = default;

void GatewayLoop::open_doors(kj::AsyncIoContext& io, KjHost& host, const ClientPorts& ports,
                             const SharedByLoops& shared) {
  auto listener = io.lowLevelProvider->wrapListenSocketFd(
      share(ports.rpc), kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC | kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK);
  rpc_door_ = std::make_unique<RpcDoor>(gateway_, kj::mv(listener), io.provider->getTimer(),
                                        [this](schema::Status::Builder status) { write_status(status); });
  words_ = std::make_unique<zk::FourLetterWords>(gateway_, config_, board_, shared.admission, shared.clients);
  shared.clients.add([this](const zk::ClientQuestion& question) { return answer(question); });
  const auto open = [&](int port, zk::DoorBalance& balance, const zk::TlsContext* tls) {
    if (port < 0) return;
    zk_doors_.push_back(std::make_unique<zk::Door>(
        gateway_, io.unixEventPort, io.provider->getTimer(),
        [&host](std::function<void()> task) { host.at_end_of_turn(std::move(task)); },
        [&host](std::function<void()> task) { host.post(std::move(task)); }, share(port), shared.admission, balance,
        [this](std::string_view received) { return words_->answer(received); },
        zk::DoorOptions{.max_frame = config_.jute_maxbuffer,
                        .sasl_users = config_.jaas_file.empty() ? nullptr : &config_.sasl_users,
                        .tls = tls}));
  };
  open(ports.zk, shared.zk_doors, nullptr);
  open(ports.zk_secure, shared.secure_doors, ports.tls);
}

zk::ClientFacts GatewayLoop::answer(const zk::ClientQuestion& question) {
  zk::ClientFacts facts;
  for (const auto& door : zk_doors_) {
    facts.counters.add(door->counters());
    facts.outstanding += door->outstanding();
    if (question.reset_server) door->reset_counters();
    door->each([&](zk::Connection& connection) {
      if (question.connections) facts.connections.push_back(connection.facts());
      if (question.reset_connections) connection.reset_counters();
    });
  }
  if (question.watches) {
    gateway_.watches().each(
        [&](WatcherId watcher, std::string_view path, WatchKind) { facts.watches.emplace_back(watcher, path); });
  }
  return facts;
}

void GatewayLoop::publish() const { board_.show(id_, {gateway_.connections(), gateway_.watches().size()}); }

/// As the tree shows them; as the file has them before there is a tree.
std::map<PeerId, Member> GatewayLoop::current_members() const {
  const auto* view = gateway_.view();
  const auto txn = view != nullptr ? view->configuration() : Bytes();
  return txn.empty() ? config_.members : Configuration::of_txn(txn)->current.members;
}

void GatewayLoop::write_status(schema::Status::Builder to) const {
  publish();
  const auto status = board_.status();
  const auto clients = board_.clients();
  to.setNode(status.id.value);
  to.setRole(describe(status.role));
  to.setLeader(status.serving ? status.leader.value : 0);
  to.setEpoch(status.epoch.value);
  if (const auto* view = gateway_.view()) {
    to.setLastZxid(view->zxid().value);
    to.setZnodes(view->node_count());
    to.setSessions(view->session_count());
    to.setEphemerals(view->ephemeral_count());
  }
  to.setConnections(clients.connections);
  to.setWatches(clients.watches);
  to.setVersion(TROUPE_VERSION);
  const auto known = current_members();
  auto members = to.initMembers(static_cast<unsigned>(known.size()));
  unsigned at = 0;
  for (const auto& [id, member] : known) {
    auto each = members[at++];
    each.setNode(id.value);
    if (member.rpc_port != 0) each.setAddress(member.host + ":" + std::to_string(member.rpc_port));
  }
}

}  // namespace troupe
