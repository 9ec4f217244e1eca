// What most tests of a gateway begin with.
#pragma once

#include "tests/catch.hpp"
#include "tests/gateway/test_client.hpp"
#include "tests/gateway/test_node.hpp"

namespace troupe::testing {

/// A node with a gateway and a client that has a session there.
struct Connected {
  TestNode node;
  Gateway& gateway = node.add_gateway();
  TestClient client{gateway};

  Connected() { connect(client); }
  void connect(TestClient& one) {
    one.connect();
    node.run();
    REQUIRE(one.connected());
  }
};

}  // namespace troupe::testing
