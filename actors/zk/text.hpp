// Numbers as the four-letter words write them. Pure functions.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace troupe::zk {

inline std::string hexadecimal(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// At most four digits behind the point, at least one.
inline std::string decimal(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4f", value);
  std::string digits = text;
  while (digits.ends_with("0") && !digits.ends_with(".0")) digits.pop_back();
  return digits;
}

}  // namespace troupe::zk
