// The shell without its terminal: runs command lines against an ensemble and returns what to print.
//
// Owner: one thread. What the ensemble tells unasked (events of watches, changes of the connection) goes
// to `notify`, on the client library's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/shell/words.hpp"
#include "client/client.hpp"

namespace troupe::shell {

struct Settings {
  std::string connect;                                  ///< "host:port,host:port/chroot"
  client::Options client;                               ///< its on_state is the shell's
  bool escape_data = false;                             ///< data goes to a terminal, which it must not command
  bool report_state = false;                            ///< tell lost and regained connections too
  std::function<void(const std::string& text)> notify;  ///< whole lines; must not block
};

class Shell {
 public:
  /// Begins to connect. Throws std::invalid_argument where the address is none.
  explicit Shell(Settings settings);
  ~Shell();

  /// Runs one line and returns what it prints: whole lines, or nothing. Throws CommandError with what
  /// went wrong, for the user. Blocks until the ensemble has answered, or the client gives up.
  std::string run(const std::string& line);
  /// The same for words that are already taken apart.
  std::string run(const std::vector<std::string>& words);

  bool finished() const { return finished_; }  ///< after "quit"
  /// "[troupe: 127.0.0.1:2182 and 2 more (CONNECTED) 4] ", 4 being the number of the next line.
  std::string prompt() const;
  /// What `word`, behind the words `before` it, may become: commands, then paths.
  std::vector<std::string> complete(const std::vector<std::string>& before, const std::string& word);

  // For the commands (commands.cpp).
  client::Client& client();  ///< throws CommandError where there is none, after "close"
  client::Watch watch() const;
  std::string show(const client::Value& value) const;
  void connect(const std::string& address);
  void close();
  void quit();
  std::string history() const;
  std::string redo(std::size_t number);

 private:
  client::State state() const;

  Settings settings_;
  std::vector<std::string> lines_;  ///< all that were run
  bool finished_ = false;
  std::unique_ptr<client::Client> client_;
};

}  // namespace troupe::shell
