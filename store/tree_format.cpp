#include "store/tree_format.hpp"

#include <openssl/sha.h>

#include <limits>

#include "schema/check.hpp"
#include "store/encoding.hpp"

namespace troupe::store {
namespace {

constexpr char separator = '\x00';
constexpr char shortened = '\x01';
constexpr std::size_t session_size = 8;

struct OutcomeHeader {
  std::uint64_t zxid;
  std::int32_t error;
  std::uint32_t results;
  std::uint8_t multi, opened, closed;
  std::uint8_t reserved[5];
};

struct ResultHeader {
  std::uint64_t czxid, mzxid, pzxid;
  std::int64_t ctime, mtime, owner;
  std::int32_t version, cversion, aversion, data_length, num_children;
  std::int32_t operation, error;
  std::uint32_t path_size;
};

[[noreturn]] void fail_damaged() {
  throw StorageError(
      "the state is damaged: an entry of the tree cannot be read. Check the disk, then remove the "
      "directory state/ and start the node again: it rebuilds the state from checkpoint and log.");
}

/// Takes the parts of a value from front to back.
class Parts {
 public:
  explicit Parts(std::string_view bytes) : left_(bytes) {}
  std::string_view take(std::size_t size) {
    if (size > left_.size()) fail_damaged();
    std::string_view part = left_.substr(0, size);
    left_.remove_prefix(size);
    return part;
  }
  template <typename T>
  T take() {
    return from_raw_bytes<T>(take(sizeof(T)));
  }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
};

}  // namespace

bool is_digested(Table table, std::string_view key) {
  return table != meta_table || (key != format_row && key != applied_row);
}

std::uint64_t entry_hash(Table table, std::string_view key, std::string_view value) {
  return hash(value, hash(key, table));
}

std::uint64_t digest_of_entries(const KvReader& reader) {
  std::uint64_t digest = 0;
  for (Table table = 0; table < Tree::tables().size(); ++table) {
    const auto entries = reader.cursor(table);
    for (auto entry = entries->seek(""); entry; entry = entries->next()) {
      if (is_digested(table, entry->key)) digest += entry_hash(table, entry->key, entry->value);
    }
  }
  return digest;
}

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  TROUPE_CHECK(slash != path.npos && path.size() > 1, "a path begins with a slash, and the root has no parent");
  return path.substr(0, slash == 0 ? 1 : slash);
}

std::string_view last_element(std::string_view path) { return path.substr(path.rfind('/') + 1); }

void KeyBuffer::add(std::string_view part) {
  TROUPE_CHECK(size_ + part.size() <= bytes_.size(), "a key has at most 511 bytes");
  if (part.empty()) return;
  std::memcpy(bytes_.data() + size_, part.data(), part.size());
  size_ += part.size();
}

void KeyBuffer::add_big_endian(std::uint64_t number) {
  number = __builtin_bswap64(number);
  add(raw_bytes(number));
}

void KeyBuffer::add_hash_of(std::string_view whole) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(whole.data()), whole.size(), digest);
  add(shortened);
  add(std::string_view(reinterpret_cast<const char*>(digest), sizeof digest));
}

void KeyBuffer::add_or_hash(std::string_view part) {
  part.size() <= bytes_.size() - size_ ? add(part) : add_hash_of(part);
}

void KeyBuffer::add_children_prefix(std::string_view parent) {
  parent.size() <= max_inline_part ? add(parent) : add_hash_of(parent);
  add(separator);
}

KeyBuffer children_prefix(std::string_view parent) {
  KeyBuffer key;
  key.add_children_prefix(parent);
  return key;
}

KeyBuffer node_key(std::string_view path) {
  KeyBuffer key;  // the only one: it is built where the caller wants it
  if (path == "/") {
    key.add(path);
    return key;
  }
  key.add_children_prefix(parent_path(path));
  const std::string_view name = last_element(path);
  if (name.size() <= max_inline_part) {
    key.add(name);
  } else {
    key.add(name.substr(0, name_head));
    key.add_hash_of(name);
  }
  return key;
}

bool is_shortened(std::string_view name_part) {
  return name_part.size() > name_head && name_part[name_head] == shortened;
}

KeyBuffer session_key_of(SessionId session) {
  KeyBuffer key;
  key.add_big_endian(static_cast<std::uint64_t>(session.value));
  return key;
}

KeyBuffer ephemeral_key(SessionId session, std::string_view path) {
  KeyBuffer key = session_key_of(session);
  key.add_or_hash(path);
  return key;
}

std::string_view ephemeral_path(const Entry& entry) {
  return entry.value.empty() ? entry.key.substr(session_size) : entry.value;
}

std::string_view path_value(std::string_view key, std::string_view path) {
  return key.ends_with(path) ? std::string_view() : path;
}

bool may_be_due(const NodeHeader& header) {
  const auto kind = static_cast<NodeKind>(header.kind);
  return kind == NodeKind::container || kind == NodeKind::ttl;
}

std::optional<KeyBuffer> due_key(const NodeHeader& header, std::string_view path) {
  if (header.num_children != 0 || !may_be_due(header)) return std::nullopt;
  const auto kind = static_cast<NodeKind>(header.kind);
  const bool unused = kind == NodeKind::container && header.stored_cversion == 0;
  const std::int64_t time = kind == NodeKind::ttl ? header.mtime + header.ttl : unused ? header.mtime : 0;
  KeyBuffer key;
  key.add(static_cast<char>(unused ? Due::if_never_used : Due::at_its_time));
  key.add_big_endian(static_cast<std::uint64_t>(time));
  key.add_or_hash(path);
  return key;
}

DueEntry due_entry(const Entry& entry) {
  Parts key(entry.key);
  DueEntry due;
  due.when = key.take<Due>();
  due.time_ms = static_cast<std::int64_t>(from_big_endian(key.take(sizeof due.time_ms)));
  due.path = entry.value.empty() ? key.rest() : entry.value;
  return due;
}

KeyBuffer answer_key(SessionId session, std::uint64_t number) {
  KeyBuffer key = session_key_of(session);
  key.add_big_endian(number);
  return key;
}

std::uint64_t last_number(const KvReader& reader, SessionId session) {
  auto cursor = reader.cursor(answers_table);
  const KeyBuffer highest = answer_key(session, std::numeric_limits<std::uint64_t>::max());
  auto entry = cursor->seek(highest);
  if (!entry) {
    entry = cursor->last();
  } else if (entry->key != highest.view()) {
    entry = cursor->previous();
  }
  const KeyBuffer prefix = session_key_of(session);
  return entry && entry->key.starts_with(prefix.view()) ? from_big_endian(entry->key.substr(prefix.view().size())) : 0;
}

void encode_node(const NodeValue& node, std::string& to) {
  const NodeHeader& header = node.header;
  TROUPE_CHECK(header.acl_size == node.acl.size() && header.name_size == node.name.size(), "a znode knows its parts");
  to.clear();
  to.reserve(sizeof header + node.acl.size() + node.name.size() + node.data.size());
  to.append(raw_bytes(header)).append(node.acl).append(node.name).append(node.data);
}

NodeValue decode_node(std::string_view bytes) {
  Parts parts(bytes);
  NodeValue node;
  node.header = parts.take<NodeHeader>();
  node.acl = parts.take(node.header.acl_size);
  node.name = parts.take(node.header.name_size);
  node.data = parts.rest();
  return node;
}

void write_stat(const NodeValue& node, Stat& to) {
  const NodeHeader& h = node.header;
  to.czxid = {h.czxid};
  to.mzxid = {h.mzxid};
  to.pzxid = {h.pzxid};
  to.ctime = h.ctime;
  to.mtime = h.mtime;
  to.version = h.version;
  // Creations and deletions: of the children ever created those that are not there were deleted.
  to.cversion = static_cast<std::int32_t>(2 * static_cast<std::uint32_t>(h.stored_cversion) -
                                          static_cast<std::uint32_t>(h.num_children));
  to.aversion = h.aversion;
  to.ephemeral_owner = {h.owner};
  to.data_length = static_cast<std::int32_t>(node.data.size());
  to.num_children = h.num_children;
}

std::string encode_acl(const AclList& acl) {
  std::string bytes;
  if (acl.size() == 1 && acl[0] == AclEntry{perm::all, "world", "anyone"}) return bytes;
  for (const AclEntry& entry : acl) {
    bytes.append(raw_bytes(entry.perms));
    bytes.append(raw_bytes(static_cast<std::uint32_t>(entry.scheme.size()))).append(entry.scheme);
    bytes.append(raw_bytes(static_cast<std::uint32_t>(entry.id.size()))).append(entry.id);
  }
  return bytes;
}

AclList decode_acl(std::string_view bytes) {
  if (bytes.empty()) return {{perm::all, "world", "anyone"}};
  AclList acl;
  for (Parts parts(bytes); !parts.rest().empty();) {
    AclEntry& entry = acl.emplace_back();
    entry.perms = parts.take<std::uint32_t>();
    entry.scheme = parts.take(parts.take<std::uint32_t>());
    entry.id = parts.take(parts.take<std::uint32_t>());
  }
  return acl;
}

std::string encode_outcome(const Outcome& outcome) {
  OutcomeHeader header{};
  header.zxid = outcome.zxid.value;
  header.error = static_cast<std::int32_t>(outcome.error);
  header.results = static_cast<std::uint32_t>(outcome.results.size());
  header.multi = outcome.multi;
  header.opened = outcome.opened;
  header.closed = outcome.closed;
  std::string bytes(raw_bytes(header));
  for (const OpResult& result : outcome.results) {
    const Stat& s = result.stat;
    ResultHeader r{s.czxid.value,
                   s.mzxid.value,
                   s.pzxid.value,
                   s.ctime,
                   s.mtime,
                   s.ephemeral_owner.value,
                   s.version,
                   s.cversion,
                   s.aversion,
                   s.data_length,
                   s.num_children,
                   result.operation,
                   static_cast<std::int32_t>(result.error),
                   static_cast<std::uint32_t>(result.path.size())};
    bytes.append(raw_bytes(r)).append(result.path);
  }
  return bytes;
}

Outcome decode_outcome(SessionId session, std::uint64_t number, std::string_view bytes) {
  Parts parts(bytes);
  const auto header = parts.take<OutcomeHeader>();
  Outcome outcome;
  outcome.session = session;
  outcome.number = number;
  outcome.zxid = {header.zxid};
  outcome.error = static_cast<Error>(header.error);
  outcome.multi = header.multi;
  outcome.opened = header.opened;
  outcome.closed = header.closed;
  for (std::uint32_t i = 0; i < header.results; ++i) {
    const auto r = parts.take<ResultHeader>();
    OpResult& result = outcome.results.emplace_back();
    result.operation = r.operation;
    result.error = static_cast<Error>(r.error);
    result.path = parts.take(r.path_size);
    result.stat = {{r.czxid},  {r.mzxid},  {r.pzxid}, r.ctime,       r.mtime,       r.version,
                   r.cversion, r.aversion, {r.owner}, r.data_length, r.num_children};
  }
  return outcome;
}

}  // namespace troupe::store
