#include "client/client.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "client/core.hpp"
#include "client/loop.hpp"
#include "client/requests.hpp"

namespace troupe::client {

/// The way from the user's threads to the core. Calls queue in `inbox_`, which the loop takes as a whole.
struct Client::Impl {
  Impl(ConnectString nodes, Options options)
      : options_(std::move(options)), requests_(nodes.chroot, watches_), max_pending_(options_.max_pending_bytes) {
    options_.on_state = [this, told = options_.on_state](State state) {
      set_state(state);
      if (told) told(state);
    };
    loop_ = std::make_unique<Loop>(
        [this, nodes](kj::AsyncIoContext& io) {
          core_ = std::make_unique<Core>(io, nodes, options_, watches_, [this](std::size_t bytes) { release(bytes); });
        },
        [this] { core_.reset(); });
  }

  ~Impl() { stop(true); }

  void set_state(State state) {
    std::lock_guard lock(mutex_);
    state_ = state;
    if (state == State::connected) session_ = core_->session();
    changed_.notify_all();
  }

  void release(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    pending_ -= bytes;
    changed_.notify_all();
  }

  void submit(const std::string& path, std::unique_ptr<Call> call) {
    if (!path.starts_with('/')) return call->fail(Error::bad_arguments, "a path starts with a slash");
    std::unique_lock lock(mutex_);
    if (!loop_->on_loop()) changed_.wait(lock, [this] { return pending_ <= max_pending_ || stopped_; });
    if (stopped_) {
      lock.unlock();
      return call->fail(Error::session_expired, "the client is closed");
    }
    pending_ += call->bytes;
    inbox_.push_back(std::move(call));
    if (inbox_.size() == 1) loop_->post([this] { take_inbox(); });
  }

  void take_inbox() {
    std::vector<std::unique_ptr<Call>> calls;
    {
      std::lock_guard lock(mutex_);
      calls.swap(inbox_);
    }
    for (auto& call : calls) core_->enqueue(std::move(call));
  }

  void stop(bool close_session) {
    refuse_on_loop();
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      stopped_ = true;
      changed_.notify_all();
    }
    if (close_session) {
      auto closed = std::make_shared<std::promise<void>>();
      loop_->post([this, closed] { core_->close([closed] { closed->set_value(); }); });
      constexpr std::chrono::seconds patience(5);
      closed->get_future().wait_for(patience);
    }
    loop_->stop();
    std::lock_guard lock(mutex_);
    if (state_ != State::expired) state_ = State::closed;
  }

  void refuse_on_loop() const {
    if (loop_->on_loop()) {
      throw std::logic_error("a blocking call from a callback of the same client would wait for itself forever");
    }
  }

  /// Starts an asynchronous call and waits for its answer.
  template <class T, class Start>
  T wait(const char* what, const std::string& path, Start start) {
    refuse_on_loop();
    auto [done, future] = promised<T>();
    start(std::move(done));
    auto result = future.get();
    if (!result.ok()) refuse(what, path, result.error(), result.message());
    return std::move(result.value());
  }

  [[noreturn]] static void refuse(const char* what, const std::string& path, Error error, const std::string& message) {
    throw ClientError(error, std::string(what) + " " + path + ": " + (message.empty() ? describe(error) : message));
  }

  Options options_;
  WatchTable watches_;  // the loop's thread only
  const Requests requests_;
  const std::size_t max_pending_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  State state_ = State::connecting;
  SessionId session_;
  bool stopped_ = false;
  std::size_t pending_ = 0;
  std::vector<std::unique_ptr<Call>> inbox_;

  std::unique_ptr<Core> core_;  // the loop's thread only
  std::unique_ptr<Loop> loop_;
};

Client::Client(std::string_view nodes, Options options)
    : impl_(std::make_unique<Impl>(ConnectString::parse(nodes), std::move(options))) {}
Client::~Client() = default;

bool Client::wait_connected(std::chrono::milliseconds limit) {
  std::unique_lock lock(impl_->mutex_);
  impl_->changed_.wait_for(lock, limit, [this] { return impl_->state_ != State::connecting; });
  return impl_->state_ == State::connected;
}

State Client::state() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->state_;
}

SessionId Client::session() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->session_;
}

void Client::close() { impl_->stop(true); }
void Client::abandon() { impl_->stop(false); }

// --- writes ---

void Client::create(const std::string& path, std::string data, CreateOptions options, Callback<Created> done) {
  impl_->submit(path, impl_->requests_.create({Operation::Code::create, path, std::move(data), std::move(options)},
                                              std::move(done)));
}
Created Client::create(const std::string& path, std::string data, CreateOptions options) {
  return impl_->wait<Created>("create", path,
                              [&](auto done) { create(path, std::move(data), std::move(options), std::move(done)); });
}

void Client::remove(const std::string& path, std::int32_t version, Callback<Nothing> done) {
  impl_->submit(path, impl_->requests_.remove({Operation::Code::remove, path, {}, {}, version}, std::move(done)));
}
void Client::remove(const std::string& path, std::int32_t version) {
  impl_->wait<Nothing>("delete", path, [&](auto done) { remove(path, version, std::move(done)); });
}

void Client::set(const std::string& path, std::string data, std::int32_t version, Callback<Stat> done) {
  impl_->submit(path,
                impl_->requests_.change({Operation::Code::set, path, std::move(data), {}, version}, std::move(done)));
}
Stat Client::set(const std::string& path, std::string data, std::int32_t version) {
  return impl_->wait<Stat>("set", path, [&](auto done) { set(path, std::move(data), version, std::move(done)); });
}

void Client::set_acl(const std::string& path, std::vector<Acl> acl, std::int32_t version, Callback<Stat> done) {
  Operation operation{Operation::Code::set_acl, path, {}, {.acl = std::move(acl)}, version};
  impl_->submit(path, impl_->requests_.change(std::move(operation), std::move(done)));
}
Stat Client::set_acl(const std::string& path, std::vector<Acl> acl, std::int32_t version) {
  return impl_->wait<Stat>("set the ACL of", path,
                           [&](auto done) { set_acl(path, std::move(acl), version, std::move(done)); });
}

void Client::reconfig(const Reconfiguration& change, Callback<Configured> done) {
  impl_->submit("/", impl_->requests_.reconfig(change, std::move(done)));
}
Configured Client::reconfig(const Reconfiguration& change) {
  return impl_->wait<Configured>("reconfig", "", [&](auto done) { reconfig(change, std::move(done)); });
}

void Client::commit(Multi multi, Callback<Committed> done) {
  for (const auto& operation : multi.operations_->list) {
    if (!operation.path.starts_with('/')) {
      return done(Result<Committed>(Error::bad_arguments, "a path starts with a slash"));
    }
  }
  impl_->submit("/", impl_->requests_.commit(std::move(multi.operations_->list), std::move(done)));
}
std::vector<OpResult> Client::commit(Multi multi) {
  auto committed = impl_->wait<Committed>("commit", "", [&](auto done) { commit(std::move(multi), std::move(done)); });
  if (committed.error == Error::ok) return std::move(committed.results);
  std::size_t culprit = 0;
  while (culprit < committed.results.size() && committed.results[culprit].error == Error::ok) ++culprit;
  throw ClientError(committed.error, "commit: operation " + std::to_string(culprit) + ": " + describe(committed.error));
}

// --- reads ---

void Client::exists(const std::string& path, Watch watch, Callback<std::optional<Stat>> done) {
  impl_->submit(path, impl_->requests_.exists(path, std::move(watch), std::move(done)));
}
std::optional<Stat> Client::exists(const std::string& path, Watch watch) {
  return impl_->wait<std::optional<Stat>>("exists", path,
                                          [&](auto done) { exists(path, std::move(watch), std::move(done)); });
}

void Client::get(const std::string& path, Watch watch, Callback<Value> done) {
  impl_->submit(path, impl_->requests_.get(path, std::move(watch), std::move(done)));
}
Value Client::get(const std::string& path, Watch watch) {
  return impl_->wait<Value>("get", path, [&](auto done) { get(path, std::move(watch), std::move(done)); });
}

void Client::children(const std::string& path, Watch watch, Page page, Callback<Children> done) {
  impl_->submit(path, impl_->requests_.children(path, std::move(watch), std::move(page), std::move(done)));
}
Children Client::children(const std::string& path, Watch watch, Page page) {
  return impl_->wait<Children>("list", path,
                               [&](auto done) { children(path, std::move(watch), std::move(page), std::move(done)); });
}

void Client::get_acl(const std::string& path, Callback<AclValue> done) {
  impl_->submit(path, impl_->requests_.get_acl(path, std::move(done)));
}
AclValue Client::get_acl(const std::string& path) {
  return impl_->wait<AclValue>("get the ACL of", path, [&](auto done) { get_acl(path, std::move(done)); });
}

void Client::sync(Callback<Nothing> done) { impl_->submit("/", impl_->requests_.sync(std::move(done))); }
void Client::sync() {
  impl_->wait<Nothing>("sync", "", [&](auto done) { sync(std::move(done)); });
}

// --- watches and identities ---

void Client::add_watch(const std::string& path, WatchMode mode, Watch watch, Callback<Nothing> done) {
  impl_->submit(path, impl_->requests_.add_watch(path, mode, std::move(watch), std::move(done)));
}
void Client::add_watch(const std::string& path, WatchMode mode, Watch watch) {
  impl_->wait<Nothing>("watch", path, [&](auto done) { add_watch(path, mode, std::move(watch), std::move(done)); });
}

void Client::remove_watches(const std::string& path, Callback<Nothing> done) {
  impl_->submit(path, impl_->requests_.remove_watches(path, std::move(done)));
}
void Client::remove_watches(const std::string& path) {
  impl_->wait<Nothing>("remove the watches of", path, [&](auto done) { remove_watches(path, std::move(done)); });
}

void Client::add_auth(const std::string& scheme, const std::string& credentials, Callback<Nothing> done) {
  auto remember = [impl = impl_.get(), scheme, credentials, done = std::move(done)](Result<Nothing> result) {
    if (result.ok()) impl->core_->remember_credentials(scheme, credentials);
    done(std::move(result));
  };
  impl_->submit("/", impl_->requests_.add_auth(scheme, credentials, std::move(remember)));
}
void Client::add_auth(const std::string& scheme, const std::string& credentials) {
  impl_->wait<Nothing>("authenticate as", scheme, [&](auto done) { add_auth(scheme, credentials, std::move(done)); });
}

void Client::who_am_i(Callback<std::vector<Identity>> done) {
  impl_->submit("/", impl_->requests_.who_am_i(std::move(done)));
}
std::vector<Identity> Client::who_am_i() {
  return impl_->wait<std::vector<Identity>>("who am I", "", [&](auto done) { who_am_i(std::move(done)); });
}

// --- multi ---

Multi::Multi() : operations_(std::make_unique<Operations>()) {}
Multi::Multi(Multi&&) noexcept = default;
Multi& Multi::operator=(Multi&&) noexcept = default;
Multi::~Multi() = default;

Multi& Multi::create(std::string path, std::string data, CreateOptions options) {
  operations_->list.push_back({Operation::Code::create, std::move(path), std::move(data), std::move(options)});
  return *this;
}
Multi& Multi::remove(std::string path, std::int32_t version) {
  operations_->list.push_back({Operation::Code::remove, std::move(path), {}, {}, version});
  return *this;
}
Multi& Multi::set(std::string path, std::string data, std::int32_t version) {
  operations_->list.push_back({Operation::Code::set, std::move(path), std::move(data), {}, version});
  return *this;
}
Multi& Multi::set_acl(std::string path, std::vector<Acl> acl, std::int32_t version) {
  operations_->list.push_back({Operation::Code::set_acl, std::move(path), {}, {.acl = std::move(acl)}, version});
  return *this;
}
Multi& Multi::check(std::string path, std::int32_t version) {
  operations_->list.push_back({Operation::Code::check, std::move(path), {}, {}, version});
  return *this;
}

}  // namespace troupe::client
