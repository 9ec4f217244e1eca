#include "actors/peer_codec.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <type_traits>

#include "actors/flat_message.hpp"
#include "schema/check.hpp"
#include "schema/peer.capnp.h"

namespace troupe {
namespace {

using schema::Message;

template <class Build>
Bytes build(std::size_t payload, Build&& fill) {
  FlatMessage message(payload / sizeof(capnp::word) + 32);
  fill(message);
  return message.finish();
}

/// Runs `read` over the frame; everything that the frame can do wrong becomes a MalformedFrame.
template <class Read>
auto parse(const Bytes& frame, Read&& read) {
  std::optional<std::invoke_result_t<Read, capnp::MessageReader&>> result;
  KJ_IF_MAYBE (error, kj::runCatchingExceptions([&] {
                 capnp::ReaderOptions options;
                 options.traversalLimitInWords = max_frame_size / sizeof(capnp::word) * 2;
                 capnp::FlatArrayMessageReader reader(kj::arrayPtr(reinterpret_cast<const capnp::word*>(frame.data()),
                                                                   frame.size() / sizeof(capnp::word)),
                                                      options);
                 result = read(static_cast<capnp::MessageReader&>(reader));
               })) {
    throw MalformedFrame(error->getDescription().cStr());
  }
  return std::move(*result);
}

capnp::Data::Reader data(const Bytes& bytes) { return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()}; }
capnp::Data::Reader data(const std::string& text) {
  return {reinterpret_cast<const kj::byte*>(text.data()), text.size()};
}

/// What keeps the parts of a frame alive.
using Owner = std::shared_ptr<Bytes>;
Bytes slice(const Owner& frame, capnp::Data::Reader part) {
  return Bytes(frame, reinterpret_cast<const std::byte*>(part.begin()), part.size());
}
std::string text(capnp::Data::Reader part) { return {reinterpret_cast<const char*>(part.begin()), part.size()}; }

std::size_t payload(const std::vector<Proposal>& proposals) {
  std::size_t size = 0;
  for (const auto& proposal : proposals) size += proposal.txn.size() + 40;
  return size;
}

void write(const std::vector<Proposal>& from, capnp::List<schema::ProposalRecord>::Builder to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    to[i].setZxid(from[i].zxid.value);
    to[i].setTxn(data(from[i].txn));
  }
}
std::vector<Proposal> read(const Bytes& frame, capnp::List<schema::ProposalRecord>::Reader from) {
  std::vector<Proposal> proposals;
  proposals.reserve(from.size());
  const auto owner = std::make_shared<Bytes>(frame);
  for (const auto record : from) proposals.push_back({Zxid{record.getZxid()}, slice(owner, record.getTxn())});
  return proposals;
}

// One function per message writes it.
struct Writer {
  Message::Builder to;

  void operator()(const zab::FollowerInfo& m) {
    auto info = to.initFollowerInfo();
    info.setPeer(m.peer.value);
    info.setObserver(m.observer);
    info.setAcceptedEpoch(m.accepted_epoch.value);
    info.setEnsemble(data(m.ensemble));
  }
  void operator()(const zab::AckEpoch& m) {
    auto ack = to.initAckEpoch();
    ack.setPromised(m.current_epoch.has_value());
    ack.setCurrentEpoch(m.current_epoch.value_or(Epoch{}).value);
    ack.setLast(m.last.value);
  }
  void operator()(const zab::AckNewLeader& m) { to.setAckNewLeader(m.epoch.value); }
  void operator()(const zab::Ack& m) { to.setAck(m.durable.value); }
  void operator()(const zab::ForwardedRequests& m) {
    auto list = to.initRequests(static_cast<capnp::uint>(m.requests.size()));
    for (std::size_t i = 0; i < m.requests.size(); ++i) list.set(static_cast<capnp::uint>(i), data(m.requests[i]));
  }
  void operator()(const zab::RevalidateSession& m) {
    auto revalidate = to.initRevalidate();
    revalidate.setGateway(m.gateway);
    revalidate.setTicket(m.ticket);
    revalidate.setSession(m.session.value);
    revalidate.setTimeout(m.timeout_ms);
  }
  void operator()(const zab::SyncRequest& m) {
    auto sync = to.initSync();
    sync.setGateway(m.gateway);
    sync.setTicket(m.ticket);
  }
  void operator()(const zab::Pong& m) {
    auto pong = to.initPong();
    pong.setOrdinal(m.ordinal);
    pong.setInstalling(m.installing);
    auto list = pong.initHeard(static_cast<capnp::uint>(m.heard.size()));
    for (std::size_t i = 0; i < m.heard.size(); ++i) list.set(static_cast<capnp::uint>(i), m.heard[i].value);
  }
  void operator()(const zab::LeaderInfo& m) { to.setLeaderInfo(m.epoch.value); }
  void operator()(const zab::Diff&) { to.setDiff(); }
  void operator()(const zab::Trunc& m) { to.setTrunc(m.last.value); }
  void operator()(const zab::SnapBegin& m) { to.setSnapBegin(m.zxid.value); }
  void operator()(const zab::SnapChunk& m) { to.setSnapChunk(data(m.entries)); }
  void operator()(const zab::SnapEnd&) { to.setSnapEnd(); }
  void operator()(const zab::NewLeader& m) { to.setNewLeader(m.epoch.value); }
  void operator()(const zab::UpToDate&) { to.setUpToDate(); }
  void operator()(const zab::Proposals& m) {
    write(m.proposals, to.initProposals(static_cast<capnp::uint>(m.proposals.size())));
  }
  void operator()(const zab::Commit& m) { to.setCommit(m.zxid.value); }
  void operator()(const zab::Inform& m) {
    write(m.proposals, to.initInform(static_cast<capnp::uint>(m.proposals.size())));
  }
  void operator()(const zab::Ping& m) {
    auto ping = to.initPing();
    ping.setZxid(m.zxid.value);
    ping.setDigest(m.digest);
    ping.setOrdinal(m.ordinal);
  }
  void operator()(const zab::SessionRevalidated& m) {
    auto revalidated = to.initRevalidated();
    revalidated.setGateway(m.gateway);
    revalidated.setTicket(m.ticket);
    revalidated.setError(m.error);
    revalidated.setBarrier(m.barrier.value);
  }
  void operator()(const zab::SyncReply& m) {
    auto synced = to.initSynced();
    synced.setGateway(m.gateway);
    synced.setTicket(m.ticket);
    synced.setBarrier(m.barrier.value);
  }
  void operator()(const zab::RequestRefused& m) {
    auto refused = to.initRefused();
    refused.setGateway(m.gateway);
    refused.setSession(m.session.value);
    refused.setNumber(m.number);
    refused.setError(m.error);
  }
};

std::size_t size_hint(const zab::Message& message) {
  if (const auto* m = std::get_if<zab::Proposals>(&message)) return payload(m->proposals);
  if (const auto* m = std::get_if<zab::Inform>(&message)) return payload(m->proposals);
  if (const auto* m = std::get_if<zab::SnapChunk>(&message)) return m->entries.size();
  if (const auto* m = std::get_if<zab::ForwardedRequests>(&message)) {
    std::size_t size = 0;
    for (const auto& request : m->requests) size += request.size() + 16;
    return size;
  }
  return 0;
}

zab::Message read(const Bytes& frame, Message::Reader from) {
  switch (from.which()) {
    case Message::FOLLOWER_INFO: {
      const auto m = from.getFollowerInfo();
      return zab::FollowerInfo{{m.getPeer()}, m.getObserver(), {m.getAcceptedEpoch()}, text(m.getEnsemble())};
    }
    case Message::ACK_EPOCH: {
      const auto m = from.getAckEpoch();
      zab::AckEpoch ack{std::nullopt, {m.getLast()}};
      if (m.getPromised()) ack.current_epoch = Epoch{m.getCurrentEpoch()};
      return ack;
    }
    case Message::ACK_NEW_LEADER:
      return zab::AckNewLeader{{from.getAckNewLeader()}};
    case Message::ACK:
      return zab::Ack{{from.getAck()}};
    case Message::REQUESTS: {
      zab::ForwardedRequests requests;
      requests.requests.reserve(from.getRequests().size());
      const auto owner = std::make_shared<Bytes>(frame);
      for (const auto request : from.getRequests()) requests.requests.push_back(slice(owner, request));
      return requests;
    }
    case Message::REVALIDATE: {
      const auto m = from.getRevalidate();
      return zab::RevalidateSession{m.getGateway(), m.getTicket(), {m.getSession()}, m.getTimeout()};
    }
    case Message::SYNC:
      return zab::SyncRequest{from.getSync().getGateway(), from.getSync().getTicket()};
    case Message::PONG: {
      zab::Pong pong;
      pong.ordinal = from.getPong().getOrdinal();
      pong.installing = from.getPong().getInstalling();
      for (const auto session : from.getPong().getHeard()) pong.heard.push_back({session});
      return pong;
    }
    case Message::LEADER_INFO:
      return zab::LeaderInfo{{from.getLeaderInfo()}};
    case Message::DIFF:
      return zab::Diff{};
    case Message::TRUNC:
      return zab::Trunc{{from.getTrunc()}};
    case Message::SNAP_BEGIN:
      return zab::SnapBegin{{from.getSnapBegin()}};
    case Message::SNAP_CHUNK:
      return zab::SnapChunk{slice(std::make_shared<Bytes>(frame), from.getSnapChunk())};
    case Message::SNAP_END:
      return zab::SnapEnd{};
    case Message::NEW_LEADER:
      return zab::NewLeader{{from.getNewLeader()}};
    case Message::UP_TO_DATE:
      return zab::UpToDate{};
    case Message::PROPOSALS:
      return zab::Proposals{read(frame, from.getProposals())};
    case Message::COMMIT:
      return zab::Commit{{from.getCommit()}};
    case Message::INFORM:
      return zab::Inform{read(frame, from.getInform())};
    case Message::PING: {
      const auto m = from.getPing();
      return zab::Ping{{m.getZxid()}, m.getDigest(), m.getOrdinal()};
    }
    case Message::REVALIDATED: {
      const auto m = from.getRevalidated();
      return zab::SessionRevalidated{m.getGateway(), m.getTicket(), m.getError(), {m.getBarrier()}};
    }
    case Message::SYNCED: {
      const auto m = from.getSynced();
      return zab::SyncReply{m.getGateway(), m.getTicket(), {m.getBarrier()}};
    }
    case Message::REFUSED: {
      const auto m = from.getRefused();
      return zab::RequestRefused{m.getGateway(), {m.getSession()}, m.getNumber(), m.getError()};
    }
  }
  throw MalformedFrame("a message of a kind that this version does not know");
}

PeerId checked_peer(std::uint32_t id) {
  if (id == 0 || id > 255) throw MalformedFrame("a node id outside 1 to 255");
  return {id};
}

}  // namespace

Bytes encode(const Hello& hello) {
  return build(0, [&](capnp::MessageBuilder& builder) {
    auto to = builder.initRoot<schema::Hello>();
    to.setVersion(hello.version);
    to.setFrom(hello.from.value);
    to.setKind(hello.learner ? schema::Hello::Kind::LEARNER : schema::Hello::Kind::ELECTION);
  });
}

Bytes encode(const zab::Notification& notification) {
  return build(notification.configuration.size(), [&](capnp::MessageBuilder& builder) {
    auto to = builder.initRoot<schema::Notification>();
    to.setSender(notification.sender.value);
    to.setState(static_cast<schema::PeerState>(notification.state));
    to.setRound(notification.round);
    auto vote = to.initVote();
    vote.setEpoch(notification.vote.epoch.value);
    vote.setZxid(notification.vote.zxid.value);
    vote.setLeader(notification.vote.leader.value);
    to.setConfigured(notification.configured.value);
    if (!notification.configuration.empty()) to.setConfiguration(data(notification.configuration));
    if (!notification.ensemble.empty()) to.setEnsemble(data(notification.ensemble));
  });
}

Bytes encode(const zab::Message& message) {
  return build(size_hint(message),
               [&](capnp::MessageBuilder& builder) { std::visit(Writer{builder.initRoot<Message>()}, message); });
}

Hello decode_hello(const Bytes& frame) {
  return parse(frame, [](capnp::MessageReader& reader) {
    const auto from = reader.getRoot<schema::Hello>();
    return Hello{from.getVersion(), checked_peer(from.getFrom()), from.getKind() == schema::Hello::Kind::LEARNER};
  });
}

zab::Notification decode_notification(const Bytes& frame) {
  return parse(frame, [](capnp::MessageReader& reader) {
    const auto from = reader.getRoot<schema::Notification>();
    if (from.getState() > schema::PeerState::OBSERVING) throw MalformedFrame("a state that this version does not know");
    const auto vote = from.getVote();
    if (vote.getLeader() > 255) throw MalformedFrame("a node id outside 1 to 255");  // 0: an observer's vote
    return zab::Notification{checked_peer(from.getSender()),
                             static_cast<zab::PeerState>(from.getState()),
                             from.getRound(),
                             {{vote.getEpoch()}, {vote.getZxid()}, {vote.getLeader()}},
                             {from.getConfigured()},
                             Bytes::copy(text(from.getConfiguration())),
                             std::string(text(from.getEnsemble()))};
  });
}

zab::Message decode_message(const Bytes& frame) {
  return parse(frame, [&](capnp::MessageReader& reader) { return read(frame, reader.getRoot<Message>()); });
}

std::size_t frame_size(std::span<const std::byte> received) {
  const auto words =
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(received.data()), received.size() / sizeof(capnp::word));
  if (words.size() == 0) return 0;
  std::uint32_t segments;
  std::memcpy(&segments, received.data(), sizeof segments);
  if (segments >= 512) throw MalformedFrame("a frame with too many segments");
  const std::size_t header = ((segments + 1) / 2 + 1) * sizeof(capnp::word);
  if (received.size() < header) return 0;
  const std::size_t size = capnp::expectedSizeInWordsFromPrefix(words) * sizeof(capnp::word);
  if (size > max_frame_size) throw MalformedFrame("a frame of " + std::to_string(size) + " bytes");
  return size;
}

}  // namespace troupe
