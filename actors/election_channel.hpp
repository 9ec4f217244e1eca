// The connection on which this node's votes go to one other node: made again whenever it breaks,
// for as long as the node runs.
//
// Only the latest vote waits, be it for the connection or for the one before to be sent. One that has
// waited long is dropped: whoever still looks for a leader repeats his. The other side answers here where
// it has no channel of its own to this node; a read stays pending, because that is also how the end is noticed.
//
// Owner: KjNetwork. Thread: its event loop's.
#pragma once

#include <kj/async-io.h>
#include <kj/timer.h>

#include <functional>
#include <optional>

#include "actors/frame_stream.hpp"
#include "schema/bytes.hpp"

namespace troupe {

class ElectionChannel {
 public:
  using Connect = std::function<kj::Promise<kj::Own<kj::AsyncIoStream>>()>;

  /// Begins at once. `connect` makes one attempt, `hello` goes first on every connection,
  /// `reachable` is told when the other node comes and goes, `answered` of what it sends; an exception from
  /// that ends the connection.
  ElectionChannel(KjHost& host, kj::Timer& timer, Bytes hello, Connect connect, std::function<void(bool)> reachable,
                  std::function<void(const Bytes&)> answered);

  void notify(Bytes notification);
  /// The other node lives: if this was about to wait before its next attempt, it waits no longer.
  void hurry();

 private:
  kj::Promise<void> run();
  kj::Promise<void> hear();
  kj::Promise<void> retry();
  void connected(kj::Own<kj::AsyncIoStream> stream);
  void tell(bool reachable);
  void send_waiting();

  KjHost& host_;
  kj::Timer& timer_;
  const Bytes hello_;
  const Connect connect_;
  const std::function<void(bool)> reachable_;
  const std::function<void(const Bytes&)> answered_;

  std::shared_ptr<FrameStream> stream_;  // while connected
  std::optional<Bytes> waiting_;
  kj::TimePoint waiting_since_;
  std::optional<bool> told_;
  kj::Duration delay_;  // before the next attempt
  kj::TimePoint connected_at_;
  kj::Own<kj::PromiseFulfiller<void>> waker_;  // while waiting for the next attempt
  kj::Promise<void> running_;                  // last, so that it is cancelled first
};

}  // namespace troupe
