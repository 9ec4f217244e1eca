// What the protocol's cores ask for, taken apart for tests.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "actors/zab/leader.hpp"
#include "actors/zab/learner.hpp"
#include "tests/catch.hpp"

namespace troupe::zab {

/// "2:5": transaction 5 of epoch 2.
constexpr Zxid z(std::uint32_t epoch, std::uint32_t counter) { return Zxid::of({epoch}, counter); }

inline std::shared_ptr<const Quorum> majority(std::initializer_list<std::uint32_t> ids) {
  PeerSet voters;
  for (const auto id : ids) voters.insert({id});
  return std::make_shared<MajorityQuorum>(voters);
}

inline PeerSet set_of(std::initializer_list<std::uint32_t> ids) {
  PeerSet set;
  for (const auto id : ids) set.insert({id});
  return set;
}

inline Proposal proposal(Zxid zxid) { return {zxid, Bytes::copy(to_string(zxid))}; }

/// The proposals from `first` to `last` of one epoch.
inline std::vector<Proposal> proposals(Zxid first, Zxid last) {
  std::vector<Proposal> all;
  for (auto zxid = first; zxid <= last; zxid = zxid.next()) all.push_back(proposal(zxid));
  return all;
}

/// The effects of one kind, in order.
template <class Wanted, class Effect>
std::vector<Wanted> all(const std::vector<Effect>& effects) {
  std::vector<Wanted> found;
  for (const auto& effect : effects) {
    if (const auto* wanted = std::get_if<Wanted>(&effect)) found.push_back(*wanted);
  }
  return found;
}

/// The one effect of a kind; it must be there, once.
template <class Wanted, class Effect>
Wanted the(const std::vector<Effect>& effects) {
  const auto found = all<Wanted>(effects);
  REQUIRE(found.size() == 1);
  return found.front();
}

template <class Wanted, class Effect>
bool has(const std::vector<Effect>& effects) {
  return !all<Wanted>(effects).empty();
}

/// What a learner sends to its leader.
template <class Wanted>
std::vector<Wanted> sent(const LearnerEffects& effects) {
  std::vector<Wanted> found;
  for (const auto& send : all<learner_effect::Send>(effects)) {
    if (const auto* wanted = std::get_if<Wanted>(&send.message)) found.push_back(*wanted);
  }
  return found;
}

/// What a leader sends to one link.
template <class Wanted>
std::vector<Wanted> sent(const LeaderEffects& effects, std::uint64_t link) {
  std::vector<Wanted> found;
  for (const auto& send : all<leader_effect::Send>(effects)) {
    const auto* wanted = std::get_if<Wanted>(&send.message);
    if (wanted != nullptr && send.link.value == link) found.push_back(*wanted);
  }
  return found;
}

}  // namespace troupe::zab
