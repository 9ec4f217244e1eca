#include "apps/bench/wire/zk_requests.hpp"

#include "apps/bench/wire/jute.hpp"

namespace troupe::bench::zk {
namespace {

using jute::Writer;

/// One entry: everything, to everybody.
const std::string open_acl = [] {
  constexpr std::string_view scheme = "world", id = "anyone";
  constexpr std::int32_t all = 31;
  std::string bytes(4 + 4 + 4 + scheme.size() + 4 + id.size(), '\0');
  Writer(bytes.data()).i32(1).i32(all).bytes(scheme).bytes(id);
  return bytes;
}();

constexpr std::int32_t any_version = -1, persistent_watch = 0;
constexpr std::size_t header_size = 8, multi_header_size = 9;

std::int32_t code_of(Op op) {
  switch (op) {
    case Op::get:
      return code::get;
    case Op::set:
      return code::set;
    case Op::create:
      return code::create;
    case Op::remove:
      return code::remove;
    case Op::exists:
      return code::exists;
    case Op::children:
      return code::children;
    case Op::multi:
      return code::multi;
    case Op::add_watch:
      return code::add_watch;
  }
  return 0;
}

std::size_t body_size(const Request& request) {
  const std::size_t path = 4 + request.path.size(), data = 4 + request.data.size();
  switch (request.op) {
    case Op::get:
    case Op::exists:
    case Op::children:
      return path + 1;
    case Op::set:
      return path + data + 4;
    case Op::create:
      return path + data + open_acl.size() + 4;
    case Op::remove:
    case Op::add_watch:
      return path + 4;
    case Op::multi:
      break;
  }
  std::size_t size = multi_header_size;
  for (const Request& operation : request.operations) size += multi_header_size + body_size(operation);
  return size;
}

void write_body(Writer& writer, const Request& request) {
  switch (request.op) {
    case Op::get:
    case Op::exists:
    case Op::children:
      writer.bytes(request.path).i8(request.watch);
      return;
    case Op::set:
      writer.bytes(request.path).bytes(request.data).i32(any_version);
      return;
    case Op::create:
      writer.bytes(request.path).bytes(request.data).raw(open_acl).i32(static_cast<std::int32_t>(request.kind));
      return;
    case Op::remove:
      writer.bytes(request.path).i32(any_version);
      return;
    case Op::add_watch:
      writer.bytes(request.path).i32(persistent_watch);
      return;
    case Op::multi:
      for (const Request& operation : request.operations) {
        writer.i32(code_of(operation.op)).i8(false).i32(-1);
        write_body(writer, operation);
      }
      writer.i32(-1).i8(true).i32(-1);
  }
}

}  // namespace

void write_request(OutBuffer& out, std::int32_t xid, const Request& request) {
  const std::size_t size = header_size + body_size(request);
  Writer writer(out.grow(4 + size));
  writer.i32(static_cast<std::int32_t>(size)).i32(xid).i32(code_of(request.op));
  write_body(writer, request);
}

void write_header(OutBuffer& out, std::int32_t xid, std::int32_t code) {
  Writer(out.grow(4 + header_size)).i32(header_size).i32(xid).i32(code);
}

void write_connect(OutBuffer& out, std::int64_t last_zxid, std::chrono::milliseconds timeout, std::int64_t session,
                   std::string_view password) {
  const std::size_t size = 4 + 8 + 4 + 8 + 4 + password.size() + 1;
  Writer(out.grow(4 + size))
      .i32(static_cast<std::int32_t>(size))
      .i32(0)
      .i64(last_zxid)
      .i32(static_cast<std::int32_t>(timeout.count()))
      .i64(session)
      .bytes(password)
      .i8(false);
}

}  // namespace troupe::bench::zk
