// The errors of the service, with ZooKeeper's numbers, and the exception for a disk that fails.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace troupe {

/// What an operation answers. The numbers are those of ZooKeeper's wire protocol.
enum class Error : std::int32_t {
  ok = 0,
  system_error = -1,
  runtime_inconsistency = -2,
  connection_loss = -4,
  marshalling_error = -5,
  unimplemented = -6,
  operation_timeout = -7,
  bad_arguments = -8,
  invalid_state = -9,
  unknown_session = -12,
  new_config_no_quorum = -13,
  reconfig_in_progress = -14,
  no_node = -101,
  no_auth = -102,
  bad_version = -103,
  no_children_for_ephemerals = -108,
  node_exists = -110,
  not_empty = -111,
  session_expired = -112,
  invalid_callback = -113,
  invalid_acl = -114,
  auth_failed = -115,
  session_moved = -118,
  not_read_only = -119,
  ephemeral_on_local_session = -120,
  no_watcher = -121,
  request_timeout = -122,
  reconfig_disabled = -123,
  session_closed_require_auth = -124,
  quota_exceeded = -125,
  throttled = -127,
};

/// "no node", for messages to people.
const char* describe(Error error);

namespace store {

/// The disk or the data on it failed: a full disk, a damaged file, a directory that belongs to
/// another node. The message says what happened and what to do; the node prints it and stops.
class StorageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What to do about a data directory that is lost; the end of such messages.
inline constexpr const char* start_anew =
    "Put the data directory aside, and while the other nodes form a quorum start this one with an empty directory: it "
    "fetches the data from them. Otherwise restore a backup.";

}  // namespace store
}  // namespace troupe
