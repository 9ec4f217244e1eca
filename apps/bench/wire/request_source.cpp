#include "apps/bench/wire/request_source.hpp"

#include <charconv>

namespace troupe::bench {
namespace {

void append_number(std::string& text, std::uint64_t number) {
  char digits[20];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

RequestSource::RequestSource(const Tree& tree, const Load& load, std::size_t seed)
    : load_(load),
      keys_(tree.keys()),
      listed_(tree.created()),
      created_below_(tree.created() + "/"),
      value_(load.value_size, 'w'),
      random_(static_cast<std::minstd_rand::result_type>(seed + 1)) {}

Request RequestSource::next(std::size_t number) {
  switch (load_.workload) {
    case Workload::set:
      return set();
    case Workload::mixed:
      return random_() % 100 < load_.write_percent ? set() : get();
    case Workload::multi:
      return multi();
    case Workload::list:
      return list();
    case Workload::create:
    case Workload::create_spread:
      return create(number);
    default:
      return get();
  }
}

Request RequestSource::create(std::size_t number) {
  path_ = created_below_;
  if (load_.workload == Workload::create_spread) {
    append_number(path_, created_ % parents_of_spread);
    path_ += '/';
  }
  append_number(path_, number);
  path_ += '-';
  append_number(path_, created_++);
  return {.op = Op::create, .path = path_, .data = value_};
}

Request RequestSource::multi() {
  operations_.clear();
  // Neighbours, for etcd takes no key twice in a transaction.
  const std::size_t first = random_() % keys_.size();
  for (std::size_t i = 0; i < operations_of_multi; ++i)
    operations_.push_back({.op = Op::set, .path = keys_[(first + i) % keys_.size()], .data = value_});
  return {.op = Op::multi, .path = {}, .operations = operations_};
}

}  // namespace troupe::bench
