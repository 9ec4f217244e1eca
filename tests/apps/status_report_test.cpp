// What `troupe status` makes of the nodes' answers.
#include "apps/status_report.hpp"

#include "tests/catch.hpp"

using namespace troupe;

namespace {

StatusAnswer answer(std::uint32_t node, const char* role, Zxid last, std::uint32_t leader = 3) {
  return {.address = "127.0.0.1:21" + std::to_string(node),
          .status = RemoteStatus{.node = {node},
                               .role = role,
                               .leader = {leader},
                               .epoch = {2},
                               .last_zxid = last,
                               .znodes = 5,
                               .sessions = 1,
                               .ephemerals = 7,
                               .connections = 2,
                               .watches = 4,
                               .version = "0.1"}};
}
const StatusAnswer silent{.address = "127.0.0.1:29", .status = {}, .problem = "Connection \"refused\""};

}  // namespace

TEST_CASE("the table shows how far each node is behind the most recent answer") {
  CHECK(status_table({answer(1, "following", {0x200000003}), answer(3, "leading", {0x200000005}), silent,
                      answer(4, "following", {0x100000009})}) ==
        "node  address        role       epoch  last zxid    lag  sessions  znodes  clients\n"
        "1     127.0.0.1:211  following  2      0x200000003  2    1         5       2\n"
        "3     127.0.0.1:213  leading    2      0x200000005  0    1         5       2\n"
        "?     127.0.0.1:29   Connection \"refused\"\n"
        "4     127.0.0.1:214  following  2      0x100000009  >    1         5       2\n");
}

TEST_CASE("JSON holds all that the nodes answered") {
  CHECK(status_json({answer(3, "leading", {0x200000005}), silent}) ==
        "{\"quorum\": true, \"leader\": 3, \"nodes\": [\n"
        "  {\"address\": \"127.0.0.1:213\", \"node\": 3, \"role\": \"leading\", \"leader\": 3, \"epoch\": 2, "
        "\"last_zxid\": \"0x200000005\", \"lag\": 0, \"sessions\": 1, \"znodes\": 5, \"ephemerals\": 7, "
        "\"connections\": 2, \"watches\": 4, \"version\": \"0.1\"},\n"
        "  {\"address\": \"127.0.0.1:29\", \"problem\": \"Connection \\\"refused\\\"\"}\n]}\n");
}

TEST_CASE("there is a quorum where some node knows a leader") {
  CHECK(leader_of({silent, answer(1, "following", {})}) == PeerId{3});
  CHECK_FALSE(leader_of({silent, answer(1, "looking", {}, 0)}));
  CHECK(status_json({answer(1, "looking", {}, 0)}).starts_with("{\"quorum\": false, \"leader\": null"));
}

TEST_CASE("a node that does not answer is told from one that refuses the connection") {
  auto answers = query_status({"127.0.0.1:1"}, std::chrono::seconds(5));
  REQUIRE(answers.size() == 1);
  CHECK_FALSE(answers[0].status);
  CHECK(answers[0].problem.find("refused") != std::string::npos);
}
