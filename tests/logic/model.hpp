// The service as one would write it down without a thought for speed: a map of znodes that executes
// requests one after the other, at once. What the proposer and the tree do together must be the same.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/logic/requests.hpp"

namespace troupe::testing {

class Model {
 public:
  struct Node {
    std::optional<std::string> data;
    store::AclList acl = open_acl;
    store::NodeKind kind = store::NodeKind::persistent;
    std::int64_t ttl = 0;
    std::int32_t creations = 0;
    store::Stat stat;  // cversion, data_length and num_children are worked out by stat()
  };
  struct Session {
    std::uint32_t timeout_ms = 0;
    std::uint64_t last_number = 0;
  };

  /// Executes a request; nothing if it is a repeated one.
  std::optional<store::Outcome> execute(Zxid zxid, std::int64_t time_ms, const Ask& ask);

  bool enforce_quota = false;
  std::int64_t never_used_ms = 0;
  Zxid known;  // what clients write into statistics counts when the leader's view has got here

  std::map<std::string, Node> nodes;  // to begin with: what a new tree holds
  std::map<std::int64_t, Session> sessions;

  store::Stat stat(const std::string& path) const;
  int children(const std::string& path) const;

 private:
  store::OpResult apply(const Create& op);
  store::OpResult apply(const Delete& op);
  store::OpResult apply(const SetData& op);
  store::OpResult apply(const SetAcl& op);
  store::OpResult apply(const Check& op);
  store::OpResult apply(const Op& op);
  void close();
  void erase(const std::string& path);
  std::optional<std::string> quota_of(const std::string& path) const;
  Error check_quota(const std::string& path, long znodes, long bytes) const;
  void count(const std::string& path, long znodes, long bytes);
  void start_statistics(const std::string& path);
  bool may(const std::string& path, std::uint32_t perm) const;
  std::optional<store::AclList> resolve(const store::AclList& acl) const;

  Zxid zxid_;
  std::int64_t time_ = 0;
  const Ask* ask_ = nullptr;
};

}  // namespace troupe::testing
