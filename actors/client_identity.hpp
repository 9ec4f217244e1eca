// Who the client of a connection has proved to be. Owner: the connection's attachment.
#pragma once

#include <capnp/message.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/txn.capnp.h"

namespace troupe {

class ClientIdentity {
 public:
  /// `address`: as text, for lists that name addresses; may be empty.
  explicit ClientIdentity(std::string_view address);

  /// Takes up what digest credentials ("user:password", but any bytes will do) prove. Whoever has
  /// the credentials of `super_digest` ("user:base64 of the hash"; empty for nobody) is the super user.
  void add_digest(std::string_view credentials, std::string_view super_digest);

  capnp::List<schema::Identity>::Reader list() const { return list_; }

 private:
  void add(std::string scheme, std::string id);
  /// Lists show identities, and "auth" stands for them, in the order of the hash table that ZooKeeper
  /// keeps them in.
  void put_in_order();

  std::vector<std::pair<std::string, std::string>> entries_;
  std::unique_ptr<capnp::MallocMessageBuilder> message_;
  capnp::List<schema::Identity>::Reader list_;
};

/// "user:base64(sha1(user:password))", the id that the digest scheme's lists hold.
std::string digest_id(std::string_view credentials);

}  // namespace troupe
