// The log writer: owns the log, writes all that waits for it as one record of the journal with one flush, and
// only then tells those who asked. So no acknowledgement can leave before its record is on disk.
//
// What it wrote is in the log's journal; the journal flusher brings it into the tables, many batches at once.
//
// A snapshot that is none leaves the log as it was; whatever else comes from the role that got it is
// dropped.
//
// Runs on a thread of its own: it waits for the disk. Requests take effect in the order in which
// they come. The batch is what has come by the time that the flush begins; nobody waits for more.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "store/data_dir.hpp"

namespace troupe {

class LogWriter : public Hosted<LogWriterActor> {
 public:
  /// `data` outlives the actor; its log is this actor's alone to change.
  LogWriter(caf::actor_config& config, store::DataDir& data, JournalFlusherActor flusher, FatalHandler fatal);
  behavior_type make_behavior() override;
  const char* name() const override { return "log writer"; }
  void on_exit() override;

 private:
  /// Runs `change`, which stages something, and sees to the flush; `after` runs behind it.
  void stage(const std::function<void()>& change, std::function<void()> after);
  void flush();
  void store_entries(const Bytes& entries);
  void tell_configuration();
  /// Runs `change`, a step of a snapshot for `user`.
  template <class Change>
  void receive(const LogUserActor& user, Change&& change);
  bool rejected(const LogUserActor& user) const { return rejected_ == user.address(); }
  template <class Change>
  void guard(Change&& change);  // a StorageError ends the node

  store::DataDir& data_;
  store::Log& log_;
  JournalFlusherActor flusher_;
  FatalHandler fatal_;
  bool failed_ = false;
  bool flush_asked_ = false;
  std::vector<std::function<void()>> after_durable_;
  // The last append of the batch: its requester hears of all of them at once.
  LogUserActor appender_;
  Zxid appended_;
  std::unique_ptr<store::DataDir::Incoming> incoming_;
  HistoryUserActor history_user_;  // the last to ask; hears of configurations
  Bytes configuration_;            // as it was told last
  caf::actor_addr rejected_;       // whose snapshot was none
};

}  // namespace troupe
