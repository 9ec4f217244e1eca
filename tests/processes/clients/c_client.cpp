// Uses an ensemble as an application in C or C++ would, through ZooKeeper's client for C. What it prints
// asks for disturbances; see ../foreign_client.hpp.
//
// The program's thread makes the calls; the library's two threads call back, into Mailbox alone.
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto patience = 60s;

#define EXPECT(condition) \
  ((condition) ? void() : throw std::runtime_error(std::to_string(__LINE__) + ": not so: " #condition))

/// What the library's threads have told.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  /// All that came so far, once `enough` says that it is.
  std::vector<T> wait(const std::function<bool(const std::vector<T>&)>& enough) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return enough(values_); })) {
      throw std::runtime_error("only " + std::to_string(values_.size()) + " callbacks came");
    }
    return values_;
  }
  std::vector<T> wait(std::size_t count) {
    return wait([count](const auto& values) { return values.size() >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> values_;
};

struct Told {
  int type, state;
  std::string path;
  bool operator==(const Told&) const = default;
};
using Events = Mailbox<Told>;

/// For the session's states, and for watches that were given a mailbox.
void tell(zhandle_t*, int type, int state, const char* path, void* events) {
  static_cast<Events*>(events)->put({type, state, path});
}

/// Events of the session go to every watch; these are of znodes.
std::vector<Told> of_znodes(const std::vector<Told>& all) {
  std::vector<Told> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some),
               [](const Told& told) { return told.type != ZOO_SESSION_EVENT; });
  return some;
}
std::vector<Told> wait_for_znodes(Events& events, std::size_t count) {
  return of_znodes(events.wait([count](const auto& all) { return of_znodes(all).size() >= count; }));
}

/// A session. What connection losses cut off is asked again, as applications do.
class Session {
 public:
  Session(const std::string& hosts, int timeout_ms, const clientid_t* id = nullptr)
      : handle_(zookeeper_init(hosts.c_str(), tell, timeout_ms, id, &events_, 0)) {
    EXPECT(handle_ != nullptr);
    wait_for(ZOO_CONNECTED_STATE);
  }
  ~Session() { close(); }
  Session(const Session&) = delete;

  operator zhandle_t*() const { return handle_; }
  std::int64_t id() const { return zoo_client_id(handle_)->client_id; }
  void close() {
    if (auto* handle = std::exchange(handle_, nullptr)) zookeeper_close(handle);
  }
  void wait_for(int state) {
    events_.wait([state](const auto& all) {
      return std::any_of(all.begin(), all.end(), [state](const Told& told) { return told.state == state; });
    });
  }

  /// Repeats while there is no connection; the status of the last.
  template <class Call>
  int again(Call call) const {
    const auto end = Clock::now() + patience;
    int status;
    do {
      status = call();
    } while ((status == ZCONNECTIONLOSS || status == ZOPERATIONTIMEOUT) && Clock::now() < end);
    return status;
  }
  int create(const std::string& path, const std::string& data = "", int mode = ZOO_PERSISTENT,
             const ACL_vector* acl = &ZOO_OPEN_ACL_UNSAFE) {
    char made[1000];
    const int status = again([&] {
      return zoo_create(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), acl, mode, made,
                        sizeof made);
    });
    if (status == ZOK) made_ = made;
    return status;
  }
  const std::string& made() const { return made_; }  ///< the path of the last create that succeeded
  int set(const std::string& path, const std::string& data, int version = -1) {
    return again([&] { return zoo_set(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), version); });
  }
  int get(const std::string& path, Events* events = nullptr) {
    char data[1000];
    int size = sizeof data;
    const int status = again([&] {
      size = sizeof data;
      return zoo_wget(handle_, path.c_str(), events ? tell : nullptr, events, data, &size, &stat_);
    });
    if (status == ZOK) data_.assign(data, static_cast<std::size_t>(std::max(size, 0)));
    return status;
  }
  const std::string& data() const { return data_; }  ///< of the last get
  int exists(const std::string& path, Events* events = nullptr) {
    return again([&] { return zoo_wexists(handle_, path.c_str(), events ? tell : nullptr, events, &stat_); });
  }
  int children(const std::string& path, Events* events = nullptr) {
    String_vector names{};
    const int status = again(
        [&] { return zoo_wget_children2(handle_, path.c_str(), events ? tell : nullptr, events, &names, &stat_); });
    if (status == ZOK) {
      children_.assign(names.data, names.data + names.count);
      std::sort(children_.begin(), children_.end());
      deallocate_String_vector(&names);
    }
    return status;
  }
  const std::vector<std::string>& names() const { return children_; }  ///< of the last children(), sorted
  /// Its node may be behind what other sessions have written.
  void catch_up() {
    const int status = again([this] {
      Mailbox<int> synced;
      const auto done = [](int result, const char*, const void* mailbox) {
        static_cast<Mailbox<int>*>(const_cast<void*>(mailbox))->put(result);
      };
      const int sent = zoo_async(handle_, "/", done, &synced);
      return sent == ZOK ? synced.wait(1).front() : sent;
    });
    EXPECT(status == ZOK);
  }
  const Stat& stat() const { return stat_; }  ///< of the last read

 private:
  Events events_;
  zhandle_t* handle_;
  std::string made_, data_;
  std::vector<std::string> children_;
  Stat stat_{};
};

using Names = std::vector<std::string>;

// --- one after the other ---

void data(Session& zk) {
  EXPECT(zk.create("/c", "one") == ZOK && zk.made() == "/c");
  EXPECT(zk.create("/c") == ZNODEEXISTS);
  EXPECT(zk.create("/missing/c") == ZNONODE);
  EXPECT(zk.get("/c") == ZOK && zk.data() == "one" && zk.stat().version == 0 && zk.stat().dataLength == 3);
  EXPECT(zk.set("/c", "two", 0) == ZOK);
  EXPECT(zk.set("/c", "three", 0) == ZBADVERSION);
  Stat stat;
  EXPECT(zoo_set2(zk, "/c", "four", 4, 1, &stat) == ZOK && stat.version == 2 && stat.mzxid > stat.czxid);
  EXPECT(zk.get("/missing") == ZNONODE);
  EXPECT(zk.exists("/missing") == ZNONODE && zk.exists("/c") == ZOK);

  EXPECT(zk.create("/c/n-", "", ZOO_PERSISTENT_SEQUENTIAL) == ZOK && zk.made() == "/c/n-0000000000");
  EXPECT(zk.create("/c/e-", "", ZOO_EPHEMERAL_SEQUENTIAL) == ZOK && zk.made() == "/c/e-0000000001");
  EXPECT(zk.exists(zk.made()) == ZOK && zk.stat().ephemeralOwner == zk.id());
  EXPECT(zk.create(zk.made() + "/child") == ZNOCHILDRENFOREPHEMERALS);
  EXPECT(zk.create("/c/container", "", ZOO_CONTAINER) == ZOK);
  char made[100];
  EXPECT(zoo_create2(zk, "/c/stat", nullptr, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, made, sizeof made, &stat) ==
             ZOK &&
         std::string(made) == "/c/stat" && stat.czxid == stat.mzxid && stat.dataLength == 0);
  EXPECT(zk.children("/c") == ZOK && zk.names() == Names({"container", "e-0000000001", "n-0000000000", "stat"}));
  EXPECT(zk.stat().numChildren == 4 && zk.stat().cversion == 4);
  EXPECT(zoo_delete(zk, "/c", -1) == ZNOTEMPTY && zoo_delete(zk, "/c/stat", 7) == ZBADVERSION);
  EXPECT(zoo_delete(zk, "/c/stat", 0) == ZOK && zoo_delete(zk, "/c/stat", 0) == ZNONODE);
}

void access(Session& zk, Session& other) {
  Mailbox<int> authenticated;
  const std::string bob = "bob:secret";
  EXPECT(
      zoo_add_auth(
          zk, "digest", bob.data(), static_cast<int>(bob.size()),
          [](int status, const void* mailbox) { static_cast<Mailbox<int>*>(const_cast<void*>(mailbox))->put(status); },
          &authenticated) == ZOK);
  EXPECT(authenticated.wait(1) == std::vector<int>{ZOK});
  EXPECT(zk.create("/private", "x", ZOO_PERSISTENT, &ZOO_CREATOR_ALL_ACL) == ZOK);
  other.catch_up();
  EXPECT(zk.get("/private") == ZOK && other.get("/private") == ZNOAUTH && other.set("/private", "y") == ZNOAUTH);

  ACL_vector acl{};
  Stat stat;
  EXPECT(zoo_get_acl(zk, "/private", &acl, &stat) == ZOK && acl.count == 1 && stat.aversion == 0);
  EXPECT(acl.data[0].perms == ZOO_PERM_ALL && std::string(acl.data[0].id.scheme) == "digest");
  EXPECT(std::string(acl.data[0].id.id).starts_with("bob:") && std::string(acl.data[0].id.id) != bob);
  deallocate_ACL_vector(&acl);
  EXPECT(zoo_set_acl(zk, "/private", 5, &ZOO_READ_ACL_UNSAFE) == ZBADVERSION);
  EXPECT(zoo_set_acl(zk, "/private", 0, &ZOO_READ_ACL_UNSAFE) == ZOK);
  other.catch_up();
  EXPECT(other.get("/private") == ZOK && other.set("/private", "y") == ZNOAUTH);
}

void multi(Session& zk) {
  char made[100];
  Stat stat{};
  zoo_op_t good[4];
  zoo_create_op_init(&good[0], "/c/m-", "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, made, sizeof made);
  zoo_check_op_init(&good[1], "/c", 2);
  zoo_set_op_init(&good[2], "/c", "five", 4, 2, &stat);
  zoo_delete_op_init(&good[3], "/c/n-0000000000", -1);
  zoo_op_result_t results[4];
  EXPECT(zoo_multi(zk, 4, good, results) == ZOK && stat.version == 3);
  EXPECT(std::string(made).starts_with("/c/m-") && zk.exists(made) == ZOK);
  for (const auto& result : results) EXPECT(result.err == ZOK);

  zoo_op_t bad[3];
  zoo_create_op_init(&bad[0], "/c/undone", nullptr, -1, &ZOO_OPEN_ACL_UNSAFE, 0, made, sizeof made);
  zoo_check_op_init(&bad[1], "/c", 99);
  zoo_delete_op_init(&bad[2], "/c/container", -1);
  EXPECT(zoo_multi(zk, 3, bad, results) == ZBADVERSION);
  EXPECT(results[0].err == ZOK && results[1].err == ZBADVERSION && results[2].err == ZRUNTIMEINCONSISTENCY);
  EXPECT(zk.exists("/c/undone") == ZNONODE && zk.exists("/c/container") == ZOK);
}

void watches(Session& zk, Session& other) {
  Events of_data, of_existence, of_children, removed;
  EXPECT(zk.create("/w", "") == ZOK);
  EXPECT(zk.get("/w", &of_data) == ZOK && zk.exists("/w/child", &of_existence) == ZNONODE);
  EXPECT(zk.children("/w", &of_children) == ZOK && zk.exists("/w", &removed) == ZOK);
  EXPECT(zoo_remove_watches(zk, "/w", ZWATCHTYPE_DATA, tell, &removed, 0) == ZOK);
  EXPECT(other.set("/w", "new") == ZOK && other.create("/w/child") == ZOK);
  EXPECT(wait_for_znodes(of_data, 1)[0] == Told({ZOO_CHANGED_EVENT, ZOO_CONNECTED_STATE, "/w"}));
  EXPECT(wait_for_znodes(of_existence, 1)[0] == Told({ZOO_CREATED_EVENT, ZOO_CONNECTED_STATE, "/w/child"}));
  EXPECT(wait_for_znodes(of_children, 1)[0] == Told({ZOO_CHILD_EVENT, ZOO_CONNECTED_STATE, "/w"}));
  EXPECT(zk.get("/w/child", &of_data) == ZOK);
  EXPECT(zoo_delete(other, "/w/child", -1) == ZOK);
  EXPECT(wait_for_znodes(of_data, 2)[1] == Told({ZOO_DELETED_EVENT, ZOO_CONNECTED_STATE, "/w/child"}));
  EXPECT(zoo_remove_watches(zk, "/w", ZWATCHTYPE_CHILD, tell, &of_children, 0) == ZNOWATCHER);
  EXPECT(of_znodes(removed.wait(0)).empty());
}

// --- many at once ---

struct Answer {
  int status;
  std::string text;
};
using Answers = Mailbox<Answer>;

Answers& answers_in(const void* context) { return *static_cast<Answers*>(const_cast<void*>(context)); }
void with_string(int status, const char* value, const void* context) {
  answers_in(context).put({status, status == ZOK ? value : ""});
}
void with_data(int status, const char* value, int size, const Stat*, const void* context) {
  answers_in(context).put({status, status == ZOK ? std::string(value, static_cast<std::size_t>(size)) : ""});
}
void with_stat(int status, const Stat* stat, const void* context) {
  answers_in(context).put({status, status == ZOK ? std::to_string(stat->version) : ""});
}
void with_names(int status, const String_vector* names, const void* context) {
  answers_in(context).put({status, status == ZOK ? std::to_string(names->count) : ""});
}
void with_acl(int status, ACL_vector* acl, Stat*, const void* context) {
  answers_in(context).put({status, status == ZOK ? acl->data[0].id.scheme : ""});
}
void with_nothing(int status, const void* context) { answers_in(context).put({status, ""}); }

void pipeline(Session& zk) {
  EXPECT(zk.create("/many") == ZOK);
  constexpr std::size_t count = 500;
  Answers answers;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string path = "/many/" + std::to_string(i), value = std::to_string(i);
    EXPECT(zoo_acreate(zk, path.c_str(), value.data(), static_cast<int>(value.size()), &ZOO_OPEN_ACL_UNSAFE, 0,
                       with_string, &answers) == ZOK);
    EXPECT(zoo_aget(zk, path.c_str(), 0, with_data, &answers) == ZOK);
  }
  const auto all = answers.wait(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT(all[2 * i].status == ZOK && all[2 * i].text == "/many/" + std::to_string(i));
    EXPECT(all[2 * i + 1].status == ZOK && all[2 * i + 1].text == std::to_string(i));
  }
  Answers rest;
  EXPECT(zoo_aset(zk, "/many/0", "x", 1, 0, with_stat, &rest) == ZOK);
  EXPECT(zoo_aset(zk, "/many/0", "x", 1, 0, with_stat, &rest) == ZOK);
  EXPECT(zoo_aexists(zk, "/many/0", 0, with_stat, &rest) == ZOK);
  EXPECT(zoo_aget_children(zk, "/many", 0, with_names, &rest) == ZOK);
  EXPECT(zoo_aget_acl(zk, "/many", with_acl, &rest) == ZOK);
  EXPECT(zoo_async(zk, "/many", with_string, &rest) == ZOK);
  EXPECT(zoo_adelete(zk, "/many/0", 1, with_nothing, &rest) == ZOK);
  const std::vector<std::pair<int, std::string>> expected{{ZOK, "1"},     {ZBADVERSION, ""}, {ZOK, "1"}, {ZOK, "500"},
                                                          {ZOK, "world"}, {ZOK, "/many"},    {ZOK, ""}};
  const auto others = rest.wait(expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT(others[i].status == expected[i].first && others[i].text == expected[i].second);
  }
}

// --- disturbed ---

/// Has it done by whom started this program.
void ask(const std::string& disturbance) {
  std::cout << disturbance << std::endl;
  std::string done;
  EXPECT(std::getline(std::cin, done));
}

void lose_nodes(Session& zk, Session& other) {
  EXPECT(zk.create("/here", "", ZOO_EPHEMERAL) == ZOK);
  EXPECT(zk.create("/count", "0") == ZOK && zk.create("/after") == ZOK);
  Events of_data, of_children;
  EXPECT(zk.get("/w", &of_data) == ZOK && zk.children("/after", &of_children) == ZOK);
  const auto session = zk.id();

  ask("kill the leader");
  // Asked at once, while there is no leader; what was lost on the way is decided by the versions.
  for (int i = 0; i < 20; ++i) {
    const int status = zk.set("/count", std::to_string(i + 1), i);
    EXPECT(status == ZOK || status == ZBADVERSION);
    EXPECT(zk.get("/count") == ZOK && zk.data() == std::to_string(i + 1) && zk.stat().version == i + 1);
  }
  ask("start what was killed");
  ask("kill " + std::string(zoo_get_current_server(zk)));
  EXPECT(other.set("/w", "after") == ZOK && other.create("/after/child") == ZOK);
  EXPECT(wait_for_znodes(of_data, 1)[0] == Told({ZOO_CHANGED_EVENT, ZOO_CONNECTED_STATE, "/w"}));
  EXPECT(wait_for_znodes(of_children, 1)[0] == Told({ZOO_CHILD_EVENT, ZOO_CONNECTED_STATE, "/after"}));
  EXPECT(zk.exists("/here") == ZOK && zk.stat().ephemeralOwner == session && zk.id() == session);
  // On the new connection, too, it is bob.
  EXPECT(zk.set("/private", "bob's") == ZNOAUTH && zk.get("/private") == ZOK);
  ask("start what was killed");
}

void lose_session(const std::string& hosts) {
  Session zk(hosts, 2000);
  EXPECT(zoo_recv_timeout(zk) == 2000);
  Events of_data;
  EXPECT(zk.create("/short", "", ZOO_EPHEMERAL) == ZOK && zk.get("/", &of_data) == ZOK);
  ask("stop me until /short is gone");
  zk.wait_for(ZOO_EXPIRED_SESSION_STATE);
  of_data.wait([](const auto& all) { return !all.empty() && all.back().state == ZOO_EXPIRED_SESSION_STATE; });
  EXPECT(is_unrecoverable(zk) == ZINVALIDSTATE && zk.exists("/short") == ZINVALIDSTATE);
}

void run(const std::string& hosts) {
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  Session zk(hosts, 10'000);
  {
    Session other(hosts, 10'000);
    EXPECT(zk.id() != other.id());
    data(zk);
    access(zk, other);
    multi(zk);
    watches(zk, other);
    pipeline(zk);
    lose_nodes(zk, other);
  }
  // It ends with its session, not before.
  const clientid_t id = *zoo_client_id(zk);
  Session other(hosts, 10'000);
  other.catch_up();
  Events gone;
  EXPECT(other.exists("/here", &gone) == ZOK);
  zk.close();
  EXPECT(wait_for_znodes(gone, 1)[0] == Told({ZOO_DELETED_EVENT, ZOO_CONNECTED_STATE, "/here"}));
  // A session that was closed cannot be taken up.
  Events of_closed;
  zhandle_t* late = zookeeper_init(hosts.c_str(), tell, 10'000, &id, &of_closed, 0);
  of_closed.wait([](const auto& all) { return !all.empty() && all.back().state == ZOO_EXPIRED_SESSION_STATE; });
  zookeeper_close(late);
  other.close();
  lose_session(hosts);
}

}  // namespace

int main(int, char** arguments) {
  try {
    run(arguments[1]);
    std::cout << "all is well" << std::endl;
    return 0;
  } catch (const std::exception& problem) {
    std::cout << "line " << problem.what() << std::endl;
    std::_Exit(1);  // sessions may be in any state
  }
}
