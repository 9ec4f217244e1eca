#include "store/data_dir.hpp"

#include <array>
#include <cstdio>
#include <mutex>
#include <set>
#include <vector>

#include "schema/check.hpp"
#include "store/encoding.hpp"
#include "store/error.hpp"
#include "store/tree_format.hpp"

namespace troupe::store {
namespace {

const std::string log_name = "log", state_name = "state", incoming_name = "incoming",
                  unnamed_checkpoint = "checkpoint-new", checkpoint_prefix = "checkpoint-";

/// Entries of a snapshot are committed in portions, so that its pages need not all be in memory.
constexpr std::size_t incoming_portion = 8u << 20;  // bytes

std::string checkpoint_name(Zxid zxid) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(zxid.value));
  return checkpoint_prefix + digits;
}

bool is_checkpoint(const std::string& name) {
  return name.compare(0, checkpoint_prefix.size(), checkpoint_prefix) == 0;
}

}  // namespace

struct DataDir::Impl {
  Impl(std::unique_ptr<Disk> disk_, PeerId self, const DataDirOptions& options_)
      : disk(std::move(disk_)),
        options(options_),
        log(with_log_or_new(*disk), log_name, self, options.log) {
    remove_unfinished();
    const auto mark = log.state_mark();
    if (disk->exists(state_name) && mark && (mark->clean || mark->boot_id == disk->boot_id())) {
      mark_in_use();
      open_tree(
          "Or remove the whole state, which is made anew from the log and the checkpoint, and start the node again.");
      if (tree->applied() >= log.base() && tree->applied() <= log.last()) return;
      tree.reset();
    }
    rebuild();
  }

  /// A data directory without its log would start again with an empty history, and vote with it.
  static Disk& with_log_or_new(Disk& disk) {
    if (disk.exists(log_name)) return disk;
    for (const std::string& name : disk.list()) {
      if (name != state_name && !is_checkpoint(name)) continue;
      throw StorageError("the data directory holds " + name + " but no " + log_name +
                         ": its transaction log is lost. Put the log back. " + start_anew);
    }
    return disk;
  }

  /// Half a snapshot, and checkpoints that the log does not name.
  void remove_unfinished() {
    const auto named = log.checkpoint();
    for (const std::string& name : disk->list()) {
      if (name == incoming_name || (is_checkpoint(name) && !(named && name == checkpoint_name(*named)))) {
        disk->remove(name);
      }
    }
  }

  /// From now on the state is as good as this boot of the machine. On disk before the state changes.
  void mark_in_use() {
    const auto mark = log.state_mark();
    if (mark && !mark->clean && mark->boot_id == disk->boot_id()) return;
    log.set_state_mark({disk->boot_id(), false});
    log.commit();
  }

  /// The state of the newest checkpoint. In this order: the old state must be gone before there is a
  /// mark that speaks for the new one.
  void rebuild() {
    disk->remove(state_name);
    mark_in_use();
    restore();
  }

  void restore() {
    const auto checkpoint = log.checkpoint();
    const std::string name = checkpoint_name(checkpoint.value_or(Zxid{0}));
    if (checkpoint) {
      if (!disk->exists(name)) {
        throw StorageError("the checkpoint " + name +
                           " is missing, and the state cannot be rebuilt without it. Put it back. " + start_anew);
      }
      disk->clone(name, state_name);
    }
    open_tree();
    const auto fail_damaged = [&](const std::string& what) {
      throw StorageError("the checkpoint " + name + " is damaged: " + what + ". Check the disk. " + start_anew);
    };
    const auto view = tree->view();
    if (view->zxid() != checkpoint.value_or(Zxid{0})) fail_damaged("it holds the state at " + to_string(view->zxid()));
    if (digest_of_entries(view->raw()) != view->digest()) fail_damaged("its entries contradict their digest");
  }

  KvOptions tree_options() const {
    return {.tables = Tree::tables(), .durable = false, .map_size = options.state_map_size};
  }

  void open_tree(const std::string& remedy = {}) {
    auto state = tree_options();
    state.remedy = remedy;
    state.write_in_map = true;
    auto opened = std::make_shared<Tree>(disk->open(state_name, state));
    std::lock_guard lock(mutex);
    tree = std::move(opened);
  }

  std::shared_ptr<Tree> current_tree() const {
    std::lock_guard lock(mutex);
    return tree;
  }

  /// The zxid of the image in the closed environment `name`.
  Zxid zxid_of(const std::string& name) { return View(disk->open(name, tree_options())->read()).zxid(); }

  const std::unique_ptr<Disk> disk;
  const DataDirOptions options;
  Log log;
  mutable std::mutex mutex;               // guards what follows
  std::shared_ptr<Tree> tree;             // shared, so that a checkpoint of it can end after it was replaced
  std::optional<Zxid> written, received;  // checkpoints that the log may be about to name
};

namespace {

class IncomingSnapshot final : public DataDir::Incoming {
 public:
  IncomingSnapshot(Disk& disk, const KvOptions& options, Zxid announced, std::function<void(Zxid)> finished)
      : disk_(disk),
        announced_(announced),
        kv_(disk.open(incoming_name, options)),
        last_keys_(options.tables.size()),
        finished_(std::move(finished)) {}

  void put(Table table, std::string_view key, std::string_view value) override {
    if (table >= last_keys_.size() || key.empty() || key.size() > max_key_size) {
      throw BadSnapshot("it has an entry of no table; run the same version on all nodes");
    }
    if (!writer_) writer_ = kv_->write();
    std::string& last = last_keys_[table];
    if (key > last) {
      writer_->append(table, key, value);
      last = key;
    } else {
      writer_->put(table, key, value);
    }
    if (is_digested(table, key)) digest_ += entry_hash(table, key, value);
    portion_ += key.size() + value.size();
    if (portion_ >= incoming_portion) commit();
  }

  Zxid finish() override {
    commit();
    check();
    kv_->sync();
    kv_.reset();
    finished_(announced_);  // from here on it is not pruned
    disk_.rename(incoming_name, checkpoint_name(announced_));
    return announced_;
  }

  const Bytes& configuration() const override { return configuration_; }

 private:
  void check() {
    auto reader = kv_->read();
    const auto applied = reader->get(meta_table, applied_row);
    if (!applied || applied->size() != sizeof(Applied)) throw BadSnapshot("it does not say which transaction it is at");
    if (reader->get(meta_table, format_row) != raw_bytes(tree_format_version)) {
      throw BadSnapshot("it has a format that this program does not know; run the same version on all nodes");
    }
    const View view(std::move(reader));
    if (view.zxid() != announced_) {
      throw BadSnapshot("it was announced as " + to_string(announced_) + " and is the state at " +
                        to_string(view.zxid()));
    }
    if (view.digest() != digest_) {
      throw BadSnapshot(
          "it contradicts its digest: it was damaged on its way, or the leader's state is; compare the "
          "digests of the nodes");
    }
    configuration_ = view.configuration();
  }

  void commit() {
    if (!writer_) return;
    writer_->commit();
    writer_.reset();
    portion_ = 0;
  }

  Disk& disk_;
  const Zxid announced_;
  std::unique_ptr<Kv> kv_;
  std::unique_ptr<KvWriter> writer_;
  std::vector<std::string> last_keys_;
  std::size_t portion_ = 0;   // bytes put since the last commit
  std::uint64_t digest_ = 0;  // of what was put
  std::function<void(Zxid)> finished_;
  Bytes configuration_;
};

}  // namespace

DataDir::DataDir(std::unique_ptr<Disk> disk, PeerId self, const DataDirOptions& options)
    : impl_(std::make_unique<Impl>(std::move(disk), self, options)) {}
DataDir::~DataDir() = default;

Log& DataDir::log() { return impl_->log; }
Tree& DataDir::tree() { return *impl_->current_tree(); }
Disk& DataDir::disk() { return *impl_->disk; }

void DataDir::flush_state() { impl_->current_tree()->kv().flush(); }

Zxid DataDir::write_checkpoint() {
  Impl& dir = *impl_;
  const auto tree = dir.current_tree();
  dir.disk->copy(tree->kv().base(), unnamed_checkpoint);
  const Zxid zxid = dir.zxid_of(unnamed_checkpoint);
  {
    std::lock_guard lock(dir.mutex);
    dir.written = zxid;
  }
  dir.disk->rename(unnamed_checkpoint, checkpoint_name(zxid));
  return zxid;
}

void DataDir::prune_checkpoints() {
  Impl& dir = *impl_;
  const auto names = dir.disk->list();  // before it is asked which of them are needed
  std::set<std::string> needed;
  {
    std::lock_guard lock(dir.mutex);
    for (const auto& zxid : {dir.written, dir.received}) {
      if (zxid) needed.insert(checkpoint_name(*zxid));
    }
  }
  const auto named = dir.log.checkpoint();
  if (!named) return;
  needed.insert(checkpoint_name(*named));
  for (const std::string& name : names) {
    if (is_checkpoint(name) && needed.count(name) == 0) dir.disk->remove(name);
  }
}

std::unique_ptr<DataDir::Incoming> DataDir::receive_snapshot(Zxid zxid) {
  Impl& dir = *impl_;
  dir.disk->remove(incoming_name);
  return std::make_unique<IncomingSnapshot>(*dir.disk, dir.tree_options(), zxid, [&dir](Zxid zxid) {
    std::lock_guard lock(dir.mutex);
    dir.received = zxid;
  });
}

void DataDir::replace_tree() {
  Impl& dir = *impl_;
  dir.disk->remove(state_name);  // lives on for the views of it, and for a checkpoint that is being written
  dir.restore();
  dir.log.post_state_mark({dir.disk->boot_id(), false});
}

void DataDir::close() {
  Impl& dir = *impl_;
  dir.current_tree()->kv().sync();
  dir.log.set_state_mark({dir.disk->boot_id(), true});
  dir.log.close();
}

}  // namespace troupe::store
