#include "schema/rpc_stream.hpp"

#include <algorithm>
#include <cstring>

namespace troupe {
namespace {
constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::size_t slice = 4 * buffer_size;  // of something long: progress shows between two
}  // namespace

RpcStream::RpcStream(kj::Own<kj::AsyncIoStream> inner, std::size_t pause_above)
    : inner_(kj::mv(inner)), pause_above_(pause_above), buffer_(kj::heapArray<kj::byte>(buffer_size)) {}

void RpcStream::pause() { paused_ = true; }

void RpcStream::resume() {
  paused_ = false;
  open_gate();
}

void RpcStream::open_gate() {
  if (gated()) return;
  KJ_IF_MAYBE (gate, gate_) {
    (*gate)->fulfill();
    gate_ = nullptr;
  }
}

kj::Promise<size_t> RpcStream::tryRead(void* buffer, size_t min_bytes, size_t max_bytes) {
  return read(static_cast<kj::byte*>(buffer), min_bytes, max_bytes);
}

kj::Promise<size_t> RpcStream::read(kj::byte* to, size_t min_bytes, size_t max_bytes) {
  if (gated()) {
    auto gate = kj::newPromiseAndFulfiller<void>();
    gate_ = kj::mv(gate.fulfiller);
    return gate.promise.then([this, to, min_bytes, max_bytes] { return read(to, min_bytes, max_bytes); });
  }
  const std::size_t have = std::min(max_bytes, end_ - begin_);
  std::memcpy(to, buffer_.begin() + begin_, have);
  begin_ += have;
  if (have >= min_bytes) return have;

  // KJ reads at once, and throws what fails then: to whoever called, which may be accepting connections.
  const std::size_t missing = min_bytes - have;
  if (missing >= buffer_size) return read_long(to, have, min_bytes, max_bytes);
  auto chunk = kj::evalNow([&] { return inner_->tryRead(buffer_.begin(), missing, buffer_size); });
  return chunk.then([this, to, have, max_bytes](size_t count) {
    received_ += count;
    begin_ = std::min(count, max_bytes - have);
    end_ = count;
    std::memcpy(to + have, buffer_.begin(), begin_);
    return have + begin_;
  });
}

/// Straight to where it belongs.
kj::Promise<size_t> RpcStream::read_long(kj::byte* to, size_t have, size_t min_bytes, size_t max_bytes) {
  const std::size_t wanted = std::min(min_bytes - have, slice);
  auto more = kj::evalNow([&] { return inner_->tryRead(to + have, wanted, max_bytes - have); });
  return more.then([=, this](size_t count) -> kj::Promise<size_t> {
    received_ += count;
    const std::size_t now = have + count;
    if (count < wanted || now >= min_bytes) return now;
    return read_long(to, now, min_bytes, max_bytes);
  });
}

kj::Promise<void> RpcStream::write(const void* buffer, size_t size) {
  const kj::ArrayPtr<const kj::byte> piece(static_cast<const kj::byte*>(buffer), size);
  return write(kj::arrayPtr(&piece, 1));
}

kj::Promise<void> RpcStream::write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) {
  KJ_IF_MAYBE (exception, failed_) {
    return kj::cp(*exception);
  }
  for (auto piece : pieces) gathered_.insert(gathered_.end(), piece.begin(), piece.end());
  arm();
  return kj::READY_NOW;
}

void RpcStream::shutdownWrite() {
  shutdown_ = true;
  arm();
}

void RpcStream::arm() {
  if (armed_) return;
  armed_ = true;
  sender_ = kj::evalLast([this] { return send(); }).eagerlyEvaluate([this](kj::Exception&& exception) {
    // The reading side notices too, or fails at the next write.
    failed_ = kj::mv(exception);
    gathered_.clear();
    sending_.clear();
    sent_ = 0;
    armed_ = false;
    open_gate();
  });
}

kj::Promise<void> RpcStream::send() {
  if (sent_ == sending_.size()) {
    sent_ = 0;
    sending_.clear();
    if (sending_.capacity() > 4 * buffer_size) sending_.shrink_to_fit();
    if (gathered_.empty()) {
      armed_ = false;
      if (shutdown_) inner_->shutdownWrite();
      if (drained_) drained_();
      return kj::READY_NOW;
    }
    sending_.swap(gathered_);
  }
  const std::size_t count = std::min(sending_.size() - sent_, slice);
  return inner_->write(sending_.data() + sent_, count).then([this, count] {
    sent_ += count;
    if (sent_ < sending_.size() && progress_) progress_();
    open_gate();
    return send();
  });
}

}  // namespace troupe
