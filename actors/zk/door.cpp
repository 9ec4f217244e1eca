#include "actors/zk/door.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "actors/clock.hpp"
#include "schema/check.hpp"

namespace troupe::zk {
namespace {

constexpr std::size_t buffer_size = 64 << 10;
constexpr std::size_t small_rest = 16 << 10;  // of a frame: moved to the front of the buffer instead of growing its own
constexpr std::int64_t serve_ms = 2;          // at a stretch: the loop has other things to do, too
constexpr std::int64_t warn_interval_ms = 1'000;
constexpr auto tick_interval = 250 * kj::MILLISECONDS;

kj::AutoCloseFd make_epoll() {
  kj::AutoCloseFd fd(epoll_create1(EPOLL_CLOEXEC));
  TROUPE_CHECK(fd.get() >= 0, "the system has a file descriptor for the clients' sockets");
  return fd;
}

struct ClientAddress {
  std::string address;  // without the port
  std::string name;     // with it, as four-letter words show it
};

ClientAddress client_address(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = "";
  std::uint16_t port = 0;
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    port = ntohs(v4.sin_port);
  } else if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    port = ntohs(v6.sin6_port);
  }
  std::string address = text;
  if (constexpr std::string_view mapped = "::ffff:"; address.starts_with(mapped) && address.find('.') != address.npos) {
    address.erase(0, mapped.size());
  }
  return {address, "/" + address + ":" + std::to_string(port)};
}

}  // namespace

struct Door::Socket final : Connection {
  Socket(ConnectionContext& context, kj::AutoCloseFd fd, const std::string& address, std::string name, std::uint64_t id)
      : Connection(context, address, std::move(name)), fd(kj::mv(fd)), address(address), id(id) {}

  ~Socket() noexcept override {}  // what a close says comes too late

  bool has_gone() const override { return hung_up; }
  ssize_t read_some(char* to, std::size_t size) { return tls ? tls->receive(to, size) : recv(fd, to, size, 0); }
  ssize_t write_some(const char* from, std::size_t size) {
    return tls ? tls->send(from, size) : ::send(fd, from, size, MSG_NOSIGNAL);
  }

  kj::AutoCloseFd fd;
  std::unique_ptr<TlsSession> tls;  // of a secure door
  const std::string address;
  const std::uint64_t id;
  std::string rest;        // what came and was not used yet
  bool held_back = false;  // not for want of the rest of a frame
  bool readable = false;   // by what is known
  bool writable = true;
  bool hung_up = false;  // the end of what the client sends is near
  bool gone = false;     // it is reached
  bool broken = false;   // nothing can be sent to the client
  bool touched = false, waiting = false, lingering = false, dying = false;
};

Door::Door(Gateway& gateway, kj::UnixEventPort& port, kj::Timer& timer, AtEndOfTurn at_end_of_turn, Post post,
           kj::AutoCloseFd listening, Admission& admission, DoorBalance& balance, Words words,
           const DoorOptions& options)
    : context_{.gateway = gateway,
               .host = *this,
               .max_frame = options.max_frame,
               .sasl_users = options.sasl_users,
               .now_ms = monotonic_ms()},
      timer_(timer),
      at_end_of_turn_(std::move(at_end_of_turn)),
      listening_(kj::mv(listening)),
      admission_(admission),
      balance_(balance),
      words_(std::move(words)),
      options_(options),
      epoll_(make_epoll()),
      observer_(port, epoll_, kj::UnixEventPort::FdObserver::OBSERVE_READ),
      buffer_(new char[buffer_size]),
      tasks_(*this) {
  // Several loops may wait for one listening socket: one of them is woken for a connection.
  epoll_event event{.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, .data = {.ptr = nullptr}};
  TROUPE_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, listening_, &event) == 0, "a listening socket can be waited for");
  number_ = balance_.join([this, post = std::move(post), alive = alive_](std::shared_ptr<NewClient> client) {
    post([this, alive, client = std::move(client), &admission = admission_] {
      if (!*alive) return admission.release(client->address);
      context_.now_ms = monotonic_ms();
      add(*client);
    });
  });
  tasks_.add(watch());
  tasks_.add(tick());
}

Door::~Door() noexcept {
  balance_.leave(number_);
  *alive_ = false;
  for (const auto& [id, socket] : sockets_) admission_.release(socket->address);
}

void Door::taskFailed(kj::Exception&& exception) {
  spdlog::error("the door for ZooKeeper's protocol failed: {}", exception.getDescription().cStr());
}

std::size_t Door::outstanding() const {
  std::size_t all = 0;
  for (const auto& [id, socket] : sockets_) all += socket->facts().outstanding;
  return all;
}

void Door::each(const std::function<void(Connection&)>& visit) {
  for (const auto& [id, socket] : sockets_) visit(*socket);
}

kj::Promise<void> Door::watch() {
  return observer_.whenBecomesReadable().then([this] {
    poll();
    return watch();
  });
}

kj::Promise<void> Door::tick() {
  return timer_.afterDelay(tick_interval).then([this] {
    context_.now_ms = monotonic_ms();
    if (!std::exchange(accepting_, true)) accept_all();
    expire();
    return tick();
  });
}

/// Takes all that the sockets have to tell: the next notice comes when there is something new.
void Door::poll() {
  context_.now_ms = monotonic_ms();
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        if (accepting_) accept_all();
        continue;
      }
      auto& socket = *static_cast<Socket*>(events[i].data.ptr);
      if ((events[i].events & EPOLLOUT) != 0 && !std::exchange(socket.writable, true)) touch(socket);
      // A handshake may wait for room to send.
      if ((events[i].events & ~EPOLLOUT) == 0 && !socket.tls) continue;
      socket.readable = true;
      if ((events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.hung_up = true;
      wait_for_turn(socket);
    }
    if (count < static_cast<int>(events.size())) break;
  }
  if (!serving_later_) serve();
}

// --- coming ---

void Door::accept_all() {
  for (;;) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    kj::AutoCloseFd fd(accept4(listening_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      // Most likely there are no file descriptors left: look again when the next tick comes.
      spdlog::warn("cannot accept a client's connection: {}", std::strerror(errno));
      accepting_ = false;
      return;
    }
    auto [address, name] = client_address(from);
    if (!admission_.admit(address)) {
      if (context_.now_ms >= next_warning_ms_) {
        spdlog::warn("refusing the connection of {}: there are too many of its address, or in all", name);
        next_warning_ms_ = context_.now_ms + warn_interval_ms;
      }
      continue;
    }
    const auto client = std::make_shared<NewClient>(NewClient{kj::mv(fd), address, std::move(name)});
    if (balance_.place(number_, client)) add(*client);
  }
}

/// Counted by all who count, it is this door's.
void Door::add(NewClient& client) {
  kj::AutoCloseFd fd = kj::mv(client.fd);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const std::uint64_t id = next_id_++;
  auto socket = std::make_unique<Socket>(context_, kj::mv(fd), client.address, std::move(client.name), id);
  if (options_.tls != nullptr) socket->tls = std::make_unique<TlsSession>(*options_.tls, socket->fd);
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = socket.get()}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket->fd, &event) != 0) {
    spdlog::warn("cannot wait for a client's connection: {}", std::strerror(errno));
    return release(client.address);
  }
  deadlines_.emplace_back(context_.now_ms + options_.handshake_timeout_ms, id);
  sockets_.emplace(id, std::move(socket));
}

void Door::release(const std::string& address) {
  admission_.release(address);
  balance_.gone(number_);
}

// --- reading ---

void Door::wait_for_turn(Socket& socket) {
  if (socket.gone || socket.paused() || std::exchange(socket.waiting, true)) return;
  waiting_.push_back(&socket);
}

/// Serves whom there is something to take from, one after the other.
void Door::serve() {
  const std::int64_t until = monotonic_ms() + serve_ms;
  for (auto left = waiting_.size(); left > 0 && context_.now_ms < until; --left) {
    Socket& socket = *waiting_.front();
    waiting_.pop_front();
    socket.waiting = false;
    take(socket);
    if (socket.ended() || socket.gone) touch(socket);
    if (socket.readable) wait_for_turn(socket);
    context_.now_ms = monotonic_ms();
  }
  serve_later();
}

/// When the actors of this loop have had their turn.
void Door::serve_later() {
  if (waiting_.empty() || std::exchange(serving_later_, true)) return;
  at_end_of_turn_([this, alive = alive_] {
    if (!*alive) return;
    serving_later_ = false;
    context_.now_ms = monotonic_ms();
    serve();
  });
}

void Door::take(Socket& socket) {
  // What was left while the connection was paused goes first.
  if (std::exchange(socket.held_back, false)) socket.rest.erase(0, socket.receive(socket.rest));
  if (socket.readable && !socket.paused()) read(socket);
  socket.held_back = !socket.rest.empty() && socket.paused();
}

void Door::read(Socket& socket) {
  // What is left of before lies in front of what comes, so that a frame is in one piece.
  const bool in_front = socket.rest.size() <= small_rest;
  const std::size_t kept = in_front ? socket.rest.size() : 0;
  std::memcpy(buffer_.get(), socket.rest.data(), kept);
  const ssize_t got = socket.read_some(buffer_.get() + kept, buffer_size - kept);
  if (got <= 0) {
    if (got < 0 && errno == EINTR) return;
    socket.readable = false;
    if (got < 0 && errno == EAGAIN) return;
    socket.gone = true;
    socket.broken = got < 0;
    if (socket.broken && socket.tls && socket.fresh()) report_failed_handshake(socket);
    return;
  }
  if (socket.tls && socket.fresh()) socket.set_subject(socket.tls->subject());
  const auto came = static_cast<std::size_t>(got);
  // There is a notice of whatever comes from now on; of the end there was one.
  if (came < buffer_size - kept && !socket.hung_up && !socket.tls) socket.readable = false;
  std::string_view bytes(buffer_.get(), kept + came);
  if (in_front) {
    const std::size_t used = socket.receive(bytes);
    socket.rest.assign(bytes.substr(used));
  } else {
    socket.rest.append(bytes);
    socket.rest.erase(0, socket.receive(socket.rest));
  }
  if (socket.rest.empty() && socket.rest.capacity() > small_rest) std::string().swap(socket.rest);
}

/// Once a second at most: whoever scans ports makes many.
void Door::report_failed_handshake(const Socket& socket) {
  if (context_.now_ms < next_warning_ms_) return;
  next_warning_ms_ = context_.now_ms + warn_interval_ms;
  spdlog::warn("no secure connection with {}: {}", socket.facts().name, socket.tls->why());
}

bool Door::four_letter_word(Connection& connection, std::string_view received) {
  KJ_IF_MAYBE (answer, words_(received)) {
    const auto id = static_cast<Socket&>(connection).id;
    tasks_.add(answer->then([this, id](const std::string& text) { answer_word(id, text); },
                            [this, id](kj::Exception&&) { answer_word(id, ""); }));  // the node ends
    return true;
  }
  return false;
}

void Door::answer_word(std::uint64_t id, std::string_view answer) {
  if (const auto it = sockets_.find(id); it != sockets_.end()) it->second->answer_word(answer);
}

// --- writing, and ending ---

std::int64_t Door::now_ms() const { return monotonic_ms(); }

void Door::changed(Connection& connection) { touch(static_cast<Socket&>(connection)); }

void Door::touch(Socket& socket) {
  if (std::exchange(socket.touched, true)) return;
  if (touched_.empty()) {
    at_end_of_turn_([this, alive = alive_] {
      if (*alive) flush();
    });
  }
  touched_.push_back(&socket);
}

void Door::flush() {
  context_.now_ms = monotonic_ms();
  // While a socket is served others may be touched, and it again: they are behind it in the list.
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    touched_[i]->touched = false;
    send(*touched_[i]);
  }
  std::vector<Socket*> dying;
  for (auto* socket : std::exchange(touched_, {})) {
    if (std::exchange(socket->dying, false)) dying.push_back(socket);
  }
  for (auto* socket : dying) destroy(*socket);
  serve_later();
}

void Door::send(Socket& socket) {
  auto& output = socket.output();
  const auto before = output.size();
  while (!output.empty() && socket.writable && !socket.broken) {
    const auto bytes = output.pending();
    const ssize_t sent = socket.write_some(bytes.data(), bytes.size());
    if (sent >= 0) {
      output.consume(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      socket.writable = false;
    } else if (errno != EINTR) {
      socket.broken = true;
    }
  }
  if (output.size() < before) socket.sent();
  const bool over = socket.ended() || socket.gone;
  if (socket.broken || (over && output.empty())) {
    socket.dying = true;
  } else if (over) {
    if (!std::exchange(socket.lingering, true)) {
      deadlines_.emplace_back(context_.now_ms + options_.handshake_timeout_ms, socket.id);
    }
  } else if (socket.readable || socket.held_back) {
    wait_for_turn(socket);
  }
}

void Door::destroy(Socket& socket) {
  if (socket.tls) socket.tls->end();
  // After a failed handshake the client is to hear why.
  if (!socket.broken || socket.tls) {
    // What the client sent and nobody reads would make the system take back what it was told.
    shutdown(socket.fd, SHUT_WR);
    constexpr int most = 8;  // it may go on sending
    for (int i = 0; i < most && recv(socket.fd, buffer_.get(), buffer_size, MSG_DONTWAIT) > 0; ++i) {
    }
  }
  release(socket.address);
  std::erase(waiting_, &socket);
  sockets_.erase(socket.id);
}

void Door::expire() {
  while (!deadlines_.empty() && deadlines_.front().first <= context_.now_ms) {
    const auto it = sockets_.find(deadlines_.front().second);
    deadlines_.pop_front();
    if (it == sockets_.end()) continue;
    auto& socket = *it->second;
    if (!socket.fresh() && !socket.ended() && !socket.gone) continue;
    socket.broken = true;
    touch(socket);
  }
}

}  // namespace troupe::zk
