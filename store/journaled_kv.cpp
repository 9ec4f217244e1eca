#include "store/journaled_kv.hpp"

#include <random>
#include <utility>

#include "schema/check.hpp"
#include "store/encoding.hpp"
#include "store/error.hpp"

namespace troupe::store {
namespace {

// A small commit takes less room in memory than in the journal, where it fills a page.
constexpr unsigned journal_per_memory = 4;
constexpr unsigned most_behind = 4;

// A record's buffer is used again up to this capacity, bytes: what one of a large batch takes.
constexpr std::size_t most_kept = 1 << 20;

constexpr std::string_view flushed_row = "flushed", salt_row = "salt";

enum class Change : std::uint8_t { put = 1, erase = 2, clear = 3 };

/// One change, as it stands in a record; key and value follow.
struct ChangeHeader {
  std::uint32_t value_size;
  std::uint16_t key_size;
  std::uint8_t table;
  Change change;
};
static_assert(sizeof(ChangeHeader) == 8);

void write_change(std::string& to, Change change, Table table, std::string_view key, std::string_view value) {
  const ChangeHeader header{static_cast<std::uint32_t>(value.size()), static_cast<std::uint16_t>(key.size()),
                            static_cast<std::uint8_t>(table), change};
  to.append(raw_bytes(header)).append(key).append(value);
}

[[noreturn]] void fail_unknown() {
  throw StorageError(
      "the journal of the transaction log holds what this program does not know: start the newer version "
      "that wrote it.");
}

void repeat(std::string_view record, std::size_t tables, KvWriter& writer) {
  while (!record.empty()) {
    if (record.size() < sizeof(ChangeHeader)) fail_unknown();
    const auto header = from_raw_bytes<ChangeHeader>(record);
    if (header.table >= tables || record.size() - sizeof header < std::size_t{header.key_size} + header.value_size) {
      fail_unknown();
    }
    const auto key = record.substr(sizeof header, header.key_size);
    const auto value = record.substr(sizeof header + header.key_size, header.value_size);
    switch (header.change) {
      case Change::put:
        writer.put(header.table, key, value);
        break;
      case Change::erase:
        writer.erase(header.table, key);
        break;
      case Change::clear:
        writer.clear(header.table);
        break;
      default:
        fail_unknown();
    }
    record.remove_prefix(sizeof header + header.key_size + header.value_size);
  }
}

std::unique_ptr<Kv> open_base(Disk& disk, const std::string& name, KvOptions options, const JournaledKv::Check& check) {
  options.durable = true;
  options.tables.emplace_back("journal");
  auto base = disk.open(name, options);
  if (check) check(*base->read());
  return base;
}

std::uint64_t own_number(Kv& base, Table table, std::string_view row) {
  const auto reader = base.read();
  const auto value = reader->get(table, row);
  return value && value->size() == 8 ? from_big_endian(*value) : 0;
}

/// The files and their secret. That there is one means that the files are there, too.
Journal open_journal(Disk& disk, const std::string& name, Kv& base, Table table) {
  std::uint64_t salt = own_number(base, table, salt_row);
  const bool fresh = salt == 0;
  Journal::Files files{disk.open_journal(name, 0, fresh), disk.open_journal(name, 1, fresh)};
  if (fresh) {
    Journal::prepare(files);
    std::random_device random;
    salt = (std::uint64_t{random()} << 32 | random()) | 1;
    auto writer = base.write();
    writer->put(table, salt_row, big_endian(salt));
    writer->commit();
  }
  return Journal(std::move(files), salt);
}

}  // namespace

/// Notes the changes as they are made.
class JournaledKv::Writer final : public KvWriter {
 public:
  explicit Writer(JournaledKv& kv) : kv_(kv), writer_(kv.layers_.write()), record_(std::move(kv.spare_record_)) {
    Journal::begin_record(record_);
  }
  ~Writer() override {
    if (record_.capacity() <= most_kept) kv_.spare_record_ = std::move(record_);
  }

  std::optional<std::string_view> get(Table table, std::string_view key) const override {
    return writer_->get(table, key);
  }
  std::unique_ptr<KvCursor> cursor(Table table) const override { return writer_->cursor(table); }
  std::size_t entries(Table table) const override { return writer_->entries(table); }

  void put(Table table, std::string_view key, std::string_view value) override {
    writer_->put(table, key, value);
    write_change(record_, Change::put, table, key, value);
  }
  void append(Table table, std::string_view key, std::string_view value) override {
    writer_->append(table, key, value);
    write_change(record_, Change::put, table, key, value);
  }
  bool erase(Table table, std::string_view key) override {
    if (!writer_->erase(table, key)) return false;
    write_change(record_, Change::erase, table, key, {});
    return true;
  }
  void clear(Table table) override {
    writer_->clear(table);
    write_change(record_, Change::clear, table, {}, {});
  }
  void commit() override {
    if (Journal::payload_size(record_) != 0) kv_.journal_.append(record_);
    writer_->commit();
  }

 private:
  JournaledKv& kv_;
  const std::unique_ptr<KvWriter> writer_;
  std::string record_;
};

JournaledKv::JournaledKv(Disk& disk, const std::string& name, KvOptions options, std::size_t flush_bytes,
                         const Check& check, Clean clean)
    : JournaledKv(disk, name, open_base(disk, name, options, check), options.tables.size(), flush_bytes,
                  std::move(clean)) {}

JournaledKv::JournaledKv(Disk& disk, const std::string& name, std::unique_ptr<Kv> base, std::size_t tables,
                         std::size_t flush_bytes, Clean clean)
    : own_table_(static_cast<Table>(tables)),
      flush_bytes_(flush_bytes),
      clean_(std::move(clean)),
      layers_(std::move(base), tables, false),
      journal_(open_journal(disk, name, layers_.base(), own_table_)) {
  const auto flushed = own_number(layers_.base(), own_table_, flushed_row);
  const auto writer = layers_.write();
  journal_.recover(flushed, [&](std::string_view record) { repeat(record, tables, *writer); });
  writer->commit();
  if (journal_.last() != flushed) sync();
  journal_.shrink(journal_per_memory * most_behind * flush_bytes_);  // both files are free now
}

std::unique_ptr<KvWriter> JournaledKv::write() { return std::make_unique<Writer>(*this); }

bool JournaledKv::waits_more_than(std::size_t bytes) const {
  return layers_.waiting_bytes() > bytes || journal_.bytes() > journal_per_memory * bytes;
}

bool JournaledKv::due() const { return waits_more_than(flush_bytes_); }
bool JournaledKv::overdue() const { return waits_more_than(most_behind * flush_bytes_); }

bool JournaledKv::freeze() {
  const std::unique_lock lock(flushing_, std::try_to_lock);
  if (!lock || !layers_.freeze()) return false;
  frozen_ = journal_.last();
  journal_.turn();
  return true;
}

void JournaledKv::flush() {
  std::lock_guard lock(flushing_);
  layers_.flush([this](KvWriter& base) {
    base.put(own_table_, flushed_row, big_endian(frozen_));
    if (clean_) clean_(base);
  });
}

void JournaledKv::sync() {
  flush();
  if (freeze()) flush();
}

}  // namespace troupe::store
