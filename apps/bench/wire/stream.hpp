// A non-blocking connection in an event loop: gathers what is to be sent and writes it once a turn,
// reads as much as there is and hands on what is whole. The protocols derive from it.
//
// Owner: the event loop's thread.
#pragma once

#include <cstring>
#include <memory>
#include <string>

#include "apps/bench/wire/endpoint.hpp"
#include "apps/bench/wire/event_loop.hpp"

namespace troupe::bench {

/// Bytes to be sent. Grows without being filled, and keeps its memory.
class OutBuffer {
 public:
  /// Room for `size` more bytes, all of which the caller writes.
  char* grow(std::size_t size) {
    if (end_ + size > capacity_) reallocate(end_ + size);
    char* room = memory_.get() + end_;
    end_ += size;
    return room;
  }
  void append(std::string_view bytes) { bytes.copy(grow(bytes.size()), bytes.size()); }
  std::string_view pending() const { return {memory_.get() + begin_, end_ - begin_}; }
  void sent(std::size_t size) {
    begin_ += size;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }

 private:
  void reallocate(std::size_t needed);
  std::unique_ptr<char[]> memory_;
  std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

class Stream : private EventLoop::Handler {
 protected:
  explicit Stream(EventLoop& loop) : loop_(loop) {}
  ~Stream();

  /// opened() or broken() follows, not before the loop runs.
  void connect(const Endpoint& endpoint);
  /// Takes over a connection that a listening socket has accepted.
  void accept(int socket);
  /// Closes the socket; nothing follows.
  void drop();
  bool open() const { return open_; }

  OutBuffer& out() { return out_; }
  /// After something was put into out().
  void flush_later();

  virtual void opened() = 0;
  /// Returns how many bytes it has taken; the rest comes again with more behind it. May drop().
  virtual std::size_t parse(std::string_view bytes) = 0;
  /// The connection could not be made, or has ended.
  virtual void broken() = 0;
  EventLoop& loop() { return loop_; }

 private:
  void ready(std::uint32_t events) final;
  void flush() final;
  void finish_connecting();
  void read_all();
  void break_off();

  EventLoop& loop_;
  int socket_ = -1;
  bool open_ = false, flushing_ = false, blocked_ = false, refused_ = false;
  OutBuffer out_;
  std::string partial_;  // read and not taken yet
};

}  // namespace troupe::bench
