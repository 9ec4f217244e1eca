// Requests as etcd's messages, and what its answers say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/bench/wire/session.hpp"

namespace troupe::bench::etcd {

/// The path of the method that serves an operation: "/etcdserverpb.KV/Put".
std::string_view method_of(Op op);

/// Replaces `message`. Throws std::runtime_error for an operation that etcd does not have.
void write_message(std::string& message, const Request& request);

/// Fills in `answer` from etcd's; `names` keeps what it refers to. `path_size` is of the request's path.
void read_answer(Op op, std::size_t path_size, std::string_view message, Answer& answer,
                 std::vector<std::string_view>& names);

}  // namespace troupe::bench::etcd
