#include "actors/log_writer.hpp"

#include <cstring>

#include "schema/check.hpp"

namespace troupe {
namespace {
std::shared_ptr<const Configuration> read_configuration(const Bytes& txn) {
  if (txn.empty()) return nullptr;
  try {
    return Configuration::of_txn(txn);
  } catch (const BadConfiguration& bad) {
    throw store::StorageError(std::string("the configuration in the log cannot be used: ") + bad.what() +
                              ". Start the version that wrote it");
  }
}
}  // namespace

LogWriter::LogWriter(caf::actor_config& config, store::DataDir& data, JournalFlusherActor flusher, FatalHandler fatal)
    : Hosted(config), data_(data), log_(data.log()), flusher_(std::move(flusher)), fatal_(std::move(fatal)) {}

template <class Change>
void LogWriter::guard(Change&& change) {
  if (failed_) return;
  try {
    change();
  } catch (const store::StorageError& error) {
    failed_ = true;  // whatever comes now is neither stored nor answered
    after_durable_.clear();
    appender_ = nullptr;
    fatal_(error.what());
  }
}

void LogWriter::stage(const std::function<void()>& change, std::function<void()> after) {
  guard([&] {
    change();
    if (after) after_durable_.push_back(std::move(after));
    if (!flush_asked_) {
      flush_asked_ = true;
      this->send(this, FlushLog{});  // behind all that waits now
    }
  });
}

void LogWriter::flush() {
  flush_asked_ = false;
  guard([&] {
    if (log_.overdue()) log_.flush();  // the disk is slower than those who write
    log_.commit();
    tell_configuration();
    if (appender_) {
      this->send(appender_, Durable{appended_});
      appender_ = nullptr;
    }
    auto after = std::move(after_durable_);
    after_durable_.clear();
    for (auto& tell : after) tell();
    if (log_.due() && log_.freeze()) this->send(flusher_, FlushJournal{});
  });
}

void LogWriter::tell_configuration() {
  if (!history_user_) return;
  auto configuration = log_.configuration();
  if (configuration == configuration_) return;
  configuration_ = std::move(configuration);
  this->send(history_user_, ConfigurationLogged{read_configuration(configuration_)});
}

template <class Change>
void LogWriter::receive(const LogUserActor& user, Change&& change) {
  if (rejected(user)) return;
  guard([&] {
    try {
      change();
    } catch (const store::BadSnapshot& error) {
      incoming_.reset();
      rejected_ = user.address();
      this->send(user, SnapshotRejected{error.what()});
    }
  });
}

void LogWriter::store_entries(const Bytes& entries) {
  // schema/peer.capnp, snapChunk: table (1 byte), key length (2), value length (4), key, value.
  const char* at = entries.view().data();
  const char* const end = at + entries.size();
  while (at < end) {
    std::uint16_t key_size;
    std::uint32_t value_size;
    if (end - at < 7) throw store::BadSnapshot("it has half an entry");
    const auto table = static_cast<store::Table>(static_cast<unsigned char>(*at));
    std::memcpy(&key_size, at + 1, 2);
    std::memcpy(&value_size, at + 3, 4);
    at += 7;
    if (static_cast<std::size_t>(end - at) < std::size_t{key_size} + value_size) {
      throw store::BadSnapshot("it has half an entry");
    }
    incoming_->put(table, {at, key_size}, {at + key_size, value_size});
    at += key_size + value_size;
  }
}

void LogWriter::on_exit() {
  history_user_ = nullptr;
  flusher_ = nullptr;
}

LogWriter::behavior_type LogWriter::make_behavior() {
  return {
      [this](const Append& append, const LogUserActor& user) {
        if (rejected(user)) return;
        stage(
            [&] {
              for (const auto& proposal : append.proposals) log_.append(proposal);
            },
            nullptr);
        if (failed_ || append.proposals.empty()) return;
        if (appender_ && appender_ != user) {  // the role has changed within the batch
          after_durable_.push_back([this, to = appender_, zxid = appended_] { this->send(to, Durable{zxid}); });
        }
        appender_ = user;
        appended_ = append.proposals.back().zxid;
      },
      [this](const Truncate& truncate) { stage([&] { log_.truncate_after(truncate.last); }, nullptr); },
      [this](const StoreAcceptedEpoch& store, const LogUserActor& user) {
        stage([&] { log_.set_accepted_epoch(store.epoch); }, [this, store, user] { this->send(user, store); });
      },
      [this](const StoreCurrentEpoch& store, const LogUserActor& user) {
        if (rejected(user)) return;
        stage([&] { log_.set_current_epoch(store.epoch); }, [this, store, user] { this->send(user, store); });
      },
      [this](const BeginSnapshot& begin) {
        guard([&] {
          incoming_.reset();
          incoming_ = data_.receive_snapshot(begin.zxid);
        });
      },
      [this](const SnapshotEntries& entries, const LogUserActor& user) {
        receive(user, [&] {
          TROUPE_CHECK(incoming_, "entries come within a snapshot");
          store_entries(entries.entries);
          this->send(user, SnapshotEntriesStored{});
        });
      },
      [this](const EndSnapshot&, const LogUserActor& user) {
        receive(user, [&] {
          TROUPE_CHECK(incoming_, "the end comes within a snapshot");
          const Zxid zxid = incoming_->finish();
          const Bytes configuration = incoming_->configuration();
          incoming_.reset();
          stage(
              [&] {
                log_.reset(zxid, configuration);
                log_.set_checkpoint(zxid);
              },
              [this, zxid, user] { this->send(user, SnapshotStored{zxid}); });
        });
      },
      [this](const AskHistory&, const HistoryUserActor& user) {
        // Through a flush of its own: the answer is what is durable after all that came before.
        stage([] {},
              [this, user] {
                history_user_ = user;
                configuration_ = log_.configuration();
                this->send(user, HistoryFacts{log_.accepted_epoch(),
                                              log_.current_epoch(),
                                              log_.last(),
                                              log_.checkpoint().value_or(log_.base()),
                                              {},
                                              read_configuration(configuration_)});
              });
      },
      [this](const CheckpointWritten& checkpoint, const CheckpointUserActor& user) {
        stage(
            [&] {
              // A snapshot from a leader may have come in between, and is newer.
              const auto newest = log_.checkpoint();
              if (newest && *newest >= checkpoint.zxid) return;
              // Learners that are only a little behind still find what they need.
              if (newest) log_.prune(*newest);
              log_.set_checkpoint(checkpoint.zxid);
            },
            [this, checkpoint, user] { this->send(user, checkpoint); });
      },
      [this](const FlushLog&) { flush(); },
  };
}

}  // namespace troupe
