// Counts the views of the tree that are out, and calls when enough have come back. A view is a reader of
// the store, of which there is a bounded number, and pins what it shows.
//
// Threads: any. A view comes back where its last owner lets go of it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

#include "store/tree.hpp"

namespace troupe {

class ViewCounter : public std::enable_shared_from_this<ViewCounter> {
 public:
  /// `view`, counted until its last owner lets go of it.
  std::shared_ptr<store::View> count(std::shared_ptr<store::View> view);

  /// Whether fewer than `most` are out. If not, `wake` is called once, in place of any that was given
  /// before, when no more than half as many are: by the thread that gives back the last of the others.
  bool fewer_than(std::size_t most, std::function<void()> wake);

 private:
  void came_back();

  std::mutex mutex_;
  // Guarded by mutex_.
  std::size_t out_ = 0;
  std::size_t wake_at_ = 0;
  std::function<void()> wake_;
};

}  // namespace troupe
