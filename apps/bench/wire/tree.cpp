#include "apps/bench/wire/tree.hpp"

#include <cstdio>
#include <random>

#include "apps/bench/wire/bulk.hpp"

namespace troupe::bench {
namespace {

std::string random_name() {
  std::random_device random;
  char name[32];
  std::snprintf(name, sizeof name, "/troupe-bench-%08x", static_cast<unsigned>(random()));
  return name;
}

}  // namespace

Tree::Tree(Rig rig, std::size_t keys, std::size_t value_size)
    : rig_(rig), path_(random_name()), created_(path_ + "/created") {
  one(rig_, {.op = Op::create, .path = path_});
  one(rig_, {.op = Op::create, .path = path_ + "/keys"});
  one(rig_, {.op = Op::create, .path = created_});
  const std::string value(value_size, 'v');
  keys_.reserve(keys);
  for (std::size_t i = 0; i < keys; ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "/keys/%07zu", i);
    keys_.push_back(path_ + number);
  }
  std::size_t made = 0;
  bulk(rig_, [&](Request& request) {
    if (made == keys_.size()) return false;
    request = {.op = Op::create, .path = keys_[made++], .data = value};
    return true;
  });
}

void Tree::make_created(const std::string& prefix, std::size_t count) {
  std::size_t made = 0;
  std::string path;
  bulk(rig_, [&](Request& request) {
    if (made == count) return false;
    path = created_ + "/" + prefix + std::to_string(made++);
    request = {.op = Op::create, .path = path};
    return true;
  });
}

void Tree::remove_children(const std::string& parent) {
  // Of a create whose answer was lost with its connection, nobody knows whether it is there.
  const auto remove_all = [this](const std::string& from, const std::vector<std::string>& names, bool& nested) {
    std::size_t next = 0;
    std::string path;
    bulk(
        rig_,
        [&](Request& request) {
          if (next == names.size()) return false;
          path = from + "/" + names[next++];
          request = {.op = Op::remove, .path = path};
          return true;
        },
        {error::no_node, error::not_empty},
        [&](const Answer& answer) { nested = nested || answer.error == error::not_empty; });
  };
  bool nested = false;
  remove_all(parent, names_below(rig_, parent), nested);
  if (!nested) return;
  for (const std::string& name : names_below(rig_, parent)) remove_children(parent + "/" + name);
  remove_all(parent, names_below(rig_, parent), nested);
}

void Tree::remove_created() { remove_children(created_); }

void Tree::remove() {
  remove_children(path_);
  one(rig_, {.op = Op::remove, .path = path_});
}

}  // namespace troupe::bench
