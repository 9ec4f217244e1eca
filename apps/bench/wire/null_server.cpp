#include "apps/bench/wire/null_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "apps/bench/wire/jute.hpp"
#include "apps/bench/wire/stream.hpp"

namespace troupe::bench {
namespace {

constexpr std::size_t reply_header_size = 16;
constexpr int some_error = -4;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

class NullServer::Connection final : private Stream {
 public:
  Connection(NullServer& server, int socket)
      : Stream(server.loop_), server_(server), value_(server.options_.value_size, 'n') {
    accept(socket);
  }
  bool ended() const { return !open(); }

 private:
  void opened() override {}
  void broken() override {}

  std::size_t parse(std::string_view bytes) override {
    std::size_t taken = 0;
    while (open() && bytes.size() - taken >= 4) {
      const auto size = static_cast<std::size_t>(jute::Reader(bytes.substr(taken)).i32());
      if (bytes.size() - taken - 4 < size) break;
      const std::string_view frame = bytes.substr(taken + 4, size);
      taken += 4 + size;
      has_session_ ? answer(frame) : give_session(frame);
    }
    if (open()) flush_later();
    return taken;
  }

  void give_session(std::string_view frame) {
    jute::Reader reader(frame);
    reader.raw(4 + 8);
    const std::int32_t timeout = reader.i32();
    constexpr std::size_t password_size = 16, size = 4 + 4 + 8 + 4 + password_size + 1;
    jute::Writer(out().grow(4 + size))
        .i32(size)
        .i32(0)
        .i32(timeout)
        .i64(static_cast<std::int64_t>(++server_.sessions_))
        .bytes(std::string(password_size, 'p'))
        .i8(false);
    has_session_ = true;
  }

  void answer(std::string_view frame) {
    jute::Reader reader(frame);
    const std::int32_t xid = reader.i32(), code = reader.i32();
    const std::int64_t zxid = static_cast<std::int64_t>(server_.requests_ + 1);
    if (code == zk::code::ping || code == zk::code::close) return reply(xid, zxid, 0, "", 0);
    ++server_.requests_;
    ++requests_;
    if (requests_ == server_.options_.drop_after) return drop();
    if (due(server_.options_.swap_every)) {
      held_back_.assign(frame);
      return;
    }
    const bool fails = due(server_.options_.fail_every);
    if (fails)
      reply(xid, zxid, some_error, "", 0);
    else
      succeed(xid, zxid, code, reader);
    if (!held_back_.empty()) {
      const std::string held_back = std::move(held_back_);
      held_back_.clear();
      jute::Reader late(held_back);
      const std::int32_t late_xid = late.i32(), late_code = late.i32();
      succeed(late_xid, zxid, late_code, late);
    }
  }

  bool due(unsigned every) const { return every > 0 && requests_ % every == 0; }

  void succeed(std::int32_t xid, std::int64_t zxid, std::int32_t code, jute::Reader request) {
    switch (code) {
      case zk::code::get:
        return reply(xid, zxid, 0, value_, zk::stat_size);
      case zk::code::create:
        return reply(xid, zxid, 0, request.bytes(), 0);
      case zk::code::set:
      case zk::code::exists:
        return reply(xid, zxid, 0, {}, zk::stat_size);
      case zk::code::children:
        return reply(xid, zxid, 0, {}, 4);
      case zk::code::multi:
        return end_of_multi(xid, zxid);
      default:
        return reply(xid, zxid, 0, {}, 0);
    }
  }

  /// `data`, if there is any, and `zeros` zero bytes behind it.
  void reply(std::int32_t xid, std::int64_t zxid, std::int32_t error, std::string_view data, std::size_t zeros) {
    const std::size_t size = reply_header_size + (data.empty() ? 0 : 4 + data.size()) + zeros;
    char* room = out().grow(4 + size);
    jute::Writer writer(room);
    writer.i32(static_cast<std::int32_t>(size)).i32(xid).i64(zxid).i32(error);
    if (!data.empty()) writer.bytes(data);
    std::memset(room + 4 + size - zeros, 0, zeros);
  }

  void end_of_multi(std::int32_t xid, std::int64_t zxid) {
    constexpr std::size_t size = reply_header_size + 9;
    jute::Writer(out().grow(4 + size)).i32(size).i32(xid).i64(zxid).i32(0).i32(-1).i8(true).i32(-1);
  }

  NullServer& server_;
  const std::string value_;
  bool has_session_ = false;
  std::uint64_t requests_ = 0;
  std::string held_back_;
};

NullServer::NullServer(EventLoop& loop, std::uint16_t port, NullServerOptions options)
    : loop_(loop), options_(options), socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (socket_ < 0) fail("socket");
  const int on = 1;
  setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0) fail("bind");
  if (listen(socket_, SOMAXCONN) != 0) fail("listen");
  getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  loop_.add(socket_, EPOLLIN, *this);
}

NullServer::~NullServer() { close(socket_); }

void NullServer::ready(std::uint32_t) {
  // Connections that have ended are cleared away here, where none of them is being called.
  std::erase_if(connections_, [](const auto& connection) { return connection->ended(); });
  for (int socket; (socket = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections_.push_back(std::make_unique<Connection>(*this, socket));
  }
}

}  // namespace troupe::bench
