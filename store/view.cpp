#include <algorithm>
#include <array>

#include "store/child_names.hpp"
#include "store/encoding.hpp"
#include "store/tree.hpp"
#include "store/tree_format.hpp"

namespace troupe::store {
namespace {

Applied applied_row_of(const KvReader& reader) {
  auto row = reader.get(meta_table, applied_row);
  if (!row || row->size() != sizeof(Applied)) {
    throw StorageError(
        "the state is damaged: it does not say which transaction it is at. Check the disk, then remove "
        "the directory state/ and start the node again: it rebuilds the state from checkpoint and log.");
  }
  return from_raw_bytes<Applied>(*row);
}

std::string meta_text(const KvReader& reader, std::string_view row) {
  return std::string(reader.get(meta_table, row).value_or(std::string_view()));
}

Session to_session(const Entry& entry) {
  return {{static_cast<std::int64_t>(from_big_endian(entry.key))}, from_raw_bytes<std::uint32_t>(entry.value)};
}

}  // namespace

AclList Node::acl() const { return decode_acl(acl_bytes); }

View::View(std::unique_ptr<KvReader> reader) : reader_(std::move(reader)), zxid_{applied_row_of(*reader_).zxid} {}

std::int64_t View::time() const { return applied_row_of(*reader_).time; }

std::uint64_t View::digest() const { return applied_row_of(*reader_).digest; }

std::optional<Node> View::get(std::string_view path) const {
  auto value = reader_->get(nodes_table, node_key(path));
  if (!value) return std::nullopt;
  const NodeValue stored = decode_node(*value);
  std::optional<Node> found(std::in_place);  // made where it is returned, not copied there
  Node& node = *found;
  write_stat(stored, node.stat);
  node.stored_cversion = stored.header.stored_cversion;
  node.kind = static_cast<NodeKind>(stored.header.kind);
  node.ttl = stored.header.ttl;
  node.has_data = stored.header.has_data;
  node.data = stored.data;
  node.acl_bytes = stored.acl;
  return found;
}

void View::prefetch(std::span<const std::string_view> paths) const {
  constexpr std::size_t at_once = 16;
  std::array<KeyBuffer, at_once> buffers;
  std::array<std::string_view, at_once> keys;
  for (; !paths.empty(); paths = paths.subspan(std::min(at_once, paths.size()))) {
    const std::size_t count = std::min(at_once, paths.size());
    std::size_t known = 0;
    for (const auto path : paths.first(count)) {
      if (!path.starts_with('/')) continue;
      keys[known] = buffers[known] = node_key(path);
      ++known;
    }
    reader_->prefetch(nodes_table, std::span(keys).first(known));
  }
}

void View::children(std::string_view path, std::string_view after,
                    const std::function<bool(std::string_view)>& each) const {
  ChildNames names(*reader_, path);
  for (auto name = names.first(after); name && each(*name);) name = names.next();
}

void View::ephemerals(SessionId session, const std::function<bool(std::string_view)>& each) const {
  const KeyBuffer prefix = session_key_of(session);
  auto cursor = reader_->cursor(ephemerals_table);
  for (auto entry = cursor->seek(prefix); entry && entry->key.starts_with(prefix.view()); entry = cursor->next()) {
    if (!each(ephemeral_path(*entry))) return;
  }
}

void View::sessions(const std::function<void(const Session&)>& each) const {
  auto cursor = reader_->cursor(sessions_table);
  for (auto entry = cursor->seek(""); entry; entry = cursor->next()) each(to_session(*entry));
}

std::optional<Session> View::session(SessionId id) const {
  const KeyBuffer key = session_key_of(id);
  auto value = reader_->get(sessions_table, key);
  return value ? std::optional(to_session({key, *value})) : std::nullopt;
}

std::optional<Outcome> View::answer(SessionId session, std::uint64_t number) const {
  auto value = reader_->get(answers_table, answer_key(session, number));
  return value ? std::optional(decode_outcome(session, number, *value)) : std::nullopt;
}

std::uint64_t View::last_number(SessionId session) const { return store::last_number(*reader_, session); }

void View::due(std::int64_t now_ms, std::int64_t never_used_ms, std::string_view after,
               const std::function<bool(std::string_view, std::string_view)>& each) const {
  auto cursor = reader_->cursor(due_table);
  for (const auto& [when, before] :
       {std::pair(Due::at_its_time, now_ms), std::pair(Due::if_never_used, now_ms - never_used_ms)}) {
    if (when == Due::if_never_used && never_used_ms == 0) return;
    const char first = static_cast<char>(when);
    for (auto entry = cursor->seek(std::max(after, std::string_view(&first, 1))); entry; entry = cursor->next()) {
      const DueEntry due = due_entry(*entry);
      if (due.when != when || due.time_ms >= before) break;
      if (entry->key > after && !each(entry->key, due.path)) return;
    }
  }
}

std::size_t View::node_count() const { return reader_->entries(nodes_table); }
std::size_t View::session_count() const { return reader_->entries(sessions_table); }
std::size_t View::ephemeral_count() const { return reader_->entries(ephemerals_table); }
std::string View::ensemble_id() const { return meta_text(*reader_, ensemble_row); }
Bytes View::configuration() const {
  const auto row = reader_->get(meta_table, configuration_row);
  return row ? Bytes::copy(*row) : Bytes();
}

std::string View::session_key() const { return meta_text(*reader_, session_key_row); }

}  // namespace troupe::store
