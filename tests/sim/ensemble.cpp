#include "tests/sim/ensemble.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "apps/sim/actor_system.hpp"

namespace troupe::sim {

// --- clients ---

bool Client::connected() const {
  return attachment_ != nullptr && accepted_ && node_->running() && node_->incarnation() == incarnation_;
}

bool Client::connect(std::uint32_t id) {
  disconnect();
  node_ = &ensemble_.node(id);
  if (!node_->running()) return false;
  incarnation_ = node_->incarnation();
  accepted_ = false;
  closed_.reset();
  ConnectRequest request;
  request.session = session_;
  request.password = password_;
  request.timeout_ms = ensemble_.options().session_timeout_ms;
  request.last_seen = last_seen_;
  request.address = "10.0.0.1";
  request.may_be_local = ensemble_.options().local_sessions;
  attachment_ = node_->gateway().connect(*this, request);
  if (closed_) attachment_ = nullptr;
  ensemble_.comes_true([this] { return accepted_ || closed_; }, 10 * seconds);
  if (connected()) {
    Call auth{.code = OpCode::add_auth, .scheme = "digest", .credentials = super_credentials};
    node_->gateway().call(*attachment_, auth);
  }
  return connected();
}

void Client::disconnect() {
  if (attachment_ != nullptr && node_->running() && node_->incarnation() == incarnation_) {
    node_->gateway().disconnect(*attachment_);
  }
  attachment_ = nullptr;
  writing_ = 0;
}

void Client::heartbeat() {
  if (connected()) node_->gateway().heard(*attachment_);
}

void Client::on_accepted(const Accepted& accepted) {
  accepted_ = true;
  session_ = accepted.session;
  password_ = accepted.password;
}

void Client::on_closed(Closed why) {
  closed_ = why;
  attachment_ = nullptr;
}

void Client::on_reply(const Reply& reply) {
  Answer answer;
  answer.error = reply.error;
  answer.zxid = reply.zxid;
  answer.found = reply.stat != nullptr;
  if (reply.data) answer.data = *reply.data;
  if (is_write(reply.code) && !reply.results.empty()) answer.path = reply.results.front().path;
  last_seen_ = std::max(last_seen_, reply.zxid);
  answers_[reply.tag] = answer;
  ++untaken_;
  if (reply.tag == writing_) {
    writing_ = 0;
    if (answer.ok()) acknowledged_ = value_;
  }
}

std::uint64_t Client::call(Call& call, WriteOp* op) {
  const auto number = next_number_++;
  if (!connected()) {
    answers_[number] = {};
    return number;
  }
  const AclView everybody{31, "world", "anyone"};
  call.tag = call.number = number;
  if (op != nullptr) {
    op->acl = {&everybody, 1};
    call.ops = {op, 1};
    call.path = op->path;
  }
  node_->gateway().call(*attachment_, call);
  return number;
}

Client::Answer Client::wait(std::uint64_t number) {
  ensemble_.comes_true([&] { return answered(number) || !connected(); }, 10 * seconds);
  return answered(number) ? answer(number) : Answer{};
}

std::uint64_t Client::send_create(const std::string& path, const std::string& data, schema::NodeKind kind) {
  WriteOp op{.code = OpCode::create, .path = path, .data = data, .kind = kind};
  Call create{.code = OpCode::create};
  return call(create, &op);
}

std::uint64_t Client::send_set(const std::string& path, const std::string& data) {
  WriteOp op{.code = OpCode::set_data, .path = path, .data = data};
  Call set{.code = OpCode::set_data};
  return call(set, &op);
}

Client::Answer Client::create(const std::string& path, const std::string& data, schema::NodeKind kind) {
  return wait(send_create(path, data, kind));
}

Client::Answer Client::set(const std::string& path, const std::string& data) { return wait(send_set(path, data)); }

Client::Answer Client::remove(const std::string& path) {
  WriteOp op{.code = OpCode::remove, .path = path};
  Call remove{.code = OpCode::remove};
  return wait(call(remove, &op));
}

std::uint64_t Client::send_get(const std::string& path) {
  Call get{.code = OpCode::get_data, .path = path};
  return call(get, nullptr);
}

Client::Answer Client::get(const std::string& path) { return wait(send_get(path)); }

std::uint64_t Client::send_sync() {
  Call sync{.code = OpCode::sync, .path = "/"};
  return call(sync, nullptr);
}

Client::Answer Client::sync() { return wait(send_sync()); }

void Client::take_answers() {
  untaken_ = 0;
  if (connected()) node_->gateway().drained(*attachment_);
}

std::uint64_t Client::send_reconfig(const std::string& joining, const std::string& leaving) {
  std::string servers;
  std::istringstream items(joining);
  for (std::string item; std::getline(items, item, ',');) {
    const PeerId id{static_cast<std::uint32_t>(std::stoul(item))};
    servers +=
        (servers.empty() ? "server." : ",server.") + to_string(id) + "=" + to_text(sim_member(id, item.back() == 'o'));
  }
  Call reconfig{.code = OpCode::reconfig};
  if (!servers.empty()) reconfig.reconfig.joining = servers;
  if (!leaving.empty()) reconfig.reconfig.leaving = leaving;
  return call(reconfig);
}

Client::Answer Client::reconfig(const std::string& joining, const std::string& leaving) {
  return wait(send_reconfig(joining, leaving));
}

void Client::keep_writing(const std::string& path) {
  written_path_ = path;
  write_next();
}

void Client::write_next() {
  if (written_path_.empty() || writing_ != 0 || !connected()) return;
  writing_ = send_set(written_path_, std::to_string(++value_));
}

// --- the ensemble ---

/// A violation inside an actor's handler must not be taken for the actor's own failure.
template <class Check>
void Ensemble::guarded(Check&& check) {
  try {
    check();
  } catch (const Violation& violation) {
    if (violation_.empty()) violation_ = violation.what();
  }
}

Ensemble::Ensemble(const EnsembleOptions& options) : options_(options), world_(options.seed), wire_(world_, 50, 500) {
  spdlog::set_level(spdlog::level::off);
  const auto members = options.voters + options.observers;
  EnsembleConfig founding;
  for (std::uint32_t id = 1; id <= members; ++id) founding.members[{id}] = sim_member({id}, id > options.voters);
  invariants_ = std::make_unique<Invariants>(history_, founding);
  for (std::uint32_t id = 1; id <= members + options.spares; ++id) {
    SimNodeOptions node;
    node.id = {id};
    node.ensemble = founding;
    node.standalone_enabled = options.standalone_enabled;
    node.reconfig_enabled = options.reconfig_enabled;
    node.local_sessions = options.local_sessions;
    if (id > members) node.ensemble.members[{id}] = sim_member({id}, true);
    node.disk_longest = 1'000;
    node.checkpoint_txns = options.checkpoint_txns;
    nodes_.push_back(std::make_unique<SimNode>(
        actor_system(), world_, wire_, node,
        [this](SimNode& at, const Applied& applied) { guarded([&] { invariants_->on_applied(at, applied); }); }));
  }
  rules_ = std::make_unique<MessageRules>(*invariants_);
  wire_.tap = [this](PeerId from, PeerId to, const zab::Message& message) {
    guarded([&] { rules_->check(from, to, message); });
    if (on_message) on_message(from, to, message);
    if (std::holds_alternative<zab::Diff>(message)) brought_up_[to.value] = 'd';
    if (std::holds_alternative<zab::Trunc>(message)) brought_up_[to.value] = 't';
    if (std::holds_alternative<zab::SnapBegin>(message)) brought_up_[to.value] = 's';
  };
}

Ensemble::~Ensemble() = default;

void Ensemble::start(std::uint32_t id) {
  node(id).start();
  invariants_->on_started(node(id));
}

void Ensemble::start_all() {
  for (std::uint32_t id = 1; id <= nodes_.size(); ++id) {
    if (!node(id).running()) start(id);
  }
}

bool Ensemble::looking(std::uint32_t id) {
  return node(id).running() && node(id).status().role == zab::PeerState::looking && !node(id).status().serving;
}

bool Ensemble::leads(std::uint32_t id) {
  return node(id).running() && node(id).status().role == zab::PeerState::leading && node(id).status().serving;
}

bool Ensemble::follows(std::uint32_t id, std::uint32_t leader) {
  const auto& status = node(id).status();
  return node(id).running() && status.serving && status.role != zab::PeerState::leading &&
         status.leader == PeerId{leader};
}

std::uint32_t Ensemble::leader() {
  std::uint32_t found = 0;
  Epoch latest;
  for (const auto& each : nodes_) {
    if (!leads(each->id().value) || each->status().epoch < latest) continue;
    latest = each->status().epoch;
    found = each->id().value;
  }
  return found;
}

std::uint32_t Ensemble::wait_for_leader() {
  run_until("there is a leader", [this] { return leader() != 0; });
  return leader();
}

void Ensemble::settle() {
  run_until("all agree", [this] {
    const auto leading = leader();
    if (leading == 0) return false;
    for (const auto& each : nodes_) {
      if (!each->running()) continue;
      if (each->id().value != leading && !follows(each->id().value, leading)) return false;
      if (each->data().tree().applied() != history_.last() || each->data().log().last() != history_.last())
        return false;
    }
    return true;
  });
}

std::string Ensemble::value(std::uint32_t id, const std::string& path) {
  const auto view = node(id).data().tree().view();
  const auto found = view->get(path);
  return found ? std::string(found->data) : "(none)";
}

std::string Ensemble::value(const std::string& path) {
  std::optional<std::string> common;
  for (const auto& each : nodes_) {
    if (!each->running()) continue;
    const auto here = value(each->id().value, path);
    if (!common) common = here;
    INFO(each->name());
    REQUIRE(here == *common);
  }
  return common.value_or("(nobody runs)");
}

void Ensemble::isolate(const std::vector<std::uint32_t>& ids) {
  const auto inside = [&](PeerId id) { return std::find(ids.begin(), ids.end(), id.value) != ids.end(); };
  for (const auto& a : nodes_) {
    for (const auto& b : nodes_) {
      if (inside(a->id()) != inside(b->id())) wire_.cut(a->id(), b->id());
    }
  }
}

Client& Ensemble::client() {
  clients_.push_back(std::make_unique<Client>(*this));
  return *clients_.back();
}

Client& Ensemble::client(const Client& of) {
  auto& twin = client();
  twin.session_ = of.session_;
  twin.password_ = of.password_;
  twin.next_number_ = of.next_number_;
  return twin;
}

void Ensemble::step() {
  if (!world_.step()) throw Violation("nothing happens any more");
  if (!violation_.empty()) throw Violation(violation_);
  for (const auto& each : nodes_) {
    if (each->running()) invariants_->check(*each);
  }
  if (world_.now() >= next_heartbeat_) {
    next_heartbeat_ = world_.now() + 100 * milliseconds;
    for (const auto& client : clients_) client->heartbeat();
  }
  for (const auto& client : clients_) client->write_next();
}

void Ensemble::run_for(Micros time) {
  const auto end = world_.now() + time;
  world_.at(end, [] {});  // so that there is something to come to
  while (world_.now() < end) step();
}

bool Ensemble::comes_true(const std::function<bool()>& so, Micros limit) {
  const auto end = world_.now() + limit;
  while (!so()) {
    if (world_.now() >= end) return false;
    step();
  }
  return true;
}

void Ensemble::run_until(const std::string& what, const std::function<bool()>& so, Micros limit) {
  INFO("waiting until " << what);
  REQUIRE(comes_true(so, limit));
}

}  // namespace troupe::sim
