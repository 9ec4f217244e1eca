// The four-letter words: what a monitor or a person asks on the clients' port with four bytes and
// gets in text, in the forms that monitors parse. Those that are not on the node's list are refused by name.
//
// What is said of connections and watches is said of those of this gateway; the counts are the node's.
//
// Owner: the gateway's loop. Thread: that loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/gateway.hpp"
#include "actors/node_config.hpp"
#include "actors/status_board.hpp"
#include "actors/zk/admission.hpp"
#include "actors/zk/door.hpp"

namespace troupe::zk {

class FourLetterWords {
 public:
  /// All outlive this.
  FourLetterWords(const Gateway& gateway, const NodeConfig& config, const StatusBoard& board,
                  const Admission& admission);

  /// `received`: what the client has sent so far; the word is its beginning. Nothing if it is no such word.
  std::optional<std::string> answer(std::string_view received, Door& door);

 private:
  using Answer = std::string (FourLetterWords::*)(Door&);
  struct Word {
    std::string_view name;
    Answer answer;
    bool always = false;  // also of a node that does not serve
  };
  static const Word* find(std::string_view name);

  // About the server.
  std::string ruok(Door&);
  std::string isro(Door&);
  std::string srvr(Door&);
  std::string stat(Door&);
  std::string mntr(Door&);
  std::string conf(Door&);
  std::string envi(Door&);
  std::string dirs(Door&);
  std::string hash(Door&);
  std::string gtmk(Door&);
  std::string stmk(Door&);
  std::string srst(Door&);

  // About its clients.
  std::string cons(Door&);
  std::string crst(Door&);
  std::string dump(Door&);
  std::string wchs(Door&);
  std::string wchc(Door&);
  std::string wchp(Door&);

  std::string mode() const;
  std::string server_lines(Door& door) const;

  const Gateway& gateway_;
  const NodeConfig& config_;
  const StatusBoard& board_;
  const Admission& admission_;
  const std::int64_t started_ms_;
  std::string_view argument_;      // of stmk, while it is answered
  std::int64_t trace_mask_ = 306;  // as ZooKeeper shows its default; nothing is traced by it here
};

}  // namespace troupe::zk
