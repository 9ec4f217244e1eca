#include "actors/rpc_connection.hpp"

#include <kj/debug.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "schema/message_room.hpp"

namespace troupe {
namespace {

constexpr unsigned at_once = 16;  // calls whose znodes are fetched together

capnp::ReaderOptions incoming(const RpcLimits& limits) {
  // Lists are looked at twice, to count and to copy, and each look counts.
  return {.traversalLimitInWords = 2 * limits.max_message / sizeof(capnp::word), .nestingLimit = 32};
}

/// An answer is as large as what was asked for: the children of a znode with very many, say.
capnp::ReaderOptions outgoing() { return {.traversalLimitInWords = 1 << 28, .nestingLimit = 32}; }

kj::Exception not_attached() {
  return KJ_EXCEPTION(DISCONNECTED, "this connection is not attached to the session any more");
}

}  // namespace

class RpcConnection::DoorServer final : public schema::Door::Server {
 public:
  explicit DoorServer(RpcConnection& connection) : connection_(connection) {}
  kj::Promise<void> connect(ConnectContext context) override { return connection_.connect(context); }
  kj::Promise<void> status(StatusContext context) override {
    connection_.status_(context.getResults().initStatus());
    return kj::READY_NOW;
  }

 private:
  RpcConnection& connection_;
};

/// What a client holds of its session; it may hold it for longer than the attachment lasts.
class RpcConnection::SessionServer final : public schema::Session::Server {
 public:
  explicit SessionServer(RpcConnection& connection) : connection_(&connection) {}
  ~SessionServer() {
    if (connection_ != nullptr) connection_->session_ = nullptr;
  }
  void revoke() { connection_ = nullptr; }

  kj::Promise<void> submit(SubmitContext context) override { return connection().submit(context); }
  kj::Promise<void> ping(PingContext) override {
    auto& self = connection();
    self.gateway_.heard(*self.attachment_);
    return kj::READY_NOW;
  }

 private:
  RpcConnection& connection() {
    if (connection_ == nullptr || connection_->attachment_ == nullptr) {
      kj::throwFatalException(not_attached());
    }
    return *connection_;
  }

  RpcConnection* connection_;
};

RpcConnection::RpcConnection(Gateway& gateway, kj::Own<kj::AsyncIoStream> stream, std::string address,
                             const RpcLimits& limits, const StatusSource& status,
                             std::function<void(RpcConnection&)> drop)
    : gateway_(gateway),
      address_(std::move(address)),
      limits_(limits),
      status_(status),
      drop_(std::move(drop)),
      stream_(kj::mv(stream), limits.pause_above),
      messages_(stream_, incoming(limits)),
      network_(messages_, capnp::rpc::twoparty::Side::SERVER, outgoing()),
      rpc_(capnp::makeRpcServer(network_, schema::Door::Client(kj::heap<DoorServer>(*this)))),
      unconfirmed_(*this),
      disconnected_(network_.onDisconnect().then([this] { this->drop(); }).eagerlyEvaluate([this](kj::Exception&&) {
        this->drop();
      })) {
  stream_.on_drained([this] { drained(); });
  stream_.on_progress([this] {
    if (attachment_ != nullptr) gateway_.heard(*attachment_);
  });
}

/// An event could not be delivered: the connection is ending, which is noticed elsewhere.
void RpcConnection::taskFailed(kj::Exception&&) {}

RpcConnection::~RpcConnection() noexcept { detach(KJ_EXCEPTION(DISCONNECTED, "the connection ended")); }

void RpcConnection::drop() {
  if (auto drop = std::exchange(drop_, nullptr)) drop(*this);
}

// --- attaching ---

kj::Promise<void> RpcConnection::connect(ConnectContext context) {
  detach(KJ_EXCEPTION(DISCONNECTED, "the client connected again"));
  const auto request = context.getParams();
  const auto password = request.getPassword();
  watcher_ = request.getWatcher();
  position_ = 0;
  event_bytes_ = 0;
  auto paf = kj::newPromiseAndFulfiller<void>();
  connected_ = kj::mv(paf.fulfiller);
  connecting_ = kj::mv(context);
  attachment_ =
      gateway_.connect(*this, {.session = SessionId{request.getSession()},
                               .password = {reinterpret_cast<const std::byte*>(password.begin()), password.size()},
                               .timeout_ms = request.getSession() == 0 ? request.getTimeout() : 0,
                               .last_seen = Zxid{request.getLastZxid()},
                               .address = address_});
  return kj::mv(paf.promise);
}

void RpcConnection::finish_connect(Error error) {
  KJ_IF_MAYBE (context, connecting_) {
    context->getResults().setError(static_cast<std::int32_t>(error));
    connecting_ = nullptr;
    connected_->fulfill();
  }
}

void RpcConnection::on_accepted(const Accepted& accepted) {
  KJ_IF_MAYBE (context, connecting_) {
    auto results = context->getResults();
    auto session = kj::heap<SessionServer>(*this);
    session_ = session.get();
    results.setSession(kj::mv(session));
    results.setId(accepted.session.value);
    results.setPassword(
        kj::arrayPtr(reinterpret_cast<const kj::byte*>(accepted.password.data()), accepted.password.size()));
    results.setTimeout(accepted.timeout_ms);
  }
  finish_connect(Error::ok);
}

void RpcConnection::on_closed(Closed why) {
  attachment_ = nullptr;
  if (why == Closed::bad_request || why == Closed::overflow) {
    spdlog::info("closing the connection of {}: {}", address_, describe(why));
  }
  const bool refused = connecting_ != nullptr;
  switch (why) {
    case Closed::not_serving:
      finish_connect(Error::connection_loss);
      break;
    case Closed::moved:
      finish_connect(Error::session_moved);
      break;
    default:
      finish_connect(Error::session_expired);
  }
  detach(KJ_EXCEPTION(DISCONNECTED, describe(why)));
  // A client that was refused may try again here; one that closed its session goes by itself.
  if (!refused && why != Closed::by_request) drop();
}

/// Ends the attachment, if there is one, and everything that hangs on it.
void RpcConnection::detach(const kj::Exception& why) {
  if (auto* attachment = std::exchange(attachment_, nullptr)) gateway_.disconnect(*attachment);
  if (auto* session = std::exchange(session_, nullptr)) session->revoke();
  if (connecting_ != nullptr) {
    connecting_ = nullptr;
    connected_->reject(kj::cp(why));
  }
  for (auto& submit : submits_) {
    if (submit.done.get() != nullptr) submit.done->reject(kj::cp(why));
  }
  submits_.clear();
  watcher_ = nullptr;
  stream_.resume();
}

// --- calls ---

/// What the next calls read, the first of them at `first`.
void RpcConnection::prefetch(capnp::List<schema::Call>::Reader calls, unsigned first) const {
  const auto* const view = gateway_.view();
  if (view == nullptr) return;
  std::array<std::string_view, at_once> paths;
  const unsigned count = std::min(at_once, calls.size() - first);
  for (unsigned i = 0; i < count; ++i) paths[i] = RpcCalls::path_of_read(calls[first + i]);
  view->prefetch(std::span(paths).first(count));
}

kj::Promise<void> RpcConnection::submit(SubmitContext context) {
  const auto params = context.getParams();
  const auto calls = params.getCalls();
  KJ_REQUIRE(calls.size() <= limits_.max_calls, "too many calls in one submit", calls.size(), limits_.max_calls);
  constexpr unsigned words_per_answer = 36;
  auto results = context.getResults(message_room(8 + std::uint64_t{calls.size()} * words_per_answer));
  auto answers = results.initAnswers(calls.size());
  if (calls.size() == 0) return kj::READY_NOW;

  auto paf = kj::newPromiseAndFulfiller<void>();
  submits_.push_back({.results = results, .done = kj::mv(paf.fulfiller), .left = calls.size(), .answers = answers});
  for (unsigned i = 0; i < calls.size(); ++i) {
    try {
      if (i % at_once == 0 && calls.size() > 1) prefetch(calls, i);
      gateway_.call(*attachment_, calls_.read(calls[i], params.getAnswered()));
    } catch (const kj::Exception& exception) {
      spdlog::info("closing the connection of {}: {}", address_, exception.getDescription().cStr());
      detach(exception);
      drop();
      throw;
    }
    if (attachment_ == nullptr) kj::throwFatalException(not_attached());
  }
  if (gateway_.congested(*attachment_)) stream_.pause();
  return kj::mv(paf.promise);
}

void RpcConnection::on_reply(const Reply& reply) {
  Submit& submit = submits_.front();
  if (submit.done.get() == nullptr && submit.part == nullptr) begin_part(submit);
  auto answer = submit.answers[submit.answered++];
  answer.setPosition(++position_);
  write_answer(reply, answer);
  submit.bytes += size_of(reply);
  --submit.left;
  if (submit.answered == submit.answers.size() || submit.bytes > limits_.max_answers) finish_part(submit);
  if (submit.left == 0) submits_.pop_front();
}

void RpcConnection::begin_part(Submit& submit) {
  constexpr unsigned most_answers = 1024;
  auto& part = submit.part.emplace(KJ_ASSERT_NONNULL(watcher_).answersRequest());
  submit.answers = part.initAnswers(std::min(submit.left, most_answers));
  submit.answered = 0;
  submit.bytes = 0;
}

/// Sends off what was answered: the return or, when that has gone, a part behind it.
void RpcConnection::finish_part(Submit& submit) {
  const auto cut = [&](auto holder) {
    if (submit.answered == submit.answers.size()) return;
    auto list = holder.disownAnswers();
    list.truncate(submit.answered);
    holder.adoptAnswers(kj::mv(list));
  };
  answer_bytes_ += submit.bytes;
  KJ_IF_MAYBE (part, submit.part) {
    cut(schema::Watcher::AnswersParams::Builder(*part));
    // A client that does not take them waits for ever: better that it comes again.
    unconfirmed_.add(part->send().then([](auto&&) {}, [this](kj::Exception&&) { drop(); }));
    submit.part = nullptr;
  } else {
    cut(submit.results);
    submit.done->fulfill();
    submit.done = nullptr;
  }
}

void RpcConnection::drained() {
  const bool was_full = full();
  answer_bytes_ = 0;
  if (was_full && attachment_ != nullptr) gateway_.drained(*attachment_);
}

// --- events ---

template <class Fill>
void RpcConnection::send_events(std::size_t count, std::size_t bytes, Fill fill) {
  KJ_IF_MAYBE (watcher, watcher_) {
    auto request = watcher->eventsRequest(message_room(8 + count * 5 + bytes / 8));
    auto list = request.initEvents(static_cast<unsigned>(count));
    fill(list);
    for (auto event : list) event.setPosition(++position_);
    const std::size_t size = bytes + 64 * count;
    event_bytes_ += size;
    unconfirmed_.add(request.send().then([this, size](auto&&) { event_bytes_ -= std::min(size, event_bytes_); }));
  }
}

void RpcConnection::on_events(std::span<const Event> events) {
  std::size_t bytes = 0;
  for (const auto& event : events) bytes += event.path.size() + 1;
  send_events(events.size(), bytes, [events](auto list) {
    for (unsigned i = 0; i < events.size(); ++i) write_event(events[i], list[i]);
  });
}

void RpcConnection::on_events_lost(std::string_view path, Zxid zxid) {
  send_events(1, path.size() + 1, [&](auto list) {
    write_event({EventType::created, zxid, path}, list[0]);
    list[0].setType(schema::EventType::DROPPED);
  });
}

}  // namespace troupe
