// A disk that stops at the n-th thing that it is asked to change: the process dies there.
#pragma once

#include <memory>
#include <random>

#include "store/kv.hpp"

namespace troupe::store::testing {

struct Crash {};

/// Counts changes of all disks and environments that it is given to; throws Crash at the chosen one.
struct CrashPoint {
  int left;  ///< changes that still succeed
  int passed = 0;
  std::mt19937 random{1};  ///< of what a torn write leaves
  void pass() {
    if (left-- <= 0) throw Crash();
    ++passed;
  }
};

class CrashingKv final : public Kv {
 public:
  CrashingKv(std::unique_ptr<Kv> kv, CrashPoint& point) : kv_(std::move(kv)), point_(point) {}
  std::unique_ptr<KvReader> read() override { return kv_->read(); }
  std::unique_ptr<KvWriter> write() override { return std::make_unique<Writer>(kv_->write(), point_); }
  void sync() override {
    point_.pass();
    kv_->sync();
  }
  Kv& real() { return *kv_; }

 private:
  class Writer final : public KvWriter {
   public:
    Writer(std::unique_ptr<KvWriter> writer, CrashPoint& point) : writer_(std::move(writer)), point_(point) {}
    std::optional<std::string_view> get(Table t, std::string_view key) const override { return writer_->get(t, key); }
    std::unique_ptr<KvCursor> cursor(Table t) const override { return writer_->cursor(t); }
    std::size_t entries(Table t) const override { return writer_->entries(t); }
    void put(Table t, std::string_view key, std::string_view value) override { writer_->put(t, key, value); }
    void append(Table t, std::string_view key, std::string_view value) override { writer_->append(t, key, value); }
    bool erase(Table t, std::string_view key) override { return writer_->erase(t, key); }
    void clear(Table t) override { writer_->clear(t); }
    void commit() override {
      point_.pass();
      writer_->commit();
    }

   private:
    std::unique_ptr<KvWriter> writer_;
    CrashPoint& point_;
  };

  std::unique_ptr<Kv> kv_;
  CrashPoint& point_;
};

/// A write that the crash falls into leaves some of its pages, and others not.
class CrashingJournalFile final : public JournalFile {
 public:
  CrashingJournalFile(std::unique_ptr<JournalFile> file, CrashPoint& point) : file_(std::move(file)), point_(point) {}
  std::string_view content() override { return file_->content(); }
  void shrink(std::uint64_t size) override { file_->shrink(size); }
  void write(std::uint64_t offset, std::string_view bytes) override {
    try {
      point_.pass();
    } catch (const Crash&) {
      const bool all = point_.random() % 4 == 0;
      for (std::size_t at = 0; at < bytes.size(); at += page) {
        if (all || point_.random() % 2 == 0) file_->write(offset + at, bytes.substr(at, page));
      }
      throw;
    }
    file_->write(offset, bytes);
  }

 private:
  std::unique_ptr<JournalFile> file_;
  CrashPoint& point_;
};

class CrashingDisk final : public Disk {
 public:
  CrashingDisk(std::unique_ptr<Disk> disk, CrashPoint& point) : disk_(std::move(disk)), point_(point) {}
  std::unique_ptr<Kv> open(const std::string& name, const KvOptions& options) override {
    point_.pass();
    return std::make_unique<CrashingKv>(disk_->open(name, options), point_);
  }
  std::unique_ptr<JournalFile> open_journal(const std::string& name, unsigned index, bool create) override {
    if (create) point_.pass();
    return std::make_unique<CrashingJournalFile>(disk_->open_journal(name, index, create), point_);
  }
  bool exists(const std::string& name) const override { return disk_->exists(name); }
  void remove(const std::string& name) override {
    point_.pass();
    disk_->remove(name);
  }
  void rename(const std::string& from, const std::string& to) override {
    point_.pass();
    disk_->rename(from, to);
  }
  std::vector<std::string> list() const override { return disk_->list(); }
  void copy(Kv& from, const std::string& to) override {
    point_.pass();
    disk_->copy(static_cast<CrashingKv&>(from).real(), to);
  }
  void clone(const std::string& from, const std::string& to) override {
    point_.pass();
    disk_->clone(from, to);
  }
  std::string boot_id() const override { return disk_->boot_id(); }

 private:
  std::unique_ptr<Disk> disk_;
  CrashPoint& point_;
};

}  // namespace troupe::store::testing
