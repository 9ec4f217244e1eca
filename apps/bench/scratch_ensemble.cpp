#include "apps/bench/scratch_ensemble.hpp"

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace troupe::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds ready_patience{30};

std::string contents(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

ScratchDir::ScratchDir(const std::string& parent) {
  path_ = (fs::path(parent.empty() ? fs::temp_directory_path() : fs::path(parent)) / "troupe-bench-XXXXXX").string();
  if (!mkdtemp(path_.data())) throw std::system_error(errno, std::generic_category(), path_);
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

bool ScratchDir::in_memory() const {
  struct statfs info;
  return statfs(path_.c_str(), &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

ScratchEnsemble::ScratchEnsemble(const std::string& parent, std::uint32_t nodes)
    : directory_(parent),
      nodes_(own_program(),
             {.directory = directory_.path(), .participants = nodes, .base_port = free_base_port(nodes)}) {
  nodes_.start_all();
  if (nodes_.wait_ready(ready_patience)) return;
  std::string logs;
  for (std::size_t node = 0; node < nodes_.size(); ++node) logs += "\n" + contents(nodes_.log_file(node));
  throw std::runtime_error("the ensemble did not get ready; its logs:" + logs);
}

}  // namespace troupe::bench
