// What bytes can do to a connection of ZooKeeper's wire protocol: whatever comes, nothing is read or
// written where it must not be, no invariant breaks, and the next client is served.
//
// The first byte of an input says in pieces of what size the rest is brought. Built with clang and
// -DTROUPE_FUZZ=ON; `zk_connection_fuzz tests/fuzz/corpus` runs until it finds something.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "schema/check.hpp"
#include "tests/zk/wire_client.hpp"

using namespace troupe::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  WireServer server;
  server.context.pause_above = 4096;  // small, so that inputs reach the limits
  server.context.full_above = 8192;
  WireClient client(server, 1 + data[0]);
  client.send(std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
  client.run();
  client.frames();
  client.drop();

  WireClient next(server);
  const auto connected = next.connect();
  TROUPE_CHECK(connected.has_value(), "the next client gets a session");
  const Answer answer = next.call(troupe::zk::Op::exists, Record().buffer("/").boolean(false));
  TROUPE_CHECK(answer.error == 0, "the next client is served");
  return 0;
}
