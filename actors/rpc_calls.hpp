// Between the client API (schema/client.capnp) and a gateway's calls and replies. Translation alone: no
// state but the scratch space that the translated call points into. Single thread.
#pragma once

#include <string_view>
#include <vector>

#include "actors/calls.hpp"
#include "schema/client.capnp.h"

namespace troupe {

class RpcCalls {
 public:
  /// The call points into `from` and into this, until the next call of read(). `answered` as in
  /// Session.submit. Throws kj::Exception for a call that this version does not know.
  const Call& read(schema::Call::Reader from, std::uint64_t answered);
  /// The znode that a call only reads; empty of other calls.
  static std::string_view path_of_read(schema::Call::Reader from);

 private:
  void read_operations(capnp::List<schema::Operation>::Reader list);
  void read_operation(schema::Operation::Reader from);
  std::span<const AclView> read_acl(capnp::List<schema::Acl>::Reader list);
  void read_rearm(schema::Call::Rearm::Reader from);

  Call call_;
  Rearm rearm_;
  std::vector<WriteOp> ops_;
  std::vector<AclView> acls_;
  std::vector<std::string_view> paths_;
};

/// About the bytes that the answer takes in a message.
std::size_t size_of(const Reply& reply);
/// Everything but the position.
void write_answer(const Reply& reply, schema::Answer::Builder answer);
void write_event(const Event& event, schema::Event::Builder to);

}  // namespace troupe
