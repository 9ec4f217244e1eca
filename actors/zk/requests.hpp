// From frames to a gateway's calls. Translation alone: no state but the scratch space that the
// translated call points into. Allocates nothing for requests of usual size once it is warm. Single thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/calls.hpp"
#include "actors/zk/jute.hpp"
#include "actors/zk/protocol.hpp"

namespace troupe::zk {

/// The first frame of a connection.
struct ConnectFrame {
  Zxid last_seen;
  std::int32_t timeout_ms = 0;
  SessionId session;
  std::string_view password;
  bool says_read_only = false;  ///< younger clients say whether they take a node that only reads, and are told
  bool read_only = false;
};

/// Nothing for a frame that is none.
std::optional<ConnectFrame> read_connect(std::string_view frame);

/// The znode that a request only reads; empty of other requests, and of what is malformed.
std::string_view path_of_read(std::string_view frame);

class Requests {
 public:
  /// Nothing for a frame without a header. Otherwise the call, which points into `frame` and into this
  /// until the next read(). What is malformed, refused or unknown is a call with a refusal:
  ///   marshalling_error   the body is not what the operation takes
  ///   unimplemented       there is no such operation: the connection is to be closed behind the answer
  const Call* read(std::string_view frame);

 private:
  Error read_body(Op op, Reader& in);
  WriteOp& read_create(Op op, Reader& in);
  void read_single_create(Op op, Reader& in);
  void read_create_of_multi(Op op, Reader& in);
  void read_write(Op op, Reader& in);
  Error read_multi(Reader& in);
  Error read_multi_read(Reader& in);
  Error read_watcher_type(Reader& in);
  Error read_watch_mode(Reader& in);
  Error read_rearm(Op op, Reader& in);
  Error read_auth(Reader& in);
  std::pair<std::size_t, std::size_t> read_acl(Reader& in);
  void show_operations();

  Call call_;
  Rearm rearm_;
  std::vector<WriteOp> ops_;
  std::vector<AclView> acls_;
  std::vector<std::pair<std::size_t, std::size_t>> op_acls_;  // of each of ops_, its part of acls_
  std::vector<ReadOp> reads_;
  std::vector<std::string_view> paths_;
};

}  // namespace troupe::zk
