// Requests in ZooKeeper's wire format, written straight into the buffer that is sent.
#pragma once

#include "apps/bench/wire/session.hpp"
#include "apps/bench/wire/stream.hpp"

namespace troupe::bench::zk {

/// A whole frame: length, header, body.
void write_request(OutBuffer& out, std::int32_t xid, const Request& request);
/// A frame of the header alone: ping, close.
void write_header(OutBuffer& out, std::int32_t xid, std::int32_t code);
/// The first frame of a connection. `password` of 16 bytes.
void write_connect(OutBuffer& out, std::int64_t last_zxid, std::chrono::milliseconds timeout, std::int64_t session,
                   std::string_view password);

}  // namespace troupe::bench::zk
