// The znodes that a benchmark works on, below one znode of its own: /troupe-bench-<random>.
//
//   …/keys/0000000, 0000001, …   what get and set choose from
//   …/created/…                  what create makes
//
// The vector of keys does not change after the constructor: any thread may read it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/client.hpp"

namespace troupe::bench {

class Workspace {
 public:
  /// Makes `keys` znodes with `value_size` bytes each. Throws ClientError.
  Workspace(const std::string& connect, std::size_t keys, std::size_t value_size);

  const std::string& path() const { return path_; }
  const std::vector<std::string>& keys() const { return keys_; }
  std::string created() const { return path_ + "/created"; }

  /// Removes what create made.
  void remove_created();
  /// Removes everything.
  void remove();

 private:
  void remove_children(const std::string& parent);

  Client client_;
  std::string path_;
  std::vector<std::string> keys_;
};

}  // namespace troupe::bench
