#include "apps/shell/shell.hpp"

#include <algorithm>

#include "apps/shell/commands.hpp"
#include "apps/shell/format.hpp"
#include "client/address.hpp"

namespace troupe::shell {
namespace {

constexpr std::size_t history_shown = 20;

const char* name_of(client::State state) {
  switch (state) {
    case client::State::connecting:
      return "CONNECTING";
    case client::State::connected:
      return "CONNECTED";
    case client::State::expired:
      return "EXPIRED";
    case client::State::closed:
      return "CLOSED";
  }
  return "UNKNOWN";
}

/// As events are announced.
const char* announcement(client::State state) {
  switch (state) {
    case client::State::connecting:
      return "Disconnected";
    case client::State::connected:
      return "SyncConnected";
    case client::State::expired:
      return "Expired";
    case client::State::closed:
      return "Closed";
  }
  return "Unknown";
}

std::string as_notice(const std::string& event) { return "WATCHER::\n" + event + "\n"; }

/// As zkCli says it, for scripts that look for that.
std::string complaint_of(Error error) {
  switch (error) {
    case Error::no_node:
      return "Node does not exist: ";
    case Error::node_exists:
      return "Node already exists: ";
    case Error::not_empty:
      return "Node not empty: ";
    case Error::bad_version:
      return "version No is not valid : ";
    case Error::no_auth:
      return "Insufficient permission : ";
    case Error::invalid_acl:
      return "Acl is not valid : ";
    case Error::no_children_for_ephemerals:
      return "Ephemerals cannot have children: ";
    default:
      return std::string(describe(error)) + ": ";
  }
}

std::string failure(const client::ClientError& error, const Arguments& arguments) {
  if (error.error() == Error::connection_loss) return error.what();  // what it means for the call
  return arguments.size() > 0 ? complaint_of(error.error()) + arguments[0] : describe(error.error());
}

}  // namespace

Shell::Shell(Settings settings) : settings_(std::move(settings)) { connect(settings_.connect); }

Shell::~Shell() { close(); }

std::string Shell::run(const std::string& line) {
  std::vector<std::string> words = split_words(line);
  if (words.empty()) return "";
  lines_.push_back(line);
  return run(words);
}

std::string Shell::run(const std::vector<std::string>& words) {
  const Command* command = find_command(words.at(0));
  if (!command) throw CommandError("there is no command " + words[0] + "; help lists them");
  Arguments arguments(command->signature, {words.begin() + 1, words.end()});
  try {
    return command->run(*this, arguments);
  } catch (const client::ClientError& error) {
    throw CommandError(failure(error, arguments));
  }
}

std::string Shell::prompt() const {
  const std::string& nodes = settings_.connect;
  auto more = std::count(nodes.begin(), nodes.end(), ',');
  std::string where = nodes.substr(0, nodes.find(',')) + (more ? " and " + std::to_string(more) + " more" : "");
  return "[troupe: " + where + " (" + name_of(state()) + ") " + std::to_string(lines_.size()) + "] ";
}

std::vector<std::string> Shell::complete(const std::vector<std::string>& before, const std::string& word) {
  std::vector<std::string> candidates;
  if (before.empty()) {
    for (const Command& command : commands())
      if (command.name.starts_with(word)) candidates.emplace_back(command.name);
    return candidates;
  }
  std::size_t slash = word.rfind('/');
  if (!word.starts_with('/') || state() != client::State::connected) return candidates;
  std::string parent = word.substr(0, std::max<std::size_t>(slash, 1)), stem = word.substr(0, slash + 1);
  try {
    for (const std::string& name : client().children(parent).names)
      if ((stem + name).starts_with(word)) candidates.push_back(stem + name);
  } catch (const client::ClientError&) {
    // No such path, or not for this client: nothing to offer.
  }
  return candidates;
}

client::Client& Shell::client() {
  if (!client_) throw CommandError("not connected; use connect");
  return *client_;
}

client::Watch Shell::watch() const {
  return [notify = settings_.notify](const client::Event& event) { notify(as_notice(format_event(event))); };
}

std::string Shell::show(const client::Value& value) const {
  if (!value.has_data) return "null";
  return settings_.escape_data ? printable(value.data) : value.data;
}

client::State Shell::state() const { return client_ ? client_->state() : client::State::closed; }

void Shell::connect(const std::string& address) {
  client::ConnectString::parse(address);  // refuses before the old connection goes
  close();
  settings_.connect = address;
  client::Options options = settings_.client;
  if (settings_.report_state) {
    options.on_state = [notify = settings_.notify](client::State state) {
      notify(as_notice(std::string("WatchedEvent state:") + announcement(state) + " type:None path:null"));
    };
  }
  client_ = std::make_unique<client::Client>(address, options);
}

void Shell::close() {
  if (!client_) return;
  client_->close();
  client_.reset();
}

void Shell::quit() {
  close();
  finished_ = true;
}

std::string Shell::history() const {
  std::string text;
  std::size_t first = lines_.size() > history_shown ? lines_.size() - history_shown : 0;
  for (std::size_t i = first; i < lines_.size(); ++i) text += std::to_string(i) + " - " + lines_[i] + "\n";
  return text;
}

std::string Shell::redo(std::size_t number) {
  if (number >= lines_.size()) throw CommandError("there is no line " + std::to_string(number) + "; see history");
  std::string line = lines_[number];
  auto words = split_words(line);
  const Command* command = find_command(words.at(0));
  if (command && command->name == "redo") throw CommandError("line " + std::to_string(number) + " is itself a redo");
  lines_.back() = line;  // what was done, rather than how it was asked for
  return run(words);
}

}  // namespace troupe::shell
