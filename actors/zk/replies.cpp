#include "actors/zk/replies.hpp"

#include "actors/zk/jute.hpp"

namespace troupe::zk {
namespace {

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

void write_header(Writer& out, std::int32_t xid, std::int64_t zxid, Error error) {
  out.i32(xid);
  out.i64(zxid);
  out.i32(static_cast<std::int32_t>(error));
}

void write_stat(Writer& out, const store::Stat& stat) {
  out.i64(static_cast<std::int64_t>(stat.czxid.value));
  out.i64(static_cast<std::int64_t>(stat.mzxid.value));
  out.i64(stat.ctime);
  out.i64(stat.mtime);
  out.i32(stat.version);
  out.i32(stat.cversion);
  out.i32(stat.aversion);
  out.i64(stat.ephemeral_owner.value);
  out.i32(stat.data_length);
  out.i32(stat.num_children);
  out.i64(static_cast<std::int64_t>(stat.pzxid.value));
}

void write_names(Writer& out, std::span<const std::string_view> names) {
  out.i32(static_cast<std::int32_t>(names.size()));
  for (const auto name : names) out.string(name);
}

void write_acl(Writer& out, std::span<const store::AclEntry> acl) {
  out.i32(static_cast<std::int32_t>(acl.size()));
  for (const auto& entry : acl) {
    out.i32(static_cast<std::int32_t>(entry.perms));
    out.string(entry.scheme);
    out.string(entry.id);
  }
}

void write_identities(Writer& out, capnp::List<schema::Identity>::Reader identities) {
  out.i32(static_cast<std::int32_t>(identities.size()));
  for (const auto identity : identities) {
    const auto id = view(identity.getId());
    out.string(view(identity.getScheme()));
    // Of a digest the user alone: the rest is a secret's hash.
    out.string(view(identity.getScheme()) == "digest" ? id.substr(0, id.find(':')) : id);
  }
}

void write_multi_header(Writer& out, std::int32_t type, bool done, std::int32_t error) {
  out.i32(type);
  out.boolean(done);
  out.i32(error);
}

void write_failed_operation(Writer& out, Error error) {
  write_multi_header(out, end_of_multi, false, static_cast<std::int32_t>(error));
  out.i32(static_cast<std::int32_t>(error));
}

/// The number under which a multi reports an operation. Creations that may end by themselves report
/// their stat too, as create2 does outside.
std::int32_t reported_as(std::int32_t operation) {
  const bool with_stat =
      static_cast<Op>(operation) == Op::create_container || static_cast<Op>(operation) == Op::create_ttl;
  return with_stat ? static_cast<std::int32_t>(Op::create2) : operation;
}

void write_results(Writer& out, std::span<const store::OpResult> results) {
  for (const auto& result : results) {
    if (result.operation == end_of_multi) {
      write_failed_operation(out, result.error);
      continue;
    }
    const std::int32_t type = reported_as(result.operation);
    write_multi_header(out, type, false, 0);
    if (type == static_cast<std::int32_t>(Op::create) || type == static_cast<std::int32_t>(Op::create2)) {
      out.string(result.path);
    }
    if (type == static_cast<std::int32_t>(Op::create2) || type == static_cast<std::int32_t>(Op::set_data)) {
      write_stat(out, result.stat);
    }
  }
  write_multi_header(out, end_of_multi, true, -1);
}

void write_reads(Writer& out, std::span<const ReadResult> reads) {
  for (const auto& read : reads) {
    if (read.error != Error::ok) {
      write_failed_operation(out, read.error);
      continue;
    }
    write_multi_header(out, static_cast<std::int32_t>(read.code), false, 0);
    if (read.code == OpCode::get_data) {
      out.buffer(read.data);
      write_stat(out, read.stat);
    } else {
      write_names(out, read.names);
    }
  }
  write_multi_header(out, end_of_multi, true, -1);
}

void write_body(Writer& out, Op op, const Reply& reply, std::optional<std::string_view> path) {
  switch (op) {
    case Op::create:
      return out.string(reply.results[0].path);
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
      out.string(reply.results[0].path);
      return write_stat(out, reply.results[0].stat);
    case Op::reconfig:
      out.buffer(reply.results[0].path);
      return write_stat(out, reply.results[0].stat);
    case Op::set_data:
    case Op::set_acl:
      return write_stat(out, reply.results[0].stat);
    case Op::exists:
      return write_stat(out, *reply.stat);
    case Op::get_data:
      out.buffer(reply.data);
      return write_stat(out, *reply.stat);
    case Op::get_acl:
      write_acl(out, reply.acl);
      return write_stat(out, *reply.stat);
    case Op::get_children:
    case Op::get_ephemerals:
      return write_names(out, reply.names);
    case Op::get_children2:
      write_names(out, reply.names);
      return write_stat(out, *reply.stat);
    case Op::sync:
      return out.buffer(path);
    case Op::multi:
      return write_results(out, reply.results);
    case Op::multi_read:
      return write_reads(out, reply.reads);
    case Op::get_all_children_number:
      return out.i32(static_cast<std::int32_t>(reply.count));
    case Op::add_watch:
      return out.i32(0);  // an error's number, in the body too
    case Op::sasl:
      return out.buffer(path);
    case Op::who_am_i:
      return write_identities(out, reply.identities);
    default:
      return;
  }
}

}  // namespace

void write_reply(Output& to, const Reply& reply, std::optional<std::string_view> path) {
  const auto [xid, op] = from_tag(reply.tag);
  const Error error = reply.error;
  Frame out(to);
  auto zxid = static_cast<std::int64_t>(reply.zxid.value);
  if (op == Op::auth || op == Op::sasl) zxid = 0;
  if (error == Error::unimplemented) zxid = -1;
  write_header(out, op == Op::ping ? ping_xid : xid, zxid, error);
  // A refused login has no token, but says so.
  if (error == Error::ok || op == Op::sasl) write_body(out, op, reply, path);
}

void write_event(Output& to, const Event& event) {
  Frame out(to);
  write_header(out, notification_xid, -1, Error::ok);
  out.i32(static_cast<std::int32_t>(event.type));
  out.i32(sync_connected);
  out.string(event.path);
}

void write_accepted(Output& to, const Accepted& accepted, bool with_read_only) {
  Frame out(to);
  out.i32(0);
  out.i32(static_cast<std::int32_t>(accepted.timeout_ms));
  out.i64(accepted.session.value);
  out.buffer(std::string_view(reinterpret_cast<const char*>(accepted.password.data()), accepted.password.size()));
  if (with_read_only) out.boolean(accepted.read_only);
}

void write_refused_session(Output& to, bool with_read_only, bool read_only) {
  Frame out(to);
  out.i32(0);
  out.i32(0);
  out.i64(0);
  constexpr char zeros[password_size] = {};
  out.buffer(std::string_view(zeros, sizeof zeros));
  if (with_read_only) out.boolean(read_only);
}

}  // namespace troupe::zk
