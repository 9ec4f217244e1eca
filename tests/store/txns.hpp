// Transactions for tests, as a leader would have decided them.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/txn.capnp.h"
#include "store/tree.hpp"

namespace troupe::store::testing {

/// What every transaction has. The defaults are those of one that the ensemble itself asks for.
struct Head {
  Zxid zxid;
  std::int64_t time = 0;
  SessionId session{};
  std::uint64_t number = 0;
  bool numbered = false;
  std::uint64_t answered = 0;
};

using Data = std::optional<std::string>;  ///< none is "no data"

struct Create {
  std::string path;
  Data data = "";
  AclList acl = {{perm::all, "world", "anyone"}};
  NodeKind kind = NodeKind::persistent;
  SessionId owner{};
  std::int64_t ttl = 0;
};
struct Delete {
  std::string path;
};
struct SetData {
  std::string path;
  Data data;
  std::int32_t version = 1;
};
struct SetAcl {
  std::string path;
  AclList acl;
  std::int32_t version = 1;
};
struct Check {
  std::string path;
};
using Change = std::variant<Create, Delete, SetData, SetAcl, Check>;

inline kj::ArrayPtr<const kj::byte> to_data(const std::string& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

inline void write_acl(const AclList& acl, capnp::List<schema::Acl>::Builder to) {
  for (unsigned i = 0; i < acl.size(); ++i) {
    to[i].setPerms(acl[i].perms);
    to[i].setScheme(acl[i].scheme);
    to[i].setId(acl[i].id);
  }
}

inline schema::NodeKind to_schema(NodeKind kind) {
  switch (kind) {
    case NodeKind::ephemeral:
      return schema::NodeKind::EPHEMERAL;
    case NodeKind::container:
      return schema::NodeKind::CONTAINER;
    case NodeKind::ttl:
      return schema::NodeKind::TTL;
    default:
      return schema::NodeKind::PERSISTENT;
  }
}

struct ChangeWriter {
  schema::Change::Builder to;

  void operator()(const Create& change) {
    auto create = to.initCreate();
    create.setPath(change.path);
    if (change.data) create.setData(to_data(*change.data));
    write_acl(change.acl, create.initAcl(change.acl.size()));
    create.setOwner(change.owner.value);
    create.setKind(to_schema(change.kind));
    create.setTtl(change.ttl);
  }
  void operator()(const Delete& change) { to.initDelete().setPath(change.path); }
  void operator()(const SetData& change) {
    auto set = to.initSetData();
    set.setPath(change.path);
    if (change.data) set.setData(to_data(*change.data));
    set.setVersion(change.version);
  }
  void operator()(const SetAcl& change) {
    auto set = to.initSetAcl();
    set.setPath(change.path);
    write_acl(change.acl, set.initAcl(change.acl.size()));
    set.setVersion(change.version);
  }
  void operator()(const Check& change) { to.initCheck().setPath(change.path); }
};

inline Proposal make_txn(const Head& head, const std::function<void(schema::Txn::Builder)>& fill) {
  capnp::MallocMessageBuilder message;
  auto txn = message.initRoot<schema::Txn>();
  txn.setZxid(head.zxid.value);
  txn.setTime(head.time);
  txn.setSession(head.session.value);
  txn.setNumber(head.number);
  txn.setNumbered(head.numbered);
  txn.setAnswered(head.answered);
  fill(txn);
  auto words = capnp::messageToFlatArray(message);
  return {head.zxid, Bytes::copy(words.asBytes().begin(), words.asBytes().size())};
}

inline Proposal change_txn(const Head& head, const Change& change) {
  return make_txn(head, [&](schema::Txn::Builder txn) { std::visit(ChangeWriter{txn.initChange()}, change); });
}

inline Proposal multi_txn(const Head& head, const std::vector<Change>& changes) {
  return make_txn(head, [&](schema::Txn::Builder txn) {
    auto multi = txn.initMulti(changes.size());
    for (unsigned i = 0; i < changes.size(); ++i) std::visit(ChangeWriter{multi[i]}, changes[i]);
  });
}

/// `operations` and `failed` for a multi.
inline Proposal refused_txn(const Head& head, Error error, std::uint32_t operations = 0, std::uint32_t failed = 0) {
  return make_txn(head, [&](schema::Txn::Builder txn) {
    auto refused = txn.initRefused();
    refused.setError(static_cast<std::int32_t>(error));
    refused.setOperations(operations);
    refused.setFailed(failed);
  });
}

inline Proposal open_session_txn(const Head& head, std::uint32_t timeout_ms = 10000) {
  return make_txn(head, [&](schema::Txn::Builder txn) { txn.initOpenSession().setTimeout(timeout_ms); });
}

inline Proposal close_session_txn(const Head& head) {
  return make_txn(head, [](schema::Txn::Builder txn) { txn.setCloseSession(); });
}

inline Proposal found_txn(const Head& head, const std::string& ensemble, const std::string& session_key) {
  return make_txn(head, [&](schema::Txn::Builder txn) {
    auto found = txn.initFound();
    found.setEnsemble(to_data(ensemble));
    found.setSessionKey(to_data(session_key));
  });
}

inline Proposal reconfigure_txn(const Head& head, const std::string& from, const std::string& to) {
  return make_txn(head, [&](schema::Txn::Builder txn) {
    auto step = txn.initReconfigure();
    step.setFrom(from);
    step.setTo(to);
  });
}

inline Proposal activate_txn(const Head& head, const std::string& configuration) {
  return make_txn(head, [&](schema::Txn::Builder txn) { txn.initActivate().setConfiguration(configuration); });
}

inline Proposal refound_txn(const Head& head, const std::string& ensemble, const std::string& configuration) {
  return make_txn(head, [&](schema::Txn::Builder txn) {
    auto refound = txn.initRefound();
    refound.setEnsemble(to_data(ensemble));
    refound.setConfiguration(configuration);
  });
}

// The common ones, by zxid alone.

inline Proposal activate_txn(Zxid zxid, const std::string& configuration) {
  return activate_txn(Head{.zxid = zxid}, configuration);
}

inline Proposal create_txn(Zxid zxid, const std::string& path, const Data& data = "") {
  return change_txn({.zxid = zxid}, Create{.path = path, .data = data});
}
inline Proposal delete_txn(Zxid zxid, const std::string& path) { return change_txn({.zxid = zxid}, Delete{path}); }
inline Proposal set_data_txn(Zxid zxid, const std::string& path, const Data& data, std::int32_t version = 1) {
  return change_txn({.zxid = zxid}, SetData{path, data, version});
}

}  // namespace troupe::store::testing
