// What is said of a transaction's bytes before anybody reads them.
#include "schema/proposal.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "schema/txn.capnp.h"
#include "tests/catch.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {
namespace {

std::string numbers(const std::vector<std::uint32_t>& values, std::size_t words_behind = 0) {
  std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::uint32_t));
  return bytes.append(words_behind * 8, '\0');
}

Bytes flat(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  return Bytes::copy(words.asBytes().begin(), words.asBytes().size());
}

/// As is_sound() and sets_configuration(), by a reader that checks all that it looks at.
std::pair<bool, bool> judged_with_care(const Proposal& proposal) {
  if (txn_size(proposal.txn.view()) != proposal.txn.size()) return {};
  try {
    capnp::FlatArrayMessageReader message(kj::arrayPtr(reinterpret_cast<const capnp::word*>(proposal.txn.data()),
                                                       proposal.txn.size() / sizeof(capnp::word)));
    const auto txn = message.getRoot<schema::Txn>();
    const bool configures = txn.isReconfigure() || txn.isActivate() || txn.isRefound() ||
                            (txn.isFound() && txn.getFound().hasConfiguration());
    return {txn.getZxid() == proposal.zxid.value, configures};
  } catch (const kj::Exception&) {
    return {};
  }
}

}  // namespace

TEST_CASE("A transaction says its own size, whatever follows it") {
  const auto txn = create_txn(Zxid{1}, "/a", "data");
  const std::string bytes(txn.txn.view());
  CHECK(txn_size(bytes) == bytes.size());
  CHECK(txn_size(bytes + "more") == bytes.size());
  CHECK(txn_size(bytes + bytes) == bytes.size());
  for (std::size_t size = 0; size < bytes.size(); ++size) REQUIRE(txn_size(bytes.substr(0, size)) == 0);
}

TEST_CASE("The table of segments is padded to a whole word") {
  CHECK(txn_size(numbers({0, 2}, 2)) == 24);
  CHECK(txn_size(numbers({1, 2, 1, 0}, 3)) == 40);
  CHECK(txn_size(numbers({2, 1, 1, 1}, 3)) == 40);
  CHECK(txn_size(numbers({2, 1, 1, 1}, 2)) == 0);
}

TEST_CASE("Sizes that no memory holds are no transaction's") {
  CHECK(txn_size(numbers({0, ~0u}, 2)) == 0);
  CHECK(txn_size(numbers({~0u, 1}, 2)) == 0);
  CHECK(txn_size(numbers({3, ~0u, ~0u, ~0u, ~0u, 0}, 2)) == 0);
}

TEST_CASE("What is sound is one transaction, and the one of its zxid") {
  const auto txn = create_txn(Zxid{7}, "/a", "data");
  const std::string bytes(txn.txn.view());
  CHECK(is_sound(txn));
  CHECK(!is_sound({Zxid{8}, txn.txn}));
  CHECK(!is_sound({Zxid{7}, Bytes::copy(bytes + bytes)}));
  CHECK(!is_sound({Zxid{7}, Bytes::copy(bytes.substr(8))}));
  CHECK(!is_sound({Zxid{7}, Bytes()}));
}

TEST_CASE("A transaction in several segments is as good as one in a single one") {
  for (const capnp::uint first_words : {1, 4, 100}) {
    capnp::MallocMessageBuilder message(first_words, capnp::AllocationStrategy::FIXED_SIZE);
    auto root = message.initRoot<schema::Txn>();
    root.setZxid(7);
    root.initFound().setConfiguration("server.1=here:1:2");
    const Proposal txn{Zxid{7}, flat(message)};
    CHECK(is_sound(txn));
    CHECK(!is_sound({Zxid{8}, txn.txn}));
    CHECK(sets_configuration(txn));
    root.initFound();
    CHECK(!sets_configuration({Zxid{7}, flat(message)}));
  }
}

TEST_CASE("Whatever bit is wrong up to the end of the root, nothing beyond the transaction is read") {
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::Txn>().setZxid(7);
  message.getRoot<schema::Txn>().initFound().setConfiguration("server.1=here:1:2");
  const Bytes sound = flat(message);
  std::uint16_t words[2];  // of the root: of its data, and of its pointers
  std::memcpy(words, sound.data() + 12, sizeof words);
  for (std::size_t bit = 0; bit < 64u * (2 + words[0] + words[1]); ++bit) {
    std::string bytes(sound.view());
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    const Proposal txn{Zxid{7}, Bytes::copy(bytes)};
    const auto [is_its_own, configures] = judged_with_care(txn);
    CAPTURE(bit);
    CHECK(is_sound(txn) == is_its_own);
    if (is_its_own) CHECK(sets_configuration(txn) == configures);
  }
}

}  // namespace troupe::store::testing
