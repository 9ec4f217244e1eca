#include "actors/archivist.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace troupe {
namespace {
constexpr std::size_t count_bytes = 1 << 20;  // of the log, read at a time
}  // namespace

Archivist::Archivist(caf::actor_config& config, store::DataDir& data, LogWriterActor log_writer,
                     std::optional<Zxid> checkpoint, std::uint64_t every)
    : Hosted(config),
      data_(data),
      log_writer_(std::move(log_writer)),
      every_(every),
      checkpoint_(checkpoint.value_or(Zxid{})) {}

/// How many transactions lie between the checkpoint and `upto`, as far as it matters.
std::uint64_t Archivist::count(Zxid upto) {
  std::uint64_t count = 0;
  try {
    for (Zxid after = checkpoint_; count < every_;) {
      const auto records = data_.log().read(after, count_bytes, upto);
      if (records.empty()) break;
      count += records.size();
      after = records.back().zxid;
    }
  } catch (const store::Pruned&) {  // a snapshot from a leader has taken the log's place, and is a checkpoint
    checkpoint_ = upto;
    return 0;
  }
  return count;
}

void Archivist::flushed(const StateFlushed& flush) {
  if (writing_) return;
  count_ = count_ ? *count_ + flush.transactions : count(flush.zxid);
  if (*count_ < every_) return;
  const Zxid zxid = data_.write_checkpoint();
  spdlog::info("checkpoint at {}", to_string(zxid));
  writing_ = true;
  this->send(log_writer_, CheckpointWritten{zxid}, CheckpointUserActor{this});
}

Archivist::behavior_type Archivist::make_behavior() {
  return {
      [this](const StateFlushed& flush) { flushed(flush); },
      [this](const CheckpointWritten& written) {
        checkpoint_ = written.zxid;
        writing_ = false;
        count_.reset();
        data_.prune_checkpoints();
      },
  };
}

}  // namespace troupe
