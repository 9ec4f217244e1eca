#include "apps/node_status.hpp"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <algorithm>
#include <set>

#include "schema/client.capnp.h"

namespace troupe {
namespace {

RemoteStatus decode(schema::Status::Reader from) {
  std::vector<std::string> members;
  for (const auto member : from.getMembers()) {
    if (member.getAddress().size() > 0) members.emplace_back(member.getAddress());
  }
  return {
      .node = {from.getNode()},
      .role = from.getRole(),
      .leader = {from.getLeader()},
      .epoch = {from.getEpoch()},
      .last_zxid = {from.getLastZxid()},
      .znodes = from.getZnodes(),
      .sessions = from.getSessions(),
      .ephemerals = from.getEphemerals(),
      .connections = from.getConnections(),
      .watches = from.getWatches(),
      .version = from.getVersion(),
      .members = std::move(members),
  };
}

/// The connection and what is asked over it; the members go in the opposite order.
struct Inquiry {
  explicit Inquiry(kj::Own<kj::AsyncIoStream> connected)
      : stream(kj::mv(connected)),
        client(*stream),
        answer(client.bootstrap().castAs<schema::Door>().statusRequest().send()) {}

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyClient client;
  capnp::RemotePromise<schema::Door::StatusResults> answer;
};

kj::Promise<void> ask(kj::Network& network, kj::Timer& timer, kj::Duration patience, StatusAnswer& into) {
  auto answered = network.parseAddress(into.address.c_str())
                      .then([](kj::Own<kj::NetworkAddress> address) {
                        auto connected = address->connect();
                        return connected.attach(kj::mv(address));
                      })
                      .then([&into](kj::Own<kj::AsyncIoStream> stream) {
                        auto inquiry = kj::heap<Inquiry>(kj::mv(stream));
                        auto decoded = inquiry->answer.then(
                            [&into](auto&& response) { into.status = decode(response.getStatus()); });
                        return decoded.attach(kj::mv(inquiry));
                      });
  return timer.timeoutAfter(patience, kj::mv(answered)).catch_([&into](kj::Exception&& error) {
    bool late = error.getType() == kj::Exception::Type::OVERLOADED;
    std::string why = error.getDescription().cStr();
    if (why.starts_with("connect(): ")) why.erase(0, 11);  // the system call says nothing to people
    into.problem = late ? "no answer in time" : why;
  });
}

}  // namespace

std::vector<StatusAnswer> query_status(const std::vector<std::string>& addresses, std::chrono::milliseconds patience) {
  std::vector<StatusAnswer> answers;
  for (const std::string& address : addresses) answers.push_back({.address = address});
  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::Vector<kj::Promise<void>> asked;
  for (StatusAnswer& answer : answers)
    asked.add(ask(io.provider->getNetwork(), io.provider->getTimer(), patience.count() * kj::MILLISECONDS, answer));
  kj::joinPromises(asked.releaseAsArray()).wait(io.waitScope);
  return answers;
}

std::vector<StatusAnswer> query_ensemble(const std::vector<std::string>& addresses,
                                         std::chrono::milliseconds patience) {
  auto answers = query_status(addresses, patience);
  std::set<PeerId> answered;
  std::set<std::string> asked(addresses.begin(), addresses.end());
  std::vector<std::string> others;
  for (const auto& answer : answers) {
    if (!answer.status) continue;
    answered.insert(answer.status->node);
    for (const auto& member : answer.status->members) {
      if (asked.insert(member).second) others.push_back(member);
    }
  }
  // A node may have been asked by another name already.
  for (auto& answer : query_status(others, patience)) {
    if (!answer.status || answered.insert(answer.status->node).second) answers.push_back(std::move(answer));
  }
  std::stable_sort(answers.begin(), answers.end(), [](const StatusAnswer& a, const StatusAnswer& b) {
    return (a.status ? a.status->node : PeerId{~0u}) < (b.status ? b.status->node : PeerId{~0u});
  });
  return answers;
}

std::optional<PeerId> leader_of(const std::vector<StatusAnswer>& answers) {
  for (const StatusAnswer& answer : answers)
    if (answer.status && answer.status->leader.value != 0) return answer.status->leader;
  return std::nullopt;
}

}  // namespace troupe
