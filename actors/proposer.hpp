// Turns a request plus the pending changes into a transaction: what happens, with nothing left to
// decide. The transaction's bytes are built once, here.
//
// Owner: the leader's actor, from its activation on; single thread, no I/O but reading the view. The
// overlay holds what earlier proposals will do, so requests are decided at the pace at which they
// come in, however far behind the tree is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "actors/configuration.hpp"
#include "actors/decide.hpp"
#include "actors/overlay.hpp"
#include "schema/bytes.hpp"
#include "schema/txn.capnp.h"
#include "schema/types.hpp"
#include "store/error.hpp"
#include "store/log.hpp"
#include "store/tree.hpp"

namespace troupe {

class Proposer {
 public:
  /// `view` stands at exactly the end of the history. No transaction is stamped with an earlier time
  /// than the last one there.
  explicit Proposer(std::shared_ptr<const store::View> view, Rules rules = {});

  /// The transaction for a request, under `zxid`, which must be later than all before. A request
  /// that cannot be granted, or that cannot be read, becomes a refused transaction.
  ///
  /// Nothing, and no zxid is used up, for a numbered request that was prepared or applied before:
  /// its answer is, or will be, the one kept in the tree.
  ///
  /// Who may speak for a session is checked before; a request of session 0 is the ensemble's own.
  std::optional<store::Proposal> prepare(Zxid zxid, std::int64_t time_ms, schema::Request::Reader request);

  /// These requests, a few dozen at most, come next: see KvReader::prefetch().
  void prefetch(std::span<const schema::Request::Reader> requests) const;

  /// The first transaction of a history: the ensemble's id (16 bytes), its session key (32 bytes), and
  /// the text of its configuration.
  store::Proposal found(Zxid zxid, std::int64_t time_ms, std::string_view ensemble, std::string_view session_key,
                        std::string_view configuration = {});

  // Reconfigurations: the leader's actor knows what is allowed, the overlay who may.

  /// Whether a numbered request was prepared or applied before.
  bool repeated(schema::Request::Reader request) const;
  /// What speaks against a reconfiguration on the client's side: session_expired, no_auth; or ok.
  Error may_reconfigure(schema::Request::Reader request) const;
  /// The request becomes a refused transaction.
  store::Proposal prepare_refused(Zxid zxid, std::int64_t time_ms, schema::Request::Reader request, Error error);
  /// The joint step; says who asked, and answers him nothing yet.
  store::Proposal reconfigure(Zxid zxid, std::int64_t time_ms, const ReconfigAsker& asker, std::string_view from,
                              std::string_view to);
  /// The step that ends it, and the answer to who asked. `before`: the configuration that it replaces, if any.
  store::Proposal activate(Zxid zxid, std::int64_t time_ms, const ReconfigAsker& asker, std::string_view configuration,
                           std::string_view before = {});

  /// A newer view: what is applied in it is not pending any more.
  void advance(std::shared_ptr<const store::View> view);

  /// Whether the session is open, counting what is proposed.
  bool has_session(SessionId session) const { return overlay_.has_session(session); }

  /// The tree as of the last advance().
  const store::View& view() const { return overlay_.view(); }

  /// Znodes and sessions with pending changes.
  std::size_t pending() const { return overlay_.pending(); }

 private:
  store::Proposal build(schema::Request::Reader request);
  store::Proposal build_write(schema::Request::Reader request);
  store::Proposal build_multi(schema::Request::Reader request);
  store::Proposal build_session(schema::Request::Reader request);
  store::Proposal refuse(schema::Request::Reader request, Error error, unsigned operations = 0, unsigned failed = 0);
  void stamp(Zxid zxid, std::int64_t time_ms);

  Rules rules_;
  Overlay overlay_;
  Zxid last_zxid_;
  std::int64_t last_time_ms_;
};

/// The request that ends an expired session, as the leader makes it itself. A flat schema::Request.
Bytes close_session_request(SessionId session);

/// The request by which the leader cleans up a container or TTL znode that is due.
Bytes delete_due_request(std::string_view path);

}  // namespace troupe
