// Requests as tests write them: plain values that are easy to make at random and to give to a model,
// and their encoding as flat schema::Request messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "actors/flat_message.hpp"
#include "schema/bytes.hpp"
#include "schema/txn.capnp.h"
#include "store/tree.hpp"

namespace troupe::testing {

inline const store::AclList open_acl{{store::perm::all, "world", "anyone"}};

struct Create {
  std::string path;
  std::optional<std::string> data;
  schema::NodeKind kind = schema::NodeKind::PERSISTENT;
  store::AclList acl = open_acl;
  std::int64_t ttl = 0;
};
struct Delete {
  std::string path;
  std::int32_t version = -1;
};
struct SetData {
  std::string path;
  std::optional<std::string> data;
  std::int32_t version = -1;
};
struct SetAcl {
  std::string path;
  store::AclList acl = open_acl;
  std::int32_t version = -1;
};
struct Check {
  std::string path;
  std::int32_t version = -1;
};
using Op = std::variant<Create, Delete, SetData, SetAcl, Check>;

struct Multi {
  std::vector<Op> ops;
};
struct OpenSession {
  std::uint32_t timeout_ms = 10'000;
};
struct CloseSession {};

using Identities = std::vector<std::pair<std::string, std::string>>;

struct Ask {
  SessionId session;
  std::uint64_t number = 0;
  std::variant<Op, Multi, OpenSession, CloseSession> what;
  Identities identities = {};
  bool numbered = false;
  std::uint64_t answered = 0;
  bool local = false;
};

namespace detail {

inline capnp::Text::Reader text(const std::string& text) { return {text.data(), text.size()}; }

inline capnp::Data::Reader data(const std::string& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

template <class Builder>
void write_acl(Builder to, const store::AclList& list) {
  auto entries = to.initAcl(static_cast<unsigned>(list.size()));
  for (unsigned i = 0; i < entries.size(); ++i) {
    entries[i].setPerms(list[i].perms);
    entries[i].setScheme(text(list[i].scheme));
    entries[i].setId(text(list[i].id));
  }
}

struct WriteOp {
  schema::Operation::Builder to;
  void operator()(const Create& op) {
    auto create = to.initCreate();
    create.setPath(text(op.path));
    if (op.data) create.setData(data(*op.data));
    write_acl(create, op.acl);
    create.setKind(op.kind);
    create.setTtl(op.ttl);
  }
  void operator()(const Delete& op) {
    auto remove = to.initDelete();
    remove.setPath(text(op.path));
    remove.setVersion(op.version);
  }
  void operator()(const SetData& op) {
    auto set = to.initSetData();
    set.setPath(text(op.path));
    if (op.data) set.setData(data(*op.data));
    set.setVersion(op.version);
  }
  void operator()(const SetAcl& op) {
    auto set = to.initSetAcl();
    set.setPath(text(op.path));
    write_acl(set, op.acl);
    set.setVersion(op.version);
  }
  void operator()(const Check& op) {
    auto check = to.initCheck();
    check.setPath(text(op.path));
    check.setVersion(op.version);
  }
};

struct WriteWhat {
  schema::Request::Builder to;
  void operator()(const Op& op) { std::visit(WriteOp{to.initWrite()}, op); }
  void operator()(const Multi& multi) {
    auto ops = to.initMulti(static_cast<unsigned>(multi.ops.size()));
    for (unsigned i = 0; i < ops.size(); ++i) std::visit(WriteOp{ops[i]}, multi.ops[i]);
  }
  void operator()(const OpenSession& open) { to.setOpenSession(open.timeout_ms); }
  void operator()(const CloseSession&) { to.setCloseSession(); }
};

}  // namespace detail

/// A flat message that holds a schema::Request.
inline Bytes encode(const Ask& ask) {
  FlatMessage message(128);
  auto request = message.initRoot<schema::Request>();
  request.setSession(ask.session.value);
  request.setNumber(ask.number);
  request.setNumbered(ask.numbered);
  request.setAnswered(ask.answered);
  request.setLocal(ask.local);
  auto identities = request.initIdentities(static_cast<unsigned>(ask.identities.size()));
  for (unsigned i = 0; i < identities.size(); ++i) {
    identities[i].setScheme(detail::text(ask.identities[i].first));
    identities[i].setId(detail::text(ask.identities[i].second));
  }
  std::visit(detail::WriteWhat{request}, ask.what);
  return message.finish();
}

inline Bytes create_request(SessionId session, std::uint64_t number, const std::string& path,
                            std::optional<std::string> data = std::nullopt,
                            schema::NodeKind kind = schema::NodeKind::PERSISTENT,
                            const store::AclList& acl = open_acl) {
  return encode({session, number, Create{path, std::move(data), kind, acl}});
}
inline Bytes delete_request(SessionId session, std::uint64_t number, const std::string& path,
                            std::int32_t version = -1) {
  return encode({session, number, Delete{path, version}});
}
inline Bytes set_data_request(SessionId session, std::uint64_t number, const std::string& path,
                              std::optional<std::string> data, std::int32_t version = -1) {
  return encode({session, number, SetData{path, std::move(data), version}});
}
inline Bytes open_session_request(SessionId session, std::uint32_t timeout_ms = 10'000) {
  return encode({session, 0, OpenSession{timeout_ms}});
}

}  // namespace troupe::testing
