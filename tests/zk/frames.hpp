// What a client of ZooKeeper's wire protocol sends, byte by byte, and how it reads what comes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/zk/jute.hpp"
#include "actors/zk/protocol.hpp"

namespace troupe::testing {

/// A record under construction.
class Record {
 public:
  Record& i32(std::int32_t value) { return number(static_cast<std::uint32_t>(value), 4); }
  Record& i64(std::int64_t value) { return number(static_cast<std::uint64_t>(value), 8); }
  Record& boolean(bool value) { return number(value ? 1 : 0, 1); }
  Record& null() { return i32(-1); }
  Record& buffer(std::string_view bytes) {
    i32(static_cast<std::int32_t>(bytes.size()));
    bytes_ += bytes;
    return *this;
  }
  Record& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  Record& open_acl() { return i32(1).i32(31).buffer("world").buffer("anyone"); }
  Record& create(std::string_view path, std::string_view data = "data", std::int32_t flags = 0) {
    return buffer(path).buffer(data).open_acl().i32(flags);
  }
  Record& multi_header(std::int32_t type, bool done = false, std::int32_t error = -1) {
    return i32(type).boolean(done).i32(error);
  }
  Record& end_of_multi() { return multi_header(-1, true); }

  const std::string& bytes() const { return bytes_; }
  /// With its length in front.
  std::string frame() const { return Record().buffer(bytes_).bytes(); }

 private:
  Record& number(std::uint64_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift);
    return *this;
  }
  std::string bytes_;
};

inline std::string connect_frame(std::int32_t timeout_ms = 10'000, std::int64_t session = 0,
                                 std::string_view password = std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16),
                                 std::int64_t last_seen = 0, bool read_only = true) {
  Record record;
  record.i32(0).i64(last_seen).i32(timeout_ms).i64(session).buffer(password);
  if (read_only) record.boolean(false);
  return record.frame();
}

inline std::string request_frame(std::int32_t xid, zk::Op op, const Record& body = {}) {
  return Record().i32(xid).i32(static_cast<std::int32_t>(op)).raw(body.bytes()).frame();
}

/// What a server answers, or an event: with the xid -1.
struct Answer {
  std::int32_t xid = 0;
  std::int64_t zxid = 0;
  std::int32_t error = 0;
  std::string body;

  zk::Reader reader() const { return zk::Reader(body); }
};

inline std::optional<Answer> read_answer(std::string_view frame) {
  zk::Reader in(frame);
  Answer answer;
  answer.xid = in.i32();
  answer.zxid = in.i64();
  answer.error = in.i32();
  if (in.failed()) return std::nullopt;
  answer.body = std::string(frame.substr(16));
  return answer;
}

/// Takes the whole frames off the front of `bytes`.
inline std::vector<std::string> take_frames(std::string& bytes) {
  std::vector<std::string> frames;
  while (bytes.size() >= 4) {
    const auto size = static_cast<std::size_t>(zk::Reader(bytes).i32());
    if (bytes.size() - 4 < size) break;
    frames.push_back(bytes.substr(4, size));
    bytes.erase(0, 4 + size);
  }
  return frames;
}

}  // namespace troupe::testing
