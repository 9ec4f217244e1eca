// What `troupe status` writes. Plain functions, so that they are tested without an ensemble.
#pragma once

#include <string>
#include <vector>

#include "apps/node_status.hpp"

namespace troupe {

/// A line of headings and one for each node. `lag`: transactions that a node's clients do not see yet,
/// counted from the most recent one that any node has answered; ">" where it is epochs behind.
std::string status_table(const std::vector<StatusAnswer>& answers);

/// {"quorum": true, "leader": 3, "nodes": [{"address": "...", "node": 1, ...}]}; "lag" is null where it
/// cannot be counted, a node that did not answer has "problem" alone.
std::string status_json(const std::vector<StatusAnswer>& answers);

}  // namespace troupe
