// The four-letter words: what a monitor or a person asks on the clients' port with four bytes and
// gets in text, in the forms that monitors parse. Those that are not on the node's list are refused by name.
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

  /// Nothing if the four bytes are no such word.
  std::optional<std::string> answer(std::string_view word, Door& door);

 private:
  using Answer = std::string (FourLetterWords::*)(Door&);
  struct Word {
    std::string_view name;
    Answer answer;
    bool always = false;  // also of a node that does not serve
  };
  static const Word* find(std::string_view name);

  std::string ruok(Door&);
  std::string isro(Door&);
  std::string srvr(Door&);
  std::string stat(Door&);

  std::string mode() const;
  std::string server_lines(Door& door) const;

  const Gateway& gateway_;
  const NodeConfig& config_;
  const StatusBoard& board_;
  const Admission& admission_;
  const std::int64_t started_ms_;
};

}  // namespace troupe::zk
