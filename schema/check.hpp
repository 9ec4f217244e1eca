// CHECK(condition, "what must hold"): always on, in release builds too. A node whose own state
// contradicts itself must not go on voting, so a failed CHECK says what broke and where, and
// aborts the process. Errors that the outside can cause are values or exceptions, never a CHECK.
#pragma once

namespace troupe {

[[noreturn]] void check_failed(const char* condition, const char* what, const char* file, int line);

}  // namespace troupe

#define TROUPE_CHECK(condition, what)                                       \
  (__builtin_expect(static_cast<bool>(condition), 1) ? static_cast<void>(0) \
                                                     : ::troupe::check_failed(#condition, what, __FILE__, __LINE__))
