#include "store/tree.hpp"

#include <utility>

#include "store/encoding.hpp"
#include "store/tree_batch.hpp"
#include "store/tree_format.hpp"

namespace troupe::store {

std::vector<std::string> Tree::tables() { return {"nodes", "sessions", "ephemerals", "answers", "meta", "due"}; }

Tree::Tree(std::unique_ptr<Kv> kv) : kv_(std::move(kv), tables().size()) {
  if (kv_.read()->entries(meta_table) == 0) {
    TreeBatch batch(kv_, Zxid{0}, 0, 0, answers_);
    batch.create_initial_nodes();
    batch.commit();
    kv_.freeze();
    kv_.flush();
  }
  const View now(kv_.read());
  const auto format = now.raw().get(meta_table, format_row).value_or(std::string_view());
  if (format != raw_bytes(tree_format_version)) {
    throw StorageError("the state has a format that this program does not know (it knows " +
                       std::to_string(tree_format_version) + "): start the newer version that wrote it.");
  }
  applied_ = now.zxid();
  time_ = now.time();
  digest_ = now.digest();
}

AppliedBatch Tree::apply(const std::vector<Proposal>& proposals) {
  auto answers = std::exchange(answers_, {});  // true again when this is committed
  TreeBatch batch(kv_, applied_, time_, digest_, answers);
  batch.apply(proposals);
  AppliedBatch done = batch.commit();
  applied_ = done.last;
  time_ = batch.time();
  digest_ = batch.digest();
  answers_ = std::move(answers);
  return done;
}

std::shared_ptr<View> Tree::view() { return std::make_shared<View>(kv_.read()); }

}  // namespace troupe::store
