// One end of a learner's connection to its leader, over a socket: a FrameStream that speaks
// zab::Messages with the actors.
//
//   connecting ──▶ up ──▶ down      accepted links begin up
//
// Invariants: the user gets LinkDown once, and nothing after it; nothing is read before there is a
// user, nor while paused; what is sent before the link is up goes out behind the Hello.
//
// Owner: whoever holds the shared_ptr; the last one gone closes the connection without a word.
// Thread: its event loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/frame_stream.hpp"
#include "actors/network.hpp"

namespace troupe {

class KjLink final : public Link, private kj::TaskSet::ErrorHandler {
 public:
  /// An accepted connection, whose Hello has been read.
  KjLink(KjHost& host, std::shared_ptr<FrameStream> stream);
  /// A connection to be: `connecting` gives the stream. `user` gets LinkUp or LinkDown.
  KjLink(KjHost& host, const Hello& hello, LinkUserActor user, kj::Promise<kj::Own<kj::AsyncIoStream>> connecting);
  ~KjLink() noexcept override;

  void send(const zab::Message& message) override;
  std::size_t queued() const override { return stream_ ? stream_->queued() : queued_; }
  void deliver_to(LinkUserActor user) override;
  void report_drained(LinkWriterActor writer, std::size_t bytes) override;
  void close(const std::string& reason) override { go_down(reason); }
  void pause(bool paused) override;

 private:
  void go_up(kj::Own<kj::AsyncIoStream> stream, const Hello& hello);
  void watch_writes();
  void read();
  void deliver(std::vector<Bytes> frames);
  void notice_queued();
  void go_down(const std::string& reason);
  void taskFailed(kj::Exception&& error) override;

  KjHost& host_;
  std::shared_ptr<FrameStream> stream_;  // null while connecting
  std::vector<Bytes> early_;             // sent while connecting
  std::size_t queued_ = 0;               // bytes in early_

  LinkUserActor user_;  // who is still to be told
  bool down_ = false;
  std::string reason_;  // once down
  bool reading_ = false;
  bool paused_ = false;
  std::vector<Bytes> held_;  // came while paused

  LinkWriterActor writer_;
  std::size_t window_ = 0;
  bool above_ = false;  // queued() has been at least half the window since the last report

  kj::TaskSet tasks_;  // the connecting and the reading; last, so that they are cancelled first
};

}  // namespace troupe
