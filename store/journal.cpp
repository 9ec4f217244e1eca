#include "store/journal.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "store/encoding.hpp"
#include "store/error.hpp"

namespace troupe::store {
namespace {

constexpr std::uint64_t page = JournalFile::page;

[[noreturn]] void fail_damaged(const std::string& what) {
  throw StorageError("the journal of the transaction log is damaged: " + what + ". Check its disk. " + start_anew);
}

std::uint64_t page_after(std::uint64_t offset) { return (offset + page - 1) / page * page; }

}  // namespace

std::uint64_t Journal::checksum(std::uint64_t number, std::string_view payload) const {
  return hash(payload, hash(raw_bytes(number), salt_ + payload.size()));
}

std::optional<Journal::Record> Journal::read(std::string_view content, std::uint64_t offset, std::uint64_t after,
                                             std::uint64_t upto) const {
  if (offset + sizeof(Header) > content.size()) return std::nullopt;
  const auto header = from_raw_bytes<Header>(content.substr(offset));
  const auto rest = content.substr(offset + sizeof(Header));
  if (header.number <= after || header.number > upto || header.size > rest.size()) return std::nullopt;
  const auto payload = rest.substr(0, header.size);
  if (checksum(header.number, payload) != header.checksum) return std::nullopt;
  return Record{header.number, payload, page_after(offset + sizeof(Header) + header.size)};
}

void Journal::recover(std::uint64_t after, const std::function<void(std::string_view payload)>& each) {
  last_ = after;
  std::map<std::uint64_t, std::string_view> waiting;
  const std::array contents{files_[0]->content(), files_[1]->content()};
  const std::uint64_t pages = (contents[0].size() + contents[1].size()) / page;
  // Every page, also behind what cannot be read: what was damaged is told from what was torn by its successors.
  for (const auto content : contents) {
    if (content.size() < page) fail_damaged("a file of it was cut to nothing");
    for (std::uint64_t at = 0; at < content.size();) {
      const auto record = read(content, at, after, after + pages);
      if (record) {
        const auto [same, first] = waiting.emplace(record->number, record->payload);
        if (same->second != record->payload) fail_unreadable(record->number);
      }
      at = record ? record->end : at + page;
    }
  }
  for (const auto& [number, payload] : waiting) {
    if (number != last_ + 1) fail_unreadable(last_ + 1);
    each(payload);
    last_ = number;
  }
}

void Journal::append(std::string& record) {
  const auto payload = std::string_view(record).substr(sizeof(Header));
  const Header header{last_ + 1, payload.size(), checksum(last_ + 1, payload)};
  record.replace(0, sizeof header, raw_bytes(header));
  files_[active_]->write(offset_, record);
  ++last_;
  offset_ = page_after(offset_ + record.size());
}

void Journal::turn() {
  active_ = 1 - active_;
  offset_ = 0;
}

void Journal::fail_unreadable(std::uint64_t number) {
  fail_damaged("record " + std::to_string(number) + " cannot be read, and there are later ones");
}

}  // namespace troupe::store
