// Where clients come in over Cap'n Proto RPC: takes connections from a listening socket and keeps them
// while they last. What a client does wrong ends its own connection.
//
// Owner: the wiring. Thread: the event loop of the gateway.
#pragma once

#include <kj/async-io.h>
#include <kj/timer.h>

#include <memory>
#include <unordered_map>

#include "actors/rpc_connection.hpp"

namespace troupe {

class RpcDoor final : private kj::TaskSet::ErrorHandler {
 public:
  /// `listener` may be one of plain sockets or of TLS. `status` answers Door.status(). The gateway
  /// outlives the door.
  RpcDoor(Gateway& gateway, kj::Own<kj::ConnectionReceiver> listener, kj::Timer& timer,
          RpcConnection::StatusSource status, const RpcLimits& limits = {});
  ~RpcDoor() noexcept;

  std::size_t connections() const { return connections_.size(); }
  /// Ends every connection, at once and without a word.
  void drop_all();

 private:
  kj::Promise<void> accept();
  void add(kj::Own<kj::AsyncIoStream> stream);
  void taskFailed(kj::Exception&& exception) override;

  Gateway& gateway_;
  kj::Own<kj::ConnectionReceiver> listener_;
  kj::Timer& timer_;
  const RpcConnection::StatusSource status_;
  const RpcLimits limits_;
  bool refusing_ = false;  // the last connection could not be accepted; said once
  std::unordered_map<RpcConnection*, std::unique_ptr<RpcConnection>> connections_;
  kj::TaskSet tasks_;
};

}  // namespace troupe
