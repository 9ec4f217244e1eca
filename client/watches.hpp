// The client's own table of its watches: whom to call when an event comes, and what to tell the next
// node when the connection moves. Paths are the servers', with the chroot.
//
// Owner: the client's loop thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/types.hpp"
#include "schema/client.capnp.h"

namespace troupe::client {

class WatchTable {
 public:
  using Kind = schema::WatchKind;

  void add(const std::string& path, Kind kind, Watch watch);
  /// `any` removes all of the path.
  void remove(const std::string& path, Kind kind);

  /// Whom the event calls, in the order in which they were added. One-shot watches are used up.
  std::vector<Watch> take(schema::EventType type, std::string_view path);
  /// Everybody; the table is empty then.
  std::vector<std::pair<std::string, Watch>> take_all();

  /// Each (path, kind) once.
  void each(const std::function<void(const std::string& path, Kind kind)>& visit) const;
  bool empty() const;

 private:
  using Lists = std::map<std::string, std::vector<Watch>, std::less<>>;
  static constexpr std::size_t kinds = 5;
  Lists& lists(Kind kind) { return lists_[static_cast<std::size_t>(kind)]; }
  void take_from(Kind kind, std::string_view path, std::vector<Watch>& to);

  Lists lists_[kinds];  // by Kind: data, exists, children, persistent, recursive
};

}  // namespace troupe::client
