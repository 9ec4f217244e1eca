// What the troupe command's exit status says.
#pragma once

namespace troupe::exit_code {

inline constexpr int ok = 0;
inline constexpr int failed = 1;   ///< what was asked for was refused or did not happen
inline constexpr int usage = 2;    ///< the command line or the configuration is wrong
inline constexpr int storage = 3;  ///< the disk or the data on it
inline constexpr int network = 4;  ///< an address cannot be listened on

}  // namespace troupe::exit_code
