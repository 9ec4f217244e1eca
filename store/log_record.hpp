// How transactions lie in the log's table: several to a record, so that bringing them there, and dropping them,
// costs the table one entry for all of them.
//
// Key: the zxid of the record's last transaction, 8 bytes big-endian. Value: the bytes of one or more Txns, each of
// which says its own size, and then a checksum of key and bytes (XXH3, 8 bytes little-endian), so that a damaged
// record is never sent, applied or voted on. Their zxids follow each other without a gap: the key tells them all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/types.hpp"
#include "store/kv.hpp"

namespace troupe::store {

/// A transaction in a record, where it lies.
struct LoggedTxn {
  Zxid zxid;
  std::string_view txn;
};

/// Gathers transactions until a record is full.
class LogRecordBuilder {
 public:
  bool empty() const { return bytes_.empty(); }
  /// False if it does not belong into one record with what is there. CHECKs that it is one whole Txn.
  [[nodiscard]] bool add(const LoggedTxn& txn);

  Zxid last() const { return last_; }
  /// The record's value. The builder is empty then.
  std::string finish();

 private:
  std::string bytes_;
  Zxid last_;
};

/// The zxid that a record's key says, which has 8 bytes.
Zxid zxid_of(const Entry& record);
/// Appends the record's transactions to `to`, in order. False if it is damaged: `to` is as it was.
bool read_record(const Entry& record, std::vector<LoggedTxn>& to);

}  // namespace troupe::store
