#include "apps/sim/history.hpp"

#include <capnp/serialize.h>

#include <algorithm>
#include <functional>

namespace troupe::sim {

void History::deliver(const std::string& node, Zxid previous, const Proposal& proposal) {
  const auto hash = std::hash<std::string_view>{}(proposal.txn.view());
  // Where it stands in the history so far.
  std::size_t at = 0;
  if (previous != Zxid{}) {
    const auto found = index_.find(previous);
    if (found == index_.end()) throw Violation(node + " delivered " + to_string(previous) + ", which nobody else did");
    at = found->second + 1;
  }
  if (at < all_.size()) {
    const auto& known = all_[at];
    if (known.zxid != proposal.zxid) {
      throw Violation("total order: after " + to_string(previous) + " " + node + " delivered " +
                      to_string(proposal.zxid) + ", another node " + to_string(known.zxid));
    }
    if (known.hash != hash)
      throw Violation("agreement: " + node + " delivered another transaction as " + to_string(proposal.zxid));
    return;
  }
  if (!all_.empty() && proposal.zxid <= all_.back().zxid) throw Violation(node + " delivered zxids out of order");
  capnp::FlatArrayMessageReader reader(kj::arrayPtr(reinterpret_cast<const capnp::word*>(proposal.txn.data()),
                                                    proposal.txn.size() / sizeof(capnp::word)));
  const auto txn = reader.getRoot<schema::Txn>();
  Delivered delivered;
  delivered.zxid = proposal.zxid;
  delivered.hash = hash;
  delivered.session = {txn.getSession()};
  delivered.number = txn.getNumber();
  if (txn.getTime() < time_)
    throw Violation("the time of " + to_string(proposal.zxid) + " is before that of the one before it");
  time_ = txn.getTime();
  apply(delivered, txn);
  if (sets_configuration(proposal)) configure(proposal.txn);
  if (txn.isReconfigure()) {  // names who asked, and does not answer him
    delivered.session = {};
    delivered.number = 0;
  } else if (txn.getNumbered()) {
    const auto [known, first] = answers_.emplace(std::pair(delivered.session, delivered.number), all_.size());
    if (!first) {
      throw Violation("exactly once: request " + std::to_string(delivered.number) + " of session " +
                      to_string(delivered.session) + " is transaction " + to_string(all_[known->second].zxid) +
                      " and again " + to_string(delivered.zxid));
    }
  }
  index_[delivered.zxid] = all_.size();
  all_.push_back(std::move(delivered));
}

void History::apply(Delivered& txn, schema::Txn::Reader reader) {
  switch (reader.which()) {
    case schema::Txn::CHANGE:
      apply(txn, reader.getChange());
      break;
    case schema::Txn::MULTI:
      for (const auto change : reader.getMulti()) apply(txn, change);
      break;
    case schema::Txn::REFUSED:
      txn.refused = true;
      break;
    case schema::Txn::OPEN_SESSION:
      sessions_[txn.session] = true;
      break;
    case schema::Txn::CLOSE_SESSION: {
      sessions_[txn.session] = false;
      for (auto owned = owners_.begin(); owned != owners_.end();) {
        if (owned->second == txn.session) {
          vanish(owned->first, txn.zxid);
          owned = owners_.erase(owned);
        } else {
          ++owned;
        }
      }
      break;
    }
    case schema::Txn::FOUND:
    case schema::Txn::RECONFIGURE:
    case schema::Txn::REFOUND:
    case schema::Txn::ACTIVATE:
      break;
  }
}

std::shared_ptr<const Configuration> History::configuration_at(Zxid zxid) const {
  const auto after = configurations_.upper_bound(zxid);
  return after == configurations_.begin() ? nullptr : std::prev(after)->second;
}

/// One step after the other: C, then C and D jointly, then D.
void History::configure(const Bytes& txn) {
  const auto next = Configuration::of_txn(txn);
  const auto before = configuration();
  configurations_.emplace(next->since, next);
  const auto wrong = [&](const std::string& what) { throw Violation(to_string(next->since) + " " + what); };
  if (!next->joint() && next->current.version != next->since) wrong("sets a configuration under another version");
  if (!before) return;
  if (next->joint()) {
    if (before->joint()) wrong("begins a reconfiguration while another is under way");
    if (next->current != before->current) wrong("begins a reconfiguration of what is not the configuration");
  } else {
    if (!before->joint()) wrong("activates a configuration without the joint step before it");
    if (next->current.members != before->next->members) wrong("activates another configuration than was agreed on");
  }
}

void History::apply(Delivered& txn, schema::Change::Reader change) {
  const auto text = [](capnp::Data::Reader data) {
    return std::string(reinterpret_cast<const char*>(data.begin()), data.size());
  };
  switch (change.which()) {
    case schema::Change::CREATE: {
      const std::string path = change.getCreate().getPath();
      if (values_.contains(path) && values_[path].rbegin()->second)
        throw Violation("a transaction creates " + path + ", which is there");
      set(path, txn.zxid, text(change.getCreate().getData()));
      appear(change.getCreate());
      if (change.getCreate().getOwner() != 0) {
        const SessionId owner{change.getCreate().getOwner()};
        if (!sessions_[owner])
          throw Violation("an ephemeral is created for session " + to_string(owner) + ", which is closed");
        owners_[path] = owner;
      }
      txn.created.push_back(path);
      break;
    }
    case schema::Change::DELETE: {
      const std::string path = change.getDelete().getPath();
      if (!values_.contains(path) || !values_[path].rbegin()->second)
        throw Violation("a transaction deletes " + path + ", which is not there");
      if (txn.session == SessionId{}) check_due(path, txn.zxid);
      vanish(path, txn.zxid);
      owners_.erase(path);
      break;
    }
    case schema::Change::SET_DATA: {
      const std::string path = change.getSetData().getPath();
      set(path, txn.zxid, text(change.getSetData().getData()));
      if (const auto passing = passing_.find(path); passing != passing_.end()) passing->second.mtime = time_;
      break;
    }
    case schema::Change::SET_ACL:
    case schema::Change::CHECK:
      break;
  }
}

void History::appear(schema::Change::Create::Reader create) {
  const std::string path = create.getPath();
  if (const auto parent = passing_.find(path.substr(0, path.rfind('/'))); parent != passing_.end()) {
    ++parent->second.children;
    parent->second.used = true;
  }
  const auto kind = create.getKind();
  if (kind != schema::NodeKind::CONTAINER && kind != schema::NodeKind::TTL) return;
  passing_[path] = {.container = kind == schema::NodeKind::CONTAINER, .ttl = create.getTtl(), .mtime = time_};
}

void History::vanish(const std::string& path, Zxid zxid) {
  set(path, zxid, std::nullopt);
  passing_.erase(path);
  const auto parent = passing_.find(path.substr(0, path.rfind('/')));
  if (parent != passing_.end()) --parent->second.children;
}

/// The ensemble itself deletes only what is over.
void History::check_due(const std::string& path, Zxid zxid) const {
  const auto found = passing_.find(path);
  const auto fail = [&](const char* why) {
    throw Violation("the ensemble deletes " + path + " at " + to_string(zxid) + ", " + why);
  };
  if (found == passing_.end()) fail("which is neither a container nor a TTL znode");
  const Passing& node = found->second;
  if (node.children != 0) fail("which has children");
  if (!node.container && node.mtime + node.ttl >= time_) fail("whose time is not over");
  if (node.container && !node.used && node.mtime + never_used_ms >= time_) fail("a container that may yet be used");
}

std::vector<std::string> History::passing() const {
  std::vector<std::string> paths;
  for (const auto& [path, node] : passing_) {
    if (node.children == 0) paths.push_back(path);
  }
  return paths;
}

void History::set(const std::string& path, Zxid zxid, std::optional<std::string> data) {
  values_[path][zxid] = std::move(data);
}

const Delivered* History::find(Zxid zxid) const {
  const auto found = index_.find(zxid);
  return found == index_.end() ? nullptr : &all_[found->second];
}

const Delivered* History::find(SessionId session, std::uint64_t number) const {
  const auto found = answers_.find({session, number});
  return found == answers_.end() ? nullptr : &all_[found->second];
}

std::optional<std::string> History::data_at(const std::string& path, Zxid zxid) const {
  const auto values = values_.find(path);
  if (values == values_.end()) return std::nullopt;
  auto value = values->second.upper_bound(zxid);
  if (value == values->second.begin()) return std::nullopt;
  return std::prev(value)->second;
}

std::optional<Zxid> History::next_change(const std::string& path, Zxid after) const {
  const auto values = values_.find(path);
  if (values == values_.end()) return std::nullopt;
  const auto value = values->second.upper_bound(after);
  if (value == values->second.end()) return std::nullopt;
  return value->first;
}

void History::each_now(const std::function<void(const std::string&, const std::string&)>& each) const {
  for (const auto& [path, values] : values_) {
    if (const auto& now = values.rbegin()->second) each(path, *now);
  }
}

std::size_t History::open_sessions() const {
  return static_cast<std::size_t>(
      std::count_if(sessions_.begin(), sessions_.end(), [](const auto& s) { return s.second; }));
}

std::vector<std::string> History::orphans() const {
  std::vector<std::string> paths;
  for (const auto& [path, owner] : owners_) {
    const auto session = sessions_.find(owner);
    if (session == sessions_.end() || !session->second) paths.push_back(path);
  }
  return paths;
}

void History::check_digest(const std::string& node, Zxid zxid, std::uint64_t digest) {
  const auto [known, first] = digests_.emplace(zxid, digest);
  if (!first && known->second != digest) throw Violation("the tree of " + node + " differs at " + to_string(zxid));
}

}  // namespace troupe::sim
