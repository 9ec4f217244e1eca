// What the requests of get, set, create, mixed, multi and list ask for. Nothing is allocated for a request.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "apps/bench/load.hpp"
#include "apps/bench/wire/session.hpp"
#include "apps/bench/wire/tree.hpp"

namespace troupe::bench {

class RequestSource {
 public:
  static constexpr std::size_t operations_of_multi = 10;
  static constexpr std::size_t parents_of_spread = 1000;

  /// create_spread finds its parents there: created()/0 to created()/999. `seed` tells the sources of one
  /// load apart.
  RequestSource(const Tree& tree, const Load& load, std::size_t seed);

  /// The next request of session `number`. Its views last until the next call.
  Request next(std::size_t number);
  std::uint64_t created() const { return created_; }

 private:
  Request get() { return {.op = Op::get, .path = some_key()}; }
  Request set() { return {.op = Op::set, .path = some_key(), .data = value_}; }
  Request list() const { return {.op = Op::children, .path = listed_}; }
  Request create(std::size_t number);
  Request multi();
  const std::string& some_key() { return keys_[random_() % keys_.size()]; }

  const Load& load_;
  const std::vector<std::string>& keys_;
  const std::string listed_, created_below_, value_;
  std::string path_;
  std::vector<Request> operations_;
  std::minstd_rand random_;
  std::uint64_t created_ = 0;
};

}  // namespace troupe::bench
