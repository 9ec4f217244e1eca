#include "actors/frame_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>

#include "schema/check.hpp"

namespace troupe {
namespace {
constexpr std::size_t write_size = 256 << 10;  // about so much in one write, so that queued() falls step by step
}  // namespace

FrameStream::FrameStream(KjHost& host, kj::Own<kj::AsyncIoStream> stream, std::size_t limit)
    : host_(host), stream_(kj::mv(stream)), reader_(limit), tasks_(*this) {}

kj::Promise<std::vector<Bytes>> FrameStream::receive(std::size_t most) {
  std::vector<Bytes> frames;
  try {
    while (frames.size() < most) {
      auto frame = reader_.next();
      if (!frame) break;
      frames.push_back(std::move(*frame));
    }
  } catch (const MalformedFrame& malformed) {
    return broken_connection(std::string("it sent ") + malformed.what());
  }
  if (!frames.empty()) return kj::mv(frames);
  if (ended_) return broken_connection("it is closed");
  const auto space = reader_.space();
  // KJ reads and writes at once, and throws what fails then: to whoever called, which may be an actor.
  auto read = kj::evalNow([&] { return stream_->tryRead(space.data(), 1, space.size()); });
  return read.then([this, most](std::size_t size) {
    if (size == 0) kj::throwFatalException(broken_connection("the other side closed it"));
    reader_.received(size);
    return receive(most);
  });
}

void FrameStream::send(Bytes frame) {
  if (ended_) return;
  queued_ += frame.size();
  queue_.push_back(std::move(frame));
  arm();
}

void FrameStream::on_write(std::function<void()> written, std::function<void(const kj::Exception&)> failed) {
  written_ = std::move(written);
  failed_ = std::move(failed);
}

void FrameStream::arm() {
  if (armed_ || !writing_.empty()) return;
  armed_ = true;
  host_.at_end_of_turn([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->flush();
  });
}

void FrameStream::flush() {
  armed_ = false;
  if (ended_ || queue_.empty() || !writing_.empty()) return;
  std::size_t size = 0;
  while (!queue_.empty() && size < write_size) {
    size += queue_.front().size();
    writing_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  auto pieces = kj::heapArrayBuilder<kj::ArrayPtr<const kj::byte>>(writing_.size());
  for (const auto& frame : writing_) {
    pieces.add(reinterpret_cast<const kj::byte*>(frame.data()), frame.size());
  }
  auto list = pieces.finish();
  auto write = kj::evalNow([&] { return stream_->write(list); });  // as in receive()
  tasks_.add(write.attach(kj::mv(list)).then([this, size] {
    writing_.clear();
    if (ended_) return;
    queued_ -= size;
    flush();
    if (written_) written_();
  }));
}

void FrameStream::taskFailed(kj::Exception&& error) {
  if (std::exchange(ended_, true)) return;
  queue_.clear();
  queued_ = 0;
  if (failed_) failed_(error);
}

void FrameStream::shut_down() {
  if (std::exchange(ended_, true)) return;
  queue_.clear();
  queued_ = 0;
  KJ_IF_MAYBE (fd, stream_->getFd()) ::shutdown(*fd, SHUT_RDWR);
}

std::string reason_of(const kj::Exception& error) {
  // "::writev(fd, …): Broken pipe": what the system said is enough.
  const std::string text = error.getDescription().cStr();
  const auto call = text.rfind("): ");
  return call == std::string::npos ? text : text.substr(call + 3);
}

kj::Exception broken_connection(const std::string& reason) {
  return kj::Exception(kj::Exception::Type::DISCONNECTED, __FILE__, __LINE__, kj::str(reason.c_str()));
}

void set_socket_options(kj::AsyncIoStream& stream, unsigned unacknowledged_ms) {
  const auto set = [&](int level, int option, int value) { stream.setsockopt(level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 1);   // seconds
  set(IPPROTO_TCP, TCP_KEEPINTVL, 1);  // seconds
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  if (unacknowledged_ms > 0) set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(unacknowledged_ms));
}

}  // namespace troupe
