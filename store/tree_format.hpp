// The bytes of the tree's tables: keys and values, byte by byte. Numbers in keys are big-endian,
// numbers in values little-endian. Changing anything here is a new format_version.
//
// nodes
//   key    "/" for the root; for any other znode: parent, 0x00, name.
//          parent  the parent's path if it has at most 255 bytes, else 0x01 and the path's SHA-256
//          name    the last element of the path if it has at most 255 bytes, else its first 222 bytes,
//                  0x01 and the SHA-256 of the whole name
//          No path contains 0x00 or 0x01. The children of a parent lie side by side, in the order of
//          the first 222 bytes of their names; where long names agree in these, they come before
//          the short names that begin with them.
//   value  NodeHeader, the access control list (acl_size bytes), the name (name_size bytes, only where
//          the key has no room for it), the data (the rest)
//   access control list: empty for world:anyone with all permissions, otherwise for each entry
//          permissions (4 bytes), size of the scheme (4), scheme, size of the id (4), id
// sessions
//   key    session (8 bytes)      value  timeout in milliseconds (4)
// ephemerals
//   key    session (8 bytes), path if it has at most 503 bytes, else 0x01 and its SHA-256
//   value  the path where the key has no room for it, otherwise nothing
// answers
//   key    session (8 bytes), number of the request (8)
//   value  OutcomeHeader, then for each result: ResultHeader, the path (path_size bytes)
// due
//   key    Due (1 byte), time (8 bytes), path if it has at most 502 bytes, else 0x01 and its SHA-256
//   value  the path where the key has no room for it, otherwise nothing
// meta
//   "format"       format_version (8 bytes)
//   "applied"      Applied: the zxid that the tree is at, the digest there, and the time of that transaction
//   "ensemble"     the ensemble's identity (16 bytes)
//   "session key"  the key of the session passwords (32 bytes)
//   "configuration"  the transaction that set the ensemble's configuration last (its bytes in the log)
//
// The digest is the sum, modulo 2^64, of entry_hash() over all entries of all tables but "format" and
// "applied".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/kv.hpp"
#include "store/tree.hpp"

namespace troupe::store {

inline constexpr std::uint64_t tree_format_version = 2;

/// The tables, in the order of Tree::tables().
enum TreeTable : Table { nodes_table, sessions_table, ephemerals_table, answers_table, meta_table, due_table };

inline constexpr std::string_view format_row = "format", applied_row = "applied", ensemble_row = "ensemble",
                                  session_key_row = "session key", configuration_row = "configuration";

struct Applied {
  std::uint64_t zxid = 0;
  std::uint64_t digest = 0;
  std::int64_t time = 0;  ///< milliseconds since 1970; 0 before the first transaction
};

/// Whether an entry counts in the digest.
bool is_digested(Table table, std::string_view key);
/// The share of one entry in the digest.
std::uint64_t entry_hash(Table table, std::string_view key, std::string_view value);
/// Of all entries, made anew: what the digest in "applied" should be. Reads all of them.
std::uint64_t digest_of_entries(const KvReader& reader);

// Paths.

/// "/" for "/a"; the path is not "/".
std::string_view parent_path(std::string_view path);
/// "b" for "/a/b".
std::string_view last_element(std::string_view path);

// Keys. Built in place: looking up a znode allocates nothing.

/// A key of at most max_key_size bytes.
class KeyBuffer {
 public:
  KeyBuffer() = default;
  // Copies what is in use: most keys are far shorter than they may be.
  KeyBuffer(const KeyBuffer& other) { add(other); }
  KeyBuffer& operator=(const KeyBuffer& other) {
    if (this == &other) return *this;
    size_ = 0;
    add(other);
    return *this;
  }
  operator std::string_view() const { return {bytes_.data(), size_}; }  // NOLINT: it is the key
  std::string_view view() const { return *this; }
  void add(std::string_view part);
  void add(char byte) { add(std::string_view(&byte, 1)); }
  void add_big_endian(std::uint64_t number);
  /// The mark of a shortened part, and the SHA-256 of the whole of it.
  void add_hash_of(std::string_view whole);
  /// The part, or, where it has no room, its hash.
  void add_or_hash(std::string_view part);
  void add_children_prefix(std::string_view parent);

 private:
  std::array<char, max_key_size> bytes_;
  std::size_t size_ = 0;
};

/// Names longer than this are shortened to name_head bytes and a hash.
inline constexpr std::size_t max_inline_part = 255;
inline constexpr std::size_t name_head = max_inline_part - 33;

KeyBuffer node_key(std::string_view path);
/// What the keys of all children of `parent` begin with, and no other key does.
KeyBuffer children_prefix(std::string_view parent);
/// Whether the name part of a key is shortened.
bool is_shortened(std::string_view name_part);

KeyBuffer session_key_of(SessionId session);
KeyBuffer ephemeral_key(SessionId session, std::string_view path);
/// The path of an entry of `ephemerals`, pointing into it.
std::string_view ephemeral_path(const Entry& entry);
/// What an entry with a key made of `path` holds: the path, if the key has no room for it.
std::string_view path_value(std::string_view key, std::string_view path);
KeyBuffer answer_key(SessionId session, std::uint64_t number);
/// Of all answers kept for the session; 0 if there is none.
std::uint64_t last_number(const KvReader& reader, SessionId session);

// Values.

struct NodeHeader {
  std::uint64_t czxid = 0, mzxid = 0, pzxid = 0;
  std::int64_t ctime = 0, mtime = 0;
  std::int64_t owner = 0;  ///< session of an ephemeral
  std::int64_t ttl = 0;    ///< milliseconds
  std::int32_t version = 0, stored_cversion = 0, aversion = 0, num_children = 0;
  std::uint32_t acl_size = 0, name_size = 0;
  std::uint8_t kind = 0;  ///< NodeKind
  std::uint8_t has_data = 0;
  std::uint8_t reserved[6] = {};  ///< 0
};
static_assert(sizeof(NodeHeader) == 88);

/// A value of `nodes`. The views point to where it was decoded from, or to what it shall be encoded from. The header
/// has the sizes of two of them, hence the functions to set these.
struct NodeValue {
  NodeHeader header;
  std::string_view acl, name, data;
  void set_acl(std::string_view to) {
    acl = to;
    header.acl_size = static_cast<std::uint32_t>(to.size());
  }
  void set_name(std::string_view to) {
    name = to;
    header.name_size = static_cast<std::uint32_t>(to.size());
  }
};

/// What an entry of `due` says of its time.
enum class Due : std::uint8_t {
  at_its_time,    ///< from then on: a TTL znode without children, or, from 0 on, a container whose children are gone
  if_never_used,  ///< some time after it: a container that never had a child
};
struct DueEntry {
  Due when = Due::at_its_time;
  std::int64_t time_ms = 0;
  std::string_view path;  ///< points into the entry
};
/// Whether such a znode can have an entry in `due`.
bool may_be_due(const NodeHeader& header);
/// The key of a znode's entry in `due`, if it has one.
std::optional<KeyBuffer> due_key(const NodeHeader& header, std::string_view path);
/// Throws StorageError when the entry is none.
DueEntry due_entry(const Entry& entry);

void encode_node(const NodeValue& node, std::string& to);  ///< replaces `to`
/// Throws StorageError when the bytes are no node: the state is damaged.
NodeValue decode_node(std::string_view bytes);
void write_stat(const NodeValue& node, Stat& to);  ///< all of it
inline Stat stat_of(const NodeValue& node) {
  Stat stat;
  write_stat(node, stat);
  return stat;
}

std::string encode_acl(const AclList& acl);
AclList decode_acl(std::string_view bytes);

std::string encode_outcome(const Outcome& outcome);
Outcome decode_outcome(SessionId session, std::uint64_t number, std::string_view bytes);

}  // namespace troupe::store
