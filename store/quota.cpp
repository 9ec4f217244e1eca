#include "store/quota.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace troupe::store::quota {
namespace {

/// The parts between separators, without the empty ones at the end; a run of separators counts as one
/// where `runs` says so.
std::vector<std::string_view> split(std::string_view text, std::string_view separators, bool runs) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find_first_of(separators, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == text.npos) break;
    begin = runs ? std::min(text.find_first_not_of(separators, end), text.size()) : end + 1;
  }
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}

std::optional<std::int64_t> number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Record> Record::parse(std::string_view text) {
  Record record;
  if (text.empty()) return record;
  for (const auto pair : split(text, ",;", true)) {
    const auto parts = split(pair, "=", false);
    if (parts.size() < 2) return std::nullopt;
    const auto value = parts[1].empty() ? -1 : number(parts[1]);
    if (!value) return std::nullopt;
    record.values_[std::string(parts[0])] = *value;
  }
  return record;
}

/// "count" and "bytes" come first, and a "=" after them hides the others from readers of before there
/// were hard limits.
std::string Record::text() const {
  std::string text = "count=" + std::to_string(count()) + ",bytes=" + std::to_string(bytes());
  const char* separator = "=;";
  for (const auto& [name, value] : values_) {
    if (name == "count" || name == "bytes") continue;
    text.append(separator).append(name).append("=").append(std::to_string(value));
    separator = ";";
  }
  return text;
}

std::int64_t Record::get(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? -1 : found->second;
}

std::optional<std::string_view> measured_by(std::string_view path) {
  if (!path.starts_with(root) || !path.ends_with(stats_name)) return std::nullopt;
  const std::string_view inner = path.substr(root.size(), path.size() - root.size() - stats_name.size());
  if (!inner.starts_with('/') || !inner.ends_with('/')) return std::nullopt;
  return inner.substr(0, std::max<std::size_t>(inner.size() - 1, 1));
}

}  // namespace troupe::store::quota
