#include "actors/reconfig.hpp"

#include <charconv>

namespace troupe {
namespace {

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

template <class Each>
void each_item(std::string_view list, const Each& each) {
  for (std::size_t start = 0; start <= list.size();) {
    const auto end = std::min(list.find(',', start), list.size());
    if (auto item = list.substr(start, end - start); item.find_first_not_of(" \t\r\n") != std::string_view::npos) {
      item.remove_prefix(item.find_first_not_of(" \t\r\n"));
      each(item.substr(0, item.find_last_not_of(" \t\r\n") + 1));
    }
    start = end + 1;
  }
}

/// Takes the servers out; one that is not there is left out already.
void leave(EnsembleConfig& config, std::string_view leaving) {
  each_item(leaving, [&](std::string_view item) {
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), id);
    if (error != std::errc() || end != item.data() + item.size()) {
      throw BadConfiguration("\"" + std::string(item) + "\" is no server's id");
    }
    config.members.erase({id});
  });
}

/// "server.4=host:2888:3888;2181" each, and Troupe's "rpc.4=2182".
void join(EnsembleConfig& config, std::string_view joining) {
  each_item(joining, [&](std::string_view item) {
    // Read as a configuration of its own: an observer in it would have nobody to follow.
    const auto equals = item.find('='), dot = item.substr(0, equals).rfind('.');
    if (equals == std::string_view::npos || dot == std::string_view::npos) {
      throw BadConfiguration("\"" + std::string(item) + "\" is no server; write server.N=host:port:port;port");
    }
    std::uint32_t number = 0;
    const auto digits = item.substr(dot + 1, equals - dot - 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number < 1 || number > 255) {
      throw BadConfiguration("\"" + std::string(digits) + "\" is no server's id (1 to 255)");
    }
    const PeerId id{number};
    const auto value = item.substr(equals + 1);
    const auto known = config.members.find(id);
    if (item.starts_with("rpc.")) {
      std::uint16_t port = 0;
      const auto [last, wrong] = std::from_chars(value.data(), value.data() + value.size(), port);
      if (known == config.members.end() || wrong != std::errc() || last != value.data() + value.size()) {
        throw BadConfiguration("\"" + std::string(item) + "\" is no port of a server named before it");
      }
      known->second.rpc_port = port;
      return;
    }
    auto member = parse_member(value);
    if (member.client_port == 0) throw BadConfiguration("each server needs three ports: host:port:port;port");
    if (known != config.members.end()) member.rpc_port = known->second.rpc_port;
    config.members[id] = std::move(member);
  });
  check_addresses(config);
}

}  // namespace

ReconfigPlan plan_reconfig(const Configuration& now, schema::Request::Reconfig::Reader request,
                           bool standalone_enabled) {
  if (now.joint()) return {Error::reconfig_in_progress, "another reconfiguration is under way", {}};
  const auto version = request.getVersion();
  if (version != -1 && version != static_cast<std::int64_t>(now.current.version.value)) {
    return {Error::bad_version, "the configuration's version is " + to_string(now.current.version), {}};
  }
  ReconfigPlan plan;
  try {
    if (request.hasNewMembers()) {
      plan.next = parse_configuration(view(request.getNewMembers()));
    } else if (now.current.weighted()) {
      throw BadConfiguration("where votes are weighed, all members must be given anew");
    } else {
      plan.next = now.current;
      leave(plan.next, view(request.getLeaving()));
      join(plan.next, view(request.getJoining()));
    }
    check_text(plan.next);
    check_reachable(plan.next);
    const std::size_t least = standalone_enabled ? 2 : 1;
    if (plan.next.voters().size() < least) {
      throw BadConfiguration("fewer than " + std::to_string(least) + " participants would be left");
    }
  } catch (const BadConfiguration& bad) {
    return {Error::bad_arguments, bad.what(), {}};
  }
  plan.next.version = Zxid{};
  return plan;
}

}  // namespace troupe
