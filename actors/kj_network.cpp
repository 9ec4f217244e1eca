#include "actors/kj_network.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "actors/listen.hpp"
#include "schema/peer.capnp.h"

namespace troupe {
namespace {
constexpr auto dial_timeout = 1 * kj::SECONDS;
constexpr auto hello_timeout = 2 * kj::SECONDS;
constexpr auto accept_pause = 100 * kj::MILLISECONDS;  // when the system has no descriptor left
constexpr std::size_t longest_hello = 1024;            // bytes
constexpr std::size_t most_strangers = 256;
}  // namespace

std::map<PeerId, Member> placed(std::map<PeerId, Member> members, const std::map<PeerId, Member>& file, bool open) {
  for (auto& [id, member] : members) {
    const auto told = file.find(id);
    if (told == file.end() || (open && !is_wildcard(member.host))) continue;
    member.host = told->second.host;
    member.peer_port = told->second.peer_port;
  }
  return members;
}

KjNetwork::KjNetwork(kj::AsyncIoContext& io, KjHost& host, const NodeConfig& config,
                     const std::map<PeerId, Member>& members)
    : io_(io),
      timer_(io.provider->getTimer()),
      host_(host),
      self_(config.id),
      address_(config.peer_address),
      open_(config.reconfig_enabled),
      standalone_enabled_(config.standalone_enabled),
      file_(config.members),
      members_(members),
      port_(members.at(config.id).peer_port),
      tasks_(*this) {
  if (members_.size() > 1 || file_.size() > 1 || !standalone_enabled_) listen();
}

KjNetwork::~KjNetwork() noexcept = default;

void KjNetwork::listen() {
  auto listening = listen_on(address_, port_, "the other nodes");
  listener_ = io_.lowLevelProvider->wrapListenSocketFd(
      kj::mv(listening.socket),
      kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC | kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK);
}

void KjNetwork::start(ElectorActor elector, PeerActor peer) {
  elector_ = std::move(elector);
  peer_ = std::move(peer);
  if (listener_.get() != nullptr) accepting_ = accept(*listener_).eagerlyEvaluate(nullptr);
  keep_channels();
}

// --- members ---

void KjNetwork::set_members(const std::map<PeerId, Member>& members) {
  members_ = placed(members, file_, open_);
  keep_channels();
  const auto self = members_.find(self_);
  if (self == members_.end() || listener_.get() == nullptr || self->second.peer_port == port_) return;
  const auto before = std::exchange(port_, self->second.peer_port);
  try {
    accepting_ = nullptr;
    listener_ = nullptr;
    listen();
  } catch (const std::exception& error) {
    spdlog::error("this node shall listen on port {} and cannot: {}. It stays on {}; restart it when the port is free",
                  port_, error.what(), before);
    port_ = before;
    listen();
  }
  accepting_ = accept(*listener_).eagerlyEvaluate(nullptr);
}

void KjNetwork::also_know(const std::map<PeerId, Member>& members) {
  members_.insert(members.begin(), members.end());
  keep_channels();
}

void KjNetwork::keep_channels() {
  if (listener_.get() == nullptr) return;
  std::erase_if(channels_, [this](const auto& each) {
    const auto member = members_.find(each.first);
    return member == members_.end() || member->second.host != each.second.host ||
           member->second.peer_port != each.second.port;
  });
  const Bytes hello = encode(Hello{schema::PROTOCOL_VERSION, self_, false});
  for (const auto& [id, member] : members_) {
    if (id == self_ || channels_.contains(id)) continue;
    channels_[id] = {member.host, member.peer_port,
                     std::make_unique<ElectionChannel>(
                         host_, timer_, hello, [this, id = id] { return dial(id); },
                         [this, id = id](bool reachable) {
                           caf::anon_send(elector_, Reachable{id, reachable});
                         },
                         [this, id = id](const Bytes& frame) { hear(id, frame); })};
  }
}

void KjNetwork::taskFailed(kj::Exception&& error) {
  spdlog::warn("a connection to the peer port is closed: {}", reason_of(error));
}

// --- outgoing ---

kj::Promise<kj::Own<kj::AsyncIoStream>> KjNetwork::dial(PeerId to) {
  const auto member = members_.find(to);
  if (member == members_.end()) return broken_connection("node " + to_string(to) + " is not a member of the ensemble");
  auto connected = io_.provider->getNetwork()
                       .parseAddress(member->second.host, member->second.peer_port)
                       .then([](kj::Own<kj::NetworkAddress> address) {
                         auto stream = address->connect();
                         return stream.attach(kj::mv(address));
                       });
  auto silence = timer_.afterDelay(dial_timeout).then([]() -> kj::Own<kj::AsyncIoStream> {
    kj::throwFatalException(broken_connection("it does not answer"));
  });
  return connected.exclusiveJoin(kj::mv(silence));
}

void KjNetwork::notify(PeerId to, const zab::Notification& notification) {
  const auto channel = channels_.find(to);
  if (channel != channels_.end()) return channel->second.channel->notify(encode(notification));
  // No member: where it has come to ask, it is answered. What it does not take it asks for again.
  const auto asking = votes_.find(to);
  if (asking != votes_.end() && asking->second->queued() == 0) asking->second->send(encode(notification));
}

std::shared_ptr<Link> KjNetwork::connect(PeerId leader, LinkUserActor user) {
  return std::make_shared<KjLink>(host_, Hello{schema::PROTOCOL_VERSION, self_, true}, std::move(user), dial(leader));
}

// --- incoming ---

kj::Promise<void> KjNetwork::accept(kj::ConnectionReceiver& listener) {
  return listener.accept()
      .then(
          [this](kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<void> {
            // Whatever is wrong with this connection is not to end the accepting of others.
            if (strangers_ < most_strangers) tasks_.add(kj::evalNow([&] { return greet(kj::mv(stream)); }));
            return kj::READY_NOW;
          },
          [this](kj::Exception&& error) -> kj::Promise<void> {
            spdlog::warn("cannot accept a connection from another node: {}", reason_of(error));
            return timer_.afterDelay(accept_pause);
          })
      .then([this, &listener] { return accept(listener); });
}

kj::Promise<void> KjNetwork::greet(kj::Own<kj::AsyncIoStream> accepted) {
  set_socket_options(*accepted);
  auto stream = std::make_shared<FrameStream>(host_, kj::mv(accepted), longest_hello);
  ++strangers_;
  auto silence = timer_.afterDelay(hello_timeout).then([]() -> std::vector<Bytes> {
    kj::throwFatalException(broken_connection("no hello came in time"));
  });
  return stream->receive(1)
      .exclusiveJoin(kj::mv(silence))
      .then([this, stream](std::vector<Bytes> frames) { welcome(stream, decode_hello(frames.front())); })
      .attach(kj::defer([this] { --strangers_; }), Stream(stream));
}

void KjNetwork::welcome(const Stream& stream, const Hello& hello) {
  if (hello.version != schema::PROTOCOL_VERSION) {
    spdlog::warn("node {} speaks version {} of the protocol, this node version {}: refused. Run one version",
                 hello.from.value, hello.version, static_cast<std::uint32_t>(schema::PROTOCOL_VERSION));
    return;
  }
  if (hello.from == self_ || (!open_ && !members_.contains(hello.from) && !file_.contains(hello.from))) {
    spdlog::warn("a connection from node {}, which is {}: refused. The nodes' configurations differ", hello.from.value,
                 hello.from == self_ ? "this node's own id" : "no member of the ensemble");
    return;
  }
  stream->set_limit(max_frame_size);
  if (!hello.learner) {
    auto& current = votes_[hello.from];
    if (current) current->shut_down();
    current = stream;
    if (const auto back = channels_.find(hello.from); back != channels_.end()) back->second.channel->hurry();
    tasks_.add(hear_votes(stream, hello.from));
    return;
  }
  auto link = std::make_shared<KjLink>(host_, stream);
  auto& current = learners_[hello.from];
  if (const auto before = current.lock()) before->close("the learner connected again");
  current = link;
  caf::anon_send(peer_, LearnerConnected{hello.from, std::move(link)});
}

void KjNetwork::hear(PeerId from, const Bytes& frame) {
  const auto notification = decode_notification(frame);
  if (notification.sender != from) throw MalformedFrame("a vote in another node's name");
  caf::anon_send(elector_, NotificationReceived{notification});
}

kj::Promise<void> KjNetwork::hear_votes(Stream stream, PeerId from) {
  auto received = stream->receive();
  return received.then(
      [this, stream, from](std::vector<Bytes> frames) -> kj::Promise<void> {
        try {
          for (const auto& frame : frames) hear(from, frame);
        } catch (const MalformedFrame& malformed) {
          spdlog::warn("node {} is disconnected: {}", from.value, malformed.what());
          stream->shut_down();
          return kj::READY_NOW;
        }
        return hear_votes(stream, from);
      },
      [this, stream, from](kj::Exception&& error) {
        spdlog::debug("node {} votes no longer here: {}", from.value, reason_of(error));
        const auto current = votes_.find(from);
        if (current != votes_.end() && current->second == stream) votes_.erase(current);
      });
}

}  // namespace troupe
