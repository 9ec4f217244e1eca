#include "apps/shell/subtree.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

namespace troupe::shell {
namespace {

std::string below(const std::string& parent, const std::string& name) {
  return parent == "/" ? "/" + name : parent + "/" + name;
}

void remove_one(client::Client& client, const std::string& path) {
  try {
    client.remove(path);
  } catch (const client::ClientError& error) {
    if (error.error() != Error::no_node) throw;
  }
}

}  // namespace

void walk_subtree(client::Client& client, const std::string& path,
                  const std::function<void(const std::string&)>& each) {
  std::deque<std::string> waiting{path};
  for (bool first = true; !waiting.empty(); first = false) {
    std::string parent = std::move(waiting.front());
    waiting.pop_front();
    client::Children children;
    try {
      children = client.children(parent);
    } catch (const client::ClientError& error) {
      if (first || error.error() != Error::no_node) throw;
      continue;
    }
    each(parent);
    for (const std::string& name : children.names) waiting.push_back(below(parent, name));
  }
}

void remove_subtree(client::Client& client, const std::string& path, std::size_t batch) {
  std::vector<std::string> paths;
  walk_subtree(client, path, [&](const std::string& found) { paths.push_back(found); });
  std::reverse(paths.begin(), paths.end());  // what is deeper comes first
  for (std::size_t start = 0; start < paths.size(); start += batch) {
    std::size_t end = std::min(start + batch, paths.size());
    client::Multi multi;
    for (std::size_t i = start; i < end; ++i) multi.remove(paths[i]);
    try {
      client.commit(std::move(multi));
    } catch (const client::ClientError& error) {
      if (error.error() != Error::no_node) throw;
      // Somebody deletes here too: one by one, so that what is gone already does not stop the rest.
      for (std::size_t i = start; i < end; ++i) remove_one(client, paths[i]);
    }
  }
}

}  // namespace troupe::shell
