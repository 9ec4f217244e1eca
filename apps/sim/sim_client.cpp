#include "apps/sim/sim_client.hpp"

#include <algorithm>

namespace troupe::sim {
namespace {
constexpr int registers = 6;
constexpr Micros patience = 4'000'000;  // without an answer, before another node is tried
constexpr std::uint32_t timeout_ms = 2'000;
// The least silence after which a session may expire: its timeout by the fastest clock, less the time
// that a sign of life may take from the client to the leader.
constexpr Micros least_silence = 1'250'000;
}  // namespace

/// A connection between a client and a gateway: messages in order in both directions, each after a
/// delay, until it breaks. Lives as long as events refer to it; says nothing after it is broken.
struct SimClient::Connection : ClientSink, std::enable_shared_from_this<Connection> {
  World& world;
  SimClient* client;  // null once the client has given it up
  SimNode& node;
  std::uint64_t incarnation;
  Attachment* attachment = nullptr;
  bool closed_by_gateway = false;
  bool accepted = false;  // the client has heard so
  Micros last_up = 0, last_down = 0;
  Micros last_answer = 0;
  const Micros began;

  Connection(World& w, SimClient& c, SimNode& n)
      : world(w), client(&c), node(n), incarnation(n.incarnation()), last_answer(w.now()), began(w.now()) {}

  bool node_lives() const { return node.running() && node.incarnation() == incarnation; }

  /// Runs `work` at the node, behind what was sent before.
  void up(std::function<void()> work) {
    last_up = std::max(last_up, world.now() + world.between(20, 400));
    world.at(last_up, [self = shared_from_this(), work = std::move(work)] {
      if (self->node_lives() && !self->closed_by_gateway) work();
    });
  }
  /// Runs `work` at the client, behind what was sent before.
  void down(std::function<void(SimClient&)> work) {
    last_down = std::max(last_down, world.now() + world.between(20, 400));
    world.at(last_down, [self = shared_from_this(), work = std::move(work)] {
      self->last_answer = self->world.now();
      if (self->client != nullptr) work(*self->client);
    });
  }
  /// The client drops it; the gateway hears of that, if it lives.
  void drop() {
    client = nullptr;
    up([self = shared_from_this()] {
      if (self->attachment != nullptr) self->node.gateway().disconnect(*self->attachment);
      self->attachment = nullptr;
      self->closed_by_gateway = true;
    });
  }

  void on_accepted(const Accepted& a) override {
    down([self = shared_from_this(), a](SimClient& c) {
      self->accepted = true;
      c.on_accepted(a.session, a.password);
    });
  }
  void on_reply(const Reply& reply) override {
    std::string text;
    bool found = reply.stat != nullptr;
    auto error = reply.error;
    if (reply.data) text = *reply.data;
    if (is_write(reply.code) && !reply.results.empty()) {
      text = reply.results.front().path;
      for (const auto& result : reply.results) {
        if (error == Error::ok && result.error != Error::ok) error = result.error;
      }
    }
    down([tag = reply.tag, error, zxid = reply.zxid, text = std::move(text), found](SimClient& c) {
      c.on_reply(tag, error, zxid, text, found);
    });
  }
  void on_events(std::span<const Event> events) override {
    for (const auto& event : events) {
      down([path = std::string(event.path), zxid = event.zxid](SimClient& c) { c.on_event(path, zxid); });
    }
  }
  void on_events_lost(std::string_view, Zxid) override {}
  void on_closed(Closed why) override {
    closed_by_gateway = true;
    attachment = nullptr;
    down([why](SimClient& c) { c.on_closed(why); });
  }
  void on_uncongested() override {}
  std::size_t backlog() const override { return 0; }
};

SimClient::SimClient(World& world, std::vector<std::unique_ptr<SimNode>>& nodes, int id, Zxid& seen_by_any)
    : world_(world), nodes_(nodes), id_(id), seen_by_any_(seen_by_any) {}

SimClient::~SimClient() {
  if (connection_) connection_->client = nullptr;
}

void SimClient::start() {
  connect();
  issue();
}

void SimClient::connect() {
  const auto attempt = ++attempts_;
  auto& any = *nodes_[static_cast<std::size_t>(world_.between(0, static_cast<std::int64_t>(nodes_.size()) - 1))];
  auto& node = next_node_ != nullptr ? *next_node_ : any;
  next_node_ = nullptr;
  const auto retry = [this, attempt](Micros delay) {
    world_.after(delay, [this, attempt] {
      if (attempts_ == attempt) connect();
    });
  };
  if (!node.running()) return retry(world_.between(1'000, 50'000));
  connection_ = std::make_shared<Connection>(world_, *this, node);
  connection_->up([c = connection_, session = session_, password = password_, seen = last_seen_] {
    ConnectRequest request;
    request.session = session;
    request.password = password;
    request.timeout_ms = timeout_ms;
    request.last_seen = seen;
    request.address = "10.0.0.1";
    c->attachment = c->node.gateway().connect(*c, request);
  });
  // Signs of life, and impatience.
  struct Watchdog {
    static void arm(SimClient& client, std::shared_ptr<Connection> c) {
      client.world_.after(300'000, [c] {
        if (c->client == nullptr) return;
        auto& self = *c->client;
        if (!c->node_lives()) {  // the connection breaks with the process
          self.lose_connection();
          return;
        }
        if (self.world_.now() - c->last_answer > patience && (!self.calls_.empty() || !c->accepted)) {
          self.lose_connection();
          return;
        }
        c->up([c] {
          if (c->attachment != nullptr && c->accepted) c->node.gateway().heard(*c->attachment);
        });
        arm(self, c);
      });
    }
  };
  Watchdog::arm(*this, connection_);
}

void SimClient::lose_connection() {
  if (!connection_) return;
  world_.trace(name(), "loses its connection");
  connection_->drop();
  connection_.reset();
  const auto attempt = ++attempts_;
  world_.after(world_.between(1'000, 100'000), [this, attempt] {
    if (attempts_ == attempt) connect();
  });
}

void SimClient::move_to(SimNode& node) {
  next_node_ = &node;
  lose_connection();
}

void SimClient::new_session() {
  session_ = {};
  closing_ = false;
  last_seen_ = {};
  next_number_ = 1;
  calls_.clear();
  watched_.clear();
}

void SimClient::on_closed(Closed why) {
  world_.trace(name(), std::string("is turned away: ") + describe(why));
  connection_->client = nullptr;
  connection_.reset();
  if (why == Closed::bad_request) throw Violation(name() + " was told that it broke the protocol");
  if (why == Closed::expired && session_ != SessionId{} && !closing_ && world_.now() - sign_of_life_ < least_silence) {
    throw Violation(name() + " lost its session " + to_string(session_) + " although it was heard of");
  }
  if (why == Closed::expired || why == Closed::by_request) {
    seen_.push_back({Seen::What::expired, session_, {}, Error::ok, {}, {}, false, false, world_.now()});
    new_session();
  }
  const auto attempt = ++attempts_;
  world_.after(world_.between(1'000, 100'000), [this, attempt] {
    if (attempts_ == attempt) connect();
  });
}

void SimClient::on_accepted(SessionId session, SessionPassword password) {
  const bool fresh = session_ == SessionId{};
  session_ = session;
  password_ = password;
  sign_of_life_ = std::max(sign_of_life_, connection_->began);
  seen_.push_back({Seen::What::connected, session_, {}, Error::ok, last_seen_, {}, false, false, world_.now()});
  world_.trace(name(), (fresh ? "opens session " : "takes up session ") + to_string(session) + " on " +
                           connection_->node.name());
  prove_identity();
  if (!watched_.empty()) {
    std::vector<std::string> paths;
    for (const auto& [path, since] : watched_) paths.push_back(path);
    connection_->up([c = connection_, paths, seen = last_seen_] {
      if (c->attachment == nullptr) return;
      const std::vector<std::string_view> data(paths.begin(), paths.end());
      Rearm rearm;
      rearm.relative = seen;
      rearm.data = data;
      Call call;
      call.tag = 0;
      call.code = OpCode::set_watches;
      call.rearm = &rearm;
      c->node.gateway().call(*c->attachment, call);
    });
  }
  for (auto& call : calls_) {
    call.repeated = true;
    send(call);
  }
}

/// Every client is the super user: who may do what is tested elsewhere.
void SimClient::prove_identity() {
  connection_->up([c = connection_] {
    if (c->attachment == nullptr) return;
    Call call;
    call.code = OpCode::add_auth;
    call.scheme = "digest";
    call.credentials = super_credentials;
    c->node.gateway().call(*c->attachment, call);
  });
}

// --- requests ---

void SimClient::issue() {
  if (winding_down_) return;
  if (session_ != SessionId{} && calls_.size() < 20) {
    Pending call;
    const auto path = "/r" + std::to_string(world_.between(0, registers - 1));
    const auto value = std::to_string(id_) + ":" + std::to_string(++unique_);
    const auto some = [this](const char* prefix) { return prefix + std::to_string(world_.between(0, 2)); };
    switch (world_.between(0, 15)) {
      case 0:
        call.code = OpCode::create;
        call.path = path;
        call.data = value;
        break;
      case 1:
      case 2:
      case 3:
        call.code = OpCode::set_data;
        call.path = path;
        call.data = value;
        break;
      case 4:
        call.code = OpCode::create;
        call.path = "/s-";
        call.data = value;
        call.kind = schema::NodeKind::PERSISTENT_SEQUENTIAL;
        break;
      case 5:
        call.code = OpCode::create;
        call.path = "/e" + std::to_string(id_) + "-";
        call.data = value;
        call.kind = schema::NodeKind::EPHEMERAL_SEQUENTIAL;
        break;
      case 6:
        call.code = OpCode::remove;
        call.path = path;
        if (world_.chance(0.7)) call.version = static_cast<std::int32_t>(world_.between(0, 3));
        break;
      case 7:
        call.code = OpCode::multi;
        call.multi = true;
        call.path = path;
        call.data = value;
        break;
      case 8:
        call.code = OpCode::sync;
        call.path = path;
        break;
      case 9:
        call.code = OpCode::create;
        call.path = some("/c");
        call.data = value;
        call.kind = schema::NodeKind::CONTAINER;
        break;
      case 10:  // what is in a container
        call.code = world_.chance(0.5) ? OpCode::create : OpCode::remove;
        call.path = some("/c") + "/child";
        call.data = value;
        break;
      case 11:
        call.code = world_.chance(0.5) ? OpCode::create : OpCode::set_data;
        call.path = some("/t");
        call.data = value;
        if (call.code != OpCode::create) break;
        call.kind = schema::NodeKind::TTL;
        call.ttl = world_.between(100, 2'000);
        break;
      case 12:
        call.code = OpCode::get_data;
        call.path = some(world_.chance(0.5) ? "/c" : "/t");
        call.watch = world_.chance(0.3) && !watched_.contains(call.path);
        break;
      default:
        call.code = world_.chance(0.7) ? OpCode::get_data : OpCode::exists;
        call.path = path;
        call.watch = world_.chance(0.3) && call.code == OpCode::get_data && !watched_.contains(path);
        break;
    }
    if (next_change && world_.chance(0.02)) {
      if (auto change = next_change()) {
        call = Pending{};
        call.code = OpCode::reconfig;
        call.path = "+" + change->joining + " -" + change->leaving + " =" + change->members;
        call.change = std::move(*change);
      }
    }
    if (world_.chance(0.004)) {
      call = Pending{};
      call.code = OpCode::close;
      closing_ = true;
    }
    invoke(std::move(call));
  }
  world_.after(world_.between(500, world_.chance(0.1) ? 200'000 : 12'000), [this] { issue(); });
}

void SimClient::invoke(Pending call) {
  call.number = next_number_++;
  call.invoked = world_.now();
  call.seen_by_any = seen_by_any_;
  // One watch at a time for a path, from the call on: a second one would blur whose event it is.
  if (call.watch) watched_.emplace(call.path, Zxid{});
  calls_.push_back(call);
  if (connection_ && connection_->accepted) send(call);
}

void SimClient::send(const Pending& pending) {
  const auto answered = calls_.front().number - 1;
  connection_->up([c = connection_, pending, answered] {
    if (c->attachment == nullptr) return;
    WriteOp ops[2];
    const AclView everybody{31, "world", "anyone"};
    Call call;
    call.tag = pending.number;
    call.code = pending.code;
    call.path = pending.path;
    call.watch = pending.watch;
    call.number = pending.number;
    call.numbered = true;
    call.answered = answered;
    if (pending.code == OpCode::reconfig) {
      const auto& change = pending.change;
      if (!change.joining.empty()) call.reconfig.joining = change.joining;
      if (!change.leaving.empty()) call.reconfig.leaving = change.leaving;
      if (!change.members.empty()) call.reconfig.new_members = change.members;
      call.reconfig.version = change.version;
    } else if (is_write(pending.code)) {
      ops[0].code = pending.multi ? OpCode::set_data : pending.code;
      ops[0].path = pending.path;
      ops[0].data = pending.data;
      ops[0].kind = pending.kind;
      ops[0].version = pending.version;
      ops[0].ttl = pending.ttl;
      ops[0].acl = {&everybody, 1};
      call.ops = {ops, pending.code == OpCode::close ? 0u : 1u};
      if (pending.multi) {
        ops[1].code = OpCode::create;
        ops[1].path = "/m-";
        ops[1].data = pending.data;
        ops[1].kind = schema::NodeKind::PERSISTENT_SEQUENTIAL;
        ops[1].acl = {&everybody, 1};
        call.ops = {ops, 2};
      }
    }
    c->node.gateway().call(*c->attachment, call);
  });
}

// --- answers ---

void SimClient::on_reply(std::uint64_t tag, Error error, Zxid zxid, std::string text, bool found) {
  if (tag == 0) return;  // of set_watches
  if (calls_.empty() || calls_.front().number != tag) {
    throw Violation(name() + " got the answer of request " + std::to_string(tag) + " out of order");
  }
  auto call = std::move(calls_.front());
  calls_.pop_front();
  const bool write = is_write(call.code);
  world_.trace(name(), "request " + std::to_string(tag) + " (" + std::to_string(static_cast<int>(call.code)) + " " +
                           call.path + "): " + describe(error) + " at " + to_string(zxid));
  if (write && error == Error::session_moved) {
    lose_connection();  // its session is attached elsewhere by an older connection: it must come again
    calls_.push_front(std::move(call));
    return;
  }
  if (call.watch) {
    if (error == Error::ok) {
      watched_[call.path] = zxid;
    } else {
      watched_.erase(call.path);
    }
  }
  if (write && error == Error::ok) sign_of_life_ = std::max(sign_of_life_, call.invoked);
  if (call.code == OpCode::sync && error == Error::ok && zxid < call.seen_by_any) {
    throw Violation("sync: " + name() + " is at " + to_string(zxid) + ", and a client was at " +
                    to_string(call.seen_by_any) + " before it asked");
  }
  saw(zxid);
  if (call.code != OpCode::sync) {
    seen_.push_back({write ? Seen::What::write : Seen::What::read, session_, std::move(call), error, zxid,
                     std::move(text), found, false, world_.now()});
  }
}

void SimClient::saw(Zxid zxid) {
  last_seen_ = std::max(last_seen_, zxid);
  seen_by_any_ = std::max(seen_by_any_, zxid);
}

void SimClient::on_event(const std::string& path, Zxid zxid) {
  world_.trace(name(), "event for " + path + " at " + to_string(zxid));
  watched_.erase(path);
  saw(zxid);
  seen_.push_back({Seen::What::event, session_, {}, Error::ok, zxid, path, false, false, world_.now()});
}

// --- verification ---

std::size_t SimClient::acknowledged() const {
  return static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), [](const Seen& seen) {
    return seen.what == Seen::What::write && seen.error == Error::ok;
  }));
}

void SimClient::verify_writes(const std::vector<std::unique_ptr<SimClient>>& clients, const History& history) {
  struct Write {
    Zxid zxid;
    Micros invoked, answered;
    std::string who;
  };
  std::vector<Write> writes;
  for (const auto& client : clients) {
    Zxid previous;
    SessionId session;
    for (const auto& seen : client->seen_) {
      if (seen.what != Seen::What::write || seen.call.code == OpCode::close) continue;
      const auto who = client->name() + ", request " + std::to_string(seen.call.number);
      if (seen.error == Error::connection_loss || seen.error == Error::session_expired) continue;
      const auto* txn = history.find(seen.session, seen.call.number);
      if (txn == nullptr) throw Violation("an acknowledged write is lost: " + who);
      if (txn->zxid != seen.zxid) {
        throw Violation(who + " was answered with " + to_string(seen.zxid) + ", it is " + to_string(txn->zxid));
      }
      if (txn->refused != (seen.error != Error::ok)) throw Violation(who + " was told the wrong outcome");
      if (seen.error == Error::ok && seen.call.code == OpCode::create && txn->created.front() != seen.text) {
        throw Violation(who + " was told that it created " + seen.text + ", it created " + txn->created.front());
      }
      if (seen.session == session && seen.zxid <= previous) throw Violation("session order: " + who);
      session = seen.session;
      previous = seen.zxid;
      writes.push_back({seen.zxid, seen.call.invoked, seen.at, who});
    }
  }
  std::sort(writes.begin(), writes.end(), [](const Write& a, const Write& b) { return a.zxid < b.zxid; });
  Micros latest = 0;
  std::string latest_who;
  for (const auto& write : writes) {
    if (write.answered < latest) {
      throw Violation("linearizability: " + write.who + " was answered before " + latest_who +
                      " was asked, and comes later");
    }
    if (write.invoked > latest) {
      latest = write.invoked;
      latest_who = write.who;
    }
  }
}

void SimClient::verify_reads(const History& history) const {
  Zxid view, own_write;
  Zxid first_hand;  // the latest view of a read that was answered the first time
  std::map<std::string, Zxid> armed;
  bool resumed = false;
  for (const auto& seen : seen_) {
    switch (seen.what) {
      case Seen::What::connected:
        resumed = true;
        break;
      case Seen::What::expired:
        view = own_write = first_hand = {};
        armed.clear();
        break;
      case Seen::What::write:
        if (seen.error == Error::ok) own_write = std::max(own_write, seen.zxid);
        if (const auto* txn = history.find(seen.session, seen.call.number); txn != nullptr && txn->zxid <= first_hand) {
          throw Violation("session order: " + name() + ", request " + std::to_string(seen.call.number) +
                          " took effect at " + to_string(txn->zxid) + ", an earlier read saw " + to_string(first_hand));
        }
        break;
      case Seen::What::event: {
        const auto since = armed.find(seen.text);
        if (since == armed.end()) break;  // of a read whose answer was lost: repeated, it may see its own event
        const auto change = history.next_change(seen.text, since->second);
        if (!change || seen.zxid < *change) throw Violation(name() + " got an event of no change of " + seen.text);
        if (!resumed && seen.zxid != *change)
          throw Violation(name() + " got the event of a later change of " + seen.text);
        armed.erase(since);
        break;
      }
      case Seen::What::read: {
        const auto what = name() + ", request " + std::to_string(seen.call.number) + ", read of " + seen.call.path;
        if (seen.zxid < view)
          throw Violation("time ran backwards: " + what + " at " + to_string(seen.zxid) + " after " + to_string(view));
        if (seen.zxid < own_write) throw Violation("a session does not see its own write: " + what);
        view = seen.zxid;
        if (!seen.call.repeated) first_hand = view;
        for (const auto& [path, since] : armed) {
          const auto change = history.next_change(path, since);
          if (change && *change <= view) {
            throw Violation("the event of " + path + " at " + to_string(*change) + " did not come before " + what +
                            " at " + to_string(view));
          }
        }
        const auto data = history.data_at(seen.call.path, seen.zxid);
        const bool there = seen.error == Error::ok && seen.found;
        if (data.has_value() != there)
          throw Violation(what + " at " + to_string(view) +
                          (there ? ": found what was not there" : ": did not find what was there"));
        if (there && seen.call.code == OpCode::get_data && *data != seen.text)
          throw Violation(what + " at " + to_string(view) + ": got " + seen.text + ", it was " + *data);
        if (seen.call.watch && there) armed[seen.call.path] = seen.zxid;
        break;
      }
    }
  }
}

}  // namespace troupe::sim
