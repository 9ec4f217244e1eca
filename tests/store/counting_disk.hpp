// A disk that counts the entries that are read from it, and the environments that are copied as a whole.
#pragma once

#include <cstdint>
#include <memory>

#include "store/kv.hpp"

namespace troupe::store::testing {

struct ReadCount {
  std::uint64_t entries = 0;  ///< lookups and steps of cursors
  std::uint64_t copies = 0;   ///< whole environments
  bool operator==(const ReadCount&) const = default;
};

class CountingCursor final : public KvCursor {
 public:
  CountingCursor(std::unique_ptr<KvCursor> cursor, ReadCount& count) : cursor_(std::move(cursor)), count_(count) {}
  std::optional<Entry> seek(std::string_view key) override { return ++count_.entries, cursor_->seek(key); }
  std::optional<Entry> next() override { return ++count_.entries, cursor_->next(); }
  std::optional<Entry> previous() override { return ++count_.entries, cursor_->previous(); }
  std::optional<Entry> last() override { return ++count_.entries, cursor_->last(); }

 private:
  std::unique_ptr<KvCursor> cursor_;
  ReadCount& count_;
};

class CountingReader final : public KvReader {
 public:
  CountingReader(std::unique_ptr<KvReader> reader, ReadCount& count) : reader_(std::move(reader)), count_(count) {}
  std::optional<std::string_view> get(Table t, std::string_view key) const override {
    return ++count_.entries, reader_->get(t, key);
  }
  std::unique_ptr<KvCursor> cursor(Table t) const override {
    return std::make_unique<CountingCursor>(reader_->cursor(t), count_);
  }
  std::size_t entries(Table t) const override { return ++count_.entries, reader_->entries(t); }

 private:
  std::unique_ptr<KvReader> reader_;
  ReadCount& count_;
};

class CountingWriter final : public KvWriter {
 public:
  CountingWriter(std::unique_ptr<KvWriter> writer, ReadCount& count) : writer_(std::move(writer)), count_(count) {}
  std::optional<std::string_view> get(Table t, std::string_view key) const override {
    return ++count_.entries, writer_->get(t, key);
  }
  std::unique_ptr<KvCursor> cursor(Table t) const override {
    return std::make_unique<CountingCursor>(writer_->cursor(t), count_);
  }
  std::size_t entries(Table t) const override { return ++count_.entries, writer_->entries(t); }
  void put(Table t, std::string_view key, std::string_view value) override { writer_->put(t, key, value); }
  void append(Table t, std::string_view key, std::string_view value) override { writer_->append(t, key, value); }
  bool erase(Table t, std::string_view key) override { return ++count_.entries, writer_->erase(t, key); }
  void clear(Table t) override { writer_->clear(t); }
  void commit() override { writer_->commit(); }

 private:
  std::unique_ptr<KvWriter> writer_;
  ReadCount& count_;
};

class CountingKv final : public Kv {
 public:
  CountingKv(std::unique_ptr<Kv> kv, ReadCount& count) : kv_(std::move(kv)), count_(count) {}
  std::unique_ptr<KvReader> read() override { return std::make_unique<CountingReader>(kv_->read(), count_); }
  std::unique_ptr<KvWriter> write() override { return std::make_unique<CountingWriter>(kv_->write(), count_); }
  void sync() override { kv_->sync(); }
  Kv& real() { return *kv_; }

 private:
  std::unique_ptr<Kv> kv_;
  ReadCount& count_;
};

class CountingDisk final : public Disk {
 public:
  CountingDisk(std::unique_ptr<Disk> disk, ReadCount& count) : disk_(std::move(disk)), count_(count) {}
  std::unique_ptr<Kv> open(const std::string& name, const KvOptions& options) override {
    return std::make_unique<CountingKv>(disk_->open(name, options), count_);
  }
  std::unique_ptr<JournalFile> open_journal(const std::string& name, unsigned index, bool create) override {
    return disk_->open_journal(name, index, create);
  }
  bool exists(const std::string& name) const override { return disk_->exists(name); }
  void remove(const std::string& name) override { disk_->remove(name); }
  void rename(const std::string& from, const std::string& to) override { disk_->rename(from, to); }
  std::vector<std::string> list() const override { return disk_->list(); }
  void copy(Kv& from, const std::string& to) override {
    ++count_.copies;
    disk_->copy(static_cast<CountingKv&>(from).real(), to);
  }
  void clone(const std::string& from, const std::string& to) override {
    ++count_.copies;
    disk_->clone(from, to);
  }
  std::string boot_id() const override { return disk_->boot_id(); }

 private:
  std::unique_ptr<Disk> disk_;
  ReadCount& count_;
};

}  // namespace troupe::store::testing
