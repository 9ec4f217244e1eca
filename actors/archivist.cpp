#include "actors/archivist.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace troupe {
namespace {
constexpr std::size_t portion = 1 << 20;  // bytes of the log, read at a time
}  // namespace

Archivist::Archivist(caf::actor_config& config, store::DataDir& data, LogWriterActor log_writer,
                     std::optional<Zxid> checkpoint, CheckpointRules rules)
    : Hosted(config),
      data_(data),
      log_writer_(std::move(log_writer)),
      rules_(rules),
      checkpoint_(checkpoint.value_or(Zxid{})) {}

/// Within an epoch zxids go up by one, so only the last of each epoch is looked up.
std::uint64_t Archivist::transactions_behind_checkpoint(Zxid upto) {
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

/// As far as it matters.
std::uint64_t Archivist::bytes_behind_checkpoint(Zxid upto) {
  std::uint64_t bytes = 0;
  try {
    for (Zxid after = checkpoint_; bytes < rules_.bytes;) {
      const auto records = data_.log().read(after, portion, upto);
      if (records.empty()) break;
      for (const auto& record : records) bytes += record.txn.size();
      after = records.back().zxid;
    }
  } catch (const store::Pruned&) {  // meanwhile, for a snapshot
    return 0;
  }
  return bytes;
}

void Archivist::flushed(const StateFlushed& flush) {
  if (const Zxid base = data_.log().base(); base > checkpoint_) {
    // A snapshot from a leader has taken the log's place: it is a checkpoint.
    checkpoint_ = base;
    bytes_.reset();
  }
  bytes_ = bytes_ ? *bytes_ + flush.bytes : bytes_behind_checkpoint(flush.zxid);
  if (writing_) return;
  const auto enough = std::max<std::uint64_t>(rules_.transactions, flush.znodes / 2);
  if (*bytes_ < rules_.bytes && transactions_behind_checkpoint(flush.zxid) < enough) return;
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
