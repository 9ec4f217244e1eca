// Many requests of one session, of which only the result counts: for preparing, tidying and verifying.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/bench/wire/fleet.hpp"

namespace troupe::bench {

/// Sends what `next` fills in until it returns false, many at once, and waits for all answers. `seen` is
/// told each with its number. Throws std::runtime_error at an error that is not in `tolerated`, or when
/// the answers cease.
void bulk(Rig rig, const std::function<bool(Request&)>& next, const std::vector<int>& tolerated = {},
          const std::function<void(const Answer&)>& seen = {});

/// One request; the error is returned. Throws std::runtime_error without a connection.
int one(Rig rig, const Request& request, const std::function<void(const Answer&)>& seen = {});

/// The names of the znodes below `parent`; none if it is not there.
std::vector<std::string> names_below(Rig rig, const std::string& parent);

}  // namespace troupe::bench
