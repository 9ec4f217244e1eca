#include "apps/bench/workspace.hpp"

#include <cstdio>
#include <random>

#include "apps/bench/bulk.hpp"

namespace troupe::bench {
namespace {

constexpr std::size_t calls_under_way = 2048;
constexpr std::uint32_t names_at_once = 10'000;

std::string random_name() {
  std::random_device random;
  char name[32];
  std::snprintf(name, sizeof name, "/troupe-bench-%08x", static_cast<unsigned>(random()));
  return name;
}

}  // namespace

Workspace::Workspace(const std::string& connect, std::size_t keys, std::size_t value_size)
    : client_(connect, {.patience = std::chrono::seconds(15)}), path_(random_name()) {
  client_.create(path_);
  client_.create(path_ + "/keys");
  client_.create(created());
  const std::string value(value_size, 'v');
  keys_.reserve(keys);
  Bulk bulk(calls_under_way);
  for (std::size_t i = 0; i < keys; ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "/keys/%07zu", i);
    keys_.push_back(path_ + number);
    client_.create(keys_.back(), value, {}, bulk.next<client::Created>());
  }
  bulk.finish();
}

void Workspace::remove_children(const std::string& parent) {
  // Of a create whose answer was lost with its connection, nobody knows whether it is there.
  for (;;) {
    const client::Children page = client_.children(parent, {}, {.limit = names_at_once});
    if (page.names.empty()) return;
    Bulk bulk(calls_under_way, {Error::no_node});
    for (const std::string& name : page.names) client_.remove(parent + "/" + name, -1, bulk.next<client::Nothing>());
    bulk.finish();
  }
}

void Workspace::remove_created() { remove_children(created()); }

void Workspace::remove() {
  remove_children(created());
  remove_children(path_ + "/keys");
  remove_children(path_);
  client_.remove(path_);
}

}  // namespace troupe::bench
