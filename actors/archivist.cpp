#include "actors/archivist.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace troupe {

Archivist::Archivist(caf::actor_config& config, store::DataDir& data, LogWriterActor log_writer,
                     std::optional<Zxid> checkpoint, CheckpointRules rules)
    : Hosted(config),
      data_(data),
      log_writer_(std::move(log_writer)),
      rules_(rules),
      checkpoint_(checkpoint.value_or(Zxid{})) {}

/// Within an epoch zxids go up by one, so only the last of each epoch is looked up.
std::uint64_t Archivist::transactions_behind_checkpoint(Zxid upto) {
  // A snapshot from a leader may have taken the log's place: it is a checkpoint.
  checkpoint_ = std::max(checkpoint_, data_.log().base());
  std::uint64_t count = 0;
  for (Zxid last = upto; last > checkpoint_;) {
    if (last.epoch() == checkpoint_.epoch()) return count + (last.counter() - checkpoint_.counter());
    count += last.counter();
    const auto before = data_.log().floor({Zxid::of(last.epoch(), 0).value - 1});
    if (!before) break;  // pruned meanwhile
    last = *before;
  }
  return count;
}

void Archivist::flushed(const StateFlushed& flush) {
  bytes_ += flush.bytes;
  if (writing_) return;
  const auto enough = std::max<std::uint64_t>(rules_.transactions, flush.znodes / 2);
  if (bytes_ < rules_.bytes && transactions_behind_checkpoint(flush.zxid) < enough) return;
  bytes_ = 0;
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
        data_.prune_checkpoints();
      },
  };
}

}  // namespace troupe
