#include "actors/proposer.hpp"

#include <algorithm>

#include "actors/acl.hpp"
#include "actors/flat_message.hpp"
#include "schema/check.hpp"

namespace troupe {
namespace {

/// Room for the fixed part of a transaction of one change or none.
constexpr std::size_t txn_words = 32;

class TxnBuilder {
 public:
  TxnBuilder(Zxid zxid, std::int64_t time_ms, std::size_t words)
      : message_(words), zxid_(zxid), txn_(message_.initRoot<schema::Txn>()) {
    txn_.setZxid(zxid.value);
    txn_.setTime(time_ms);
  }
  TxnBuilder(Zxid zxid, std::int64_t time_ms, schema::Request::Reader request, std::size_t words)
      : TxnBuilder(zxid, time_ms, words) {
    txn_.setSession(request.getSession());
    txn_.setNumber(request.getNumber());
    txn_.setNumbered(request.getNumbered());
    txn_.setAnswered(request.getAnswered());
  }

  schema::Txn::Builder txn() { return txn_; }
  store::Proposal finish() { return {zxid_, message_.finish()}; }

 private:
  FlatMessage message_;
  Zxid zxid_;
  schema::Txn::Builder txn_;
};

capnp::Data::Reader data(std::string_view bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

void copy(std::string_view from, capnp::Text::Builder to) { std::copy(from.begin(), from.end(), to.begin()); }

void set_asker(const ReconfigAsker& asker, schema::Txn::Builder txn) {
  txn.setSession(asker.session.value);
  txn.setNumber(asker.number);
  txn.setNumbered(asker.numbered);
  txn.setAnswered(asker.answered);
}

capnp::Text::Reader path_of(schema::Operation::Reader operation) {
  switch (operation.which()) {
    case schema::Operation::CREATE:
      return operation.getCreate().getPath();
    case schema::Operation::DELETE:
      return operation.getDelete().getPath();
    case schema::Operation::SET_DATA:
      return operation.getSetData().getPath();
    case schema::Operation::SET_ACL:
      return operation.getSetAcl().getPath();
    case schema::Operation::CHECK:
      return operation.getCheck().getPath();
  }
  return {};
}

}  // namespace

Proposer::Proposer(std::shared_ptr<const store::View> view, Rules rules)
    : rules_(std::move(rules)), overlay_(view), last_zxid_(view->zxid()), last_time_ms_(view->time()) {}

void Proposer::stamp(Zxid zxid, std::int64_t time_ms) {
  TROUPE_CHECK(zxid > last_zxid_, "a proposal comes after all before it");
  last_zxid_ = zxid;
  last_time_ms_ = std::max(last_time_ms_, time_ms);
}

bool Proposer::repeated(schema::Request::Reader request) const {
  if (!request.getNumbered()) return false;
  const SessionId session{request.getSession()};
  return overlay_.has_session(session) && request.getNumber() <= overlay_.last_number(session);
}

std::optional<store::Proposal> Proposer::prepare(Zxid zxid, std::int64_t time_ms, schema::Request::Reader request) {
  if (repeated(request)) return std::nullopt;
  stamp(zxid, time_ms);
  overlay_.begin(zxid);
  store::Proposal proposal;
  try {
    proposal = build(request);
  } catch (const kj::Exception&) {  // pointers that lead nowhere; found out while reading
    proposal = refuse(request, Error::marshalling_error);
  }
  const SessionId session{request.getSession()};
  if (request.getNumbered() && overlay_.has_session(session)) overlay_.set_last_number(session, request.getNumber());
  overlay_.keep();
  return proposal;
}

void Proposer::prefetch(std::span<const schema::Request::Reader> requests) const {
  std::vector<std::string_view> paths;
  paths.reserve(requests.size());
  for (const auto request : requests) {
    try {
      // A multi may be large, and be read only once.
      if (!request.isWrite()) continue;
      const capnp::Text::Reader path = path_of(request.getWrite());
      paths.emplace_back(path.begin(), path.size());
    } catch (const kj::Exception&) {
      // prepare() finds it out, and answers.
    }
  }
  overlay_.view().prefetch(paths);
}

store::Proposal Proposer::build(schema::Request::Reader request) {
  if (request.isOpenSession() || request.isCloseSession()) return build_session(request);
  const SessionId session{request.getSession()};
  const bool known = session == SessionId{} || request.getLocal() || overlay_.has_session(session);
  if (request.isWrite()) return known ? build_write(request) : refuse(request, Error::session_expired);
  if (request.isMulti()) {
    return known ? build_multi(request) : refuse(request, Error::session_expired, request.getMulti().size());
  }
  if (request.isReconfig()) return refuse(request, Error::reconfig_disabled);  // whoever allows it does not ask here
  return refuse(request, Error::unimplemented);
}

store::Proposal Proposer::build_write(schema::Request::Reader request) {
  const auto operation = request.getWrite();
  // Outside a multi a check would be a write that changes nothing; ZooKeeper has no answer to it.
  if (operation.isCheck()) return refuse(request, Error::bad_arguments);
  TxnBuilder builder(last_zxid_, last_time_ms_, request, request.totalSize().wordCount + txn_words);
  const Asker asker{SessionId{request.getSession()}, request.getIdentities(), last_time_ms_, request.getLocal()};
  const Error error = decide(overlay_, rules_, asker, operation, builder.txn().initChange());
  return error == Error::ok ? builder.finish() : refuse(request, error);
}

store::Proposal Proposer::build_multi(schema::Request::Reader request) {
  const auto operations = request.getMulti();
  TxnBuilder builder(last_zxid_, last_time_ms_, request,
                     request.totalSize().wordCount + txn_words + 2 * operations.size());
  const Asker asker{SessionId{request.getSession()}, request.getIdentities(), last_time_ms_, request.getLocal()};
  auto changes = builder.txn().initMulti(operations.size());
  for (unsigned i = 0; i < operations.size(); ++i) {
    const Error error = decide(overlay_, rules_, asker, operations[i], changes[i]);
    // What cannot be read cannot be answered for one by one.
    if (error == Error::marshalling_error) return refuse(request, error);
    if (error != Error::ok) return refuse(request, error, operations.size(), i);
  }
  return builder.finish();
}

store::Proposal Proposer::build_session(schema::Request::Reader request) {
  const SessionId session{request.getSession()};
  TxnBuilder builder(last_zxid_, last_time_ms_, request, txn_words);
  if (request.isCloseSession()) {
    if (!overlay_.has_session(session)) return refuse(request, Error::session_expired);
    builder.txn().setCloseSession();
    overlay_.close_session(session, rules_.enforce_quota);
  } else {
    if (session == SessionId{}) return refuse(request, Error::bad_arguments);
    if (overlay_.has_session(session)) return refuse(request, Error::invalid_state);
    builder.txn().initOpenSession().setTimeout(request.getOpenSession());
    overlay_.open_session(session);
  }
  return builder.finish();
}

store::Proposal Proposer::refuse(schema::Request::Reader request, Error error, unsigned operations, unsigned failed) {
  overlay_.rollback();
  TxnBuilder builder(last_zxid_, last_time_ms_, request, txn_words);
  auto refused = builder.txn().initRefused();
  refused.setError(static_cast<std::int32_t>(error));
  refused.setOperations(operations);
  refused.setFailed(failed);
  return builder.finish();
}

store::Proposal Proposer::found(Zxid zxid, std::int64_t time_ms, std::string_view ensemble,
                                std::string_view session_key, std::string_view configuration) {
  TROUPE_CHECK(ensemble.size() == 16 && session_key.size() == 32, "an ensemble's id has 16 bytes, its session key 32");
  stamp(zxid, time_ms);
  TxnBuilder builder(last_zxid_, last_time_ms_, txn_words + configuration.size() / sizeof(capnp::word));
  auto found = builder.txn().initFound();
  found.setEnsemble(data(ensemble));
  found.setSessionKey(data(session_key));
  if (!configuration.empty()) copy(configuration, found.initConfiguration(static_cast<unsigned>(configuration.size())));
  return builder.finish();
}

// --- reconfigurations ---

Error Proposer::may_reconfigure(schema::Request::Reader request) const {
  if (!request.getLocal() && !overlay_.has_session({request.getSession()})) return Error::session_expired;
  const auto node = overlay_.find("/zookeeper/config");
  const bool permitted = node && (!node->acl || acl::permits(*node->acl, store::perm::write, request.getIdentities()));
  return permitted ? Error::ok : Error::no_auth;
}

store::Proposal Proposer::prepare_refused(Zxid zxid, std::int64_t time_ms, schema::Request::Reader request,
                                          Error error) {
  stamp(zxid, time_ms);
  overlay_.begin(zxid);
  auto proposal = refuse(request, error);
  const SessionId session{request.getSession()};
  if (request.getNumbered() && overlay_.has_session(session)) overlay_.set_last_number(session, request.getNumber());
  overlay_.keep();
  return proposal;
}

store::Proposal Proposer::reconfigure(Zxid zxid, std::int64_t time_ms, const ReconfigAsker& asker,
                                      std::string_view from, std::string_view to) {
  stamp(zxid, time_ms);
  TxnBuilder builder(zxid, last_time_ms_, txn_words + (from.size() + to.size()) / sizeof(capnp::word));
  set_asker(asker, builder.txn());
  auto step = builder.txn().initReconfigure();
  copy(from, step.initFrom(static_cast<unsigned>(from.size())));
  copy(to, step.initTo(static_cast<unsigned>(to.size())));
  return builder.finish();
}

store::Proposal Proposer::activate(Zxid zxid, std::int64_t time_ms, const ReconfigAsker& asker,
                                   std::string_view configuration, std::string_view before) {
  stamp(zxid, time_ms);
  overlay_.begin(zxid);
  TxnBuilder builder(zxid, last_time_ms_, txn_words + (configuration.size() + before.size()) / sizeof(capnp::word));
  set_asker(asker, builder.txn());
  auto step = builder.txn().initActivate();
  copy(configuration, step.initConfiguration(static_cast<unsigned>(configuration.size())));
  if (!before.empty()) copy(before, step.initBefore(static_cast<unsigned>(before.size())));
  if (asker.numbered && overlay_.has_session(asker.session)) overlay_.set_last_number(asker.session, asker.number);
  overlay_.keep();
  return builder.finish();
}

void Proposer::advance(std::shared_ptr<const store::View> view) { overlay_.advance(std::move(view)); }

Bytes close_session_request(SessionId session) {
  FlatMessage message(txn_words);
  auto request = message.initRoot<schema::Request>();
  request.setSession(session.value);
  request.setCloseSession();
  return message.finish();
}

Bytes delete_due_request(std::string_view path) {
  FlatMessage message(txn_words + path.size() / sizeof(capnp::word));
  auto remove = message.initRoot<schema::Request>().initWrite().initDelete();
  std::copy(path.begin(), path.end(), remove.initPath(static_cast<unsigned>(path.size())).begin());
  remove.setVersion(-1);
  return message.finish();
}

}  // namespace troupe
