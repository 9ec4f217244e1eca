#include "store/log_record.hpp"

#include <utility>

#include "schema/check.hpp"
#include "schema/proposal.hpp"
#include "store/encoding.hpp"

namespace troupe::store {
namespace {
// Of transactions, so that two records fit a page of LMDB: a larger value gets pages of its own, which cost more to
// find and to give back.
constexpr std::size_t most_bytes = 2008;
constexpr std::size_t checksum_size = 8;
}  // namespace

bool LogRecordBuilder::add(const LoggedTxn& txn) {
  TROUPE_CHECK(!txn.txn.empty() && txn_size(txn.txn) == txn.txn.size(), "what is logged is a transaction");
  if (!empty()) {
    const bool follows = txn.zxid == last_.next() && txn.zxid.epoch() == last_.epoch();
    if (!follows || bytes_.size() + txn.txn.size() > most_bytes) return false;
  }
  if (empty()) bytes_.reserve(most_bytes + checksum_size);
  bytes_.append(txn.txn);
  last_ = txn.zxid;
  return true;
}

std::string LogRecordBuilder::finish() {
  bytes_.append(raw_bytes(hash(bytes_, last_.value)));
  return std::exchange(bytes_, {});
}

Zxid zxid_of(const Entry& record) { return {from_big_endian(record.key)}; }

bool read_record(const Entry& record, std::vector<LoggedTxn>& to) {
  if (record.key.size() != 8 || record.value.size() <= checksum_size) return false;
  const Zxid last = zxid_of(record);
  std::string_view bytes = record.value.substr(0, record.value.size() - checksum_size);
  if (from_raw_bytes<std::uint64_t>(record.value.substr(bytes.size())) != hash(bytes, last.value)) return false;

  const std::size_t before = to.size();
  while (!bytes.empty()) {
    const std::size_t size = txn_size(bytes);
    // An epoch's transactions are counted from 1 on.
    if (size == 0 || to.size() - before == last.counter()) {
      to.resize(before);
      return false;
    }
    to.push_back({{}, bytes.substr(0, size)});
    bytes.remove_prefix(size);
  }
  Zxid zxid{last.value - (to.size() - before)};
  for (std::size_t i = before; i < to.size(); ++i) to[i].zxid = zxid = zxid.next();
  return true;
}

}  // namespace troupe::store
