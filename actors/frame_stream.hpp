// A connection to another node that carries frames. What is sent during a turn of the event loop goes
// out together at its end; what has come is handed out in batches, as it came.
//
// Thread: its event loop's. The promises that it gives are void once it is destroyed.
#pragma once

#include <kj/async-io.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "actors/frame_reader.hpp"
#include "actors/kj_host.hpp"
#include "schema/bytes.hpp"

namespace troupe {

class FrameStream : public std::enable_shared_from_this<FrameStream>, private kj::TaskSet::ErrorHandler {
 public:
  /// Frames longer than `limit` bytes are not accepted. `host` outlives this.
  FrameStream(KjHost& host, kj::Own<kj::AsyncIoStream> stream, std::size_t limit = max_frame_size);

  void set_limit(std::size_t limit) { reader_.set_limit(limit); }

  /// The frames that have come, at least one and at most `most`; waits for one. Rejected, with a
  /// description for people, when the connection has ended or a frame is malformed. One at a time.
  kj::Promise<std::vector<Bytes>> receive(std::size_t most = ~std::size_t{0});

  /// Never waits: queued() is the caller's to watch.
  void send(Bytes frame);
  /// Bytes of frames that the system has not taken yet.
  std::size_t queued() const { return queued_; }
  /// `written` is called whenever queued() has fallen, `failed` once, when nothing more can be sent.
  void on_write(std::function<void()> written, std::function<void(const kj::Exception&)> failed);

  /// Both directions end, at once; what is queued is dropped. receive() is rejected.
  void shut_down();

 private:
  void taskFailed(kj::Exception&& error) override;
  void arm();
  void flush();

  KjHost& host_;
  kj::Own<kj::AsyncIoStream> stream_;
  FrameReader reader_;

  std::deque<Bytes> queue_;     // not yet given to the system
  std::vector<Bytes> writing_;  // being written
  std::size_t queued_ = 0;
  bool armed_ = false;  // flush() will be called
  bool ended_ = false;
  std::function<void()> written_;
  std::function<void(const kj::Exception&)> failed_;
  kj::TaskSet tasks_;  // the write; last, so that it is cancelled first
};

/// The reason in a rejected promise, for people: without the place in the source.
std::string reason_of(const kj::Exception& error);
/// An exception whose reason is `reason`.
kj::Exception broken_connection(const std::string& reason);

/// No delay, and a dead machine at the other end is noticed although nobody sends. With
/// `unacknowledged_ms` > 0 the connection also ends when what was sent is not confirmed for so long.
void set_socket_options(kj::AsyncIoStream& stream, unsigned unacknowledged_ms = 0);

}  // namespace troupe
