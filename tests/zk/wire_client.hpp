// A connection of ZooKeeper's protocol without sockets: what the test sends goes in, in pieces of the
// size that it likes, and what comes out is taken apart into frames.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/zk/connection.hpp"
#include "tests/gateway/test_node.hpp"
#include "tests/zk/frames.hpp"

namespace troupe::testing {

/// A node with a gateway and what the connections of a door share.
struct WireServer final : zk::ConnectionHost {
  explicit WireServer(const GatewayOptions& options = {})
      : gateway(node.add_gateway(options)), context{.gateway = gateway, .host = *this} {}

  void changed(zk::Connection&) override { ++changes; }
  bool four_letter_word(zk::Connection& connection, std::string_view received) override {
    if (!received.starts_with("ruok")) return false;
    connection.answer_word("imok");
    return true;
  }
  std::int64_t now_ms() const override { return context.now_ms; }

  TestNode node;
  Gateway& gateway;
  zk::ConnectionContext context;
  std::size_t changes = 0;
};

class WireClient {
 public:
  /// `piece`: so many bytes are brought at once.
  explicit WireClient(WireServer& server, std::size_t piece = 1 << 20, std::string address = "127.0.0.1")
      : server_(server),
        piece_(piece),
        connection_(std::make_unique<zk::Connection>(server.context, address, "/test:1")) {}

  void send(std::string_view bytes) {
    incoming_ += bytes;
    feed();
  }
  /// Lets everything happen that is under way.
  void run() {
    for (;;) {
      server_.node.run();
      collect();
      if (!feed()) return;
    }
  }

  std::optional<std::string> connect(const std::string& frame = connect_frame()) {
    send(frame);
    run();
    if (frames_.empty()) return std::nullopt;
    return std::exchange(frames_, {}).front();
  }
  Answer call(zk::Op op, const Record& body = {}) {
    send(request_frame(++xid_, op, body));
    run();
    auto all = answers();
    return all.empty() ? Answer{.error = 1} : all.back();
  }
  std::int32_t xid() const { return xid_; }

  std::vector<std::string> frames() {
    collect();
    return std::exchange(frames_, {});
  }
  std::vector<Answer> answers() {
    std::vector<Answer> all;
    for (const auto& frame : frames()) {
      if (auto answer = read_answer(frame)) all.push_back(std::move(*answer));
    }
    return all;
  }
  std::string text() {
    collect();
    return outgoing_;
  }
  bool ended() const { return connection_->ended(); }
  zk::Connection& connection() { return *connection_; }
  void drop() { connection_.reset(); }

 private:
  /// Brings what it can; false if nothing was taken.
  bool feed() {
    bool taken = false;
    for (;;) {
      // A door brings what was left again, with what follows it.
      const std::size_t more = std::min(piece_, incoming_.size());
      if (more == 0 && (rest_.empty() || connection_->paused())) break;
      if (connection_->ended()) break;
      rest_ += incoming_.substr(0, more);
      incoming_.erase(0, more);
      const std::size_t used = connection_->receive(rest_);
      rest_.erase(0, used);
      taken |= used != 0;
      if (more == 0 && used == 0) break;
    }
    collect();
    return taken;
  }
  void collect() {
    auto& output = connection_->output();
    while (!output.empty()) {
      outgoing_ += output.pending();
      output.consume(output.size());
      connection_->sent();
    }
    for (auto& frame : take_frames(outgoing_)) frames_.push_back(std::move(frame));
  }

  WireServer& server_;
  const std::size_t piece_;
  std::unique_ptr<zk::Connection> connection_;
  std::string incoming_, rest_, outgoing_;
  std::vector<std::string> frames_;
  std::int32_t xid_ = 0;
};

}  // namespace troupe::testing
