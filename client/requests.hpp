// Writes the client's calls down as schema::Call and reads their answers. Pure functions, but for the
// watches that answers set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/call.hpp"
#include "client/client.hpp"
#include "client/watches.hpp"

namespace troupe::client {

struct Operation {
  enum class Code { create, remove, set, set_acl, check };
  Code code = Code::create;
  std::string path;
  std::string data;
  CreateOptions options;  // of create; of set_acl the list
  std::int32_t version = -1;
};

struct Multi::Operations {
  std::vector<Operation> list;
};

/// Paths of the user are those behind the chroot.
class Requests {
 public:
  Requests(std::string chroot, WatchTable& watches) : chroot_(std::move(chroot)), watches_(watches) {}

  std::unique_ptr<Call> create(Operation operation, Callback<Created> done) const;
  std::unique_ptr<Call> remove(Operation operation, Callback<Nothing> done) const;
  /// set and set_acl.
  std::unique_ptr<Call> change(Operation operation, Callback<Stat> done) const;
  std::unique_ptr<Call> commit(std::vector<Operation> operations, Callback<Committed> done) const;

  std::unique_ptr<Call> reconfig(const Reconfiguration& change, Callback<Configured> done) const;

  std::unique_ptr<Call> exists(const std::string& path, Watch watch, Callback<std::optional<Stat>> done) const;
  std::unique_ptr<Call> get(const std::string& path, Watch watch, Callback<Value> done) const;
  std::unique_ptr<Call> children(const std::string& path, Watch watch, Page page, Callback<Children> done) const;
  std::unique_ptr<Call> get_acl(const std::string& path, Callback<AclValue> done) const;
  std::unique_ptr<Call> sync(Callback<Nothing> done) const;
  std::unique_ptr<Call> add_watch(const std::string& path, WatchMode mode, Watch watch, Callback<Nothing> done) const;
  std::unique_ptr<Call> remove_watches(const std::string& path, Callback<Nothing> done) const;
  std::unique_ptr<Call> add_auth(const std::string& scheme, const std::string& credentials,
                                 Callback<Nothing> done) const;
  std::unique_ptr<Call> who_am_i(Callback<std::vector<Identity>> done) const;

 private:
  std::string served(const std::string& path) const;
  std::string shown(std::string path) const;
  OpResult read_result(schema::Outcome::Result::Reader from) const;

  const std::string chroot_;
  WatchTable& watches_;
};

}  // namespace troupe::client
