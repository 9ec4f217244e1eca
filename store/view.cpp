#include <algorithm>
#include <limits>

#include "schema/check.hpp"
#include "store/encoding.hpp"
#include "store/tree.hpp"
#include "store/tree_format.hpp"

namespace troupe::store {
namespace {

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

Applied applied_row_of(const KvReader& reader) {
  auto row = reader.get(meta_table, applied_row);
  if (!row || row->size() != sizeof(Applied)) {
    throw StorageError(
        "the state is damaged: it does not say which transaction it is at. Check the disk, then remove "
        "the directory state/ and start the node again: it rebuilds the state from checkpoint and log.");
  }
  return from_raw_bytes<Applied>(*row);
}

/// The children of one parent, name by name in byte order. The keys are in that order but for names
/// that are long and begin alike: those are gathered and sorted when the first of them comes up.
class ChildNames {
 public:
  ChildNames(const KvReader& reader, std::string_view parent)
      : prefix_(children_prefix(parent)), cursor_(reader.cursor(nodes_table)) {}

  /// The first name after `after`; the empty name is before all.
  std::optional<std::string_view> first(std::string_view after) {
    KeyBuffer from = prefix_;
    from.add(after.substr(0, name_head));  // names that begin with these bytes may lie in any order
    at_ = cursor_->seek(from);
    auto name = current();
    while (name && *name <= after) name = next();
    return name;
  }

  std::optional<std::string_view> next() {
    if (gathered_at_ < gathered_.size()) return gathered_[gathered_at_++];
    gathered_.clear();
    if (!ahead_) at_ = cursor_->next();
    return current();
  }

 private:
  std::string_view name_part() const { return at_->key.substr(prefix_.view().size()); }

  /// The name that at_ stands for.
  std::optional<std::string_view> current() {
    ahead_ = false;
    if (!at_ || !starts_with(at_->key, prefix_)) return std::nullopt;
    if (!is_shortened(name_part())) return name_part();
    gather();
    gathered_at_ = 1;
    return gathered_[0];
  }

  /// All names that begin with the same name_head bytes and are longer. Leaves the cursor behind them.
  void gather() {
    const std::string head(at_->key.substr(0, prefix_.view().size() + name_head));
    for (; at_ && starts_with(at_->key, head); at_ = cursor_->next()) {
      gathered_.push_back(is_shortened(name_part()) ? decode_node(at_->value).name : name_part());
    }
    std::sort(gathered_.begin(), gathered_.end());
    ahead_ = true;
  }

  KeyBuffer prefix_;
  std::unique_ptr<KvCursor> cursor_;
  std::optional<Entry> at_;
  bool ahead_ = false;  // at_ is already the entry after the last name
  std::vector<std::string_view> gathered_;
  std::size_t gathered_at_ = 0;
};

std::string meta_text(const KvReader& reader, std::string_view row) {
  return std::string(reader.get(meta_table, row).value_or(std::string_view()));
}

Session to_session(const Entry& entry) {
  return {{static_cast<std::int64_t>(from_big_endian(entry.key))}, from_raw_bytes<std::uint32_t>(entry.value)};
}

}  // namespace

AclList Node::acl() const {
  return decode_acl(acl_bytes);
}

View::View(std::unique_ptr<KvReader> reader) : reader_(std::move(reader)), zxid_{applied_row_of(*reader_).zxid} {}

std::int64_t View::time() const {
  return applied_row_of(*reader_).time;
}

std::uint64_t View::digest() const {
  return applied_row_of(*reader_).digest;
}

std::optional<Node> View::get(std::string_view path) const {
  auto value = reader_->get(nodes_table, node_key(path));
  if (!value) return std::nullopt;
  const NodeValue stored = decode_node(*value);
  Node node;
  node.stat = stat_of(stored);
  node.stored_cversion = stored.header.stored_cversion;
  node.kind = static_cast<NodeKind>(stored.header.kind);
  node.ttl = stored.header.ttl;
  node.has_data = stored.header.has_data;
  node.data = stored.data;
  node.acl_bytes = stored.acl;
  return node;
}

void View::children(std::string_view path, std::string_view after,
                    const std::function<bool(std::string_view)>& each) const {
  ChildNames names(*reader_, path);
  for (auto name = names.first(after); name && each(*name);) name = names.next();
}

void View::ephemerals(SessionId session, const std::function<bool(std::string_view)>& each) const {
  const KeyBuffer prefix = session_key_of(session);
  auto cursor = reader_->cursor(ephemerals_table);
  for (auto entry = cursor->seek(prefix); entry && starts_with(entry->key, prefix); entry = cursor->next()) {
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

std::uint64_t View::last_number(SessionId session) const {
  auto cursor = reader_->cursor(answers_table);
  const KeyBuffer highest = answer_key(session, std::numeric_limits<std::uint64_t>::max());
  auto entry = cursor->seek(highest);
  if (!entry) {
    entry = cursor->last();
  } else if (entry->key != highest.view()) {
    entry = cursor->previous();
  }
  const KeyBuffer prefix = session_key_of(session);
  return entry && starts_with(entry->key, prefix) ? from_big_endian(entry->key.substr(prefix.view().size())) : 0;
}

std::size_t View::node_count() const {
  return reader_->entries(nodes_table);
}
std::size_t View::session_count() const {
  return reader_->entries(sessions_table);
}
std::size_t View::ephemeral_count() const {
  return reader_->entries(ephemerals_table);
}
std::string View::ensemble_id() const {
  return meta_text(*reader_, ensemble_row);
}
Bytes View::configuration() const {
  const auto row = reader_->get(meta_table, configuration_row);
  return row ? Bytes::copy(*row) : Bytes();
}

std::string View::session_key() const {
  return meta_text(*reader_, session_key_row);
}

}  // namespace troupe::store
