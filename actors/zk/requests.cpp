#include "actors/zk/requests.hpp"

#include <algorithm>
#include <array>

#include "actors/path.hpp"

namespace troupe::zk {
namespace {

/// No kind of znode: refused where the operation is decided, in its place among the checks.
constexpr schema::NodeKind no_kind{0xffff};

bool has_ttl(schema::NodeKind kind) {
  return kind == schema::NodeKind::TTL || kind == schema::NodeKind::TTL_SEQUENTIAL;
}

/// The flags are numbered as the schema's kinds.
schema::NodeKind kind_of(std::int32_t flags) {
  if (flags < 0 || flags > static_cast<std::int32_t>(schema::NodeKind::TTL_SEQUENTIAL)) return no_kind;
  return static_cast<schema::NodeKind>(flags);
}

/// createContainer makes one whatever flags come with it, but for those that ask for a time to live.
schema::NodeKind container_kind(schema::NodeKind asked) {
  switch (asked) {
    case schema::NodeKind::PERSISTENT:
    case schema::NodeKind::EPHEMERAL:
    case schema::NodeKind::CONTAINER:
      return schema::NodeKind::CONTAINER;
    case schema::NodeKind::PERSISTENT_SEQUENTIAL:
    case schema::NodeKind::EPHEMERAL_SEQUENTIAL:
      return schema::NodeKind::CONTAINER_SEQUENTIAL;
    default:
      return no_kind;
  }
}

bool is_create(Op op) {
  return op == Op::create || op == Op::create2 || op == Op::create_container || op == Op::create_ttl;
}

/// The neutral operation of a request that is one call; nothing for those that are not known.
std::optional<OpCode> code_of(Op op) {
  switch (op) {
    case Op::close_session:
    case Op::remove:
    case Op::exists:
    case Op::get_data:
    case Op::set_data:
    case Op::get_acl:
    case Op::set_acl:
    case Op::get_children:
    case Op::sync:
    case Op::ping:
    case Op::multi:
    case Op::check_watches:
    case Op::remove_watches:
    case Op::multi_read:
    case Op::auth:
    case Op::set_watches:
    case Op::get_ephemerals:
    case Op::get_all_children_number:
    case Op::add_watch:
    case Op::who_am_i:
    case Op::reconfig:
      return static_cast<OpCode>(op);
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
      return OpCode::create;
    case Op::get_children2:
      return OpCode::get_children;
    case Op::set_watches2:
      return OpCode::set_watches;
    case Op::delete_container:
      return OpCode::multi;  // always refused; that these would be writes is for a node that only reads
    case Op::check:
    case Op::sasl:
      return OpCode::ping;  // answered without the tree
    case Op::create_session:
      break;
  }
  return std::nullopt;
}

/// A negative one is none.
Zxid read_zxid(Reader& in) { return Zxid{static_cast<std::uint64_t>(std::max<std::int64_t>(in.i64(), 0))}; }

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

std::optional<ConnectFrame> read_connect(std::string_view frame) {
  Reader in(frame);
  ConnectFrame connect;
  in.i32();  // the protocol's version: there is one
  connect.last_seen = read_zxid(in);
  connect.timeout_ms = in.i32();
  connect.session = SessionId{in.i64()};
  connect.password = in.buffer().value_or(std::string_view());
  if (in.failed()) return std::nullopt;
  connect.says_read_only = !in.at_end();
  connect.read_only = connect.says_read_only && in.boolean();
  return connect;
}

std::string_view path_of_read(std::string_view frame) {
  Reader in(frame);
  in.i32();
  switch (static_cast<Op>(in.i32())) {
    case Op::exists:
    case Op::get_data:
    case Op::get_acl:
    case Op::get_children:
    case Op::get_children2:
      return in.buffer().value_or(std::string_view());
    default:
      return {};
  }
}

const Call* Requests::read(std::string_view frame) {
  Reader in(frame);
  RequestHeader header;
  header.xid = in.i32();
  header.op = static_cast<Op>(in.i32());
  if (in.failed()) return nullptr;
  call_ = Call{};
  call_.tag = to_tag(header);
  const auto code = code_of(header.op);
  call_.code = code.value_or(OpCode::ping);
  call_.refusal = code ? read_body(header.op, in) : Error::unimplemented;
  if (call_.refusal == Error::ok && in.failed()) call_.refusal = Error::marshalling_error;
  return &call_;
}

/// What fails in `in` is malformed; an answer other than ok is why it is refused beside that.
Error Requests::read_body(Op op, Reader& in) {
  switch (op) {
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
    case Op::remove:
    case Op::set_data:
    case Op::set_acl:
      ops_.clear();
      acls_.clear();
      op_acls_.clear();
      is_create(op) ? read_single_create(op, in) : read_write(op, in);
      show_operations();
      return Error::ok;
    case Op::exists:
    case Op::get_data:
    case Op::get_children:
    case Op::get_children2:
      call_.path = in.string();
      call_.watch = in.boolean();
      return Error::ok;
    case Op::get_acl:
    case Op::get_all_children_number:
      call_.path = in.string();
      return Error::ok;
    case Op::sync:
      call_.path = in.buffer().value_or(std::string_view());
      return Error::ok;
    case Op::multi:
      return read_multi(in);
    case Op::multi_read:
      return read_multi_read(in);
    case Op::check_watches:
    case Op::remove_watches:
      call_.path = in.buffer().value_or(std::string_view());
      return read_watcher_type(in);
    case Op::add_watch:
      call_.path = in.string();
      return read_watch_mode(in);
    case Op::set_watches:
    case Op::set_watches2:
      return read_rearm(op, in);
    case Op::get_ephemerals: {
      const auto prefix = in.buffer().value_or(std::string_view());
      call_.path = is_blank(prefix) || prefix == "/" ? std::string_view() : prefix;
      return Error::ok;
    }
    case Op::auth:
      return read_auth(in);
    case Op::sasl:
      call_.path = in.string();  // the token
      return Error::ok;
    case Op::reconfig:
      call_.reconfig.joining = in.buffer();
      call_.reconfig.leaving = in.buffer();
      call_.reconfig.new_members = in.buffer();
      call_.reconfig.version = in.i64();
      return Error::ok;
    case Op::check:
      // Outside a multi it would be a transaction that does nothing; ZooKeeper 3.8 dies of it.
      return Error::marshalling_error;
    case Op::delete_container:
      return Error::bad_arguments;  // the ensemble's own
    case Op::close_session:
    case Op::ping:
    case Op::who_am_i:
      return Error::ok;
    case Op::create_session:
      break;
  }
  return Error::unimplemented;
}

std::pair<std::size_t, std::size_t> Requests::read_acl(Reader& in) {
  const std::size_t first = acls_.size();
  in.vector([&] {
    AclView entry;
    entry.perms = static_cast<std::uint32_t>(in.i32());
    entry.scheme = in.buffer().value_or(std::string_view());
    const auto id = in.buffer();
    if (!id && entry.scheme == "ip") in.fail();  // of other schemes the null id is only a wrong one
    entry.id = id.value_or(std::string_view());
    acls_.push_back(entry);
  });
  return {first, acls_.size() - first};
}

WriteOp& Requests::read_create(Op op, Reader& in) {
  WriteOp& create = ops_.emplace_back(WriteOp{.code = OpCode::create});
  const auto path = in.buffer();
  create.path = path.value_or(std::string_view());
  create.data = in.buffer();
  op_acls_.push_back(read_acl(in));
  create.kind = kind_of(in.i32());
  if (op == Op::create_ttl) create.ttl = in.i64();
  // The null path is malformed; flags that are wrong are looked at before it.
  if (!path && create.kind != no_kind && has_ttl(create.kind) == (op == Op::create_ttl)) in.fail();
  return create;
}

/// What a create asks for that stands alone.
void Requests::read_single_create(Op op, Reader& in) {
  WriteOp& create = read_create(op, in);
  if (op == Op::create_container) create.kind = container_kind(create.kind);
  if (op == Op::create_ttl && !has_ttl(create.kind)) create.kind = no_kind;
}

/// In a multi the flags say what is created, whichever of the creates it is; but a time to live comes with one of
/// them alone.
void Requests::read_create_of_multi(Op op, Reader& in) {
  WriteOp& create = read_create(op, in);
  if (!has_ttl(create.kind)) {
    create.ttl = 0;
  } else if (op != Op::create_ttl) {
    in.fail();
  }
}

/// One operation of a write that is no create, into ops_.
void Requests::read_write(Op op, Reader& in) {
  WriteOp& write = ops_.emplace_back(WriteOp{.code = static_cast<OpCode>(op)});
  // The null path is malformed to delete and check, and bad to the others.
  if (op == Op::remove || op == Op::check) {
    write.path = in.string();
  } else {
    write.path = in.buffer().value_or(std::string_view());
  }
  std::pair<std::size_t, std::size_t> acl;
  if (op == Op::set_data) write.data = in.buffer();
  if (op == Op::set_acl) acl = read_acl(in);
  write.version = in.i32();
  op_acls_.push_back(acl);
}

/// The call's operations are those that were read; acls_ does not move any more.
void Requests::show_operations() {
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    ops_[i].acl = std::span<const AclView>(acls_).subspan(op_acls_[i].first, op_acls_[i].second);
  }
  call_.ops = ops_;
}

Error Requests::read_multi(Reader& in) {
  ops_.clear();
  acls_.clear();
  op_acls_.clear();
  for (;;) {
    const auto op = static_cast<Op>(in.i32());
    const bool done = in.boolean();
    in.i32();
    if (in.failed()) return Error::marshalling_error;
    if (done) break;
    if (!is_create(op) && op != Op::remove && op != Op::set_data && op != Op::check) return Error::marshalling_error;
    is_create(op) ? read_create_of_multi(op, in) : read_write(op, in);
  }
  show_operations();
  return Error::ok;
}

Error Requests::read_multi_read(Reader& in) {
  reads_.clear();
  for (;;) {
    const auto op = static_cast<Op>(in.i32());
    const bool done = in.boolean();
    in.i32();
    if (in.failed()) return Error::marshalling_error;
    if (done) break;
    if (op != Op::get_data && op != Op::get_children) return Error::marshalling_error;
    const auto path = in.string();
    reads_.push_back({static_cast<OpCode>(op), path.empty() ? "/" : path});
    in.boolean();  // a watch, which nobody sets here
  }
  call_.reads = reads_;
  return Error::ok;
}

Error Requests::read_watcher_type(Reader& in) {
  switch (in.i32()) {
    case 1:
      call_.kind = WatchKind::child;
      return Error::ok;
    case 2:
      call_.kind = WatchKind::data;
      return Error::ok;
    case 3:
      return Error::ok;
    default:
      return Error::marshalling_error;
  }
}

Error Requests::read_watch_mode(Reader& in) {
  const std::int32_t mode = in.i32();
  if (mode != 0 && mode != 1) return Error::marshalling_error;
  call_.kind = mode == 0 ? WatchKind::persistent : WatchKind::recursive;
  return Error::ok;
}

Error Requests::read_rearm(Op op, Reader& in) {
  constexpr std::size_t kinds = 5;  // in the order of Rearm's lists
  const std::size_t sent = op == Op::set_watches2 ? kinds : 3;
  std::array<std::size_t, kinds + 1> ends{};
  paths_.clear();
  const Zxid relative = read_zxid(in);
  for (std::size_t i = 0; i < kinds; ++i) {
    const auto take = [&] {
      // One that stays, on a path that cannot be, never fires: it is forgotten. One-shot watches may fire at once.
      if (const auto path = in.string(); i < 3 || path::valid(path)) paths_.push_back(path);
    };
    if (i < sent && !in.vector(take)) in.fail();
    ends[i + 1] = paths_.size();
  }
  const auto part = [&](std::size_t i) {
    return std::span<const std::string_view>(paths_).subspan(ends[i], ends[i + 1] - ends[i]);
  };
  rearm_ = {relative, part(0), part(1), part(2), part(3), part(4), true};
  call_.rearm = &rearm_;
  return Error::ok;
}

Error Requests::read_auth(Reader& in) {
  in.i32();
  const auto scheme = in.buffer();
  const auto credentials = in.buffer();
  if (in.failed()) return Error::marshalling_error;
  if (!scheme || (!credentials && *scheme == "digest")) return Error::auth_failed;
  call_.scheme = *scheme;
  call_.credentials = credentials.value_or(std::string_view());
  return Error::ok;
}

}  // namespace troupe::zk
