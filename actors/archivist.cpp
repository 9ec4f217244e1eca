#include "actors/archivist.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "actors/role_context.hpp"

namespace troupe {
namespace {
constexpr std::size_t count_bytes = 1 << 20;  // of the log, read at a time
}  // namespace

Archivist::Archivist(caf::actor_config& config, store::DataDir& data, LogWriterActor log_writer, ApplierActor applier,
                     std::optional<Zxid> checkpoint, std::uint64_t every, FatalHandler fatal)
    : Hosted(config),
      data_(data),
      log_writer_(std::move(log_writer)),
      applier_(std::move(applier)),
      every_(every),
      fatal_(std::move(fatal)),
      checkpoint_(checkpoint.value_or(Zxid{})) {}

void Archivist::on_exit() {
  if (subscription_ != 0) caf::anon_send(applier_, Unsubscribe{subscription_});
  log_writer_ = nullptr;
  applier_ = nullptr;
}

template <class Change>
void Archivist::guard(Change&& change) {
  if (failed_) return;
  try {
    change();
  } catch (const store::StorageError& error) {
    failed_ = true;
    fatal_(error.what());
  }
}

void Archivist::subscribe() {
  count_.reset();
  subscription_ = new_subscription();
  this->send(applier_, Subscribe{subscription_}, AppliedUserActor{this});
}

/// How many transactions lie between the checkpoint and `applied`, as far as it matters.
std::uint64_t Archivist::count_applied(Zxid applied) {
  std::uint64_t count = 0;
  try {
    for (Zxid after = checkpoint_; count < every_;) {
      const auto records = data_.log().read(after, count_bytes, applied);
      if (records.empty()) break;
      count += records.size();
      after = records.back().zxid;
    }
  } catch (const store::Pruned&) {  // a snapshot from a leader has taken the log's place, and is a checkpoint
    checkpoint_ = applied;
    return 0;
  }
  return count;
}

void Archivist::applied(const store::AppliedBatch& batch) {
  count_ = count_ ? *count_ + batch.outcomes.size() : count_applied(batch.last);
  if (*count_ < every_) return;
  this->send(applier_, Unsubscribe{std::exchange(subscription_, 0)});
  this->send(this, WriteCheckpoint{});  // when this batch's view, and those that wait behind it, are gone
}

void Archivist::write() {
  const Zxid zxid = data_.write_checkpoint();
  spdlog::info("checkpoint at {}", to_string(zxid));
  this->send(log_writer_, CheckpointWritten{zxid}, CheckpointUserActor{this});
}

Archivist::behavior_type Archivist::make_behavior() {
  subscribe();
  return {
      [this](const Applied& message) {
        if (subscription_ != 0) guard([&] { applied(*message.batch); });
      },
      [this](const WriteCheckpoint&) { guard([&] { write(); }); },
      [this](const CheckpointWritten& written) {
        guard([&] {
          checkpoint_ = written.zxid;
          data_.prune_checkpoints();
          subscribe();
        });
      },
  };
}

}  // namespace troupe
