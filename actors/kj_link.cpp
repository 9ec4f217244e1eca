#include "actors/kj_link.hpp"

#include <utility>

namespace troupe {

KjLink::KjLink(KjHost& host, std::shared_ptr<FrameStream> stream)
    : host_(host), stream_(std::move(stream)), tasks_(*this) {
  watch_writes();
}

KjLink::KjLink(KjHost& host, const Hello& hello, LinkUserActor user, kj::Promise<kj::Own<kj::AsyncIoStream>> connecting)
    : host_(host), user_(std::move(user)), tasks_(*this) {
  tasks_.add(connecting.then([this, hello](kj::Own<kj::AsyncIoStream> stream) {
    if (!down_) go_up(kj::mv(stream), hello);
  }));
}

KjLink::~KjLink() noexcept {
  if (stream_) stream_->on_write(nullptr, nullptr);
}

void KjLink::go_up(kj::Own<kj::AsyncIoStream> stream, const Hello& hello) {
  set_socket_options(*stream);
  stream_ = std::make_shared<FrameStream>(host_, kj::mv(stream));
  watch_writes();
  stream_->send(encode(hello));
  for (auto& frame : early_) stream_->send(std::move(frame));
  early_.clear();
  caf::anon_send(user_, LinkUp{this});
  read();
}

void KjLink::watch_writes() {
  stream_->on_write(
      [this] {
        if (!above_ || stream_->queued() >= window_ / 2) return;
        above_ = false;
        if (writer_) caf::anon_send(writer_, LinkDrained{});
      },
      [this](const kj::Exception& error) { go_down(reason_of(error)); });
}

void KjLink::send(const zab::Message& message) {
  if (down_) return;
  auto frame = encode(message);
  if (stream_) {
    stream_->send(std::move(frame));
  } else {
    queued_ += frame.size();
    early_.push_back(std::move(frame));
  }
  notice_queued();
}

void KjLink::notice_queued() {
  if (window_ > 0 && queued() >= window_ / 2) above_ = true;
}

void KjLink::report_drained(LinkWriterActor writer, std::size_t bytes) {
  if (down_) return;
  writer_ = std::move(writer);
  window_ = bytes;
  notice_queued();
}

// --- receiving ---

void KjLink::deliver_to(LinkUserActor user) {
  if (down_) {
    caf::anon_send(user, LinkDown{this, reason_});
    return;
  }
  user_ = std::move(user);
  read();
}

void KjLink::pause(bool paused) {
  paused_ = paused;
  if (paused_) return;
  if (!held_.empty()) deliver(std::exchange(held_, {}));
  read();
}

void KjLink::read() {
  if (reading_ || down_ || paused_ || !user_ || !stream_) return;
  reading_ = true;
  tasks_.add(stream_->receive().then([this](std::vector<Bytes> frames) {
    reading_ = false;
    if (paused_) {
      held_ = std::move(frames);
    } else {
      deliver(std::move(frames));
      read();
    }
  }));
}

void KjLink::deliver(std::vector<Bytes> frames) {
  if (down_) return;
  LinkReceived received{this, {}};
  received.messages.reserve(frames.size());
  try {
    for (const auto& frame : frames) received.messages.push_back(decode_message(frame));
  } catch (const MalformedFrame& malformed) {
    return go_down(std::string("it sent a malformed message: ") + malformed.what());
  }
  caf::anon_send(user_, std::move(received));
}

// --- the end ---

void KjLink::taskFailed(kj::Exception&& error) { go_down(reason_of(error)); }

void KjLink::go_down(const std::string& reason) {
  if (std::exchange(down_, true)) return;
  reason_ = reason;
  early_.clear();
  held_.clear();
  queued_ = 0;
  writer_ = nullptr;
  if (stream_) stream_->shut_down();  // what still waits on it ends by itself
  if (user_) caf::anon_send(std::exchange(user_, nullptr), LinkDown{this, reason});
}

}  // namespace troupe
