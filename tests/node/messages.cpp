#include "tests/node/messages.hpp"

#include <algorithm>

namespace troupe::testing {

std::string RandomMessages::text(std::size_t most) {
  std::string text(random_() % (most + 1), '\0');
  for (auto& c : text) c = static_cast<char>(random_());
  return text;
}

std::vector<Proposal> RandomMessages::proposals() {
  std::vector<Proposal> proposals(random_() % 5);
  for (auto& proposal : proposals) proposal = {Zxid{number()}, bytes(300)};
  return proposals;
}

zab::Notification RandomMessages::notification() {
  return {PeerId{static_cast<std::uint32_t>(1 + random_() % 255)},
          static_cast<zab::PeerState>(random_() % 4),
          number(),
          {Epoch{small()}, Zxid{number()}, PeerId{static_cast<std::uint32_t>(random_() % 256)}},
          Zxid{number()},
          bytes(300),
          text(16)};
}

template <class M>
M RandomMessages::make() {
  if constexpr (std::is_same_v<M, zab::FollowerInfo>) {
    return {PeerId{small()}, random_() % 2 == 0, Epoch{small()}, text(16)};
  } else if constexpr (std::is_same_v<M, zab::AckEpoch>) {
    M ack{std::nullopt, Zxid{number()}};
    if (random_() % 2 == 0) ack.current_epoch = Epoch{small()};
    return ack;
  } else if constexpr (std::is_same_v<M, zab::AckNewLeader> || std::is_same_v<M, zab::LeaderInfo> ||
                       std::is_same_v<M, zab::NewLeader>) {
    return {Epoch{small()}};
  } else if constexpr (std::is_same_v<M, zab::Ack> || std::is_same_v<M, zab::Trunc> ||
                       std::is_same_v<M, zab::SnapBegin> || std::is_same_v<M, zab::Commit>) {
    return {Zxid{number()}};
  } else if constexpr (std::is_same_v<M, zab::ForwardedRequests>) {
    M requests;
    for (auto left = random_() % 5; left > 0; --left) requests.requests.push_back(bytes(200));
    return requests;
  } else if constexpr (std::is_same_v<M, zab::RevalidateSession>) {
    return {small(), number(), SessionId{static_cast<std::int64_t>(number())}, small()};
  } else if constexpr (std::is_same_v<M, zab::SyncRequest>) {
    return {small(), number()};
  } else if constexpr (std::is_same_v<M, zab::Pong>) {
    M pong;
    for (auto left = random_() % 9; left > 0; --left) pong.heard.push_back({static_cast<std::int64_t>(number())});
    pong.ordinal = number();
    pong.installing = random_() % 2 == 0;
    return pong;
  } else if constexpr (std::is_same_v<M, zab::SnapChunk>) {
    return {bytes(2000)};
  } else if constexpr (std::is_same_v<M, zab::Proposals> || std::is_same_v<M, zab::Inform>) {
    return {proposals()};
  } else if constexpr (std::is_same_v<M, zab::Ping>) {
    return {Zxid{number()}, number()};
  } else if constexpr (std::is_same_v<M, zab::SessionRevalidated>) {
    return {small(), number(), static_cast<std::int32_t>(small()), Zxid{number()}};
  } else if constexpr (std::is_same_v<M, zab::SyncReply>) {
    return {small(), number(), Zxid{number()}};
  } else if constexpr (std::is_same_v<M, zab::RequestRefused>) {
    return {small(), SessionId{static_cast<std::int64_t>(number())}, number(), static_cast<std::int32_t>(small())};
  } else {
    return {};  // Diff, SnapEnd, UpToDate say nothing more than that
  }
}

template <std::size_t... Kind>
zab::Message RandomMessages::of_kind(std::size_t kind, std::index_sequence<Kind...>) {
  zab::Message message;
  ((kind == Kind ? void(message = make<std::variant_alternative_t<Kind, zab::Message>>()) : void()), ...);
  return message;
}

zab::Message RandomMessages::of_kind(std::size_t kind) {
  return of_kind(kind, std::make_index_sequence<std::variant_size_v<zab::Message>>());
}

namespace {

bool same(const std::vector<Proposal>& a, const std::vector<Proposal>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.zxid == y.zxid && x.txn == y.txn; });
}

struct Same {
  bool operator()(const zab::FollowerInfo& a, const zab::FollowerInfo& b) const {
    return a.peer == b.peer && a.observer == b.observer && a.accepted_epoch == b.accepted_epoch &&
           a.ensemble == b.ensemble;
  }
  bool operator()(const zab::AckEpoch& a, const zab::AckEpoch& b) const {
    return a.current_epoch == b.current_epoch && a.last == b.last;
  }
  bool operator()(const zab::AckNewLeader& a, const zab::AckNewLeader& b) const { return a.epoch == b.epoch; }
  bool operator()(const zab::Ack& a, const zab::Ack& b) const { return a.durable == b.durable; }
  bool operator()(const zab::ForwardedRequests& a, const zab::ForwardedRequests& b) const {
    return a.requests == b.requests;
  }
  bool operator()(const zab::RevalidateSession& a, const zab::RevalidateSession& b) const {
    return a.gateway == b.gateway && a.ticket == b.ticket && a.session == b.session && a.timeout_ms == b.timeout_ms;
  }
  bool operator()(const zab::SyncRequest& a, const zab::SyncRequest& b) const {
    return a.gateway == b.gateway && a.ticket == b.ticket;
  }
  bool operator()(const zab::Pong& a, const zab::Pong& b) const {
    return a.heard == b.heard && a.ordinal == b.ordinal && a.installing == b.installing;
  }
  bool operator()(const zab::LeaderInfo& a, const zab::LeaderInfo& b) const { return a.epoch == b.epoch; }
  bool operator()(const zab::Diff&, const zab::Diff&) const { return true; }
  bool operator()(const zab::Trunc& a, const zab::Trunc& b) const { return a.last == b.last; }
  bool operator()(const zab::SnapBegin& a, const zab::SnapBegin& b) const { return a.zxid == b.zxid; }
  bool operator()(const zab::SnapChunk& a, const zab::SnapChunk& b) const { return a.entries == b.entries; }
  bool operator()(const zab::SnapEnd&, const zab::SnapEnd&) const { return true; }
  bool operator()(const zab::NewLeader& a, const zab::NewLeader& b) const { return a.epoch == b.epoch; }
  bool operator()(const zab::UpToDate&, const zab::UpToDate&) const { return true; }
  bool operator()(const zab::Proposals& a, const zab::Proposals& b) const { return same(a.proposals, b.proposals); }
  bool operator()(const zab::Commit& a, const zab::Commit& b) const { return a.zxid == b.zxid; }
  bool operator()(const zab::Inform& a, const zab::Inform& b) const { return same(a.proposals, b.proposals); }
  bool operator()(const zab::Ping& a, const zab::Ping& b) const { return a.zxid == b.zxid && a.digest == b.digest; }
  bool operator()(const zab::SessionRevalidated& a, const zab::SessionRevalidated& b) const {
    return a.gateway == b.gateway && a.ticket == b.ticket && a.error == b.error && a.barrier == b.barrier;
  }
  bool operator()(const zab::SyncReply& a, const zab::SyncReply& b) const {
    return a.gateway == b.gateway && a.ticket == b.ticket && a.barrier == b.barrier;
  }
  bool operator()(const zab::RequestRefused& a, const zab::RequestRefused& b) const {
    return a.gateway == b.gateway && a.session == b.session && a.number == b.number && a.error == b.error;
  }
  template <class A, class B>
  bool operator()(const A&, const B&) const {
    return false;
  }
};

}  // namespace

bool equal(const zab::Message& a, const zab::Message& b) { return std::visit(Same{}, a, b); }

}  // namespace troupe::testing
