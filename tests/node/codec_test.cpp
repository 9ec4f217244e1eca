// The peer protocol's bytes: every message survives the way there and back, and bytes that are no message
// are a MalformedFrame, whatever they are.
#include <cstring>
#include <random>

#include "actors/frame_reader.hpp"
#include "actors/peer_codec.hpp"
#include "tests/catch.hpp"
#include "tests/node/messages.hpp"

using namespace troupe;
using troupe::testing::RandomMessages;

namespace {

/// Decodes; true if the bytes were a message.
template <class Decode>
bool survives(Decode&& decode) {
  try {
    decode();
    return true;
  } catch (const MalformedFrame&) {
    return false;
  }
}

void append(std::string& wire, const Bytes& frame) { wire.append(frame.view()); }

}  // namespace

TEST_CASE("every kind of message survives encoding") {
  RandomMessages random(1);
  for (std::size_t kind = 0; kind < std::variant_size_v<zab::Message>; ++kind) {
    for (int i = 0; i < 50; ++i) {
      const auto message = random.of_kind(kind);
      CAPTURE(kind, i);
      CHECK(testing::equal(message, decode_message(encode(message))));
    }
  }
}

TEST_CASE("notifications and hellos survive encoding") {
  RandomMessages random(2);
  for (int i = 0; i < 200; ++i) {
    const auto notification = random.notification();
    CHECK(decode_notification(encode(notification)) == notification);
  }
  for (const bool learner : {false, true}) {
    const auto hello = decode_hello(encode(Hello{7, PeerId{3}, learner}));
    CHECK(hello.version == 7);
    CHECK(hello.from == PeerId{3});
    CHECK(hello.learner == learner);
  }
}

TEST_CASE("a node id outside 1 to 255 is malformed") {
  CHECK_THROWS_AS(decode_hello(encode(Hello{1, PeerId{0}, false})), MalformedFrame);
  CHECK_THROWS_AS(decode_hello(encode(Hello{1, PeerId{256}, false})), MalformedFrame);
  zab::Notification notification{PeerId{1}, zab::PeerState::looking, 1, {Epoch{1}, Zxid{1}, PeerId{256}}};
  CHECK_THROWS_AS(decode_notification(encode(notification)), MalformedFrame);
}

TEST_CASE("damaged frames are malformed or another message, never anything worse") {
  RandomMessages messages(3);
  std::mt19937_64 random(4);
  int malformed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto frame = encode(messages.next());
    std::string bytes(frame.view());
    for (auto flips = 1 + random() % 4; flips > 0; --flips)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1) / 8 * 8);
    const auto damaged = Bytes::copy(bytes);
    malformed += !survives([&] { decode_message(damaged); });
    survives([&] { decode_notification(damaged); });
    survives([&] { decode_hello(damaged); });
    survives([&] { frame_size(damaged.span()); });
  }
  CHECK(malformed > 0);
}

TEST_CASE("a frame that announces too much is malformed before it has come") {
  const std::uint32_t too_long[2] = {0, static_cast<std::uint32_t>(max_frame_size / 8)};
  const std::uint32_t too_many[2] = {511, 1};
  CHECK_THROWS_AS(frame_size(Bytes::copy(too_long, 8).span()), MalformedFrame);
  CHECK(frame_size(Bytes::copy(too_many, 8).span()) == 0);  // its header is longer than this
  const std::uint32_t far_too_many[2] = {512, 1};
  CHECK_THROWS_AS(frame_size(Bytes::copy(far_too_many, 8).span()), MalformedFrame);
}

TEST_CASE("frames come out of a stream as they went in, however it is cut") {
  RandomMessages messages(5);
  std::mt19937_64 random(6);
  std::vector<Bytes> sent;
  std::string wire;
  for (int i = 0; i < 3'000; ++i) {
    // Some are larger than the blocks that they are read into.
    sent.push_back(i % 300 == 7 ? encode(zab::SnapChunk{Bytes::copy(std::string(100'000 + random() % 3'000'000, 'x'))})
                                : encode(messages.next()));
    append(wire, sent.back());
  }

  FrameReader reader;
  std::vector<Bytes> received;
  for (std::size_t at = 0; at < wire.size();) {
    const auto space = reader.space();
    REQUIRE_FALSE(space.empty());
    const auto most = random() % 3 == 0 ? 1 + random() % 20 : 1 + random() % 200'000;
    const auto size = std::min({space.size(), wire.size() - at, static_cast<std::size_t>(most)});
    std::memcpy(space.data(), wire.data() + at, size);
    at += size;
    reader.received(size);
    while (auto frame = reader.next()) received.push_back(std::move(*frame));
  }
  REQUIRE(received.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    REQUIRE(received[i] == sent[i]);
    REQUIRE(reinterpret_cast<std::uintptr_t>(received[i].data()) % 8 == 0);
  }
}

TEST_CASE("a header that lies costs little memory") {
  FrameReader reader;
  const std::uint32_t header[2] = {0, static_cast<std::uint32_t>(max_frame_size / 8 - 1)};
  std::memcpy(reader.space().data(), header, sizeof header);
  reader.received(sizeof header);
  CHECK_FALSE(reader.next());
  CHECK(reader.space().size() <= 1u << 20);
}

TEST_CASE("a frame above the limit is malformed") {
  FrameReader reader(64);
  const auto frame = encode(zab::SnapChunk{Bytes::copy(std::string(100, 'x'))});
  std::memcpy(reader.space().data(), frame.data(), frame.size());
  reader.received(frame.size());
  CHECK_THROWS_AS(reader.next(), MalformedFrame);
}
