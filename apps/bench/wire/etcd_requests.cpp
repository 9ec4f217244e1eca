#include "apps/bench/wire/etcd_requests.hpp"

#include <stdexcept>

#include "apps/bench/wire/protobuf.hpp"

namespace troupe::bench::etcd {
namespace {

using protobuf::put_bytes;
using protobuf::put_number;

// The numbers of the fields, by message (etcd's rpc.proto and kv.proto).
namespace range {
constexpr unsigned key = 1, end = 2, serializable = 7, keys_only = 8, count_only = 9;
constexpr unsigned kvs = 2, count = 4;  // of the answer
}  // namespace range
namespace kv {
constexpr unsigned key = 1, value = 5;
}
namespace put {
constexpr unsigned key = 1, value = 2;
}
namespace compare {
constexpr unsigned target = 2, key = 3, create_revision = 5;
constexpr std::uint64_t target_create = 1;
}  // namespace compare
namespace txn {
constexpr unsigned compare = 1, success = 2;
constexpr unsigned succeeded = 2;  // of the answer
}  // namespace txn
constexpr unsigned operation_put = 2;

std::string encoded_put(const Request& request) {
  std::string message;
  put_bytes(message, put::key, request.path);
  put_bytes(message, put::value, request.data);
  return message;
}

void add_put(std::string& transaction, const Request& request) {
  std::string operation;
  put_bytes(operation, operation_put, encoded_put(request));
  put_bytes(transaction, txn::success, operation);
}

/// All keys below a path: from "path/" to the least that is greater than all of them.
void put_prefix(std::string& message, std::string_view path) {
  std::string key(path);
  put_bytes(message, range::key, key + '/');
  put_bytes(message, range::end, key + static_cast<char>('/' + 1));
}

}  // namespace

std::string_view method_of(Op op) {
  switch (op) {
    case Op::get:
    case Op::exists:
    case Op::children:
      return "/etcdserverpb.KV/Range";
    case Op::set:
      return "/etcdserverpb.KV/Put";
    case Op::remove:
      return "/etcdserverpb.KV/DeleteRange";
    case Op::create:
    case Op::multi:
      return "/etcdserverpb.KV/Txn";
    case Op::add_watch:
      break;
  }
  throw std::runtime_error("there are no watches over etcd here");
}

void write_message(std::string& message, const Request& request) {
  if (request.watch || request.kind != ZnodeKind::persistent)
    throw std::runtime_error("there are no watches and ephemerals over etcd here");
  message.clear();
  switch (request.op) {
    case Op::get:
      put_bytes(message, range::key, request.path);
      put_number(message, range::serializable, true);
      return;
    case Op::exists:
      put_prefix(message, request.path);
      put_number(message, range::count_only, true);
      return;
    case Op::children:
      put_prefix(message, request.path);
      put_number(message, range::keys_only, true);
      return;
    case Op::set:
      message = encoded_put(request);
      return;
    case Op::remove:
      put_bytes(message, range::key, request.path);
      return;
    case Op::create: {
      std::string absent;
      put_number(absent, compare::target, compare::target_create);
      put_bytes(absent, compare::key, request.path);
      put_number(absent, compare::create_revision, 0);
      put_bytes(message, txn::compare, absent);
      return add_put(message, request);
    }
    case Op::multi:
      for (const Request& operation : request.operations) add_put(message, operation);
      return;
    case Op::add_watch:
      method_of(request.op);  // throws
  }
}

void read_answer(Op op, std::size_t path_size, std::string_view message, Answer& answer,
                 std::vector<std::string_view>& names) {
  protobuf::Reader reader(message);
  names.clear();
  bool found = false, succeeded = false;
  while (const auto field = reader.next()) {
    if (op == Op::create || op == Op::multi) {
      if (field->number == txn::succeeded) succeeded = field->value != 0;
    } else if (op == Op::exists) {
      if (field->number == range::count) answer.children_count = static_cast<std::int32_t>(field->value);
    } else if ((op == Op::get || op == Op::children) && field->number == range::kvs) {
      found = true;
      protobuf::Reader pair(field->bytes);
      while (const auto part = pair.next()) {
        if (op == Op::get && part->number == kv::value) answer.data = part->bytes;
        if (op == Op::children && part->number == kv::key) names.push_back(part->bytes.substr(path_size + 1));
      }
    }
  }
  answer.names = names;
  if (op == Op::get && !found) answer.error = error::no_node;
  if (op == Op::create && !succeeded) answer.error = error::node_exists;
}

}  // namespace troupe::bench::etcd
