// The four-letter words: what a monitor or a person asks on the clients' port with four bytes and
// gets in text, in the forms that monitors parse. Those that are not on the node's list are refused by name.
//
// What they tell of clients is gathered from all event loops of the node.
//
// Owner: the gateway's loop. Thread: that loop.
#pragma once

#include <kj/async.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/gateway.hpp"
#include "actors/node_config.hpp"
#include "actors/status_board.hpp"
#include "actors/zk/admission.hpp"
#include "actors/zk/client_facts.hpp"

namespace troupe::zk {

class FourLetterWords {
 public:
  /// All outlive this.
  FourLetterWords(const Gateway& gateway, const NodeConfig& config, const StatusBoard& board,
                  const Admission& admission, const NodeClients& clients);

  /// `received`: what the client has sent so far; the word is its beginning. Nothing if it is no such word.
  /// Fails when the node is ending.
  kj::Maybe<kj::Promise<std::string>> answer(std::string_view received);

 private:
  using Answer = std::string (FourLetterWords::*)(const ClientFacts&);
  struct Word {
    std::string_view name;
    Answer answer;
    bool always = false;                               // also of a node that does not serve
    std::optional<ClientQuestion> about_clients = {};  // what it needs to know of them
  };
  static const Word* find(std::string_view name);

  // About the server.
  std::string ruok(const ClientFacts&);
  std::string isro(const ClientFacts&);
  std::string srvr(const ClientFacts&);
  std::string stat(const ClientFacts&);
  std::string mntr(const ClientFacts&);
  std::string conf(const ClientFacts&);
  std::string envi(const ClientFacts&);
  std::string dirs(const ClientFacts&);
  std::string hash(const ClientFacts&);
  std::string gtmk(const ClientFacts&);
  std::string srst(const ClientFacts&);

  // About its clients.
  std::string cons(const ClientFacts&);
  std::string crst(const ClientFacts&);
  std::string dump(const ClientFacts&);
  std::string wchs(const ClientFacts&);
  std::string wchc(const ClientFacts&);
  std::string wchp(const ClientFacts&);

  void set_trace_mask(std::string_view argument);
  std::string mode() const;
  std::string first_lines() const;
  std::string server_lines(const ClientFacts& clients) const;

  const Gateway& gateway_;
  const NodeConfig& config_;
  const StatusBoard& board_;
  const Admission& admission_;
  const NodeClients& clients_;
  const std::int64_t started_ms_;
  std::int64_t trace_mask_ = 306;  // as ZooKeeper shows its default; nothing is traced by it here
};

}  // namespace troupe::zk
