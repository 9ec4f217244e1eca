#include "apps/bench/wire/stream.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace troupe::bench {

void OutBuffer::reallocate(std::size_t needed) {
  const std::size_t used = end_ - begin_;
  needed -= begin_;
  if (needed > capacity_) {
    capacity_ = std::max<std::size_t>({needed, 2 * capacity_, 512});
    std::unique_ptr<char[]> larger(new char[capacity_]);
    if (used > 0) std::memcpy(larger.get(), memory_.get() + begin_, used);
    memory_ = std::move(larger);
  } else {
    std::memmove(memory_.get(), memory_.get() + begin_, used);
  }
  begin_ = 0;
  end_ = used;
}

Stream::~Stream() {
  drop();
  loop_.forget(*this);
}

void Stream::connect(const Endpoint& endpoint) {
  drop();
  socket_ = start_to_connect(endpoint);
  refused_ = socket_ < 0;
  if (refused_) return flush_later();  // to tell it from the loop
  loop_.add(socket_, EPOLLIN | EPOLLOUT, *this);
}

void Stream::accept(int socket) {
  socket_ = socket;
  open_ = true;
  loop_.add(socket_, EPOLLIN, *this);
}

void Stream::drop() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  open_ = blocked_ = refused_ = false;
  out_.clear();
  partial_.clear();
}

void Stream::flush_later() {
  if (flushing_) return;
  flushing_ = true;
  loop_.flush_soon(*this);
}

void Stream::flush() {
  flushing_ = false;
  if (refused_) return break_off();
  if (!open_ || blocked_) return;
  while (!out_.pending().empty()) {
    ++loop_.writes;
    const ssize_t count = ::send(socket_, out_.pending().data(), out_.pending().size(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return break_off();
      blocked_ = true;
      return loop_.change(socket_, EPOLLIN | EPOLLOUT, *this);
    }
    out_.sent(static_cast<std::size_t>(count));
  }
}

void Stream::ready(std::uint32_t events) {
  if (socket_ < 0) return;  // closed by another handler of the same turn
  if (!open_) return finish_connecting();
  if (blocked_ && (events & EPOLLOUT)) {
    blocked_ = false;
    loop_.change(socket_, EPOLLIN, *this);
    flush_later();
  }
  if (events & ~EPOLLOUT) read_all();
}

void Stream::finish_connecting() {
  int error = 0;
  socklen_t size = sizeof error;
  sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;
  if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return break_off();
  if (getpeername(socket_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return;  // still connecting
  open_ = true;
  loop_.change(socket_, EPOLLIN, *this);
  opened();
}

void Stream::read_all() {
  // One read a turn, for the others' sake: what is left makes the socket ready again.
  std::vector<char>& scratch = loop_.scratch();
  const ssize_t count = recv(socket_, scratch.data(), scratch.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return break_off();
  const std::string_view bytes(scratch.data(), static_cast<std::size_t>(count));
  if (partial_.empty()) {
    const std::size_t taken = parse(bytes);
    if (open_) partial_.assign(bytes.substr(taken));
  } else {
    std::string whole = std::move(partial_);
    partial_.clear();
    whole.append(bytes);
    const std::size_t taken = parse(whole);
    if (!open_) return;
    whole.erase(0, taken);
    partial_ = std::move(whole);
  }
}

void Stream::break_off() {
  drop();
  broken();
}

}  // namespace troupe::bench
