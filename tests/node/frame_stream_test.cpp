// A connection that breaks is told by the promises and callbacks of its stream, never thrown at who uses
// it. tests/node/network_test.cpp has the rest, over whole networks.
#include "actors/frame_stream.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "tests/catch.hpp"

using namespace troupe;

namespace {

/// One end of a connection whose other end was reset, as a machine does whose process is killed.
int reset_connection() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0), dialled = ::socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(::bind(listener, generic, size) == 0);
  REQUIRE(::listen(listener, 1) == 0);
  REQUIRE(::getsockname(listener, generic, &size) == 0);
  REQUIRE(::connect(dialled, generic, size) == 0);
  const int accepted = ::accept(listener, nullptr, nullptr);
  REQUIRE(accepted >= 0);
  const linger no_goodbye{.l_onoff = 1, .l_linger = 0};
  REQUIRE(::setsockopt(accepted, SOL_SOCKET, SO_LINGER, &no_goodbye, sizeof no_goodbye) == 0);
  ::close(accepted);
  ::close(listener);
  return dialled;
}

struct Stream {
  caf::actor_system_config config;
  caf::actor_system system{config};
  kj::AsyncIoContext io = kj::setupAsyncIo();
  KjHost host{system, io.unixEventPort};
  std::shared_ptr<FrameStream> stream =
      std::make_shared<FrameStream>(host, io.lowLevelProvider->wrapSocketFd(kj::AutoCloseFd(reset_connection())));
};

}  // namespace

TEST_CASE("writing to a connection that was reset is told by the callback") {
  Stream test;
  auto failed = kj::newPromiseAndFulfiller<void>();
  test.stream->on_write(nullptr, [&](const kj::Exception&) { failed.fulfiller->fulfill(); });
  test.stream->send(Bytes::copy("a frame"));
  failed.promise.wait(test.io.waitScope);
  CHECK_NOTHROW(test.stream->send(Bytes::copy("another")));
  CHECK(test.stream->queued() == 0);
}

TEST_CASE("reading from a connection that was reset rejects the promise") {
  Stream test;
  kj::Promise<std::vector<Bytes>> received = nullptr;
  REQUIRE_NOTHROW(received = test.stream->receive());
  CHECK_THROWS_AS(received.wait(test.io.waitScope), kj::Exception);
}
