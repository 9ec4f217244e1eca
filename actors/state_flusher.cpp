#include "actors/state_flusher.hpp"

#include <utility>

namespace troupe {

StateFlusher::StateFlusher(caf::actor_config& config, store::DataDir& data, ArchivistActor archivist)
    : Hosted(config), data_(data), archivist_(std::move(archivist)) {}

StateFlusher::behavior_type StateFlusher::make_behavior() {
  return {
      [this](const FlushState& frozen, const FlushUserActor& user) {
        data_.flush_state();
        const StateFlushed flushed{frozen};
        this->send(user, flushed);
        this->send(archivist_, flushed);
      },
      [this](const ExchangeTree&, const FlushUserActor& user) {
        data_.replace_tree();
        this->send(user, TreeExchanged{});
      },
  };
}

}  // namespace troupe
