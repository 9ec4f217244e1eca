#include "store/tree_batch.hpp"

#include <capnp/serialize.h>
#include <kj/exception.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "schema/check.hpp"
#include "store/encoding.hpp"

namespace troupe::store {
namespace {

// ZooKeeper's numbers of the operations.
enum : std::int32_t {
  op_error = -1,
  op_create = 1,
  op_delete = 2,
  op_set_data = 5,
  op_set_acl = 7,
  op_check = 13,
  op_reconfig = 16,
  op_create_container = 19,
  op_create_ttl = 21,
};

constexpr std::string_view config_path = "/zookeeper/config";

// Transactions, or znodes, that are looked for at once: some more than a processor fetches at a time.
constexpr std::size_t at_once = 16;

// Bytes that the answer and the event of a transaction take beside their own.
constexpr std::size_t usual_size = sizeof(OpResult) + 64;

std::string_view to_view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
std::string_view to_view(capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}

NodeKind to_kind(schema::NodeKind kind) {
  switch (kind) {
    case schema::NodeKind::EPHEMERAL:
      return NodeKind::ephemeral;
    case schema::NodeKind::CONTAINER:
      return NodeKind::container;
    case schema::NodeKind::TTL:
      return NodeKind::ttl;
    default:
      TROUPE_CHECK(kind == schema::NodeKind::PERSISTENT, "a change has no sequential kind");
      return NodeKind::persistent;
  }
}

std::int32_t create_operation(NodeKind kind) {
  return kind == NodeKind::container ? op_create_container : kind == NodeKind::ttl ? op_create_ttl : op_create;
}

/// The znode that it is about; empty of a kind that this version does not know.
std::string_view path_of(const schema::Change::Reader& change) {
  switch (change.which()) {
    case schema::Change::CREATE:
      return to_view(change.getCreate().getPath());
    case schema::Change::DELETE:
      return to_view(change.getDelete().getPath());
    case schema::Change::SET_DATA:
      return to_view(change.getSetData().getPath());
    case schema::Change::SET_ACL:
      return to_view(change.getSetAcl().getPath());
    case schema::Change::CHECK:
      return to_view(change.getCheck().getPath());
  }
  return {};
}

std::string_view copy(std::string_view text, std::pmr::memory_resource& memory) {
  if (text.empty()) return {};
  char* const to = static_cast<char*>(memory.allocate(text.size(), 1));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

/// Runs what reads the transaction.
template <class Read>
void read(Zxid zxid, Read&& run) {
  try {
    run();
  } catch (const kj::Exception& error) {
    throw StorageError("transaction " + to_string(zxid) + " cannot be read (" + error.getDescription().cStr() +
                       "): the log is damaged, or a newer version wrote it. Start the version that wrote it, or check "
                       "the disk.");
  }
}

}  // namespace

void DigestedWriter::insert(Table table, std::string_view key, std::string_view value) {
  digest_ += entry_hash(table, key, value);
  writer_->insert(table, key, value);
}

void DigestedWriter::replace(Table table, std::string_view key, std::string_view before, std::string_view value) {
  digest_ -= entry_hash(table, key, before);
  digest_ += entry_hash(table, key, value);
  writer_->replace(table, key, value);
}

void DigestedWriter::erase(Table table, std::string_view key, std::string_view before) {
  digest_ -= entry_hash(table, key, before);
  writer_->erase(table, key);
}

void DigestedWriter::commit(Zxid applied, std::int64_t time) {
  writer_->put(meta_table, applied_row, raw_bytes(Applied{applied.value, digest_, time}));
  writer_->commit();
}

TreeBatch::TreeBatch(Kv& kv, Zxid applied, std::int64_t time, std::uint64_t digest, AnswersBySession& answers)
    : before_(kv.read()), writer_(kv, digest), answers_(answers), zxid_(applied), time_(time) {
  done_.last = applied;
}

void TreeBatch::create_initial_nodes() {
  writer_.raw().put(meta_table, format_row, raw_bytes(tree_format_version));
  NodeHeader header;
  header.has_data = true;
  CachedNode& root = load("/");
  root.exists = root.changed = true;
  root.value.header = header;
  for (const char* path : {"/zookeeper", "/zookeeper/quota"}) add_node(path, header, {}, {});
  // Everybody may read how the ensemble is configured. ZooKeeper writes that list without counting it right.
  NodeHeader config = header;
  config.aversion = -1;
  add_node(config_path, config, keep(encode_acl({{perm::read, "world", "anyone"}})), {});
  // ZooKeeper does not count these as created: a new root shows the child version -1, and its first
  // sequential child has the number 0.
  for (const char* parent : {"/", "/zookeeper"}) existing(parent).value.header.stored_cversion = 0;
}

struct TreeBatch::Reading {
  explicit Reading(const Proposal& proposal)
      : bytes(proposal.txn),
        message(kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)),
                {.traversalLimitInWords = std::numeric_limits<std::uint64_t>::max()}),
        txn(message.getRoot<schema::Txn>()) {}

  const Bytes& bytes;
  capnp::FlatArrayMessageReader message;
  schema::Txn::Reader txn;
};

void TreeBatch::apply(std::span<const Proposal> proposals) {
  done_.memory = std::make_unique<std::pmr::monotonic_buffer_resource>(proposals.size() * usual_size);
  done_.outcomes.reserve(proposals.size());
  done_.events.reserve(proposals.size());
  nodes_.reserve(proposals.size());
  for (; !proposals.empty(); proposals = proposals.subspan(std::min(at_once, proposals.size()))) {
    const auto some = proposals.first(std::min(at_once, proposals.size()));
    std::array<std::optional<Reading>, at_once> readings;
    named_.clear();
    for (std::size_t i = 0; i < some.size(); ++i) {
      read(some[i].zxid, [&] { note_named(readings[i].emplace(some[i]).txn); });
    }
    load_named();
    for (std::size_t i = 0; i < some.size(); ++i) {
      read(some[i].zxid, [&] { apply(some[i].zxid, *readings[i]); });
    }
  }
}

void TreeBatch::note_named(const schema::Txn::Reader& txn) {
  const auto note = [this](const schema::Change::Reader& change) {
    if (named_.size() == at_once) {
      load_named();
      named_.clear();
    }
    if (const auto path = path_of(change); !path.empty()) named_.push_back({path});
  };
  if (txn.isChange()) note(txn.getChange());
  if (!txn.isMulti()) return;
  for (const auto change : txn.getMulti()) note(change);
}

void TreeBatch::load_named() {
  fresh_.clear();
  fresh_keys_.clear();
  for (auto& [path, node] : named_) {
    auto [found, is_new] = nodes_.try_emplace(path);
    node = &found->second;
    if (!is_new) continue;
    fresh_.push_back(node);
    fresh_keys_.push_back(node->key = keep(node_key(path)));
  }
  next_named_ = 0;
  before_->prefetch(nodes_table, fresh_keys_);
  for (CachedNode* node : fresh_) look_up(*node);
}

void TreeBatch::apply(Zxid zxid, const Reading& reading) {
  const auto& txn = reading.txn;
  TROUPE_CHECK(zxid > zxid_, "transactions are applied in the order of their zxids");
  TROUPE_CHECK(txn.getZxid() == zxid.value, "a proposal has the zxid of its transaction");
  zxid_ = zxid;
  time_ = txn.getTime();
  Outcome& outcome = done_.outcomes.emplace_back(done_.memory.get());
  outcome.session = {txn.getSession()};
  outcome.number = txn.getNumber();
  outcome.zxid = zxid_;

  switch (txn.which()) {
    case schema::Txn::CHANGE:
      apply(txn.getChange(), outcome.results.emplace_back());
      break;
    case schema::Txn::MULTI:
      outcome.multi = true;
      outcome.results.reserve(txn.getMulti().size());
      for (auto change : txn.getMulti()) apply(change, outcome.results.emplace_back());
      break;
    case schema::Txn::REFUSED:
      refuse(txn.getRefused(), outcome);
      break;
    case schema::Txn::OPEN_SESSION:
      outcome.opened = true;
      open_session(outcome.session, txn.getOpenSession().getTimeout());
      break;
    case schema::Txn::CLOSE_SESSION:
      outcome.closed = true;
      close_session(outcome.session);
      break;
    case schema::Txn::FOUND:
      TROUPE_CHECK(!writer_.raw().get(meta_table, ensemble_row), "an ensemble is founded once");
      writer_.insert(meta_table, ensemble_row, to_view(txn.getFound().getEnsemble()));
      writer_.insert(meta_table, session_key_row, to_view(txn.getFound().getSessionKey()));
      if (!txn.getFound().hasConfiguration()) break;
      keep_configuration(reading.bytes);
      show_configuration(to_view(txn.getFound().getConfiguration()));
      break;
    case schema::Txn::RECONFIGURE:
      keep_configuration(reading.bytes);
      outcome.session = {};  // nobody's: who asked is answered by the activation
      outcome.number = 0;
      done_.last = zxid_;
      return;
    case schema::Txn::ACTIVATE:
      keep_configuration(reading.bytes);
      outcome.results.push_back({.operation = op_reconfig,
                                 .path = std::string(to_view(txn.getActivate().getConfiguration())),
                                 .stat = show_configuration(to_view(txn.getActivate().getConfiguration()))});
      break;
    case schema::Txn::REFOUND: {
      const auto before = writer_.raw().get(meta_table, ensemble_row);
      if (!before) throw StorageError("transaction " + to_string(zxid_) + " makes another ensemble of none");
      writer_.replace(meta_table, ensemble_row, std::string(*before), to_view(txn.getRefound().getEnsemble()));
      keep_configuration(reading.bytes);
      show_configuration(to_view(txn.getRefound().getConfiguration()));
      break;
    }
    default:
      throw StorageError("transaction " + to_string(zxid_) +
                         " is of a kind that this version does not know: start the "
                         "newer version that wrote it.");
  }

  if (txn.getNumbered()) keep_answer(outcome, txn.getAnswered());
  done_.last = zxid_;
}

void TreeBatch::apply(const schema::Change::Reader& change, OpResult& result) {
  switch (change.which()) {
    case schema::Change::CREATE:
      return create(change.getCreate(), result);
    case schema::Change::DELETE:
      result.operation = op_delete;
      return remove(to_view(change.getDelete().getPath()));
    case schema::Change::SET_DATA:
      return set_data(change.getSetData(), result);
    case schema::Change::SET_ACL:
      return set_acl(change.getSetAcl(), result);
    case schema::Change::CHECK:
      result.operation = op_check;
      existing(to_view(change.getCheck().getPath()));
      return;
  }
  throw StorageError("transaction " + to_string(zxid_) +
                     " has a change that this version does not know: start the newer "
                     "version that wrote it.");
}

void TreeBatch::create(const schema::Change::Create::Reader& change, OpResult& result) {
  const std::string_view path = to_view(change.getPath());
  const NodeKind kind = to_kind(change.getKind());
  NodeHeader header;
  header.czxid = header.mzxid = header.pzxid = zxid_.value;
  header.ctime = header.mtime = time_;
  header.kind = static_cast<std::uint8_t>(kind);
  header.has_data = change.hasData();
  if (kind == NodeKind::ttl) header.ttl = change.getTtl();
  if (kind == NodeKind::ephemeral) {
    const SessionId owner{change.getOwner()};
    TROUPE_CHECK(writer_.raw().get(sessions_table, session_key_of(owner)), "an ephemeral's owner is a living session");
    header.owner = owner.value;
    const KeyBuffer key = ephemeral_key(owner, path);
    const bool in_key = ephemeral_path({key, {}}) == path;
    writer_.insert(ephemerals_table, key, in_key ? std::string_view() : path);
  }
  CachedNode& node = add_node(path, header, keep_acl(change.getAcl()), to_view(change.getData()));
  emit(NodeEvent::Type::created, path, node.value.acl);
  result.operation = create_operation(kind);
  result.path = path;
  write_stat(node.value, result.stat);
  start_statistics(path);
  count_in_quota(path, 1, result.stat.data_length);
}

void TreeBatch::remove(std::string_view path) {
  const NodeHeader& header = existing(path).value.header;
  if (header.owner != 0) {
    const KeyBuffer key = ephemeral_key({header.owner}, path);
    const auto entry = writer_.raw().get(ephemerals_table, key);
    TROUPE_CHECK(entry, "every ephemeral is in its owner's list");
    writer_.erase(ephemerals_table, key, *entry);
  }
  remove_node(path);
}

void TreeBatch::set_data(const schema::Change::SetData::Reader& change, OpResult& result) {
  const std::string_view path = to_view(change.getPath());
  CachedNode& node = existing(path);
  node.changed = true;
  const auto size_before = static_cast<std::int64_t>(node.value.data.size());
  node.value.data = to_view(change.getData());
  node.value.header.has_data = change.hasData();
  node.value.header.version = change.getVersion();
  node.value.header.mzxid = zxid_.value;
  node.value.header.mtime = time_;
  emit(NodeEvent::Type::data_changed, path, node.value.acl);
  result.operation = op_set_data;
  write_stat(node.value, result.stat);
  count_in_quota(path, 0, result.stat.data_length - size_before);
}

void TreeBatch::set_acl(const schema::Change::SetAcl::Reader& change, OpResult& result) {
  CachedNode& node = existing(to_view(change.getPath()));
  node.changed = true;
  node.value.set_acl(keep_acl(change.getAcl()));
  node.value.header.aversion = change.getVersion();
  result.operation = op_set_acl;
  write_stat(node.value, result.stat);
}

void TreeBatch::keep_configuration(const Bytes& txn) {
  if (const auto before = writer_.raw().get(meta_table, configuration_row)) {
    writer_.replace(meta_table, configuration_row, std::string(*before), txn.view());
  } else {
    writer_.insert(meta_table, configuration_row, txn.view());
  }
}

Stat TreeBatch::show_configuration(std::string_view text) {
  CachedNode& node = existing(config_path);
  node.changed = true;
  node.value.data = text;
  node.value.header.has_data = true;
  node.value.header.version = -1;  // as ZooKeeper shows it
  node.value.header.mzxid = zxid_.value;
  node.value.header.mtime = time_;
  emit(NodeEvent::Type::data_changed, config_path, node.value.acl);
  return stat_of(node.value);
}

void TreeBatch::refuse(const schema::Txn::Refused::Reader& refused, Outcome& outcome) {
  const auto error = static_cast<Error>(refused.getError());
  if (refused.getOperations() == 0) {
    outcome.error = error;
    return;
  }
  outcome.multi = true;
  outcome.results.reserve(refused.getOperations());
  for (std::uint32_t i = 0; i < refused.getOperations(); ++i) {
    const Error its = i < refused.getFailed()    ? Error::ok
                      : i == refused.getFailed() ? error
                                                 : Error::runtime_inconsistency;
    outcome.results.push_back({.operation = op_error, .error = its});
  }
}

void TreeBatch::open_session(SessionId id, std::uint32_t timeout_ms) {
  const KeyBuffer key = session_key_of(id);
  TROUPE_CHECK(!writer_.raw().get(sessions_table, key), "a new session's id is new");
  writer_.insert(sessions_table, key, raw_bytes(timeout_ms));
  done_.opened_sessions.push_back({id, timeout_ms});
}

void TreeBatch::close_session(SessionId id) {
  const KeyBuffer key = session_key_of(id);
  // A client's farewell and its expiry may both be under way: the second finds nothing to do.
  const auto session = writer_.raw().get(sessions_table, key);
  if (!session) return;
  writer_.erase(sessions_table, key, *session);

  std::vector<std::string_view> paths;
  auto cursor = writer_.raw().cursor(ephemerals_table);
  for (auto entry = cursor->seek(key); entry && entry->key.substr(0, key.view().size()) == key.view();
       entry = cursor->next()) {
    paths.push_back(keep(ephemeral_path(*entry)));
  }
  std::sort(paths.begin(), paths.end());
  for (std::string_view path : paths) remove(path);

  drop_answers(id, 0, std::numeric_limits<std::uint64_t>::max());
  answers_.erase(id);
  done_.closed_sessions.push_back(id);
}

KnownAnswers* TreeBatch::known_answers(SessionId session) {
  if (const auto found = answers_.find(session); found != answers_.end()) return &found->second;
  if (!writer_.raw().get(sessions_table, session_key_of(session))) return nullptr;
  return &answers_.emplace(session, KnownAnswers{.newest = last_number(writer_.raw(), session)}).first->second;
}

void TreeBatch::keep_answer(const Outcome& outcome, std::uint64_t answered) {
  // Answers go with their session: of one that is gone nothing would ever remove them.
  KnownAnswers* const known = known_answers(outcome.session);
  if (known == nullptr) return;
  const KeyBuffer key = answer_key(outcome.session, outcome.number);
  const auto before = outcome.number > known->newest ? std::nullopt : writer_.raw().get(answers_table, key);
  if (before) {
    writer_.replace(answers_table, key, *before, encode_outcome(outcome));
  } else {
    writer_.insert(answers_table, key, encode_outcome(outcome));
  }
  // Whatever the numbers do, a node that knows nothing yet, because it was just started, must come to the same.
  known->dropped = std::min(known->dropped, outcome.number == 0 ? 0 : outcome.number - 1);
  known->newest = std::max(known->newest, outcome.number);
  // The newest stays, so that the session's last number is known.
  if (outcome.number == 0) return;
  const std::uint64_t upto = std::min(answered, outcome.number - 1);
  if (upto <= known->dropped) return;
  drop_answers(outcome.session, known->dropped == 0 ? 0 : known->dropped + 1, upto);
  known->dropped = upto;
}

void TreeBatch::drop_answers(SessionId session, std::uint64_t from, std::uint64_t upto) {
  constexpr std::uint64_t few = 64;
  if (from != 0 && upto - from < few) {
    for (auto number = from; number <= upto; ++number) {
      const KeyBuffer key = answer_key(session, number);
      if (const auto before = writer_.raw().get(answers_table, key)) writer_.erase(answers_table, key, *before);
    }
    return;
  }
  const KeyBuffer first = answer_key(session, from), last = answer_key(session, upto);
  auto cursor = writer_.raw().cursor(answers_table);
  for (auto entry = cursor->seek(first); entry && entry->key <= last.view(); entry = cursor->next()) {
    const std::string key(entry->key);
    writer_.erase(answers_table, key, entry->value);
  }
}

TreeBatch::CachedNode& TreeBatch::load(std::string_view path) {
  if (next_named_ < named_.size()) {
    const auto& [next, named] = named_[next_named_];
    if (next.data() == path.data() && next.size() == path.size()) {  // the same text
      ++next_named_;
      return *named;
    }
  }
  auto [found, is_new] = nodes_.try_emplace(path);
  CachedNode& node = found->second;
  if (is_new) {
    node.key = keep(node_key(path));
    look_up(node);
  }
  return node;
}

void TreeBatch::look_up(CachedNode& node) {
  node.before = before_->get(nodes_table, node.key);
  if (!node.before) return;
  node.exists = true;
  node.value = decode_node(*node.before);
  node.may_be_due = may_be_due(node.value.header);
}

TreeBatch::CachedNode& TreeBatch::load_copy(std::string_view path) {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? load(keep(path)) : found->second;
}

TreeBatch::CachedNode& TreeBatch::existing(std::string_view path) {
  CachedNode& node = load(path);
  TROUPE_CHECK(node.exists, "a transaction changes a znode that is there");
  return node;
}

TreeBatch::CachedNode& TreeBatch::add_node(std::string_view path, const NodeHeader& header, std::string_view acl,
                                           std::string_view data) {
  CachedNode& node = load(path);
  TROUPE_CHECK(!node.exists, "a transaction creates a znode that is not there");
  child_came_or_went(path, +1);
  node.exists = node.changed = true;
  const std::string_view name = last_element(path);
  node.value = {.header = header, .data = data};
  node.value.set_acl(acl);
  node.value.set_name(name.size() > max_inline_part ? name : std::string_view());
  node.may_be_due |= may_be_due(header);
  return node;
}

void TreeBatch::remove_node(std::string_view path) {
  CachedNode& node = existing(path);
  TROUPE_CHECK(node.value.header.num_children == 0, "a transaction deletes a znode without children");
  child_came_or_went(path, -1);
  node.exists = false;
  node.changed = true;
  emit(NodeEvent::Type::deleted, path, node.value.acl);
  count_in_quota(path, -1, -static_cast<std::int64_t>(node.value.data.size()));
}

void TreeBatch::child_came_or_went(std::string_view path, int difference) {
  CachedNode& parent = existing(parent_path(path));
  NodeHeader& header = parent.value.header;
  TROUPE_CHECK(header.owner == 0, "an ephemeral has no children");
  parent.changed = true;
  header.num_children += difference;
  // Wraps around, as ZooKeeper's does.
  if (difference > 0)
    header.stored_cversion = static_cast<std::int32_t>(static_cast<std::uint32_t>(header.stored_cversion) + 1);
  header.pzxid = zxid_.value;
}

void TreeBatch::emit(NodeEvent::Type type, std::string_view path, std::string_view acl) {
  const bool of_parent = type != NodeEvent::Type::data_changed;
  auto& memory = *done_.memory;
  done_.events.push_back({type, zxid_, copy(path, memory), copy(acl, memory),
                          of_parent ? copy(existing(parent_path(path)).value.acl, memory) : std::string_view()});
}

std::string_view TreeBatch::keep(std::string_view text) { return copy(text, memory_); }

std::string_view TreeBatch::keep_acl(const capnp::List<schema::Acl>::Reader& acl) {
  AclList list;
  list.reserve(acl.size());
  for (auto entry : acl)
    list.push_back({entry.getPerms(), std::string(to_view(entry.getScheme())), std::string(to_view(entry.getId()))});
  return keep(encode_acl(list));
}

/// The entry in the index of what is due follows from the znode alone.
void TreeBatch::write_due(std::string_view path, const CachedNode& node) {
  if (!node.may_be_due) return;
  const auto before = node.before ? due_key(decode_node(*node.before).header, path) : std::nullopt;
  const auto after = node.exists ? due_key(node.value.header, path) : std::nullopt;
  if (before && after && before->view() == after->view()) return;
  if (before) writer_.erase(due_table, *before, path_value(*before, path));
  if (after) writer_.insert(due_table, *after, path_value(*after, path));
}

AppliedBatch TreeBatch::commit() {
  std::string bytes;
  for (const auto& [path, node] : nodes_) {
    if (!node.changed) continue;
    write_due(path, node);
    if (node.exists) encode_node(node.value, bytes);
    if (node.exists && node.before) {
      writer_.replace(nodes_table, node.key, *node.before, bytes);
    } else if (node.exists) {
      writer_.insert(nodes_table, node.key, bytes);
    } else if (node.before) {
      writer_.erase(nodes_table, node.key, *node.before);
    }
  }
  writer_.commit(done_.last, time_);
  return std::move(done_);
}

}  // namespace troupe::store
