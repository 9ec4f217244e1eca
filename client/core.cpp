#include "client/core.hpp"

#include <algorithm>

#include "schema/message_room.hpp"

namespace troupe::client {
namespace {

constexpr std::size_t max_submits = 16;  // under way; more would only make them smaller
constexpr std::size_t max_submit_bytes = 1 << 20;
constexpr std::size_t max_submit_calls = 16384;
constexpr std::size_t max_call_bytes = 4 << 20;  // of a message, see schema/client.capnp

kj::Duration milliseconds(std::chrono::milliseconds from) { return from.count() * kj::MILLISECONDS; }

}  // namespace

/// Where the node sends events. Belongs to one connection.
class Core::WatcherServer final : public schema::Watcher::Server {
 public:
  explicit WatcherServer(Core& core) : core_(core) {}

  kj::Promise<void> events(EventsContext context) override {
    return take([&]() -> kj::Promise<void> {
      for (const auto event : context.getParams().getEvents()) {
        core_.happened_.push_back(
            {event.getPosition(), Zxid{event.getZxid()}, event.getType(), event.getPath().cStr()});
      }
      return kj::READY_NOW;
    });
  }

  kj::Promise<void> answers(AnswersContext context) override {
    return take([&]() -> kj::Promise<void> {
      const auto answers = context.getParams().getAnswers();
      if (answers.size() == 0) return kj::READY_NOW;
      auto delivered = kj::newPromiseAndFulfiller<void>();
      core_.parts_.push_back({answers, kj::mv(delivered.fulfiller)});
      return kj::mv(delivered.promise);
    });
  }

 private:
  /// `read` gets what has come, and says when it is needed no more. If it is malformed, the connection ends; what was
  /// kept of it is there until then.
  template <class Read>
  kj::Promise<void> take(Read read) {
    kj::Promise<void> needed = kj::READY_NOW;
    const auto malformed = kj::runCatchingExceptions([&] {
      needed = read();
      core_.last_heard_ = core_.now();
      core_.deliver();
    });
    if (malformed != nullptr) core_.lose();
    return needed;
  }

  Core& core_;
};

Core::Core(kj::AsyncIoContext& io, ConnectString nodes, const Options& options, WatchTable& watches,
           std::function<void(std::size_t)> released)
    : network_(io.provider->getNetwork()),
      timer_(io.provider->getTimer()),
      nodes_(std::move(nodes)),
      options_(options),
      watches_(watches),
      released_(std::move(released)),
      random_(std::random_device{}()),
      timeout_(milliseconds(options.session_timeout)),
      useful_until_(timer_.now()),
      last_sent_(timer_.now()),
      last_heard_(timer_.now()),
      tasks_(*this) {
  next_server_ = random_() % nodes_.servers.size();
  tasks_.add(kj::evalLater([this] { return seek(); }));
  tasks_.add(tick());
}

Core::~Core() noexcept {
  fail_all(Error::connection_loss, "the client was stopped; whether the call took effect is not known");
}

/// A task that fails takes its connection with it. Those that do not belong to one do not fail.
void Core::taskFailed(kj::Exception&&) { lose(); }

void Core::set_state(State state) {
  if (state_ == State::expired || state_ == State::closed || state_ == state) return;
  state_ = state;
  if (options_.on_state) options_.on_state(state);
}

// --- connecting ---

/// Goes from node to node, and stays with one while it lasts, until the session is over.
kj::Promise<void> Core::seek() {
  if (state_ == State::expired || state_ == State::closed) return kj::READY_NOW;
  const auto& server = nodes_.servers[next_server_++ % nodes_.servers.size()];
  const auto limit = std::min(timeout_ / 3, 3 * kj::SECONDS);
  return timer_.timeoutAfter(limit, attempt(server))
      .then([this] { return timer_.timeoutAfter(timeout_ * 2 / 3, take_up()); })
      .then(
          [this]() -> kj::Promise<void> {
            if (state_ != State::connected) return kj::READY_NOW;
            auto lost = kj::newPromiseAndFulfiller<void>();
            lost_ = kj::mv(lost.fulfiller);
            connection_tasks_ = kj::heap<kj::TaskSet>(static_cast<kj::TaskSet::ErrorHandler&>(*this));
            connection_tasks_->add(connection_->on_disconnect().then([this] { lose(); }));
            arm();
            return kj::mv(lost.promise);
          },
          [this](kj::Exception&&) { ++failed_attempts_; })
      .then([this] {
        clear_connection();
        return pause_between_attempts();
      })
      .then([this] { return seek(); });
}

kj::Promise<void> Core::attempt(const std::string& server) {
  return network_.parseAddress(kj::StringPtr(server.c_str(), server.size()), default_port)
      .then([](kj::Own<kj::NetworkAddress> address) {
        auto connecting = address->connect();
        return connecting.attach(kj::mv(address));
      })
      .then([this](kj::Own<kj::AsyncIoStream> stream) { connection_ = std::make_unique<Connection>(kj::mv(stream)); });
}

kj::Promise<void> Core::take_up() {
  auto request = connection_->door().connectRequest();
  request.setSession(session_.value);
  request.setPassword(password_);
  request.setTimeout(static_cast<std::uint32_t>(options_.session_timeout.count()));
  request.setLastZxid(last_zxid_.value);
  request.setWatcher(kj::heap<WatcherServer>(*this));
  return request.send().then([this](auto&& connected) { established(connected); });
}

void Core::established(schema::Connected::Reader connected) {
  switch (static_cast<Error>(connected.getError())) {
    case Error::ok:
      break;
    case Error::session_expired:
      if (session_ != SessionId{}) return expire();
      [[fallthrough]];
    default:
      kj::throwFatalException(KJ_EXCEPTION(DISCONNECTED, "the node does not serve the session"));
  }
  session_ = SessionId{connected.getId()};
  password_ = kj::heapArray<kj::byte>(connected.getPassword());
  timeout_ = connected.getTimeout() * kj::MILLISECONDS;
  connection_->session = connected.getSession();
  last_sent_ = last_heard_ = now();
  prepare_connection_calls();
  set_state(State::connected);
}

/// After a node was lost the next is tried at once; when all have refused, after a while that grows.
kj::Promise<void> Core::pause_between_attempts() {
  if (failed_attempts_ == 0 || failed_attempts_ % nodes_.servers.size() != 0) return kj::READY_NOW;
  const auto rounds = std::min<std::size_t>(failed_attempts_ / nodes_.servers.size(), 6);
  const std::uint64_t longest = 16u << rounds;  // at most a second
  return timer_.afterDelay((longest / 2 + random_() % (longest / 2)) * kj::MILLISECONDS);
}

/// The connection is of no more use. It is cleared away later, for its own functions may be running.
void Core::lose() {
  if (lost_.get() == nullptr) return;
  lost_->fulfill();
  lost_ = nullptr;
}

void Core::clear_connection() {
  if (state_ == State::connected) {
    // Nodes that close whenever they are asked would otherwise be asked for ever, and without a pause.
    if (answered_here_ || idle()) useful_until_ = now();
    failed_attempts_ = answered_here_ ? 0 : failed_attempts_ + 1;
    set_state(State::connecting);
  }
  answered_here_ = false;
  received_ = 0;
  lost_ = nullptr;
  connection_tasks_ = nullptr;
  connection_ = nullptr;
  happened_.clear();
  parts_.clear();
  next_position_ = 1;
  in_flight_ = 0;
  rearming_ = 0;
  // What is unanswered is asked again, before what was not asked yet.
  while (!submitted_.empty()) {
    auto& calls = submitted_.back().calls;
    for (std::size_t i = calls.size(); i > submitted_.back().delivered; --i) {
      if (!calls[i - 1]->internal) waiting_.push_front(std::move(calls[i - 1]));
    }
    submitted_.pop_back();
  }
  std::erase_if(waiting_, [](const auto& call) { return call->internal; });
}

void Core::expire() {
  lose();
  set_state(State::expired);
  for (auto& [path, watch] : watches_.take_all()) {
    watch({EventType::session_expired, shown(path), last_zxid_});
  }
  fail_all(Error::session_expired, "the session has expired");
}

kj::Promise<void> Core::tick() {
  const auto interval = std::max(std::min(timeout_ / 12, 250 * kj::MILLISECONDS), 5 * kj::MILLISECONDS);
  return timer_.afterDelay(interval).then([this] {
    if (state_ == State::connected) {
      keep_alive();
    } else if (now() - useful_until_ > milliseconds(options_.patience)) {
      useful_until_ = now();
      fail_all(Error::connection_loss,
               "no node could be reached, or answered, for too long; whether the call took effect is not known");
    }
    return tick();
  });
}

void Core::keep_alive() {
  if (lost_.get() == nullptr) return;
  if (std::exchange(received_, connection_->received()) != connection_->received()) last_heard_ = now();
  if (now() - last_heard_ > timeout_ * 2 / 3) {
    useful_until_ = now();  // a node that froze says nothing of the others
    return lose();
  }
  if (now() - last_sent_ < timeout_ / 3) return;
  KJ_IF_MAYBE (session, connection_->session) {
    last_sent_ = now();
    connection_tasks_->add(session->pingRequest().send().then([this](auto&&) {
      last_heard_ = now();
      answered_here_ = true;
    }));
  }
}

// --- calling ---

void Core::enqueue(std::unique_ptr<Call> call) {
  const auto refuse = [&](Error error, const char* why) {
    call->fail(error, why);
    released_(call->bytes);
  };
  if (state_ == State::expired) return refuse(Error::session_expired, "the session has expired");
  if (state_ == State::closed || closing_) return refuse(Error::session_expired, "the client is closed");
  if (call->bytes > max_call_bytes) return refuse(Error::bad_arguments, "the call is larger than 4 MiB");
  if (state_ == State::connected && idle()) useful_until_ = now();
  if (call->is_write) call->number = ++last_number_;
  waiting_.push_back(std::move(call));
  arm();
}

void Core::arm() {
  if (armed_) return;
  armed_ = true;
  tasks_.add(kj::evalLast([this] {
    armed_ = false;
    flush();
  }));
}

void Core::flush() {
  while (lost_.get() != nullptr && !waiting_.empty() && in_flight_ < max_submits) submit();
}

/// One submit of what is waiting.
void Core::submit() {
  auto& session = KJ_ASSERT_NONNULL(connection_->session);
  std::size_t count = 0, bytes = 0;
  while (count < waiting_.size() && count < max_submit_calls) {
    bytes += waiting_[count]->bytes;
    if (count > 0 && bytes > max_submit_bytes) break;
    ++count;
  }
  auto request = session.submitRequest(message_room(bytes / 8 + 16));
  auto list = request.initCalls(static_cast<unsigned>(count));
  auto& submitted = submitted_.emplace_back();
  submitted.calls.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    waiting_.front()->write(list[i]);
    list[i].setNumber(waiting_.front()->number);
    submitted.calls.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  request.setAnswered(answered_);
  ++in_flight_;
  last_sent_ = now();
  // The element stays where it is while the deque changes at its ends alone.
  connection_tasks_->add(request.send().then([this, &submitted](auto&& response) {
    submitted.returned = response.getAnswers();
    submitted.response = kj::mv(response);
    --in_flight_;
    last_heard_ = now();
    deliver();
    if (!waiting_.empty()) arm();
  }));
}

/// What a new connection must be told before anything else: who the client is, and its watches.
void Core::prepare_connection_calls() {
  std::vector<std::unique_ptr<Call>> first;
  for (const auto& [scheme, credentials] : credentials_) {
    first.push_back(make_call<Nothing>(
        credentials.size(),
        [scheme = scheme, credentials = credentials](schema::Call::Builder to) {
          auto auth = to.initAddAuth();
          auth.setScheme(kj::StringPtr(scheme.c_str(), scheme.size()));
          auth.setCredentials(kj::arrayPtr(reinterpret_cast<const kj::byte*>(credentials.data()), credentials.size()));
        },
        [](schema::Answer::Reader) { return Nothing{}; }, Callback<Nothing>([](Result<Nothing>) {})));
  }

  std::vector<std::pair<std::string, schema::WatchKind>> part;
  std::size_t bytes = 0;
  const auto rearm = [&] {
    if (part.empty()) return;
    first.push_back(make_call<Nothing>(
        bytes,
        [seen = watched_.value, part = std::move(part)](schema::Call::Builder to) {
          auto rearm = to.initRearm();
          rearm.setLastZxid(seen);
          auto list = rearm.initWatches(static_cast<unsigned>(part.size()));
          for (unsigned i = 0; i < part.size(); ++i) {
            list[i].setPath(kj::StringPtr(part[i].first.c_str(), part[i].first.size()));
            list[i].setKind(part[i].second);
          }
        },
        [](schema::Answer::Reader) { return Nothing{}; }, Callback<Nothing>([this](Result<Nothing>) { --rearming_; })));
    ++rearming_;
    part.clear();
    bytes = 0;
  };
  watches_.each([&](const std::string& path, schema::WatchKind kind) {
    part.emplace_back(path, kind);
    bytes += path.size() + 32;
    if (bytes > max_submit_bytes / 2) rearm();
  });
  rearm();

  for (auto call = first.rbegin(); call != first.rend(); ++call) {
    (*call)->internal = true;
    waiting_.push_front(std::move(*call));
  }
}

// --- delivering ---

/// Answers and events, in the order of their positions, as far as they have come.
void Core::deliver() {
  if (delivering_) return;
  delivering_ = true;
  KJ_DEFER(delivering_ = false);
  while (deliver_event() || deliver_answer()) ++next_position_;
}

/// While watches are being set again, those whose turn has not come were told nothing of what the others were.
void Core::seen(Zxid zxid) {
  last_zxid_ = std::max(last_zxid_, zxid);
  if (rearming_ != 0) return;
  watched_ = last_zxid_;
  told_.clear();
}

bool Core::deliver_event() {
  if (happened_.empty() || happened_.front().position != next_position_) return false;
  const Happened event = std::move(happened_.front());
  happened_.pop_front();
  seen(event.zxid);
  if (rearming_ != 0 && !told_.emplace(event.zxid, event.type, event.path).second) return true;
  const Event told{static_cast<EventType>(event.type), shown(event.path), event.zxid};
  for (auto& watch : watches_.take(event.type, event.path)) watch(told);
  return true;
}

bool Core::deliver_answer() {
  KJ_IF_MAYBE (answer, next_answer()) {
    if (answer->getPosition() < next_position_) lose();  // not a node of ours
    if (answer->getPosition() != next_position_) return false;
    auto& submitted = submitted_.front();
    const Zxid zxid{answer->getZxid()};
    auto call = std::move(submitted.calls[submitted.delivered++]);
    answered_ = std::max(answered_, call->number);
    if (!call->answer(*answer)) lose();
    seen(zxid);
    if (!call->internal) {
      answered_here_ = true;
      released_(call->bytes);
    }
    if (submitted.delivered > submitted.returned.size() &&
        ++parts_.front().delivered == parts_.front().answers.size()) {
      parts_.front().done->fulfill();
      parts_.pop_front();
    }
    if (submitted.delivered == submitted.calls.size()) submitted_.pop_front();
    return true;
  }
  return false;
}

/// Of the earliest call that has none: in the return of its submit, or behind that in a part.
kj::Maybe<schema::Answer::Reader> Core::next_answer() {
  if (submitted_.empty()) return nullptr;
  const auto& submitted = submitted_.front();
  if (submitted.response == nullptr) return nullptr;
  if (submitted.delivered < submitted.returned.size()) {
    return submitted.returned[static_cast<unsigned>(submitted.delivered)];
  }
  if (parts_.empty()) return nullptr;
  return parts_.front().answers[parts_.front().delivered];
}

/// A server's path as the user knows it.
std::string Core::shown(const std::string& path) const {
  return path.size() == nodes_.chroot.size() ? "/" : path.substr(nodes_.chroot.size());
}

void Core::fail_all(Error error, const std::string& why) {
  std::vector<std::unique_ptr<Call>> failed;
  for (auto& submitted : submitted_) {
    for (auto& call : submitted.calls) {
      if (call) failed.push_back(std::move(call));
    }
  }
  submitted_.clear();
  for (auto& call : waiting_) failed.push_back(std::move(call));
  waiting_.clear();
  for (auto& call : failed) {
    call->fail(error, why);
    if (!call->internal) released_(call->bytes);
  }
}

void Core::remember_credentials(std::string scheme, std::string credentials) {
  std::pair entry(std::move(scheme), std::move(credentials));
  if (std::find(credentials_.begin(), credentials_.end(), entry) == credentials_.end()) {
    credentials_.push_back(std::move(entry));
  }
}

void Core::close(std::function<void()> done) {
  const auto finish = [this, done] {
    lose();
    set_state(State::closed);
    fail_all(Error::session_expired, "the client is closed");
    done();
  };
  if (state_ != State::connected || closing_) return finish();
  auto call = make_call<Nothing>(
      0, [](schema::Call::Builder to) { to.setClose(); }, [](schema::Answer::Reader) { return Nothing{}; },
      // Later: this is called from amidst the deliveries.
      Callback<Nothing>([this, finish](Result<Nothing>) { tasks_.add(kj::evalLater([finish] { finish(); })); }));
  call->is_write = true;
  call->bytes = 0;  // nobody waits for its room
  enqueue(std::move(call));
  closing_ = true;
}

}  // namespace troupe::client
