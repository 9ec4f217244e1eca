// The znodes that a benchmark over a wire protocol works on, below one znode of its own, as in
// workspace.hpp: keys to choose from, and a place for what is created.
#pragma once

#include <string>
#include <vector>

#include "apps/bench/wire/fleet.hpp"

namespace troupe::bench {

class Tree {
 public:
  /// Makes `keys` znodes of `value_size` bytes. Throws std::runtime_error, as all of this.
  Tree(Rig rig, std::size_t keys, std::size_t value_size);

  const std::string& path() const { return path_; }
  const std::vector<std::string>& keys() const { return keys_; }
  const std::string& created() const { return created_; }
  /// Makes created()/<prefix>0 to created()/<prefix><count - 1>, without data.
  void make_created(const std::string& prefix, std::size_t count);

  /// Makes created() empty.
  void remove_created();
  /// Removes everything.
  void remove();

 private:
  /// All below it.
  void remove_children(const std::string& parent);

  Rig rig_;
  std::string path_, created_;
  std::vector<std::string> keys_;
};

}  // namespace troupe::bench
