// A byte stream under Cap'n Proto RPC that makes few system calls: reads go through a 64 KB
// buffer, and what is written during a turn of the event loop goes out together at its end.
// Stock RPC reads four times and writes once per call.
//
// A write is accepted at once, so the RPC system never queues; what has not gone out is counted in
// backlog(). The bound is on the reading side: above `pause_above` bytes of backlog nothing more is
// read, so a peer that does not take its answers is not asked for more questions. Only one side of a
// connection may do that (the server), or both would wait for each other.
//
// Thread: that of its event loop.
#pragma once

#include <kj/async-io.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace troupe {

class RpcStream final : public kj::AsyncIoStream {
 public:
  static constexpr std::size_t never = ~std::size_t{0};

  explicit RpcStream(kj::Own<kj::AsyncIoStream> inner, std::size_t pause_above = never);

  /// `drained` is called whenever all that was written has been taken by the system.
  void on_drained(std::function<void()> drained) { drained_ = std::move(drained); }
  /// `progress` is called whenever a part of something long has been: the peer is taking it.
  void on_progress(std::function<void()> progress) { progress_ = std::move(progress); }

  /// Reads nothing more until resume(): whoever handles what was read is full.
  void pause();
  void resume();
  /// Bytes written and not yet taken by the system.
  std::size_t backlog() const { return gathered_.size() + sending_.size() - sent_; }
  /// Bytes that have come so far, of something long too before it is whole.
  std::uint64_t received() const { return received_; }

  kj::Promise<size_t> tryRead(void* buffer, size_t min_bytes, size_t max_bytes) override;
  kj::Promise<void> write(const void* buffer, size_t size) override;
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override;
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override;
  void abortRead() override { inner_->abortRead(); }

 private:
  kj::Promise<size_t> read(kj::byte* to, size_t min_bytes, size_t max_bytes);
  kj::Promise<size_t> read_long(kj::byte* to, size_t have, size_t min_bytes, size_t max_bytes);
  bool gated() const { return paused_ || backlog() > pause_above_; }
  void open_gate();
  void arm();
  kj::Promise<void> send();

  kj::Own<kj::AsyncIoStream> inner_;
  const std::size_t pause_above_;

  kj::Array<kj::byte> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what of buffer_ is still to be taken
  bool paused_ = false;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> gate_;  // of a read that waits for the gate

  std::uint64_t received_ = 0;

  std::vector<kj::byte> gathered_, sending_;
  std::size_t sent_ = 0;  // of sending_
  bool armed_ = false;
  bool shutdown_ = false;
  std::function<void()> drained_, progress_;
  kj::Maybe<kj::Exception> failed_;  // of an earlier write
  kj::Promise<void> sender_ = kj::READY_NOW;
};

}  // namespace troupe
