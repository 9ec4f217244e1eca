#include "store/error.hpp"

namespace troupe {

const char* describe(Error error) {
  switch (error) {
    case Error::ok:
      return "ok";
    case Error::system_error:
      return "system error";
    case Error::runtime_inconsistency:
      return "runtime inconsistency";
    case Error::connection_loss:
      return "connection loss";
    case Error::marshalling_error:
      return "malformed request";
    case Error::unimplemented:
      return "unimplemented";
    case Error::operation_timeout:
      return "operation timeout";
    case Error::bad_arguments:
      return "bad arguments";
    case Error::invalid_state:
      return "invalid state";
    case Error::unknown_session:
      return "unknown session";
    case Error::new_config_no_quorum:
      return "no quorum of the new configuration is connected";
    case Error::reconfig_in_progress:
      return "a reconfiguration is in progress";
    case Error::no_node:
      return "no such node";
    case Error::no_auth:
      return "not authorised";
    case Error::bad_version:
      return "version mismatch";
    case Error::no_children_for_ephemerals:
      return "ephemeral nodes cannot have children";
    case Error::node_exists:
      return "node exists";
    case Error::not_empty:
      return "node has children";
    case Error::session_expired:
      return "session expired";
    case Error::invalid_callback:
      return "invalid callback";
    case Error::invalid_acl:
      return "invalid access control list";
    case Error::auth_failed:
      return "authentication failed";
    case Error::session_moved:
      return "session moved to another server";
    case Error::not_read_only:
      return "not a read-only call, and the server is read-only";
    case Error::ephemeral_on_local_session:
      return "a local session cannot own an ephemeral node";
    case Error::no_watcher:
      return "no such watch";
    case Error::request_timeout:
      return "request timeout";
    case Error::reconfig_disabled:
      return "reconfiguration is disabled";
    case Error::session_closed_require_auth:
      return "session closed: authentication required";
    case Error::quota_exceeded:
      return "quota exceeded";
    case Error::throttled:
      return "throttled";
  }
  return "unknown error";
}

}  // namespace troupe
