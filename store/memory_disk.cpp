#include "store/memory_disk.hpp"

#include <map>
#include <utility>

#include "schema/check.hpp"
#include "store/error.hpp"
#include "store/memory_kv.hpp"

namespace troupe::store {

struct MemoryMachine::Impl {
  std::map<std::string, std::shared_ptr<MemoryEnv>> envs;
  std::shared_ptr<bool> full = std::make_shared<bool>(false);
  unsigned boot = 1;
  bool in_use = false;

  MemoryEnv& at(const std::string& name) {
    auto found = envs.find(name);
    if (found == envs.end()) throw StorageError(name + " is missing.");
    if (found->second->damaged) throw StorageError(name + " is damaged: a power cut tore its unflushed commits apart.");
    return *found->second;
  }
};

class MemoryDisk final : public Disk {
 public:
  explicit MemoryDisk(std::shared_ptr<MemoryMachine::Impl> machine) : machine_(std::move(machine)) {
    TROUPE_CHECK(!std::exchange(machine_->in_use, true), "one process at a time uses a disk");
  }
  ~MemoryDisk() override { machine_->in_use = false; }

  std::unique_ptr<Kv> open(const std::string& name, const KvOptions& options) override {
    auto& env = machine_->envs[name];
    if (!env) {
      env = std::make_shared<MemoryEnv>(options.tables, options.durable);
      env->full = machine_->full;
    }
    machine_->at(name);
    TROUPE_CHECK(env->tables == options.tables, "an environment keeps its tables");
    env->durable = options.durable;
    return std::make_unique<MemoryKv>(env);
  }

  bool exists(const std::string& name) const override { return machine_->envs.count(name) != 0; }
  void remove(const std::string& name) override { machine_->envs.erase(name); }

  void rename(const std::string& from, const std::string& to) override {
    machine_->at(from);
    machine_->envs[to] = machine_->envs[from];
    machine_->envs.erase(from);
  }

  std::vector<std::string> list() const override {
    std::vector<std::string> names;
    for (const auto& [name, env] : machine_->envs) names.push_back(name);
    return names;
  }

  void copy(Kv& from, const std::string& to) override {
    if (*machine_->full) fail_full();
    machine_->envs[to] = dynamic_cast<MemoryKv&>(from).env().image(true);
  }
  void clone(const std::string& from, const std::string& to) override {
    if (*machine_->full) fail_full();
    machine_->envs[to] = machine_->at(from).image(false);
  }

  std::string boot_id() const override { return "boot " + std::to_string(machine_->boot); }

 private:
  std::shared_ptr<MemoryMachine::Impl> machine_;
};

MemoryMachine::MemoryMachine() : impl_(std::make_shared<Impl>()) {}
MemoryMachine::~MemoryMachine() = default;

std::unique_ptr<Disk> MemoryMachine::disk() {
  return std::make_unique<MemoryDisk>(impl_);
}

void MemoryMachine::cut_power() {
  ++impl_->boot;
  for (auto& [name, env] : impl_->envs) {
    if (!env->created_flushed || env->flushed != env->sequence) env->damaged = true;
  }
}

void MemoryMachine::fill(bool full) {
  *impl_->full = full;
}

}  // namespace troupe::store
