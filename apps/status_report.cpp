#include "apps/status_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace troupe {
namespace {

Zxid most_recent(const std::vector<StatusAnswer>& answers) {
  Zxid recent;
  for (const StatusAnswer& answer : answers)
    if (answer.status) recent = std::max(recent, answer.status->last_zxid);
  return recent;
}

/// Counters of different epochs cannot be subtracted: then none.
std::optional<std::uint32_t> lag(const RemoteStatus& status, Zxid recent) {
  if (status.last_zxid.epoch() != recent.epoch()) return std::nullopt;
  return recent.counter() - status.last_zxid.counter();
}

std::string json_text(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      quoted += escaped;
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string json_node(const StatusAnswer& answer, Zxid recent) {
  std::string text = "{\"address\": " + json_text(answer.address);
  auto field = [&](const char* name, const std::string& value) { text += std::string(", \"") + name + "\": " + value; };
  if (!answer.status) {
    field("problem", json_text(answer.problem));
    return text + "}";
  }
  const RemoteStatus& status = *answer.status;
  auto behind = lag(status, recent);
  field("node", to_string(status.node));
  field("role", json_text(status.role));
  field("leader", to_string(status.leader));
  field("epoch", to_string(status.epoch));
  field("last_zxid", json_text(to_string(status.last_zxid)));
  field("lag", behind ? std::to_string(*behind) : "null");
  field("sessions", std::to_string(status.sessions));
  field("znodes", std::to_string(status.znodes));
  field("ephemerals", std::to_string(status.ephemerals));
  field("connections", std::to_string(status.connections));
  field("watches", std::to_string(status.watches));
  field("version", json_text(status.version));
  return text + "}";
}

}  // namespace

std::string status_table(const std::vector<StatusAnswer>& answers) {
  constexpr std::size_t columns = 9;
  using Row = std::array<std::string, columns>;
  std::vector<Row> rows{{"node", "address", "role", "epoch", "last zxid", "lag", "sessions", "znodes", "clients"}};
  Zxid recent = most_recent(answers);
  for (const auto& [address, status, problem] : answers) {
    if (!status) {
      rows.push_back({"?", address, problem});
      continue;
    }
    auto behind = lag(*status, recent);
    rows.push_back({to_string(status->node), address, status->role, to_string(status->epoch),
                    to_string(status->last_zxid), behind ? std::to_string(*behind) : ">",
                    std::to_string(status->sessions), std::to_string(status->znodes),
                    std::to_string(status->connections)});
  }
  Row::value_type text;
  std::array<std::size_t, columns> widths{};
  for (const Row& row : rows) {
    bool answered = !row[3].empty();  // a problem may be long and has no columns behind it
    for (std::size_t i = 0; i < columns; ++i)
      if (answered || i < 2) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < columns; ++i) {
      line += row[i];
      if (row[i].size() < widths[i]) line.append(widths[i] - row[i].size(), ' ');
      line += "  ";
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string status_json(const std::vector<StatusAnswer>& answers) {
  std::optional<PeerId> leader = leader_of(answers);
  std::string text = std::string("{\"quorum\": ") + (leader ? "true" : "false") +
                     ", \"leader\": " + (leader ? to_string(*leader) : "null") + ", \"nodes\": [";
  Zxid recent = most_recent(answers);
  for (std::size_t i = 0; i < answers.size(); ++i) text += (i ? ",\n  " : "\n  ") + json_node(answers[i], recent);
  return text + "\n]}\n";
}

}  // namespace troupe
