#include "actors/zk/sasl_login.hpp"

#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "schema/check.hpp"

namespace troupe::zk {
namespace {

constexpr const char *mechanism = "DIGEST-MD5", *our_plugin = "troupe";
// As ZooKeeper's clients expect. Without a realm of its own libsasl2 takes the host's name for it, and users keep
// their plain names.
constexpr const char *service = "zookeeper", *host = "zk-sasl-md5";

// --- memory: the plug-in forgets what a client says more than once, and nobody may cost a node memory so

using Blocks = std::unordered_set<void*>;
thread_local Blocks* blocks = nullptr;  // of the exchange that this thread is in

void* keep(void* block) {
  if (blocks != nullptr && block != nullptr) blocks->insert(block);
  return block;
}

void forget(void* block) {
  if (blocks != nullptr) blocks->erase(block);
}

void* allocate(std::size_t size) { return keep(std::malloc(size)); }

void* allocate_zeros(std::size_t count, std::size_t size) { return keep(std::calloc(count, size)); }

void* reallocate(void* block, std::size_t size) {
  forget(block);
  return keep(std::realloc(block, size));
}

void release(void* block) {
  forget(block);
  std::free(block);
}

// --- what libsasl2 calls

template <typename Function>
sasl_callback_ft as_callback(Function* function) {
  return reinterpret_cast<sasl_callback_ft>(reinterpret_cast<void (*)()>(function));
}

/// Of the plug-ins that are installed the others stay out, and so do their complaints.
int may_load(void*, const char* file, sasl_verify_type_t type) {
  const bool ours = type == SASL_VRFY_PLUGIN && std::string_view(file).find("/libdigestmd5.") != std::string_view::npos;
  return ours ? SASL_OK : SASL_CONTINUE;
}

/// Whatever clients can cause is told to those who look for it alone; what shows what they sent, to nobody.
int write_log(void*, int level, const char* message) {
  if (level == SASL_LOG_ERR) spdlog::warn("SASL: {}", message);
  if (level == SASL_LOG_FAIL || level == SASL_LOG_WARN) spdlog::debug("SASL: {}", message);
  return SASL_OK;
}

/// Whoever has proved a name may ask to speak for anybody: it is known by its own name. Carries the users.
int allow_all(sasl_conn_t*, void*, const char*, unsigned, const char*, unsigned, const char*, unsigned, propctx*) {
  return SASL_OK;
}

int find_password(void*, sasl_server_params_t* login, unsigned flags, const char* name, unsigned size) {
  if ((flags & SASL_AUXPROP_AUTHZID) != 0) return SASL_OK;  // whom the client would like to speak for
  sasl_callback_ft ignored = nullptr;
  void* context = nullptr;
  const auto& utils = *login->utils;
  TROUPE_CHECK(utils.getcallback(utils.conn, SASL_CB_PROXY_POLICY, &ignored, &context) == SASL_OK,
               "a login knows its users");
  const auto& users = *static_cast<const SaslUsers*>(context);
  const auto user = users.find(std::string(name, size));
  if (user == users.end()) return SASL_NOUSER;
  return utils.prop_set(login->propctx, SASL_AUX_PASSWORD, user->second.data(), static_cast<int>(user->second.size()));
}

int describe_users(const sasl_utils_t*, int, int* version, sasl_auxprop_plug_t** plugin, const char*) {
  static sasl_auxprop_plug_t users{
      .auxprop_lookup = find_password, .name = const_cast<char*>(our_plugin), .auxprop_store = nullptr};
  *version = SASL_AUXPROP_PLUG_VERSION;
  *plugin = &users;
  return SASL_OK;
}

// --- setting up

bool has_mechanism() {
  for (const char** name = sasl_global_listmech(); name != nullptr && *name != nullptr; ++name) {
    if (std::string_view(*name) == mechanism) return true;
  }
  return false;
}

void start_library() {
  static const sasl_callback_t callbacks[] = {{SASL_CB_LOG, as_callback(write_log), nullptr},
                                              {SASL_CB_VERIFYFILE, as_callback(may_load), nullptr},
                                              {SASL_CB_LIST_END, nullptr, nullptr}};
  sasl_set_alloc(allocate, allocate_zeros, reallocate, release);
  sasl_set_mutex([]() -> void* { return new std::mutex; },
                 [](void* mutex) { return static_cast<std::mutex*>(mutex)->lock(), SASL_OK; },
                 [](void* mutex) { return static_cast<std::mutex*>(mutex)->unlock(), SASL_OK; },
                 [](void* mutex) { delete static_cast<std::mutex*>(mutex); });
  // Without a name for the application it reads no configuration.
  int result = sasl_server_init(callbacks, nullptr);
  if (result == SASL_OK) result = sasl_auxprop_add_plugin(our_plugin, describe_users);
  if (result != SASL_OK) {
    throw SaslUnavailable(std::string("libsasl2 does not start: ") + sasl_errstring(result, nullptr, nullptr));
  }
  if (!has_mechanism()) {
    sasl_server_done();
    throw SaslUnavailable("libsasl2's plug-in for DIGEST-MD5 is missing: apt-get install libsasl2-modules");
  }
}

}  // namespace

void set_up_sasl() {
  static const bool started = (start_library(), true);  // begun anew if it throws
  static_cast<void>(started);
}

class SaslLogin::Exchange {
 public:
  explicit Exchange(const SaslUsers& users)
      : callbacks_{{SASL_CB_PROXY_POLICY, as_callback(allow_all), const_cast<SaslUsers*>(&users)},
                   {SASL_CB_LIST_END, nullptr, nullptr}} {
    const Inside inside(blocks_);
    const int made =
        sasl_server_new(service, host, nullptr, nullptr, nullptr, callbacks_, SASL_SUCCESS_DATA, &connection_);
    TROUPE_CHECK(made == SASL_OK, "libsasl2 takes another login");
    const sasl_security_properties_t no_layers{};
    TROUPE_CHECK(sasl_setprop(connection_, SASL_SEC_PROPS, &no_layers) == SASL_OK, "logins need no security layer");
  }
  ~Exchange() {
    {
      const Inside inside(blocks_);
      sasl_dispose(&connection_);
    }
    for (void* block : blocks_) std::free(block);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// libsasl2's result, and what is to be sent.
  std::pair<int, std::string_view> step(std::string_view token) {
    const Inside inside(blocks_);
    const char* answer = nullptr;
    unsigned size = 0;
    const int result =
        std::exchange(asked_, true)
            ? sasl_server_step(connection_, token.data(), static_cast<unsigned>(token.size()), &answer, &size)
            : sasl_server_start(connection_, mechanism, nullptr, 0, &answer, &size);
    return {result, {answer, size}};
  }

  std::string user() const {
    const void* name = nullptr;
    TROUPE_CHECK(sasl_getprop(connection_, SASL_AUTHUSER, &name) == SASL_OK, "who has logged in has a name");
    return static_cast<const char*>(name);
  }

 private:
  /// While one lives libsasl2 works for this exchange.
  struct Inside {
    explicit Inside(Blocks& of) { blocks = &of; }
    ~Inside() { blocks = nullptr; }
  };

  Blocks blocks_;
  const sasl_callback_t callbacks_[2];
  sasl_conn_t* connection_ = nullptr;
  bool asked_ = false;
};

SaslLogin::SaslLogin(const SaslUsers& users) {
  set_up_sasl();
  exchange_ = std::make_unique<Exchange>(users);
}

SaslLogin::~SaslLogin() = default;

std::optional<std::string> SaslLogin::answer(std::string_view token) {
  if (!exchange_) return std::nullopt;
  const auto [result, text] = exchange_->step(token);
  std::optional<std::string> answer;
  if (result == SASL_OK || result == SASL_CONTINUE) answer.emplace(text);
  if (result == SASL_OK) user_ = exchange_->user();
  if (result != SASL_CONTINUE) exchange_.reset();
  return answer;
}

}  // namespace troupe::zk
