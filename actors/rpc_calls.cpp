#include "actors/rpc_calls.hpp"

#include <kj/debug.h>

#include <algorithm>
#include <array>

namespace troupe {
namespace {

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
std::string_view view(capnp::Data::Reader data) { return {reinterpret_cast<const char*>(data.begin()), data.size()}; }
kj::StringPtr text(const std::string& from) { return {from.c_str(), from.size()}; }

template <class Builder>
void copy(std::string_view from, Builder to) {
  std::copy(from.begin(), from.end(), reinterpret_cast<char*>(to.begin()));
}

OpCode code_of(schema::Operation::Which which) {
  switch (which) {
    case schema::Operation::CREATE:
      return OpCode::create;
    case schema::Operation::DELETE:
      return OpCode::remove;
    case schema::Operation::SET_DATA:
      return OpCode::set_data;
    case schema::Operation::SET_ACL:
      return OpCode::set_acl;
    case schema::Operation::CHECK:
      return OpCode::check;
  }
  KJ_FAIL_REQUIRE("this node does not know that operation", static_cast<unsigned>(which));
}

std::optional<WatchKind> kind_of(schema::WatchKind kind) {
  switch (kind) {
    case schema::WatchKind::DATA:
      return WatchKind::data;
    case schema::WatchKind::EXISTS:
      return WatchKind::exist;
    case schema::WatchKind::CHILDREN:
      return WatchKind::child;
    case schema::WatchKind::PERSISTENT:
      return WatchKind::persistent;
    case schema::WatchKind::RECURSIVE:
      return WatchKind::recursive;
    case schema::WatchKind::ANY:
      return std::nullopt;
  }
  KJ_FAIL_REQUIRE("this node does not know that kind of watch", static_cast<unsigned>(kind));
}

void write_stat(const store::Stat& from, schema::Stat::Builder to) {
  to.setCzxid(from.czxid.value);
  to.setMzxid(from.mzxid.value);
  to.setPzxid(from.pzxid.value);
  to.setCtime(from.ctime);
  to.setMtime(from.mtime);
  to.setVersion(from.version);
  to.setCversion(from.cversion);
  to.setAversion(from.aversion);
  to.setEphemeralOwner(from.ephemeral_owner.value);
  to.setDataLength(from.data_length);
  to.setNumChildren(from.num_children);
}

void write_results(std::span<const store::OpResult> results, schema::Answer::Builder answer) {
  auto list = answer.initResults(static_cast<unsigned>(results.size()));
  for (unsigned i = 0; i < results.size(); ++i) {
    const auto& result = results[i];
    list[i].setOperation(result.operation);
    list[i].setError(static_cast<std::int32_t>(result.error));
    if (!result.path.empty()) list[i].setPath(text(result.path));
    if (result.stat != store::Stat{}) write_stat(result.stat, list[i].initStat());
  }
}

/// The error of a multi is that of the operation that was at fault.
Error error_of(const Reply& reply) {
  if (reply.error != Error::ok) return reply.error;
  for (const auto& result : reply.results) {
    if (result.error != Error::ok && result.error != Error::runtime_inconsistency) return result.error;
  }
  return Error::ok;
}

}  // namespace

const Call& RpcCalls::read(schema::Call::Reader from, std::uint64_t answered) {
  call_ = Call{};
  call_.number = from.getNumber();
  call_.numbered = true;
  call_.answered = answered;
  const auto read = [this](OpCode code, schema::Read::Reader read) {
    call_.code = code;
    call_.path = view(read.getPath());
    call_.watch = read.getWatch();
  };
  switch (from.which()) {
    case schema::Call::WRITE:
      ops_.clear();
      acls_.clear();
      read_operation(from.getWrite());
      call_.code = ops_.front().code;
      KJ_REQUIRE(call_.code != OpCode::check, "a check is allowed inside a multi alone");
      call_.ops = ops_;
      break;
    case schema::Call::MULTI:
      call_.code = OpCode::multi;
      read_operations(from.getMulti());
      break;
    case schema::Call::RECONFIG: {
      const auto reconfig = from.getReconfig();
      call_.code = OpCode::reconfig;
      if (reconfig.hasJoining()) call_.reconfig.joining = view(reconfig.getJoining());
      if (reconfig.hasLeaving()) call_.reconfig.leaving = view(reconfig.getLeaving());
      if (reconfig.hasNewMembers()) call_.reconfig.new_members = view(reconfig.getNewMembers());
      call_.reconfig.version = reconfig.getVersion();
      break;
    }
    case schema::Call::CLOSE:
      call_.code = OpCode::close;
      break;
    case schema::Call::SYNC:
      call_.code = OpCode::sync;
      break;
    case schema::Call::EXISTS:
      read(OpCode::exists, from.getExists());
      break;
    case schema::Call::GET_DATA:
      read(OpCode::get_data, from.getGetData());
      break;
    case schema::Call::GET_CHILDREN: {
      const auto children = from.getGetChildren();
      call_.code = OpCode::get_children;
      call_.path = view(children.getPath());
      call_.watch = children.getWatch();
      call_.after = view(children.getAfter());
      call_.limit = children.getLimit();
      break;
    }
    case schema::Call::GET_ACL:
      call_.code = OpCode::get_acl;
      call_.path = view(from.getGetAcl());
      break;
    case schema::Call::ADD_WATCH:
      call_.code = OpCode::add_watch;
      call_.path = view(from.getAddWatch().getPath());
      call_.kind = from.getAddWatch().getRecursive() ? WatchKind::recursive : WatchKind::persistent;
      break;
    case schema::Call::REMOVE_WATCHES:
      call_.code = OpCode::remove_watches;
      call_.path = view(from.getRemoveWatches().getPath());
      call_.kind = kind_of(from.getRemoveWatches().getKind());
      break;
    case schema::Call::REARM:
      call_.code = OpCode::set_watches;
      read_rearm(from.getRearm());
      break;
    case schema::Call::ADD_AUTH:
      call_.code = OpCode::add_auth;
      call_.scheme = view(from.getAddAuth().getScheme());
      call_.credentials = view(from.getAddAuth().getCredentials());
      break;
    case schema::Call::WHO_AM_I:
      call_.code = OpCode::who_am_i;
      break;
    default:
      KJ_FAIL_REQUIRE("this node does not know that call", static_cast<unsigned>(from.which()));
  }
  return call_;
}

std::string_view RpcCalls::path_of_read(schema::Call::Reader from) {
  switch (from.which()) {
    case schema::Call::EXISTS:
      return view(from.getExists().getPath());
    case schema::Call::GET_DATA:
      return view(from.getGetData().getPath());
    case schema::Call::GET_CHILDREN:
      return view(from.getGetChildren().getPath());
    case schema::Call::GET_ACL:
      return view(from.getGetAcl());
    default:
      return {};
  }
}

void RpcCalls::read_operations(capnp::List<schema::Operation>::Reader list) {
  ops_.clear();
  acls_.clear();
  // Spans into acls_ must stay where they are.
  std::size_t entries = 0;
  for (auto operation : list) {
    if (operation.isCreate()) entries += operation.getCreate().getAcl().size();
    if (operation.isSetAcl()) entries += operation.getSetAcl().getAcl().size();
  }
  acls_.reserve(entries);
  for (auto operation : list) read_operation(operation);
  call_.ops = ops_;
}

void RpcCalls::read_operation(schema::Operation::Reader from) {
  WriteOp op{.code = code_of(from.which())};
  switch (from.which()) {
    case schema::Operation::CREATE: {
      const auto create = from.getCreate();
      op.path = view(create.getPath());
      if (create.hasData()) op.data = view(create.getData());
      op.acl = read_acl(create.getAcl());
      op.kind = create.getKind();
      op.ttl = create.getTtl();
      break;
    }
    case schema::Operation::DELETE:
      op.path = view(from.getDelete().getPath());
      op.version = from.getDelete().getVersion();
      break;
    case schema::Operation::SET_DATA: {
      const auto set = from.getSetData();
      op.path = view(set.getPath());
      if (set.hasData()) op.data = view(set.getData());
      op.version = set.getVersion();
      break;
    }
    case schema::Operation::SET_ACL:
      op.path = view(from.getSetAcl().getPath());
      op.acl = read_acl(from.getSetAcl().getAcl());
      op.version = from.getSetAcl().getVersion();
      break;
    case schema::Operation::CHECK:
      op.path = view(from.getCheck().getPath());
      op.version = from.getCheck().getVersion();
      break;
  }
  ops_.push_back(op);
}

std::span<const AclView> RpcCalls::read_acl(capnp::List<schema::Acl>::Reader list) {
  const std::size_t first = acls_.size();
  for (auto entry : list) acls_.push_back({entry.getPerms(), view(entry.getScheme()), view(entry.getId())});
  return std::span<const AclView>(acls_).subspan(first);
}

void RpcCalls::read_rearm(schema::Call::Rearm::Reader from) {
  // Sorted by kind, in the order of Rearm's lists.
  constexpr std::array kinds = {WatchKind::data, WatchKind::exist, WatchKind::child, WatchKind::persistent,
                                WatchKind::recursive};
  const auto watches = from.getWatches();
  std::array<std::size_t, kinds.size() + 1> ends{};
  paths_.clear();
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    for (auto watch : watches) {
      const auto kind = kind_of(watch.getKind());
      KJ_REQUIRE(kind.has_value(), "a watch that is set again has one kind");
      if (*kind == kinds[i]) paths_.push_back(view(watch.getPath()));
    }
    ends[i + 1] = paths_.size();
  }
  const auto part = [&](std::size_t i) {
    return std::span<const std::string_view>(paths_).subspan(ends[i], ends[i + 1] - ends[i]);
  };
  rearm_ = {Zxid{from.getLastZxid()}, part(0), part(1), part(2), part(3), part(4)};
  call_.rearm = &rearm_;
}

std::size_t size_of(const Reply& reply) {
  constexpr std::size_t answer = 160, result = 160, name = 16, entry = 48;
  std::size_t bytes = answer + reply.data.value_or(std::string_view()).size();
  for (const auto each : reply.names) bytes += name + each.size();
  for (const auto& each : reply.acl) bytes += entry + each.scheme.size() + each.id.size();
  for (const auto& each : reply.results) bytes += result + each.path.size();
  return bytes;
}

void write_answer(const Reply& reply, schema::Answer::Builder answer) {
  answer.setZxid(reply.zxid.value);
  answer.setError(static_cast<std::int32_t>(error_of(reply)));
  if (is_write(reply.code)) {
    if (!reply.results.empty()) write_results(reply.results, answer);
    return;
  }
  if (reply.error != Error::ok) return;
  if (reply.stat != nullptr) write_stat(*reply.stat, answer.initStat());
  switch (reply.code) {
    case OpCode::get_data:
      if (reply.data) {
        copy(*reply.data, answer.initData(static_cast<unsigned>(reply.data->size())));
      } else {
        answer.adoptData(capnp::Orphan<capnp::Data>());  // a null pointer
      }
      break;
    case OpCode::get_children: {
      auto children = answer.initChildren();
      auto names = children.initNames(static_cast<unsigned>(reply.names.size()));
      for (unsigned i = 0; i < reply.names.size(); ++i) {
        copy(reply.names[i], names.init(i, static_cast<unsigned>(reply.names[i].size())));
      }
      children.setMore(reply.more);
      break;
    }
    case OpCode::get_acl: {
      auto list = answer.initAcl(static_cast<unsigned>(reply.acl.size()));
      for (unsigned i = 0; i < reply.acl.size(); ++i) {
        list[i].setPerms(reply.acl[i].perms);
        list[i].setScheme(text(reply.acl[i].scheme));
        list[i].setId(text(reply.acl[i].id));
      }
      break;
    }
    case OpCode::who_am_i:
      answer.setIdentities(reply.identities);
      break;
    default:
      break;
  }
}

void write_event(const Event& event, schema::Event::Builder to) {
  to.setZxid(event.zxid.value);
  to.setType(static_cast<schema::EventType>(event.type));
  copy(event.path, to.initPath(static_cast<unsigned>(event.path.size())));
}

}  // namespace troupe
