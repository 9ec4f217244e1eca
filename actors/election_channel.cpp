#include "actors/election_channel.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {
constexpr auto first_delay = 20 * kj::MILLISECONDS;
constexpr auto longest_delay = 500 * kj::MILLISECONDS;
constexpr auto settled = 1 * kj::SECONDS;           // a connection that lasted so long was not a refused one
constexpr auto freshness = 500 * kj::MILLISECONDS;  // several times as long as votes are repeated
constexpr unsigned unacknowledged_ms = 2'000;
}  // namespace

ElectionChannel::ElectionChannel(KjHost& host, kj::Timer& timer, Bytes hello, Connect connect,
                                 std::function<void(bool)> reachable, std::function<void(const Bytes&)> answered)
    : host_(host),
      timer_(timer),
      hello_(std::move(hello)),
      connect_(std::move(connect)),
      reachable_(std::move(reachable)),
      answered_(std::move(answered)),
      waiting_since_(timer.now()),
      delay_(first_delay),
      connected_at_(timer.now()),
      running_(nullptr) {
  running_ = kj::evalLater([this] { return run(); }).eagerlyEvaluate(nullptr);
}

kj::Promise<void> ElectionChannel::run() {
  return connect_()
      .then([this](kj::Own<kj::AsyncIoStream> stream) {
        connected(kj::mv(stream));
        return hear();
      })
      .catch_([this](kj::Exception&&) {
        tell(false);
        return retry();
      });
}

kj::Promise<void> ElectionChannel::hear() {
  return stream_->receive().then([this](std::vector<Bytes> frames) {
    for (const auto& frame : frames) answered_(frame);
    return hear();
  });
}

kj::Promise<void> ElectionChannel::retry() {
  if (stream_ && timer_.now() - connected_at_ > settled) delay_ = first_delay;
  const auto delay = delay_;
  delay_ = std::min(2 * delay_, longest_delay);
  auto wake = kj::newPromiseAndFulfiller<void>();
  waker_ = kj::mv(wake.fulfiller);
  return timer_.afterDelay(delay).exclusiveJoin(kj::mv(wake.promise)).then([this] {
    waker_ = nullptr;
    stream_.reset();
    return run();
  });
}

void ElectionChannel::hurry() {
  if (waker_.get() != nullptr) waker_->fulfill();
}

void ElectionChannel::connected(kj::Own<kj::AsyncIoStream> stream) {
  connected_at_ = timer_.now();
  set_socket_options(*stream, unacknowledged_ms);
  stream_ = std::make_shared<FrameStream>(host_, kj::mv(stream));
  // A write that fails has its connection closed under it: the pending read ends, and with it this try.
  stream_->on_write([this] { send_waiting(); }, nullptr);
  stream_->send(hello_);
  tell(true);
}

void ElectionChannel::tell(bool reachable) {
  if (told_ == reachable) return;
  told_ = reachable;
  reachable_(reachable);
}

void ElectionChannel::notify(Bytes notification) {
  waiting_ = std::move(notification);
  waiting_since_ = timer_.now();
  send_waiting();
}

void ElectionChannel::send_waiting() {
  if (!waiting_ || !stream_ || told_ != true || stream_->queued() > 0) return;
  if (timer_.now() - waiting_since_ < freshness) stream_->send(std::move(*waiting_));
  waiting_.reset();
}

}  // namespace troupe
