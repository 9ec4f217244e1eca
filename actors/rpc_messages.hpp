// The messages of one RPC connection, of which those that come in are bounded more tightly than those
// that go out. TwoPartyVatNetwork knows one limit for both, and fails a call whose answer is larger.
//
// Thread: that of its stream's event loop.
#pragma once

#include <capnp/serialize-async.h>

namespace troupe {

class RpcMessages final : public capnp::MessageStream {
 public:
  /// `incoming` holds for what is read, whatever the reader asks for.
  RpcMessages(kj::AsyncIoStream& stream, capnp::ReaderOptions incoming) : inner_(stream), incoming_(incoming) {}

  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> tryReadMessage(kj::ArrayPtr<kj::AutoCloseFd> fds,
                                                                    capnp::ReaderOptions,
                                                                    kj::ArrayPtr<capnp::word> scratch) override {
    return inner_.tryReadMessage(fds, incoming_, scratch);
  }
  kj::Promise<void> writeMessage(kj::ArrayPtr<const int> fds,
                                 kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override {
    return inner_.writeMessage(fds, segments);
  }
  kj::Promise<void> writeMessages(kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override {
    return inner_.writeMessages(messages);
  }
  kj::Maybe<int> getSendBufferSize() override { return inner_.getSendBufferSize(); }
  kj::Promise<void> end() override { return inner_.end(); }

 private:
  capnp::AsyncIoMessageStream inner_;
  const capnp::ReaderOptions incoming_;
};

}  // namespace troupe
