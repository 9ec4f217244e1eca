#include "actors/zk/client_facts.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::zk {

void ClientFacts::add(ClientFacts&& other) {
  counters.add(other.counters);
  outstanding += other.outstanding;
  std::move(other.connections.begin(), other.connections.end(), std::back_inserter(connections));
  std::move(other.watches.begin(), other.watches.end(), std::back_inserter(watches));
}

void NodeClients::add(Answer answer) {
  std::lock_guard lock(mutex_);
  loops_.push_back({kj::getCurrentThreadExecutor().addRef(), std::move(answer)});
}

kj::Promise<ClientFacts> NodeClients::ask(const ClientQuestion& question) const {
  std::lock_guard lock(mutex_);
  auto answers = kj::heapArrayBuilder<kj::Promise<ClientFacts>>(loops_.size());
  for (const auto& loop : loops_) {
    const bool here = loop.executor.get() == &kj::getCurrentThreadExecutor();
    answers.add(here ? kj::Promise<ClientFacts>(loop.answer(question))
                     : loop.executor->executeAsync([answer = loop.answer, question] { return answer(question); }));
  }
  return kj::joinPromises(answers.finish()).then([](kj::Array<ClientFacts> parts) {
    ClientFacts all;
    for (auto& part : parts) all.add(kj::mv(part));
    return all;
  });
}

}  // namespace troupe::zk
