#include "client/watches.hpp"

namespace troupe::client {

void WatchTable::add(const std::string& path, Kind kind, Watch watch) { lists(kind)[path].push_back(std::move(watch)); }

void WatchTable::remove(const std::string& path, Kind kind) {
  if (kind == Kind::ANY) {
    for (auto& lists : lists_) lists.erase(path);
    return;
  }
  lists(kind).erase(path);
  // The server counts what exists has set on a missing znode among the data watches.
  if (kind == Kind::DATA) lists(Kind::EXISTS).erase(path);
}

void WatchTable::take_from(Kind kind, std::string_view path, std::vector<Watch>& to) {
  auto& from = lists(kind);
  const auto it = from.find(path);
  if (it == from.end()) return;
  if (kind == Kind::PERSISTENT || kind == Kind::RECURSIVE) {
    to.insert(to.end(), it->second.begin(), it->second.end());
    return;
  }
  for (auto& watch : it->second) to.push_back(std::move(watch));
  from.erase(it);
}

std::vector<Watch> WatchTable::take(schema::EventType type, std::string_view path) {
  std::vector<Watch> result;
  const bool dropped = type == schema::EventType::DROPPED;
  const bool children = type == schema::EventType::CHILDREN_CHANGED;
  if (!dropped && !children) {
    take_from(Kind::DATA, path, result);
    take_from(Kind::EXISTS, path, result);
  }
  if (children || type == schema::EventType::DELETED) take_from(Kind::CHILDREN, path, result);
  take_from(Kind::PERSISTENT, path, result);
  if (dropped) {
    take_from(Kind::RECURSIVE, path, result);
  } else if (!children && !lists(Kind::RECURSIVE).empty()) {
    for (std::string_view above = path;;) {
      take_from(Kind::RECURSIVE, above, result);
      if (above.size() <= 1) break;
      const auto slash = above.rfind('/');
      above = slash == 0 ? std::string_view("/") : above.substr(0, slash);
    }
  }
  return result;
}

std::vector<std::pair<std::string, Watch>> WatchTable::take_all() {
  std::vector<std::pair<std::string, Watch>> result;
  for (auto& lists : lists_) {
    for (auto& [path, watches] : lists) {
      for (auto& watch : watches) result.emplace_back(path, std::move(watch));
    }
    lists.clear();
  }
  return result;
}

void WatchTable::each(const std::function<void(const std::string&, Kind)>& visit) const {
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    for (const auto& [path, watches] : lists_[kind]) visit(path, static_cast<Kind>(kind));
  }
}

bool WatchTable::empty() const {
  for (const auto& lists : lists_) {
    if (!lists.empty()) return false;
  }
  return true;
}

}  // namespace troupe::client
