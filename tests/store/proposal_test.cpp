// What is said of a transaction's bytes before anybody reads them.
#include "schema/proposal.hpp"

#include <cstring>
#include <vector>

#include "tests/catch.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {
namespace {

std::string numbers(const std::vector<std::uint32_t>& values, std::size_t words_behind = 0) {
  std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::uint32_t));
  return bytes.append(words_behind * 8, '\0');
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

}  // namespace troupe::store::testing
