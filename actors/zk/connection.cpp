#include "actors/zk/connection.hpp"

#include <spdlog/spdlog.h>

#include "actors/zk/jute.hpp"
#include "actors/zk/replies.hpp"

namespace troupe::zk {

Connection::Connection(ConnectionContext& context, std::string address, std::string name)
    : context_(context), address_(std::move(address)), name_(std::move(name)), since_ms_(context.now_ms) {}

Connection::~Connection() {
  if (attachment_ != nullptr) context_.gateway.disconnect(*attachment_);
}

void Connection::end() {
  state_ = State::ending;
  sync_paths_.clear();
  if (auto* attachment = std::exchange(attachment_, nullptr)) context_.gateway.disconnect(*attachment);
}

bool Connection::paused() const {
  const bool takes = state_ == State::fresh || state_ == State::open;
  return !takes || congested_ || output_.size() > context_.pause_above;
}

// --- from the client ---

std::size_t Connection::receive(std::string_view bytes) {
  std::size_t used = 0;
  receiving_ = true;
  while (!paused()) {
    const auto rest = bytes.substr(used);
    if (rest.size() < length_size) break;
    if (state_ == State::fresh) {
      if (auto answer = context_.host.four_letter_word(rest)) {
        count_received();
        output_.append(*answer);
        end();
        break;
      }
    }
    const std::int32_t size = Reader(rest).i32();
    // A node that does not serve says no more than that to anyone.
    if (size < 0 || static_cast<std::size_t>(size) > context_.max_frame || !context_.gateway.is_serving()) {
      end();
      break;
    }
    if (rest.size() - length_size < static_cast<std::size_t>(size)) break;
    const auto frame = rest.substr(length_size, static_cast<std::size_t>(size));
    used += length_size + frame.size();
    count_received();
    state_ == State::fresh ? receive_connect(frame) : receive_request(frame);
  }
  receiving_ = false;
  if (state_ == State::ending) return bytes.size();
  if (attachment_ != nullptr && !congested_) congested_ = context_.gateway.congested(*attachment_);
  return used;
}

void Connection::count_received() {
  ++counters_.received;
  ++context_.counters.received;
}

void Connection::count_sent(std::size_t frames) {
  counters_.sent += frames;
  context_.counters.sent += frames;
}

void Connection::receive_connect(std::string_view frame) {
  const auto connect = read_connect(frame);
  const auto* view = context_.gateway.view();
  // A client that has seen more than this node would go back in time here.
  if (!connect || view == nullptr || connect->last_seen > view->zxid()) return end();
  says_read_only_ = connect->says_read_only;
  state_ = State::connecting;
  const auto password = connect->password;
  attachment_ = context_.gateway.connect(
      *this, {.session = connect->session,
              .password = {reinterpret_cast<const std::byte*>(password.data()), password.size()},
              // 0 would leave a session's timeout as it is; here the client always asks for one.
              .timeout_ms = static_cast<std::uint32_t>(std::max(connect->timeout_ms, 1)),
              .last_seen = connect->last_seen,
              .address = address_});
}

void Connection::receive_request(std::string_view frame) {
  const Call* read = context_.requests.read(frame);
  if (read == nullptr) return end();
  const auto [xid, op] = from_tag(read->tag);
  // Of an authentication not even the form may be wrong.
  if ((op == Op::auth || op == Op::sasl) && read->refusal == Error::marshalling_error) return end();
  if (op == Op::sync) {
    read->path.data() == nullptr ? sync_paths_.emplace_back() : sync_paths_.emplace_back(std::string(read->path));
  }
  outstanding_.came(context_.now_ms);
  if (!is_write(read->code)) return context_.gateway.call(*attachment_, *read);
  if (read->code == OpCode::close) state_ = State::closing;
  Call write = *read;
  write.number = ++writes_;
  context_.gateway.call(*attachment_, write);
}

// --- from the gateway ---

void Connection::on_accepted(const Accepted& accepted) {
  state_ = State::open;
  session_ = accepted.session;
  timeout_ms_ = accepted.timeout_ms;
  write_accepted(output_, accepted, says_read_only_);
  count_sent(1);
  context_.host.changed(*this);
}

void Connection::on_reply(const Reply& reply) {
  if (state_ == State::ending) return;
  const auto [xid, op] = from_tag(reply.tag);
  if (op == Op::sync) {
    write_reply(output_, reply, sync_paths_.front());
    sync_paths_.pop_front();
  } else {
    write_reply(output_, reply);
  }
  // The connection ends behind these; the gateway hears of it when it is not on the stack.
  if (reply.error == Error::unimplemented || (op == Op::auth && reply.error != Error::ok)) state_ = State::ending;

  if (!receiving_) context_.now_ms = context_.host.now_ms();
  const std::int64_t latency = context_.now_ms - outstanding_.answered();
  count_sent(1);
  counters_.latency.add(latency);
  context_.counters.latency.add(latency);
  last_ = {op, xid >= 0 ? xid : last_.xid, reply.zxid, context_.now_ms, latency};
  context_.host.changed(*this);
}

void Connection::on_events(std::span<const Event> events) {
  if (state_ == State::ending) return;
  const std::size_t before = output_.size();
  for (const auto& event : events) write_event(output_, event);
  event_bytes_ += output_.size() - before;
  count_sent(events.size());
  context_.host.changed(*this);
}

void Connection::on_closed(Closed why) {
  attachment_ = nullptr;
  if (why == Closed::overflow) spdlog::info("closing the connection of {}: {}", name_, describe(why));
  if (state_ == State::connecting && (why == Closed::expired || why == Closed::moved)) {
    write_refused_session(output_, says_read_only_);
  }
  end();
  context_.host.changed(*this);
}

void Connection::on_uncongested() {
  congested_ = false;
  context_.host.changed(*this);
}

void Connection::sent() {
  if (output_.empty()) event_bytes_ = 0;
  if (attachment_ == nullptr) return;
  // Nothing is read from it that it could be heard by, but it takes what it is sent.
  if (paused()) context_.gateway.heard(*attachment_);
  if (output_.size() <= context_.pause_above) context_.gateway.drained(*attachment_);
}

Connection::Facts Connection::facts() const {
  return {name_, session_, since_ms_, timeout_ms_, outstanding_.size(), counters_, last_};
}

}  // namespace troupe::zk
