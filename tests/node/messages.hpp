// Random messages of the peer protocol, and what makes two of them equal.
#pragma once

#include <random>
#include <string>

#include "actors/zab/messages.hpp"

namespace troupe::testing {

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  zab::Message next() { return of_kind(random_() % std::variant_size_v<zab::Message>); }
  /// The kind's index within zab::Message.
  zab::Message of_kind(std::size_t kind);
  zab::Notification notification();

 private:
  template <std::size_t... Kind>
  zab::Message of_kind(std::size_t kind, std::index_sequence<Kind...>);
  template <class M>
  M make();

  std::uint64_t number() { return random_() >> (random_() % 64); }
  std::uint32_t small() { return static_cast<std::uint32_t>(number()); }
  std::string text(std::size_t most);
  Bytes bytes(std::size_t most) { return Bytes::copy(text(most)); }
  std::vector<Proposal> proposals();

  std::mt19937_64 random_;
};

bool equal(const zab::Message& a, const zab::Message& b);

}  // namespace troupe::testing
