// A disk that goes bad under a running node.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace troupe::testing {

/// Changes a byte of `mark` wherever it stands in `file`. Who has the file in memory sees it.
inline void damage(const std::string& file, const std::string& mark) {
  std::fstream disk(file, std::ios::binary | std::ios::in | std::ios::out);
  const std::string content{std::istreambuf_iterator<char>(disk), {}};
  auto at = content.find(mark);
  if (at == std::string::npos) throw std::runtime_error(file + " does not contain " + mark);
  for (disk.clear(); at != std::string::npos; at = content.find(mark, at + 1)) {
    disk.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(mark[0] ^ 1));
  }
  if (!disk.flush()) throw std::runtime_error("cannot write to " + file);
}

}  // namespace troupe::testing
