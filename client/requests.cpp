#include "client/requests.hpp"

namespace troupe::client {
namespace {

kj::StringPtr text(const std::string& from) { return {from.c_str(), from.size()}; }
kj::ArrayPtr<const kj::byte> data(const std::string& from) {
  return {reinterpret_cast<const kj::byte*>(from.data()), from.size()};
}

Stat read_stat(schema::Stat::Reader from) {
  return {.czxid = Zxid{from.getCzxid()},
          .mzxid = Zxid{from.getMzxid()},
          .pzxid = Zxid{from.getPzxid()},
          .ctime = from.getCtime(),
          .mtime = from.getMtime(),
          .version = from.getVersion(),
          .cversion = from.getCversion(),
          .aversion = from.getAversion(),
          .ephemeral_owner = SessionId{from.getEphemeralOwner()},
          .data_length = from.getDataLength(),
          .num_children = from.getNumChildren()};
}

void write_acl(const std::vector<Acl>& acl, capnp::List<schema::Acl>::Builder list) {
  for (unsigned i = 0; i < acl.size(); ++i) {
    list[i].setPerms(acl[i].perms);
    list[i].setScheme(text(acl[i].scheme));
    list[i].setId(text(acl[i].id));
  }
}

void write_operation(const Operation& operation, schema::Operation::Builder to) {
  const auto acl = [&](auto group) {
    write_acl(operation.options.acl, group.initAcl(static_cast<unsigned>(operation.options.acl.size())));
  };
  switch (operation.code) {
    case Operation::Code::create: {
      auto create = to.initCreate();
      create.setPath(text(operation.path));
      create.setData(data(operation.data));
      acl(create);
      create.setKind(static_cast<schema::NodeKind>(operation.options.kind));
      create.setTtl(operation.options.ttl.count());
      return;
    }
    case Operation::Code::remove: {
      auto remove = to.initDelete();
      remove.setPath(text(operation.path));
      remove.setVersion(operation.version);
      return;
    }
    case Operation::Code::set: {
      auto set = to.initSetData();
      set.setPath(text(operation.path));
      set.setData(data(operation.data));
      set.setVersion(operation.version);
      return;
    }
    case Operation::Code::set_acl: {
      auto set = to.initSetAcl();
      set.setPath(text(operation.path));
      acl(set);
      set.setVersion(operation.version);
      return;
    }
    case Operation::Code::check: {
      auto check = to.initCheck();
      check.setPath(text(operation.path));
      check.setVersion(operation.version);
      return;
    }
  }
}

std::size_t bytes_of(const Operation& operation) {
  std::size_t bytes = operation.path.size() + operation.data.size() + 128;
  for (const auto& entry : operation.options.acl) bytes += entry.scheme.size() + entry.id.size() + 48;
  return bytes;
}

Error error_of(schema::Answer::Reader answer) { return static_cast<Error>(answer.getError()); }

/// A call of one operation whose answer is made by `read(Outcome::Result)`.
template <class T, class Read>
std::unique_ptr<Call> write_call(Operation operation, Read read, Callback<T> done) {
  const auto bytes = bytes_of(operation);
  auto call = make_call<T>(
      bytes,
      [operation = std::move(operation)](schema::Call::Builder to) { write_operation(operation, to.initWrite()); },
      [read](schema::Answer::Reader answer) -> Result<T> {
        if (error_of(answer) != Error::ok) return error_of(answer);
        if (!answer.isResults() || answer.getResults().size() == 0) return Error::marshalling_error;
        return read(answer.getResults()[0]);
      },
      std::move(done));
  call->is_write = true;
  return call;
}

}  // namespace

std::string Requests::served(const std::string& path) const {
  if (chroot_.empty()) return path;
  return path == "/" ? chroot_ : chroot_ + path;
}

std::string Requests::shown(std::string path) const {
  if (chroot_.empty() || path.size() < chroot_.size()) return path;
  return path.size() == chroot_.size() ? "/" : path.substr(chroot_.size());
}

OpResult Requests::read_result(schema::Outcome::Result::Reader from) const {
  return {static_cast<Error>(from.getError()), shown(from.getPath().cStr()), read_stat(from.getStat())};
}

std::unique_ptr<Call> Requests::create(Operation operation, Callback<Created> done) const {
  operation.path = served(operation.path);
  return write_call<Created>(
      std::move(operation),
      [this](schema::Outcome::Result::Reader result) {
        auto read = read_result(result);
        return Created{std::move(read.path), read.stat};
      },
      std::move(done));
}

std::unique_ptr<Call> Requests::remove(Operation operation, Callback<Nothing> done) const {
  operation.path = served(operation.path);
  return write_call<Nothing>(
      std::move(operation), [](schema::Outcome::Result::Reader) { return Nothing{}; }, std::move(done));
}

std::unique_ptr<Call> Requests::change(Operation operation, Callback<Stat> done) const {
  operation.path = served(operation.path);
  return write_call<Stat>(
      std::move(operation), [](schema::Outcome::Result::Reader result) { return read_stat(result.getStat()); },
      std::move(done));
}

std::unique_ptr<Call> Requests::commit(std::vector<Operation> operations, Callback<Committed> done) const {
  std::size_t bytes = 0;
  for (auto& operation : operations) {
    operation.path = served(operation.path);
    bytes += bytes_of(operation);
  }
  auto call = make_call<Committed>(
      bytes,
      [operations = std::move(operations)](schema::Call::Builder to) {
        auto list = to.initMulti(static_cast<unsigned>(operations.size()));
        for (unsigned i = 0; i < operations.size(); ++i) write_operation(operations[i], list[i]);
      },
      [this](schema::Answer::Reader answer) -> Result<Committed> {
        if (!answer.isResults() && error_of(answer) != Error::ok) return error_of(answer);
        Committed committed{.error = error_of(answer)};
        if (answer.isResults()) {
          for (const auto result : answer.getResults()) committed.results.push_back(read_result(result));
        }
        return committed;
      },
      std::move(done));
  call->is_write = true;
  return call;
}

std::unique_ptr<Call> Requests::reconfig(const Reconfiguration& change, Callback<Configured> done) const {
  auto call = make_call<Configured>(
      change.joining.size() + change.leaving.size() + change.new_members.size() + 128,
      [change](schema::Call::Builder to) {
        auto reconfig = to.initReconfig();
        if (!change.joining.empty()) reconfig.setJoining(text(change.joining));
        if (!change.leaving.empty()) reconfig.setLeaving(text(change.leaving));
        if (!change.new_members.empty()) reconfig.setNewMembers(text(change.new_members));
        reconfig.setVersion(change.version);
      },
      [](schema::Answer::Reader answer) -> Result<Configured> {
        if (error_of(answer) != Error::ok) return error_of(answer);
        if (!answer.isResults() || answer.getResults().size() == 0) return Error::marshalling_error;
        const auto result = answer.getResults()[0];
        return Configured{result.getPath().cStr(), read_stat(result.getStat())};
      },
      std::move(done));
  call->is_write = true;
  return call;
}

std::unique_ptr<Call> Requests::exists(const std::string& path, Watch watch, Callback<std::optional<Stat>> done) const {
  const auto target = served(path);
  return make_call<std::optional<Stat>>(
      target.size(),
      [target, watched = watch != nullptr](schema::Call::Builder to) {
        auto read = to.initExists();
        read.setPath(text(target));
        read.setWatch(watched);
      },
      [this, target, watch](schema::Answer::Reader answer) -> Result<std::optional<Stat>> {
        const auto error = error_of(answer);
        if (error != Error::ok && error != Error::no_node) return error;
        const bool there = error == Error::ok;
        if (watch) watches_.add(target, there ? schema::WatchKind::DATA : schema::WatchKind::EXISTS, watch);
        return there ? std::optional(read_stat(answer.getStat())) : std::nullopt;
      },
      std::move(done));
}

std::unique_ptr<Call> Requests::get(const std::string& path, Watch watch, Callback<Value> done) const {
  const auto target = served(path);
  return make_call<Value>(
      target.size(),
      [target, watched = watch != nullptr](schema::Call::Builder to) {
        auto read = to.initGetData();
        read.setPath(text(target));
        read.setWatch(watched);
      },
      [this, target, watch](schema::Answer::Reader answer) -> Result<Value> {
        if (error_of(answer) != Error::ok) return error_of(answer);
        if (watch) watches_.add(target, schema::WatchKind::DATA, watch);
        Value value{.has_data = answer.isData() && answer.hasData(), .stat = read_stat(answer.getStat())};
        if (value.has_data) {
          const auto bytes = answer.getData();
          value.data.assign(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
        }
        return value;
      },
      std::move(done));
}

std::unique_ptr<Call> Requests::children(const std::string& path, Watch watch, Page page,
                                         Callback<Children> done) const {
  const auto target = served(path);
  return make_call<Children>(
      target.size() + page.after.size(),
      [target, page, watched = watch != nullptr](schema::Call::Builder to) {
        auto read = to.initGetChildren();
        read.setPath(text(target));
        read.setWatch(watched);
        if (!page.after.empty()) read.setAfter(text(page.after));
        read.setLimit(page.limit);
      },
      [this, target, watch](schema::Answer::Reader answer) -> Result<Children> {
        if (error_of(answer) != Error::ok) return error_of(answer);
        if (watch) watches_.add(target, schema::WatchKind::CHILDREN, watch);
        Children children{.more = answer.getChildren().getMore(), .stat = read_stat(answer.getStat())};
        const auto names = answer.getChildren().getNames();
        children.names.reserve(names.size());
        for (const auto name : names) children.names.emplace_back(name.begin(), name.size());
        return children;
      },
      std::move(done));
}

std::unique_ptr<Call> Requests::get_acl(const std::string& path, Callback<AclValue> done) const {
  const auto target = served(path);
  return make_call<AclValue>(
      target.size(), [target](schema::Call::Builder to) { to.setGetAcl(text(target)); },
      [](schema::Answer::Reader answer) -> Result<AclValue> {
        if (error_of(answer) != Error::ok) return error_of(answer);
        AclValue value{.stat = read_stat(answer.getStat())};
        for (const auto entry : answer.getAcl()) {
          value.acl.push_back({entry.getPerms(), entry.getScheme().cStr(), entry.getId().cStr()});
        }
        return value;
      },
      std::move(done));
}

namespace {

Result<Nothing> read_nothing(schema::Answer::Reader answer) {
  if (error_of(answer) != Error::ok) return error_of(answer);
  return Nothing{};
}

}  // namespace

std::unique_ptr<Call> Requests::sync(Callback<Nothing> done) const {
  return make_call<Nothing>(
      0, [](schema::Call::Builder to) { to.setSync(); }, read_nothing, std::move(done));
}

std::unique_ptr<Call> Requests::add_watch(const std::string& path, WatchMode mode, Watch watch,
                                          Callback<Nothing> done) const {
  const auto target = served(path);
  const bool recursive = mode == WatchMode::recursive;
  return make_call<Nothing>(
      target.size(),
      [target, recursive](schema::Call::Builder to) {
        auto add = to.initAddWatch();
        add.setPath(text(target));
        add.setRecursive(recursive);
      },
      [this, target, recursive, watch](schema::Answer::Reader answer) -> Result<Nothing> {
        if (error_of(answer) != Error::ok) return error_of(answer);
        watches_.add(target, recursive ? schema::WatchKind::RECURSIVE : schema::WatchKind::PERSISTENT, watch);
        return Nothing{};
      },
      std::move(done));
}

std::unique_ptr<Call> Requests::remove_watches(const std::string& path, Callback<Nothing> done) const {
  const auto target = served(path);
  return make_call<Nothing>(
      target.size(),
      [target](schema::Call::Builder to) {
        auto remove = to.initRemoveWatches();
        remove.setPath(text(target));
        remove.setKind(schema::WatchKind::ANY);
      },
      [this, target](schema::Answer::Reader answer) -> Result<Nothing> {
        watches_.remove(target, schema::WatchKind::ANY);
        return read_nothing(answer);
      },
      std::move(done));
}

std::unique_ptr<Call> Requests::add_auth(const std::string& scheme, const std::string& credentials,
                                         Callback<Nothing> done) const {
  return make_call<Nothing>(
      credentials.size(),
      [scheme, credentials](schema::Call::Builder to) {
        auto auth = to.initAddAuth();
        auth.setScheme(text(scheme));
        auth.setCredentials(data(credentials));
      },
      read_nothing, std::move(done));
}

std::unique_ptr<Call> Requests::who_am_i(Callback<std::vector<Identity>> done) const {
  return make_call<std::vector<Identity>>(
      0, [](schema::Call::Builder to) { to.setWhoAmI(); },
      [](schema::Answer::Reader answer) -> Result<std::vector<Identity>> {
        if (error_of(answer) != Error::ok) return error_of(answer);
        std::vector<Identity> identities;
        for (const auto identity : answer.getIdentities()) {
          identities.push_back({identity.getScheme().cStr(), identity.getId().cStr()});
        }
        return identities;
      },
      std::move(done));
}

}  // namespace troupe::client
