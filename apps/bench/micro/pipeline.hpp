// The stages of a read and of a write, without threads between them, so that each can be timed alone:
//
//   frame ─▶ zk::Connection ─▶ Gateway ─┬─ read: answered at once
//                                       └─ write: requests() ─▶ Proposer ─▶ Log ─▶ Tree ─▶ Gateway ─▶ replies
//
// The objects are those of a node, on a real directory. Single thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/gateway.hpp"
#include "actors/proposer.hpp"
#include "actors/zk/connection.hpp"
#include "apps/bench/scratch_ensemble.hpp"
#include "store/data_dir.hpp"

namespace troupe::bench {

class Pipeline final : Upstream, troupe::zk::ConnectionHost {
 public:
  static constexpr std::size_t value_size = 100;

  /// A tree with the znodes path(0) to path(znodes - 1), and one client.
  explicit Pipeline(std::size_t znodes);

  static std::string path(std::size_t i);

  // The stages, in their order. Those of a write take what the one before made.
  void receive(std::string_view frames) { connection_->receive(frames); }
  /// What the gateway would send to the leader.
  std::vector<Bytes> requests();
  std::vector<Proposal> prepare(const std::vector<Bytes>& requests);
  void append(const std::vector<Proposal>& proposals);
  store::AppliedBatch apply(const std::vector<Proposal>& proposals) { return data_.tree().apply(proposals); }
  /// The view is swapped, watches fire, answers are written.
  void deliver(store::AppliedBatch batch);
  /// The bytes of the replies, which are sent then.
  std::size_t send();

  /// All that the writes need which are under way.
  void finish_writes();
  /// What a node's flusher does on a thread of its own.
  void flush_state();

  const store::View& view() const { return *gateway_.view(); }

 private:
  void submit(std::vector<Bytes> requests) override { requests_ = std::move(requests); }
  void attach(std::uint64_t, SessionId, std::uint32_t) override {}
  void sync(std::uint64_t) override {}
  void heard(std::vector<SessionId>) override {}
  void want_flush() override {}

  void changed(troupe::zk::Connection&) override {}
  bool four_letter_word(troupe::zk::Connection&, std::string_view) override { return false; }
  std::int64_t now_ms() const override { return 0; }

  void fill(std::size_t znodes);

  ScratchDir directory_{""};
  store::DataDir data_;
  Proposer proposer_;
  Zxid zxid_ = Zxid::of(Epoch{1}, 0);
  std::int64_t time_ms_ = 1;
  std::vector<Bytes> requests_;
  Gateway gateway_;
  troupe::zk::ConnectionContext context_;
  std::unique_ptr<troupe::zk::Connection> connection_;
};

/// `count` requests as a client sends them, of the znodes path(0), path(stride), …
std::string get_frames(std::size_t count, std::size_t znodes);
std::string set_frames(std::size_t count, std::size_t znodes);

}  // namespace troupe::bench
