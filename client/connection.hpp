// One connection to one node, and the session's attachment to it.
// Owner: the Core; the client's loop thread.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include "schema/client.capnp.h"
#include "schema/rpc_stream.hpp"

namespace troupe::client {

class Connection {
 public:
  explicit Connection(kj::Own<kj::AsyncIoStream> stream)
      : stream_(kj::mv(stream)),
        network_(stream_, capnp::rpc::twoparty::Side::CLIENT, options()),
        rpc_(capnp::makeRpcClient(network_)),
        door_(bootstrap()) {}

  schema::Door::Client& door() { return door_; }
  kj::Promise<void> on_disconnect() { return network_.onDisconnect(); }
  /// Bytes, so far.
  std::uint64_t received() const { return stream_.received(); }

  kj::Maybe<schema::Session::Client> session;

 private:
  /// What comes from a node is as large as the trees of the user are; the node is trusted.
  static capnp::ReaderOptions options() { return {.traversalLimitInWords = 1 << 28, .nestingLimit = 32}; }

  schema::Door::Client bootstrap() {
    capnp::MallocMessageBuilder message;
    auto vat = message.initRoot<capnp::rpc::twoparty::VatId>();
    vat.setSide(capnp::rpc::twoparty::Side::SERVER);
    return rpc_.bootstrap(vat).castAs<schema::Door>();
  }

  RpcStream stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
  schema::Door::Client door_;
};

}  // namespace troupe::client
