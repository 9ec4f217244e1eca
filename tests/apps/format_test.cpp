// The forms in which the shell answers: those that zkCli's users know.
#include "apps/shell/format.hpp"

#include <cstdlib>
#include <ctime>

#include "apps/shell/words.hpp"
#include "tests/catch.hpp"

using namespace troupe;
using namespace troupe::shell;

TEST_CASE("a stat is eleven lines") {
  setenv("TZ", "UTC", 1);
  tzset();
  client::Stat stat{.czxid = {0x100000002},
                    .mzxid = {0x100000003},
                    .pzxid = {0x100000004},
                    .ctime = 1'600'000'000'999,
                    .mtime = 0,
                    .version = 1,
                    .cversion = 2,
                    .aversion = 3,
                    .ephemeral_owner = {0x1000abc},
                    .data_length = 5,
                    .num_children = 6};
  CHECK(format_stat(stat) ==
        "cZxid = 0x100000002\nctime = Sun Sep 13 12:26:40 UTC 2020\nmZxid = 0x100000003\n"
        "mtime = Thu Jan 01 00:00:00 UTC 1970\npZxid = 0x100000004\ncversion = 2\ndataVersion = 1\naclVersion = 3\n"
        "ephemeralOwner = 0x1000abc\ndataLength = 5\nnumChildren = 6\n");
}

TEST_CASE("an access control list is read and written") {
  auto acl = parse_acl("world:anyone:cdrwa,digest:user:hash=:r,ip:10.0.0.0/8:rw,x509:CN=a:b:d");
  REQUIRE(acl.size() == 4);
  CHECK(acl[0] == client::Acl{.perms = client::perm::all, .scheme = "world", .id = "anyone"});
  CHECK(acl[1] == client::Acl{.perms = client::perm::read, .scheme = "digest", .id = "user:hash="});
  CHECK(acl[2].perms == (client::perm::read | client::perm::write));
  CHECK(acl[3].id == "CN=a:b");
  CHECK(format_acl(acl) ==
        "'world,'anyone\n: cdrwa\n'digest,'user:hash=\n: r\n'ip,'10.0.0.0/8\n: rw\n'x509,'CN=a:b\n: d\n");
  CHECK(parse_acl("auth::r")[0].id.empty());
  CHECK_THROWS_WITH(parse_acl("world:anyone:cdx"),
                    "'x' in \"world:anyone:cdx\" is not a permission; use letters of cdrwa");
  CHECK_THROWS_WITH(parse_acl("world"),
                    "\"world\" is not an ACL; write scheme:id:permissions, such as world:anyone:cdrwa");
  CHECK_THROWS_AS(parse_acl("world:anyone:r,"), CommandError);
}

TEST_CASE("names are listed in brackets") {
  CHECK(format_list({}) == "[]");
  CHECK(format_list({"a"}) == "[a]");
  CHECK(format_list({"a", "b"}) == "[a, b]");
}

TEST_CASE("an event is one line") {
  using client::EventType;
  CHECK(format_event({EventType::created, "/a", {}}) == "WatchedEvent state:SyncConnected type:NodeCreated path:/a");
  CHECK(format_event({EventType::children_changed, "/", {}}) ==
        "WatchedEvent state:SyncConnected type:NodeChildrenChanged path:/");
  CHECK(format_event({EventType::session_expired, "/a", {}}) == "WatchedEvent state:Expired type:None path:/a");
}

TEST_CASE("data cannot command the terminal") {
  CHECK(printable("line\n\tline \xc3\xa9") == "line\n\tline \xc3\xa9");
  CHECK(printable(std::string_view("\x1b[2J\0\r", 6)) == "\\x1b[2J\\x00\\x0d");
}
