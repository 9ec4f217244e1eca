#include "actors/rpc_door.hpp"

#include <arpa/inet.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace troupe {
namespace {

/// The client's address as text, IPv4 or IPv6; empty for a stream that has none.
std::string peer_address(kj::AsyncIoStream& stream) {
  sockaddr_storage address{};
  kj::uint size = sizeof address;
  if (kj::runCatchingExceptions([&] { stream.getpeername(reinterpret_cast<sockaddr*>(&address), &size); }) != nullptr) {
    return {};
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace

RpcDoor::RpcDoor(Gateway& gateway, kj::Own<kj::ConnectionReceiver> listener, kj::Timer& timer,
                 RpcConnection::StatusSource status, const RpcLimits& limits)
    : gateway_(gateway),
      listener_(kj::mv(listener)),
      timer_(timer),
      status_(std::move(status)),
      limits_(limits),
      tasks_(*this) {
  tasks_.add(accept());
}

RpcDoor::~RpcDoor() noexcept = default;

void RpcDoor::drop_all() { connections_.clear(); }

kj::Promise<void> RpcDoor::accept() {
  // Whatever is wrong with one connection is not to end the accepting of others.
  return kj::evalNow([this] { return listener_->accept(); })
      .then([this](kj::Own<kj::AsyncIoStream> stream) {
        add(kj::mv(stream));
        refusing_ = false;
      })
      .catch_([this](kj::Exception&& exception) -> kj::Promise<void> {
        // Most likely there are no file descriptors left: wait for some to come free.
        if (!std::exchange(refusing_, true)) {
          spdlog::warn("cannot accept a client's connection: {}", exception.getDescription().cStr());
        }
        return timer_.afterDelay(100 * kj::MILLISECONDS);
      })
      .then([this] { return accept(); });
}

void RpcDoor::add(kj::Own<kj::AsyncIoStream> stream) {
  if (connections_.size() >= limits_.max_connections) {
    spdlog::warn("refusing a client's connection: there are {} already", connections_.size());
    return;
  }
  auto address = peer_address(*stream);
  auto connection = std::make_unique<RpcConnection>(
      gateway_, kj::mv(stream), std::move(address), limits_, status_, [this](RpcConnection& ended) {
        // Not from inside its own functions.
        tasks_.add(kj::evalLater([this, ended = &ended] { connections_.erase(ended); }));
      });
  connections_.emplace(connection.get(), std::move(connection));
}

void RpcDoor::taskFailed(kj::Exception&& exception) {
  spdlog::error("a client's door failed: {}", exception.getDescription().cStr());
}

}  // namespace troupe
