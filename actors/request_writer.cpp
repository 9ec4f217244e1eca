#include "actors/request_writer.hpp"

#include <algorithm>

#include "actors/flat_message.hpp"
#include "schema/check.hpp"

namespace troupe {
namespace {

/// Text without the terminating zero that Cap'n Proto's setters ask for.
template <class InitText>
void set_text(std::string_view text, InitText init) {
  auto target = init(static_cast<unsigned>(text.size()));
  std::copy(text.begin(), text.end(), target.begin());
}

template <class InitData>
void set_data(const std::optional<std::string_view>& data, InitData init) {
  if (!data) return;  // a null pointer says: no data
  auto target = init(static_cast<unsigned>(data->size()));
  std::copy(data->begin(), data->end(), reinterpret_cast<char*>(target.begin()));
}

void write_acl(std::span<const AclView> acl, capnp::List<schema::Acl>::Builder list) {
  for (unsigned i = 0; i < acl.size(); ++i) {
    auto entry = list[i];
    entry.setPerms(acl[i].perms);
    set_text(acl[i].scheme, [&](unsigned size) { return entry.initScheme(size); });
    set_text(acl[i].id, [&](unsigned size) { return entry.initId(size); });
  }
}

void write_operation(const WriteOp& op, schema::Operation::Builder operation) {
  const auto path = [&](auto group) { set_text(op.path, [&](unsigned size) { return group.initPath(size); }); };
  const auto data = [&](auto group) { set_data(op.data, [&](unsigned size) { return group.initData(size); }); };
  const auto acl = [&](auto group) { write_acl(op.acl, group.initAcl(static_cast<unsigned>(op.acl.size()))); };
  switch (op.code) {
    case OpCode::create: {
      auto create = operation.initCreate();
      path(create);
      data(create);
      acl(create);
      create.setKind(op.kind);
      create.setTtl(op.ttl);
      return;
    }
    case OpCode::remove: {
      auto remove = operation.initDelete();
      path(remove);
      remove.setVersion(op.version);
      return;
    }
    case OpCode::set_data: {
      auto set = operation.initSetData();
      path(set);
      data(set);
      set.setVersion(op.version);
      return;
    }
    case OpCode::set_acl: {
      auto set = operation.initSetAcl();
      path(set);
      acl(set);
      set.setVersion(op.version);
      return;
    }
    case OpCode::check: {
      auto check = operation.initCheck();
      path(check);
      check.setVersion(op.version);
      return;
    }
    default:
      check_failed("op.code", "an operation of a write is one of the five", __FILE__, __LINE__);
  }
}

/// Words that a text or data of so many bytes takes, with its zero.
constexpr std::size_t words(std::size_t bytes) { return bytes / 8 + 1; }

std::size_t words_of(const Requester& requester) {
  std::size_t sum = 16;
  for (auto identity : requester.identities) {
    sum += 3 + words(identity.getScheme().size()) + words(identity.getId().size());
  }
  return sum;
}

std::size_t words_of(const WriteOp& op) {
  std::size_t sum = 16 + words(op.path.size()) + words(op.data ? op.data->size() : 0);
  for (const auto& entry : op.acl) sum += 3 + words(entry.scheme.size()) + words(entry.id.size());
  return sum;
}

void write_reconfig(const ReconfigOp& op, schema::Request::Reconfig::Builder to) {
  if (op.joining) set_text(*op.joining, [&](unsigned size) { return to.initJoining(size); });
  if (op.leaving) set_text(*op.leaving, [&](unsigned size) { return to.initLeaving(size); });
  if (op.new_members) set_text(*op.new_members, [&](unsigned size) { return to.initNewMembers(size); });
  to.setVersion(op.version);
}

std::size_t words_of(const ReconfigOp& op) {
  std::size_t sum = 0;
  for (const auto& text : {op.joining, op.leaving, op.new_members}) sum += words(text ? text->size() : 0);
  return sum;
}

schema::Request::Builder start(FlatMessage& message, const Requester& requester) {
  auto request = message.initRoot<schema::Request>();
  request.setSession(requester.session.value);
  request.setGateway(requester.gateway);
  request.setLocal(requester.local);
  if (requester.identities.size() != 0) request.setIdentities(requester.identities);
  return request;
}

}  // namespace

Bytes write_request(const Requester& requester, const Call& call, std::uint64_t number) {
  std::size_t size = words_of(requester) + words_of(call.reconfig);
  for (const auto& op : call.ops) size += words_of(op);
  FlatMessage message(size);
  auto request = start(message, requester);
  request.setNumber(number);
  request.setNumbered(call.numbered);
  request.setAnswered(call.answered);
  if (call.code == OpCode::close) {
    request.setCloseSession();
  } else if (call.code == OpCode::reconfig) {
    write_reconfig(call.reconfig, request.initReconfig());
  } else if (call.code == OpCode::multi) {
    auto list = request.initMulti(static_cast<unsigned>(call.ops.size()));
    for (unsigned i = 0; i < call.ops.size(); ++i) write_operation(call.ops[i], list[i]);
  } else {
    TROUPE_CHECK(call.ops.size() == 1 && call.ops[0].code == call.code, "a single write has one operation");
    write_operation(call.ops[0], request.initWrite());
  }
  return message.finish();
}

Bytes open_session_request(const Requester& requester, std::uint32_t timeout_ms) {
  FlatMessage message(words_of(requester));
  start(message, requester).setOpenSession(timeout_ms);
  return message.finish();
}

}  // namespace troupe
