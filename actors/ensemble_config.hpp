// The ensemble's configuration: its members, where they are reached and what their votes weigh; and
// the text in which ZooKeeper writes it down, in /zookeeper/config and in the requests of reconfig:
//
//   server.1=host:2888:3888:participant;0.0.0.0:2181
//   group.1=1:2:3            only where votes are weighed
//   weight.1=2
//   rpc.1=2182               Troupe's own: the port of its RPC. ZooKeeper's clients pass over it
//   version=100000007        the transaction that made it, hexadecimal
//
// Plain data and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "actors/zab/quorum.hpp"
#include "schema/types.hpp"

namespace troupe {

struct Member {
  std::string host;                ///< name or address under which the other nodes reach it
  std::uint16_t peer_port = 2888;  ///< elections and replication
  std::uint16_t rpc_port = 2182;   ///< clients over Cap'n Proto RPC; 0: unknown to the others
  bool observer = false;
  std::uint32_t weight = 1;         ///< of its vote; 0 counts nothing
  std::uint32_t group = 0;          ///< with groups, a quorum is a majority of weight in a majority of groups
  std::uint16_t election_port = 0;  ///< ZooKeeper's; shown, and not used. 0: shown as the peer port
  std::string client_host;          ///< of ZooKeeper's protocol; empty: all addresses
  std::uint16_t client_port = 0;    ///< likewise; 0: unknown to the others

  bool operator==(const Member&) const = default;
};

/// A configuration's text cannot be used; what() says why.
class BadConfiguration : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

zab::PeerSet ids_of(const std::map<PeerId, Member>& members);

struct EnsembleConfig {
  std::map<PeerId, Member> members;
  Zxid version;  ///< the transaction that activated it; 0: the node's file, or none yet

  bool operator==(const EnsembleConfig&) const = default;

  zab::PeerSet voters() const;
  /// Whether the same nodes belong to it, and whoever votes there votes here with the same weight.
  bool decides_as(const EnsembleConfig& other) const;
  /// Whether votes are told apart by weights or groups.
  bool weighted() const;
  std::shared_ptr<const zab::Quorum> quorum() const;
};

/// The text of a configuration, with its version; without a newline at its end, as ZooKeeper's.
std::string to_text(const EnsembleConfig& config);

/// A server line: "host:2888:3888:participant;0.0.0.0:2181".
std::string to_text(const Member& member);

/// Reads a text of lines; commas separate lines, too. Throws BadConfiguration where it is not one that
/// ZooKeeper would take: an unknown key, a wrong line, an address given to two, nobody who can vote.
EnsembleConfig parse_configuration(std::string_view text);

/// Reads what follows "server.N=". Throws BadConfiguration.
Member parse_member(std::string_view text);

/// Throws BadConfiguration where two members would listen on the same address.
void check_addresses(const EnsembleConfig& config);

/// Throws BadConfiguration where the text does not say again what it was made of: whoever reads it from the
/// log would count otherwise, or could not read it at all. Before any configuration gets into a history.
void check_text(const EnsembleConfig& config);

/// "0.0.0.0" and its like: where to listen, but nowhere to connect to.
bool is_wildcard(std::string_view host);

/// Throws BadConfiguration where the others would look for a member on their own machine.
void check_reachable(const EnsembleConfig& config);

}  // namespace troupe
