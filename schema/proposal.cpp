#include "schema/proposal.hpp"

#include <capnp/serialize.h>

#include <cstring>

#include "schema/txn.capnp.h"

namespace troupe {
namespace {

/// The only segment of a flat message that has one, which begins with the pointer to the root; null where there are
/// more segments, or the root is not within it. https://capnproto.org/encoding.html#structs
const capnp::word* segment_with_root(std::string_view bytes) {
  constexpr std::size_t word = sizeof(capnp::word);
  if (bytes.size() < 2 * word) return nullptr;
  std::uint64_t table, pointer;
  std::memcpy(&table, bytes.data(), word);
  std::memcpy(&pointer, bytes.data() + word, word);
  const std::uint64_t words = table >> 32, offset = static_cast<std::uint32_t>(pointer) >> 2;
  const std::uint64_t data = pointer >> 32 & 0xffff, pointers = pointer >> 48;
  const bool one = static_cast<std::uint32_t>(table) == 0 && (1 + words) * word == bytes.size();
  const bool is_struct = (pointer & 3) == 0;
  if (!one || !is_struct || 1 + offset + data + pointers > words) return nullptr;
  return reinterpret_cast<const capnp::word*>(bytes.data()) + 1;
}

/// What `look` says of the transaction's root; false where there is none. It looks at nothing beyond the root.
template <class Look>
bool holds(const Proposal& proposal, Look&& look) {
  try {
    // A reader that checks all takes longer than what is read here, for each transaction on each node.
    if (const auto* segment = segment_with_root(proposal.txn.view())) {
      return look(capnp::readMessageUnchecked<schema::Txn>(segment));
    }
    capnp::FlatArrayMessageReader message(kj::arrayPtr(reinterpret_cast<const capnp::word*>(proposal.txn.data()),
                                                       proposal.txn.size() / sizeof(capnp::word)));
    return look(message.getRoot<schema::Txn>());
  } catch (const kj::Exception&) {
    return false;
  }
}

}  // namespace

std::size_t txn_size(std::string_view bytes) {
  const auto number = [&](std::uint64_t index) {
    std::uint32_t value;
    std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
    return std::uint64_t{value};
  };
  // How many segments there are, less one; the words of each; padding to a whole word; the segments.
  if (bytes.size() < sizeof(capnp::word)) return 0;
  const std::uint64_t segments = number(0) + 1;
  std::uint64_t words = (segments + 2) / 2;
  if (words > bytes.size() / sizeof(capnp::word)) return 0;
  for (std::uint64_t segment = 1; segment <= segments; ++segment) words += number(segment);
  return words <= bytes.size() / sizeof(capnp::word) ? words * sizeof(capnp::word) : 0;
}

bool is_sound(const Proposal& proposal) {
  if (proposal.txn.empty() || txn_size(proposal.txn.view()) != proposal.txn.size()) return false;
  return holds(proposal, [&](schema::Txn::Reader txn) { return txn.getZxid() == proposal.zxid.value; });
}

bool sets_configuration(const Proposal& proposal) {
  return holds(proposal, [](schema::Txn::Reader txn) {
    return txn.isReconfigure() || txn.isActivate() || txn.isRefound() ||
           (txn.isFound() && txn.getFound().hasConfiguration());
  });
}

}  // namespace troupe
