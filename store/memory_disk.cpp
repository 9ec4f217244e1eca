#include "store/memory_disk.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "schema/check.hpp"
#include "store/error.hpp"
#include "store/memory_kv.hpp"

namespace troupe::store {

namespace {

/// A journal's file: all that is written survives.
class MemoryJournalFile final : public JournalFile {
 public:
  MemoryJournalFile(std::shared_ptr<std::string> content, std::shared_ptr<const bool> full)
      : content_(std::move(content)), full_(std::move(full)) {}
  std::string_view content() override { return *content_; }
  void shrink(std::uint64_t size) override {
    if (content_->size() > size) content_->resize(size);
  }
  void write(std::uint64_t offset, std::string_view bytes) override {
    if (*full_) fail_full();
    const std::size_t end = (offset + bytes.size() + page - 1) / page * page;
    content_->resize(std::max(content_->size(), end));
    content_->replace(offset, end - offset, end - offset, '\0');
    content_->replace(offset, bytes.size(), bytes);
  }

 private:
  std::shared_ptr<std::string> content_;
  std::shared_ptr<const bool> full_;
};

}  // namespace

struct MemoryMachine::Impl {
  std::map<std::string, std::shared_ptr<MemoryEnv>> envs;
  std::map<std::pair<std::string, unsigned>, std::shared_ptr<std::string>> journals;
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

  std::unique_ptr<JournalFile> open_journal(const std::string& name, unsigned index, bool create) override {
    auto& content = machine_->journals[{name, index}];
    if (!content && !create) throw StorageError("the journal of " + name + " is missing.");
    if (!content) content = std::make_shared<std::string>();
    return std::make_unique<MemoryJournalFile>(content, machine_->full);
  }

  bool exists(const std::string& name) const override { return machine_->envs.count(name) != 0; }
  void remove(const std::string& name) override {
    machine_->envs.erase(name);
    std::erase_if(machine_->journals, [&](const auto& journal) { return journal.first.first == name; });
  }

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

std::unique_ptr<Disk> MemoryMachine::disk() { return std::make_unique<MemoryDisk>(impl_); }

void MemoryMachine::cut_power() {
  ++impl_->boot;
  for (auto& [name, env] : impl_->envs) {
    if (!env->created_flushed || env->flushed != env->sequence) env->damaged = true;
  }
}

void MemoryMachine::fill(bool full) { *impl_->full = full; }

}  // namespace troupe::store
