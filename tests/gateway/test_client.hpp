// A client as a door would bring it: makes calls, and writes down all that it hears.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/gateway.hpp"

namespace troupe::testing {

/// A reply or an event, in one record, so that their order can be looked at.
struct Said {
  bool event = false;
  // Of a reply.
  std::uint64_t tag = 0;
  Error error = Error::ok;
  std::optional<std::string> data;
  std::optional<store::Stat> stat;
  std::vector<std::string> names;
  bool more = false;
  store::AclList acl;
  std::uint64_t count = 0;
  std::vector<std::string> users;  // "scheme:user"
  std::vector<store::OpResult> results;
  // Of an event.
  EventType type = EventType::created;
  // Of both.
  std::string path;
  Zxid zxid;
};

class TestClient final : public ClientSink {
 public:
  explicit TestClient(Gateway& gateway) : gateway_(&gateway) {}
  ~TestClient() override { drop(); }

  void connect(std::uint32_t timeout_ms = 10'000, std::string_view address = {}) {
    attach({.timeout_ms = timeout_ms, .address = address});
  }
  /// By a protocol that can do with a session of one node; stays so when it comes back.
  void connect_local(std::uint32_t timeout_ms = 10'000) {
    may_be_local = true;
    attach({.timeout_ms = timeout_ms, .may_be_local = true});
  }
  /// As a client that takes a node that only reads.
  void connect_reading(std::uint32_t timeout_ms) { attach({.timeout_ms = timeout_ms, .read_only = true}); }
  void resume_reading() {
    drop();
    attach({.session = accepted->session, .password = accepted->password, .timeout_ms = 1, .read_only = true});
  }
  /// Takes up the session of before, perhaps at another gateway.
  void resume(Gateway& gateway) { resume(gateway, last_seen); }
  void resume(Gateway& gateway, Zxid seen) {
    drop();
    gateway_ = &gateway;
    attach({.session = accepted->session,
            .password = accepted->password,
            .last_seen = seen,
            .may_be_local = may_be_local});
  }
  void drop() {
    if (attachment_ != nullptr) gateway_->disconnect(*attachment_);
    attachment_ = nullptr;
  }

  void take_answers() {
    answers_untaken = false;
    if (attachment_ != nullptr) gateway_->drained(*attachment_);
  }

  void call(const Call& call) { gateway_->call(*attachment_, call); }

  // Writes are numbered, reads get tags from 1000000 on.
  std::uint64_t create(std::string_view path, std::string_view data = {},
                       schema::NodeKind kind = schema::NodeKind::PERSISTENT) {
    return write({.code = OpCode::create, .path = path, .data = data, .acl = open_acl(), .kind = kind});
  }
  std::uint64_t set(std::string_view path, std::string_view data, std::int32_t version = -1) {
    return write({.code = OpCode::set_data, .path = path, .data = data, .version = version});
  }
  std::uint64_t remove(std::string_view path) { return write({.code = OpCode::remove, .path = path}); }
  std::uint64_t write(const WriteOp& op) { return write(op, next_number++); }
  std::uint64_t write(const WriteOp& op, std::uint64_t number) {
    call({.tag = number,
          .code = op.code,
          .number = number,
          .numbered = true,
          .answered = answered,
          .ops = std::span(&op, 1)});
    return number;
  }
  /// As a client does whose protocol knows no numbers.
  std::uint64_t create_unnumbered(std::string_view path, schema::NodeKind kind = schema::NodeKind::PERSISTENT) {
    const WriteOp op{.code = OpCode::create, .path = path, .acl = open_acl(), .kind = kind};
    call({.tag = ++next_tag, .code = op.code, .ops = std::span(&op, 1)});
    return next_tag;
  }
  std::uint64_t close_unnumbered() {
    call({.tag = ++next_tag, .code = OpCode::close});
    return next_tag;
  }
  std::uint64_t multi(std::span<const WriteOp> ops) {
    const auto number = next_number++;
    call({.tag = number, .code = OpCode::multi, .number = number, .numbered = true, .answered = answered, .ops = ops});
    return number;
  }
  std::uint64_t close() {
    const auto number = next_number++;
    call({.tag = number, .code = OpCode::close, .number = number, .numbered = true});
    return number;
  }
  std::uint64_t get(std::string_view path, bool watch = false) {
    call({.tag = ++next_tag, .code = OpCode::get_data, .path = path, .watch = watch});
    return next_tag;
  }
  std::uint64_t exists(std::string_view path, bool watch = false) {
    call({.tag = ++next_tag, .code = OpCode::exists, .path = path, .watch = watch});
    return next_tag;
  }
  std::uint64_t children(std::string_view path, bool watch = false, std::string_view after = {},
                         std::uint32_t limit = 0) {
    call({.tag = ++next_tag,
          .code = OpCode::get_children,
          .path = path,
          .watch = watch,
          .after = after,
          .limit = limit});
    return next_tag;
  }
  std::uint64_t read(OpCode code, std::string_view path = {}) {
    call({.tag = ++next_tag, .code = code, .path = path});
    return next_tag;
  }

  static std::span<const AclView> open_acl() {
    static constexpr AclView everyone{31, "world", "anyone"};
    return {&everyone, 1};
  }

  /// The reply of a call, if it has come.
  const Said* reply(std::uint64_t tag) const {
    for (const auto& entry : said) {
      if (!entry.event && entry.tag == tag) return &entry;
    }
    return nullptr;
  }
  /// Where in `said` the reply stands; said.size() if it has not come.
  std::size_t place(std::uint64_t tag) const {
    std::size_t at = 0;
    while (at < said.size() && (said[at].event || said[at].tag != tag)) ++at;
    return at;
  }
  std::vector<Said> events() const {
    std::vector<Said> result;
    for (const auto& entry : said) {
      if (entry.event) result.push_back(entry);
    }
    return result;
  }
  bool connected() const { return attachment_ != nullptr && ready; }
  bool congested() { return gateway_->congested(*attachment_); }

  std::optional<Accepted> accepted;  // of the first connection: the session
  bool ready = false;
  std::vector<Said> said;
  std::vector<std::string> lost;
  std::optional<Closed> closed;
  std::size_t uncongested = 0;
  std::size_t undelivered = 0;   // what backlog() says
  bool answers_untaken = false;  // what full() says
  bool gone = false;             // what has_gone() says
  std::uint64_t next_number = 1, next_tag = 1'000'000;
  std::uint64_t answered = 0;
  bool may_be_local = false;
  Zxid last_seen;

 private:
  void attach(const ConnectRequest& request) {
    closed.reset();
    ready = false;
    answers_untaken = false;
    attachment_ = gateway_->connect(*this, request);
  }

  void on_accepted(const Accepted& now) override {
    accepted = now;
    ready = true;
  }
  void on_reply(const Reply& reply) override {
    Said entry{.tag = reply.tag, .error = reply.error, .more = reply.more, .zxid = reply.zxid};
    if (reply.data) entry.data = std::string(*reply.data);
    if (reply.stat != nullptr) entry.stat = *reply.stat;
    entry.names.assign(reply.names.begin(), reply.names.end());
    entry.acl.assign(reply.acl.begin(), reply.acl.end());
    entry.count = reply.count;
    for (const auto identity : reply.identities)
      entry.users.push_back(std::string(identity.getScheme()) + ":" + std::string(identity.getId()));
    entry.results.assign(reply.results.begin(), reply.results.end());
    if (!entry.results.empty()) entry.path = entry.results[0].path;
    said.push_back(std::move(entry));
    last_seen = std::max(last_seen, reply.zxid);
    if (is_write(reply.code)) answered = std::max(answered, reply.tag);
  }
  void on_events(std::span<const Event> events) override {
    for (const auto& event : events) {
      said.push_back({.event = true, .type = event.type, .path = std::string(event.path), .zxid = event.zxid});
      last_seen = std::max(last_seen, event.zxid);
    }
  }
  void on_events_lost(std::string_view path, Zxid) override { lost.emplace_back(path); }
  void on_closed(Closed why) override {
    closed = why;
    attachment_ = nullptr;
    ready = false;
  }
  void on_uncongested() override { ++uncongested; }
  std::size_t backlog() const override { return undelivered; }
  bool full() const override { return answers_untaken; }
  bool has_gone() const override { return gone; }

  Gateway* gateway_;
  Attachment* attachment_ = nullptr;
};

}  // namespace troupe::testing
