// A host whose actors run when the test says so, on its thread.
#pragma once

#include <deque>

#include "actors/host.hpp"

namespace troupe::testing {

class Turns : public Host {
 public:
  using Host::Host;
  void exec_later(caf::resumable* actor) override { ready_.push_back(actor); }
  void run() {
    while (!ready_.empty()) {
      auto* actor = ready_.front();
      ready_.pop_front();
      if (resume_on(*this, actor, 1)) ready_.push_back(actor);
    }
  }

 private:
  std::deque<caf::resumable*> ready_;
};

}  // namespace troupe::testing
