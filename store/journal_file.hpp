// A journal's file on a real disk. Writes go past the system's cache where the file system can do that: the
// same bytes are never read again but after a crash.
#pragma once

#include <memory>
#include <string>

#include "store/kv.hpp"

namespace troupe::store {

/// As Disk::open_journal.
std::unique_ptr<JournalFile> open_journal_file(const std::string& path, bool create);

}  // namespace troupe::store
