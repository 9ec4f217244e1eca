// The numbers of ZooKeeper's wire protocol that only this door knows. Others are in actors/calls.hpp,
// actors/watches.hpp and store/error.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::zk {

/// What a request asks for, as it stands in its header.
enum class Op : std::int32_t {
  close_session = -11,
  create = 1,
  remove = 2,
  exists = 3,
  get_data = 4,
  set_data = 5,
  get_acl = 6,
  set_acl = 7,
  get_children = 8,
  sync = 9,
  ping = 11,
  get_children2 = 12,
  check = 13,
  multi = 14,
  create2 = 15,
  reconfig = 16,
  check_watches = 17,
  remove_watches = 18,
  create_container = 19,
  delete_container = 20,
  create_ttl = 21,
  multi_read = 22,
  auth = 100,
  set_watches = 101,
  sasl = 102,
  get_ephemerals = 103,
  get_all_children_number = 104,
  set_watches2 = 105,
  add_watch = 106,
  who_am_i = 107,
};

/// The xids of what is not answered under the client's own.
inline constexpr std::int32_t notification_xid = -1, ping_xid = -2, auth_xid = -4;
inline constexpr std::int32_t sync_connected = 3;  ///< the state that every event carries
inline constexpr std::int32_t end_of_multi = -1;   ///< the type of a multi's last header, and of a failed operation

inline constexpr std::size_t length_size = 4;  ///< in front of every frame
inline constexpr std::size_t password_size = 16;

struct RequestHeader {
  std::int32_t xid = 0;
  Op op{};
};

/// A call's tag carries its header through the gateway, so nothing need be remembered of it here.
constexpr std::uint64_t to_tag(RequestHeader header) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(header.xid)) << 32 |
         static_cast<std::uint32_t>(header.op);
}
constexpr RequestHeader from_tag(std::uint64_t tag) {
  return {static_cast<std::int32_t>(tag >> 32), static_cast<Op>(static_cast<std::int32_t>(tag))};
}

}  // namespace troupe::zk
