// One call of a client on its way: how it is written down, and who is waiting for its answer.
// Owner: the client's loop thread, once it was handed over.
#pragma once

#include <kj/exception.h>

#include <memory>
#include <string>
#include <utility>

#include "client/types.hpp"
#include "schema/client.capnp.h"

namespace troupe::client {

class Call {
 public:
  virtual ~Call() = default;
  /// All but the number. May be called again, after a lost connection.
  virtual void write(schema::Call::Builder to) const = 0;
  /// One of these is called, once. False: the answer cannot be read; the caller was told so.
  virtual bool answer(schema::Answer::Reader answer) = 0;
  virtual void fail(Error error, const std::string& why) = 0;

  bool is_write = false;
  bool internal = false;     ///< of the connection alone: not to be repeated on the next
  std::uint64_t number = 0;  ///< of a write
  std::size_t bytes = 0;     ///< about what it takes in a message
};

/// A call made of two functions and the callback: `write(Call::Builder)`, `read(Answer::Reader)`
/// → Result<T>, which is given answers with errors too.
template <class T, class Write, class Read>
class CallOf final : public Call {
 public:
  CallOf(Write write, Read read, Callback<T> done)
      : write_(std::move(write)), read_(std::move(read)), done_(std::move(done)) {}

  void write(schema::Call::Builder to) const override { write_(to); }
  bool answer(schema::Answer::Reader answer) override {
    try {
      tell(read_(answer));
      return true;
    } catch (const kj::Exception& unreadable) {
      const auto why = unreadable.getDescription();
      fail(Error::connection_loss, "the node's answer cannot be read: " + std::string(why.begin(), why.size()));
      return false;
    }
  }
  void fail(Error error, const std::string& why) override { tell(Result<T>(error, why)); }

 private:
  /// A callback must not throw.
  void tell(Result<T> result) noexcept { done_(std::move(result)); }

  Write write_;
  Read read_;
  Callback<T> done_;
};

template <class T, class Write, class Read>
std::unique_ptr<Call> make_call(std::size_t bytes, Write write, Read read, Callback<T> done) {
  auto call = std::make_unique<CallOf<T, Write, Read>>(std::move(write), std::move(read), std::move(done));
  call->bytes = bytes + 128;
  return call;
}

}  // namespace troupe::client
