#include "apps/node_status.hpp"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include "schema/client.capnp.h"

namespace troupe {
namespace {

RemoteStatus decode(schema::Status::Reader from) {
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

std::optional<PeerId> leader_of(const std::vector<StatusAnswer>& answers) {
  for (const StatusAnswer& answer : answers)
    if (answer.status && answer.status->leader.value != 0) return answer.status->leader;
  return std::nullopt;
}

}  // namespace troupe
