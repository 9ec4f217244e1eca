#include "tests/processes/busy_writer.hpp"

#include "tests/wait.hpp"

namespace troupe::test {
namespace {
constexpr std::size_t window = 8;
}  // namespace

BusyWriter::BusyWriter(const std::string& connect, std::string parent)
    : parent_(std::move(parent)), client_(connect, {.session_timeout = patience, .patience = patience}) {
  client_.create(parent_);
  for (std::size_t i = 0; i < window; ++i) write_next();
}

BusyWriter::~BusyWriter() { finish(); }

void BusyWriter::write_next() {
  std::string name;
  {
    std::lock_guard lock(mutex_);
    if (finishing_) return;
    name = std::to_string(next_++);
    ++under_way_;
  }
  client_.create(parent_ + "/" + name, name, {}, [this, name](client::Result<client::Created> result) {
    {
      std::lock_guard lock(mutex_);
      --under_way_;
      if (result.ok()) {
        acknowledged_.insert(name);
      } else {
        finishing_ = true;
        failures_ += name + ": " + describe(result.error()) + "; ";
      }
    }
    answered_.notify_all();
    write_next();
  });
}

bool BusyWriter::wait_for_more(std::size_t count) {
  std::unique_lock lock(mutex_);
  const std::size_t wanted = acknowledged_.size() + count;
  return answered_.wait_for(lock, patience, [&] { return acknowledged_.size() >= wanted || !failures_.empty(); }) &&
         failures_.empty();
}

std::set<std::string> BusyWriter::finish() {
  std::unique_lock lock(mutex_);
  finishing_ = true;
  answered_.wait(lock, [this] { return under_way_ == 0; });  // the client's patience ends it
  return acknowledged_;
}

std::string BusyWriter::failures() const {
  std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace troupe::test
