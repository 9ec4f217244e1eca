#include <iostream>

#include "client/client.hpp"

int main(int argc, char** argv) try {
  troupe::Client client(argc > 1 ? argv[1] : "127.0.0.1:2182");

  // A lock: who holds the ephemeral znode has it, and loses it with the session.
  client.create("/lock", "me", {.kind = troupe::client::Kind::ephemeral});

  // A value that several change: the version says whether somebody else was quicker.
  if (!client.exists("/counter")) client.create("/counter", "0");
  auto counter = client.get("/counter", [](const auto& event) { std::cout << event.path << " changed\n"; });
  client.set("/counter", std::to_string(std::stoi(counter.data) + 1), counter.stat.version);

  std::cout << "the counter was " << counter.data << std::endl;
} catch (const troupe::ClientError& error) {
  std::cerr << error.what() << std::endl;
  return 1;
}
