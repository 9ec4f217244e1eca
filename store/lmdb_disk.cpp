// The real disk: one directory, a lock file in it, and a subdirectory for each LMDB environment.
//
// A subdirectory is complete whenever it has its name: it is made under a hidden name and renamed,
// and it is renamed to a hidden name before it is deleted. What a crash leaves under hidden names goes
// at the next start.
//
// Threads: any; the map of open environments has a mutex.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>

#include "schema/check.hpp"
#include "store/data_dir.hpp"
#include "store/files.hpp"
#include "store/journal_file.hpp"
#include "store/lmdb_kv.hpp"

namespace troupe::store {
namespace {

constexpr char hidden = '.';
const std::string data_file = "/data.mdb";

class LmdbDisk final : public Disk {
 public:
  explicit LmdbDisk(const std::string& root) : root_(prepared(root)), lock_(root_) {
    for (const std::string& name : list_names(root_)) {
      if (name.front() == hidden) remove_directory(root_ + "/" + name);
    }
  }

  std::unique_ptr<Kv> open(const std::string& name, const KvOptions& options) override {
    std::lock_guard lock(mutex_);
    // LMDB must not have the same files open twice in one process; old readers may still hold them.
    if (auto env = open_[name].lock()) {
      TROUPE_CHECK(env->options().tables == options.tables, "an open environment keeps its tables");
      return std::make_unique<LmdbKv>(std::move(env));
    }
    if (!is_directory(path(name))) create(name, options);
    if (std::error_code absent; !std::filesystem::exists(path(name) + data_file, absent)) {
      throw StorageError(path(name) + data_file + " is missing. Put it back. " +
                         (options.remedy.empty() ? start_anew : options.remedy));
    }
    auto env = std::make_shared<LmdbEnv>(path(name), options);
    open_[name] = env;
    return std::make_unique<LmdbKv>(std::move(env));
  }

  std::unique_ptr<JournalFile> open_journal(const std::string& name, unsigned index, bool create) override {
    return open_journal_file(path(name) + "/journal-" + std::to_string(index), create);
  }

  bool exists(const std::string& name) const override { return is_directory(path(name)); }

  void remove(const std::string& name) override {
    std::lock_guard lock(mutex_);
    forget(name);
  }

  void rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(mutex_);
    auto env = std::exchange(open_[from], {});
    if (is_directory(path(to)) && exchange_paths(path(from), path(to))) {
      forget(from);  // what was `to`
    } else {
      forget(to);
      rename_path(path(from), path(to));
    }
    open_[to] = std::move(env);
    flush_directory(root_);
  }

  std::vector<std::string> list() const override {
    std::vector<std::string> names;
    for (std::string& name : list_names(root_)) {
      if (name.front() != hidden && is_directory(path(name))) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  void copy(Kv& from, const std::string& to) override {
    LmdbEnv& env = dynamic_cast<LmdbKv&>(from).env();
    place(to, [&](const std::string& scratch) {
      if (int rc = mdb_env_copy2(env.get(), scratch.c_str(), MDB_CP_COMPACT)) env.fail(rc);
      flush_file(scratch + data_file);
      flush_directory(scratch);
    });
    flush_directory(root_);
  }

  void clone(const std::string& from, const std::string& to) override {
    place(to, [&](const std::string& scratch) { copy_file(path(from) + data_file, scratch + data_file); });
  }

  std::string boot_id() const override {
    std::string id;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
    // An unknown boot equals no other: then every start counts as one after a power cut.
    if (id.empty()) std::getline(std::ifstream("/proc/sys/kernel/random/uuid"), id);
    if (id.empty()) throw StorageError("cannot read /proc/sys/kernel/random/boot_id: mount /proc for this node.");
    return id;
  }

 private:
  static std::string prepared(const std::string& root) {
    make_directories(root);
    return root;
  }

  std::string path(const std::string& name) const { return root_ + "/" + name; }

  std::string scratch(const std::string& name) {
    return root_ + "/" + hidden + name + "-" + std::to_string(++scratches_);
  }

  /// Lets `make` fill a hidden directory, then gives it the name `to`. Copies take their time: other
  /// threads may use the disk meanwhile.
  template <typename Make>
  void place(const std::string& to, Make make) {
    std::string directory;
    {
      std::lock_guard lock(mutex_);
      directory = scratch(to);
    }
    make_directory(directory);
    try {
      make(directory);
    } catch (...) {
      try {
        remove_directory(directory);
      } catch (const StorageError&) {  // the first error says more; the next start removes it
      }
      throw;
    }
    std::lock_guard lock(mutex_);
    forget(to);
    rename_path(directory, path(to));
  }

  void create(const std::string& name, const KvOptions& options) {
    const std::string directory = scratch(name);
    make_directory(directory);
    LmdbEnv(directory, options);
    if (options.durable) {
      flush_file(directory + data_file);
      flush_directory(directory);
    }
    rename_path(directory, path(name));
    if (options.durable) flush_directory(root_);
  }

  void forget(const std::string& name) {
    open_.erase(name);
    if (!is_directory(path(name))) return;
    const std::string grave = scratch(name);
    rename_path(path(name), grave);
    remove_directory(grave);
  }

  const std::string root_;
  FileLock lock_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<LmdbEnv>> open_;
  unsigned scratches_ = 0;
};

}  // namespace

std::unique_ptr<Disk> open_lmdb_disk(const std::string& path) { return std::make_unique<LmdbDisk>(path); }

}  // namespace troupe::store
