#include "actors/zk/connection.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <span>

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
  echoes_.clear();
  if (auto* attachment = std::exchange(attachment_, nullptr)) context_.gateway.disconnect(*attachment);
}

bool Connection::paused() const {
  const bool takes = state_ == State::fresh || state_ == State::open;
  return !takes || congested_ || output_.size() > context_.pause_above;
}

// --- from the client ---

/// Has fetched what the next requests will read. How many these are.
std::size_t Connection::look_ahead(std::string_view bytes) const {
  constexpr std::size_t at_once = 16;
  std::array<std::string_view, at_once> paths;
  std::size_t count = 0;
  while (count < at_once && bytes.size() > length_size) {
    const auto size = static_cast<std::size_t>(Reader(bytes).i32());
    if (size > bytes.size() - length_size) break;
    paths[count++] = path_of_read(bytes.substr(length_size, size));
    bytes.remove_prefix(length_size + size);
  }
  const auto* const view = context_.gateway.view();
  if (count > 1 && view != nullptr) view->prefetch(std::span(paths).first(count));
  return std::max<std::size_t>(count, 1);
}

std::size_t Connection::receive(std::string_view bytes) {
  std::size_t used = 0, looked_at = 0;
  receiving_ = true;
  while (!paused()) {
    const auto rest = bytes.substr(used);
    if (rest.size() < length_size) break;
    if (state_ == State::fresh && context_.host.four_letter_word(*this, rest)) {
      count_received();
      if (state_ == State::fresh) state_ = State::answering;
      break;
    }
    const std::int32_t size = Reader(rest).i32();
    // A node that does not serve, nor will soon, says no more than that to anyone.
    if (size < 0 || static_cast<std::size_t>(size) > context_.max_frame || !context_.gateway.takes_clients()) {
      end();
      break;
    }
    if (rest.size() - length_size < static_cast<std::size_t>(size)) break;
    const auto frame = rest.substr(length_size, static_cast<std::size_t>(size));
    used += length_size + frame.size();
    count_received();
    if (state_ == State::fresh) {
      receive_connect(frame);
      continue;
    }
    if (looked_at == 0) looked_at = look_ahead(rest);
    --looked_at;
    receive_request(frame);
  }
  receiving_ = false;
  if (state_ == State::ending || state_ == State::answering) return bytes.size();
  if (attachment_ != nullptr && !congested_) congested_ = context_.gateway.congested(*attachment_);
  return used;
}

void Connection::answer_word(std::string_view answer) {
  output_.append(answer);
  end();
  context_.host.changed(*this);
}

void Connection::count_received() {
  ++counters_.received;
  ++context_.counters.received;
}

void Connection::count_sent(std::size_t frames) {
  counters_.sent += frames;
  context_.counters.sent += frames;
}

/// The oldest request that is outstanding has its answer; how long that took.
std::int64_t Connection::count_answered() {
  if (!receiving_) context_.now_ms = context_.host.now_ms();
  const std::int64_t latency = context_.now_ms - outstanding_.answered();
  counters_.latency.add(latency);
  context_.counters.latency.add(latency);
  return latency;
}

void Connection::receive_connect(std::string_view frame) {
  const auto connect = read_connect(frame);
  const auto* view = context_.gateway.view();
  // A client that has seen more than this node would go back in time here.
  if (!connect || view == nullptr || connect->last_seen > view->zxid()) return end();
  says_read_only_ = connect->says_read_only;
  state_ = State::connecting;
  opens_session_ = connect->session == SessionId{};
  if (opens_session_) outstanding_.came(context_.now_ms);
  const auto password = connect->password;
  attachment_ = context_.gateway.connect(
      *this, {.session = connect->session,
              .password = {reinterpret_cast<const std::byte*>(password.data()), password.size()},
              // 0 would leave a session's timeout as it is; here the client always asks for one.
              .timeout_ms = static_cast<std::uint32_t>(std::max(connect->timeout_ms, 1)),
              .last_seen = connect->last_seen,
              .address = address_,
              .subject = subject_,
              .read_only = connect->read_only,
              .may_be_local = true});
}

void Connection::receive_request(std::string_view frame) {
  const Call* read = context_.requests.read(frame);
  if (read == nullptr) return end();
  const auto [xid, op] = from_tag(read->tag);
  // Of an authentication not even the form may be wrong.
  if ((op == Op::auth || op == Op::sasl) && read->refusal == Error::marshalling_error) return end();
  if (op == Op::sasl) return receive_login(*read);
  if (op == Op::sync) {
    read->path.data() == nullptr ? echoes_.emplace_back() : echoes_.emplace_back(std::string(read->path));
  }
  outstanding_.came(context_.now_ms);
  if (read->code == OpCode::close) state_ = State::closing;
  context_.gateway.call(*attachment_, *read);
}

/// Where nobody logs in by SASL its tokens are answered with none.
void Connection::receive_login(Call call) {
  outstanding_.came(context_.now_ms);
  auto& answer = echoes_.emplace_back();
  if (context_.sasl_users != nullptr) {
    if (!login_) login_ = std::make_unique<SaslLogin>(*context_.sasl_users);
    answer = login_->answer(call.path);
    if (!answer) {
      call.refusal = Error::auth_failed;
    } else if (!login_->user().empty()) {
      call.code = OpCode::add_auth;
      call.scheme = "sasl";
      call.credentials = login_->user();
      call.proven = true;
    }
  }
  context_.gateway.call(*attachment_, call);
}

// --- from the gateway ---

void Connection::on_accepted(const Accepted& accepted) {
  state_ = State::open;
  session_ = accepted.session;
  timeout_ms_ = accepted.timeout_ms;
  write_accepted(output_, accepted, says_read_only_);
  count_sent(1);
  if (opens_session_) {
    const auto latency = count_answered();
    last_ = {Op::create_session, 0, context_.gateway.view()->zxid(), context_.now_ms, latency};
  }
  context_.host.changed(*this);
}

void Connection::on_reply(const Reply& reply) {
  if (state_ == State::ending) return;
  const auto [xid, op] = from_tag(reply.tag);
  if (op == Op::sync || op == Op::sasl) {
    write_reply(output_, reply, echoes_.front());
    echoes_.pop_front();
  } else {
    write_reply(output_, reply);
  }
  // The connection ends behind these; the gateway hears of it when it is not on the stack.
  if (reply.error == Error::unimplemented || ((op == Op::auth || op == Op::sasl) && reply.error != Error::ok)) {
    state_ = State::ending;
  }

  count_sent(1);
  const auto latency = count_answered();
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
    write_refused_session(output_, says_read_only_, context_.gateway.is_read_only());
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
