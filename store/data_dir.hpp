// A node's data directory: the log, the state and the checkpoints, and what to believe of them after
// a start.
//
//   log/                  durable: the log's tables, and its journal; see log.hpp
//   state/                not durable; see tree.hpp. Intact after a killed process; after a power cut
//                         (other boot id, no clean mark) it is thrown away
//   checkpoint-<zxid>/    a flushed image of the state at that zxid, from which it is rebuilt
//   incoming/             a snapshot on its way from a leader
//   checkpoint-new/       a checkpoint whose zxid is not yet looked up
//
// The state is never ahead of the log. The log is never pruned beyond the newest checkpoint.
//
// Threads: open() before the actors start. Afterwards the log belongs to the log writer, the tree to
// the state applier; the functions below say whose they are.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "store/journaled_kv.hpp"
#include "store/kv.hpp"
#include "store/log.hpp"
#include "store/tree.hpp"

namespace troupe::store {

/// What came as a snapshot is none. Nothing was taken over; the message says what is wrong with it.
class BadSnapshot : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct DataDirOptions {
  LogOptions log = {};
  std::uint64_t state_map_size = 1ull << 40;
};

class DataDir {
 public:
  /// Opens or creates; repairs what a crash left: half a checkpoint, half a snapshot, a state that
  /// cannot be trusted. Afterwards log().base() ≤ tree().applied() ≤ log().last().
  /// Throws StorageError with what happened and what to do.
  DataDir(std::unique_ptr<Disk> disk, PeerId self, const DataDirOptions& options = {});
  ~DataDir();

  Log& log();
  Tree& tree();  ///< until replace_tree(), then there is another
  Disk& disk();

  /// Brings what is frozen of the tree into state/. State flusher's thread; the applier may go on
  /// meanwhile. Throws StorageError.
  void flush_state();

  /// A checkpoint of the tree as state/ has it now: flushed, but not yet the one to recover from; the log
  /// writer makes it so with Log::set_checkpoint, then prune_checkpoints() may run. Any thread,
  /// one at a time; the applier may go on meanwhile.
  Zxid write_checkpoint();
  /// Removes all checkpoints but the one that the log names and those that it may be about to name: the
  /// last that was written and the last that was received. Same thread as write_checkpoint.
  void prune_checkpoints();

  /// A snapshot from a leader, entry by entry into an empty state of its own.
  class Incoming {
   public:
    virtual ~Incoming() = default;
    /// Throws BadSnapshot for what cannot be an entry.
    virtual void put(Table table, std::string_view key, std::string_view value) = 0;
    /// Flushes. Throws BadSnapshot when the entries are not the state that was announced, do not sum up to
    /// the digest that came with them, or are no state at all. The log writer then stages Log::reset(zxid)
    /// and set_checkpoint(zxid), commits, and only then DataDir::replace_tree() is called.
    virtual Zxid finish() = 0;
    /// After finish(): the last transaction that set the ensemble's configuration; for Log::reset.
    virtual const Bytes& configuration() const = 0;
  };
  /// Of the learner, announced as the state at `zxid`; drops one that was left unfinished, whose Incoming
  /// must be gone.
  std::unique_ptr<Incoming> receive_snapshot(Zxid zxid);
  /// The tree is now the one of the log's checkpoint; takes as long as to copy that. State flusher's thread, and the
  /// applier keeps off the tree meanwhile; views of the old tree live on.
  void replace_tree();

  /// Flushes the state and leaves the clean mark. Last call of a graceful stop, after the actors ended.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The real disk: a directory of LMDB environments, locked so that two processes cannot share it.
std::unique_ptr<Disk> open_lmdb_disk(const std::string& path);

}  // namespace troupe::store
