// What the shell does with a znode and all below it, in many requests: other clients may change the
// tree meanwhile, and what they delete is passed over.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "client/client.hpp"

namespace troupe::shell {

/// Calls `each` with `path`, then level by level with all below it, each level in the order of names.
/// Throws ClientError where `path` itself is not there.
void walk_subtree(client::Client& client, const std::string& path, const std::function<void(const std::string&)>& each);

/// Deletes `path` and all below it, leaves first, `batch` znodes in one transaction. Throws ClientError;
/// what was deleted before stays deleted.
void remove_subtree(client::Client& client, const std::string& path, std::size_t batch);

}  // namespace troupe::shell
