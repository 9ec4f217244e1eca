// A Cap'n Proto message that is built where it will stay: finish() hands out the flat form (segment
// table and words, as readers of flat arrays and streams expect it) without copying, provided the
// size hint was large enough. Used by one thread.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "schema/bytes.hpp"

namespace troupe {

class FlatMessage final : public capnp::MessageBuilder {
 public:
  /// `words` is how many words (of 8 bytes) the message is expected to need; with less it grows by
  /// segments and finish() has to copy.
  explicit FlatMessage(std::size_t words) : first_words_(words == 0 ? 1 : words) {}

  /// The message's bytes. The builder must not be used afterwards.
  Bytes finish();

  kj::ArrayPtr<capnp::word> allocateSegment(capnp::uint minimum_words) override;

 private:
  std::size_t first_words_;
  std::size_t total_words_ = 0;
  std::shared_ptr<std::uint64_t[]> block_;  // one word for the segment table, then the first segment
  std::vector<std::unique_ptr<std::uint64_t[]>> more_;
};

/// Reads a flat message where it lies; the Bytes must outlive the reader's use.
template <class Struct>
class FlatReader {
 public:
  explicit FlatReader(const Bytes& bytes)
      : reader_(kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)),
                options()),
        root_(reader_.getRoot<Struct>()) {}

  typename Struct::Reader root() const { return root_; }

 private:
  // What is read here was built by this ensemble, so reading it again and again is no attack.
  static capnp::ReaderOptions options() { return {.traversalLimitInWords = UINT64_MAX, .nestingLimit = 16}; }

  capnp::FlatArrayMessageReader reader_;
  typename Struct::Reader root_;
};

}  // namespace troupe
