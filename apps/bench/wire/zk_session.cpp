#include "apps/bench/wire/zk_session.hpp"

#include <limits>

#include "apps/bench/wire/jute.hpp"
#include "apps/bench/wire/zk_requests.hpp"

namespace troupe::bench {
namespace {

constexpr std::chrono::milliseconds pause_before_reconnecting{20};
constexpr std::size_t reply_header_size = 16;

std::int32_t frame_size(std::string_view bytes) { return jute::Reader(bytes).i32(); }

/// The first error that an operation of a multi has answered; 0 if all have succeeded.
int error_of_multi(std::string_view body) {
  jute::Reader reader(body);
  constexpr std::int32_t failed = -1;
  constexpr int rolled_back = 0, not_tried = -2;
  int first = error::ok;
  while (!reader.empty()) {
    if (reader.i32() != failed) return error::ok;  // one result only if all have one
    const bool done = reader.i8();
    reader.i32();
    if (done) break;
    const int error = reader.i32();
    if (first == error::ok && error != rolled_back && error != not_tried) first = error;
  }
  return first;
}

}  // namespace

std::unique_ptr<Session> ZkDriver::open(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                                        const SessionOptions& options, Listener& listener) {
  return std::make_unique<ZkSession>(loop, nodes, first, options, listener);
}

ZkSession::ZkSession(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                     const SessionOptions& options, Listener& listener)
    : Session(listener),
      Stream(loop),
      nodes_(nodes),
      node_(first),
      options_(options),
      timeout_(options.timeout),
      retry_(loop, [this] { retry(); }) {
  connect_to_next();
}

void ZkSession::retry() {
  if (state_ == State::disconnected) return connect_to_next();
  drop();
  lose_connection();
}

void ZkSession::connect_to_next() {
  state_ = State::connecting;
  retry_.set(Clock::now() + options_.handshake_patience);
  connect(nodes_[node_++ % nodes_.size()]);
}

void ZkSession::send(const Request& request, std::uint64_t token) {
  last_xid_ = last_xid_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_xid_ + 1;
  zk::write_request(out(), last_xid_, request);
  under_way_.push({last_xid_, request.op, token});
  last_sent_ = loop().now();
  flush_later();
}

void ZkSession::close() {
  zk::write_header(out(), last_xid_ + 1, zk::code::close);
  state_ = State::closing;
  flush_later();
}

void ZkSession::abandon() {
  abandoned_ = true;
  retry_.cancel();
  drop();
  state_ = State::disconnected;
}

void ZkSession::tick() {
  if (state_ == State::disconnected || state_ == State::connecting) return;
  const auto now = loop().now();
  // Like ZooKeeper's own client: a sign of life after a third of the timeout, no trust after two.
  if (now - last_heard_ > timeout_ * 2 / 3) {
    drop();
    return lose_connection();
  }
  if (state_ == State::connected && now - last_sent_ > timeout_ / 3) {
    zk::write_header(out(), zk::ping_xid, zk::code::ping);
    last_sent_ = now;
    flush_later();
  }
}

void ZkSession::opened() {
  zk::write_connect(out(), last_zxid_, options_.timeout, session_, password_);
  last_sent_ = loop().now();
  flush_later();
}

std::size_t ZkSession::parse(std::string_view bytes) {
  last_heard_ = loop().now();
  std::size_t taken = 0;
  try {
    while (open() && bytes.size() - taken >= 4) {
      const std::int32_t size = frame_size(bytes.substr(taken));
      if (size < 0) throw jute::Malformed();
      if (bytes.size() - taken - 4 < static_cast<std::size_t>(size)) break;
      const std::string_view frame = bytes.substr(taken + 4, static_cast<std::size_t>(size));
      taken += 4 + frame.size();
      state_ == State::connecting ? take_session(frame) : take_reply(frame);
    }
  } catch (const jute::Malformed&) {
    ++order_errors_;
    drop();
    lose_connection();
  }
  return taken;
}

void ZkSession::take_session(std::string_view frame) {
  jute::Reader reader(frame);
  reader.i32();  // the protocol's version
  const std::chrono::milliseconds granted(reader.i32());
  const std::int64_t session = reader.i64();
  const std::string_view password = reader.bytes();
  if (granted.count() <= 0) {
    // The ensemble has ended the session: begin anew.
    session_ = 0;
    password_.assign(16, '\0');
    drop();
    return lose_connection();
  }
  retry_.cancel();
  const bool renewed = session != session_;
  timeout_ = granted;
  session_ = session;
  password_ = password;
  state_ = State::connected;
  listener().connected(*this, renewed);
}

void ZkSession::take_reply(std::string_view frame) {
  jute::Reader reader(frame);
  const std::int32_t xid = reader.i32();
  const std::int64_t zxid = reader.i64();
  const int error = reader.i32();
  const std::string_view body = frame.substr(reply_header_size);
  if (xid == zk::ping_xid) return;
  if (xid == zk::notification_xid) {
    jute::Reader event(body);
    const auto type = static_cast<WatchEvent::Type>(event.i32());
    event.i32();  // the state: connected, or it could not be told
    return listener().happened(*this, {.type = type, .path = event.bytes()});
  }
  if (state_ == State::closing && under_way_.empty()) {
    drop();
    state_ = State::disconnected;
    return listener().closed(*this);
  }
  if (zxid < last_zxid_) ++order_errors_;
  last_zxid_ = std::max(last_zxid_, zxid);
  std::size_t place = 0;
  while (place < under_way_.size() && under_way_[place].xid != xid) ++place;
  if (place > 0) ++order_errors_;
  if (place == under_way_.size()) return;  // of nothing that was asked
  take_answer(under_way_.take(place), error, body);
}

void ZkSession::take_answer(const UnderWay& request, int error, std::string_view body) {
  Answer answer{.token = request.token, .error = error};
  if (error == error::ok) {
    jute::Reader reader(body);
    switch (request.op) {
      case Op::get:
      case Op::create:
        answer.data = reader.bytes();
        break;
      case Op::exists:
        reader.raw(zk::stat_children_at);
        answer.children_count = reader.i32();
        break;
      case Op::children: {
        names_.clear();
        for (std::int32_t count = reader.i32(); count > 0; --count) names_.push_back(reader.bytes());
        answer.names = names_;
        break;
      }
      case Op::multi:
        answer.error = error_of_multi(body);
        break;
      default:
        break;
    }
  }
  listener().answered(*this, answer);
}

void ZkSession::broken() { lose_connection(); }

void ZkSession::lose_connection() {
  const bool was_closing = state_ == State::closing;
  state_ = State::disconnected;
  retry_.cancel();
  while (!under_way_.empty()) {
    const UnderWay request = under_way_.pop();
    listener().answered(*this, {.token = request.token, .error = error::connection_loss});
  }
  if (options_.reconnect && !was_closing && !abandoned_) retry_.set(loop().now() + pause_before_reconnecting);
  listener().disconnected(*this);
}

}  // namespace troupe::bench
