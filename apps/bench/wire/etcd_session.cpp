#include "apps/bench/wire/etcd_session.hpp"

#include <stdexcept>
#include <utility>

#include "apps/bench/wire/etcd_requests.hpp"

namespace troupe::bench {
namespace {

// HTTP/2, RFC 9113.
enum FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  reset = 3,
  settings = 4,
  ping = 6,
  go_away = 7,
  window_update = 8,
};
namespace flag {
constexpr std::uint8_t end_stream = 1, ack = 1, end_headers = 4;
}
constexpr std::size_t frame_header = 9;
constexpr std::uint16_t setting_initial_window = 4;
constexpr std::uint32_t window_of_call = 1u << 30, window_of_all = 1u << 30;
constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

constexpr std::size_t message_header = 5;        // gRPC's: not compressed, and the length
constexpr std::size_t longest_message = 16'000;  // of one frame, whose greatest length is 16,384

void put_number(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::uint64_t number_in(std::string_view bytes) {
  std::uint64_t value = 0;
  for (unsigned char byte : bytes) value = value << 8 | byte;
  return value;
}

void put_frame_header(std::string& out, std::size_t size, FrameType type, std::uint8_t flags, std::uint32_t stream) {
  put_number(out, size, 3);
  put_number(out, type, 1);
  put_number(out, flags, 1);
  put_number(out, stream, 4);
}

/// A header that neither side remembers: its name by number in the static table, or as text.
void put_header(std::string& block, unsigned name, std::string_view value) {
  constexpr unsigned four_bits = 15;
  if (name < four_bits) {
    block += static_cast<char>(name);
  } else {
    block += static_cast<char>(four_bits);
    block += static_cast<char>(name - four_bits);
  }
  block += static_cast<char>(value.size());
  block += value;
}

/// The same bytes for every call of a method.
std::string header_block(std::string_view method) {
  constexpr unsigned authority = 1, path = 4, content_type = 31;
  std::string block;
  block += '\x83';  // :method POST
  block += '\x86';  // :scheme http
  put_header(block, path, method);
  put_header(block, authority, "localhost");
  put_header(block, content_type, "application/grpc");
  block += '\0';
  block += '\2';
  block += "te";
  block += '\10';
  block += "trailers";
  return block;
}

const std::string& headers_of(Op op) {
  static const std::string range = header_block(etcd::method_of(Op::get)), put = header_block(etcd::method_of(Op::set)),
                           transaction = header_block(etcd::method_of(Op::create)),
                           remove = header_block(etcd::method_of(Op::remove));
  switch (op) {
    case Op::set:
      return put;
    case Op::remove:
      return remove;
    case Op::create:
    case Op::multi:
      return transaction;
    default:
      return range;
  }
}

}  // namespace

struct EtcdSession::Frame {
  std::uint8_t type, flags;
  std::uint32_t stream;
  std::string_view payload;
};

std::unique_ptr<Session> EtcdDriver::open(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                                          const SessionOptions&, Listener& listener) {
  return std::make_unique<EtcdSession>(loop, nodes[first % nodes.size()], listener);
}

EtcdSession::EtcdSession(EventLoop& loop, const Endpoint& node, Listener& listener) : Session(listener), Stream(loop) {
  connect(node);
}

void EtcdSession::opened() {
  std::string begin(preface);
  put_frame_header(begin, 6, settings, 0, 0);
  put_number(begin, setting_initial_window, 2);
  put_number(begin, window_of_call, 4);
  put_frame_header(begin, 4, window_update, 0, 0);
  put_number(begin, window_of_all, 4);
  out().append(begin);
  flush_later();
}

void EtcdSession::send(const Request& request, std::uint64_t token) {
  etcd::write_message(message_, request);
  if (message_.size() > longest_message) throw std::runtime_error("over etcd a value has at most 15,000 bytes here");
  const std::uint32_t stream = std::exchange(next_stream_, next_stream_ + 2);
  calls_.emplace(stream, Call{request.op, token, request.path.size()});
  const std::string& block = headers_of(request.op);
  const std::size_t size = message_header + message_.size();
  std::string frames;
  frames.reserve(2 * frame_header + block.size() + size);
  put_frame_header(frames, block.size(), headers, flag::end_headers, stream);
  frames += block;
  put_frame_header(frames, size, data, flag::end_stream, stream);
  put_number(frames, 0, 1);
  put_number(frames, message_.size(), 4);
  frames += message_;
  waiting_.push_back({std::move(frames), static_cast<std::int64_t>(size)});
  send_waiting();
}

void EtcdSession::send_waiting() {
  while (!waiting_.empty() && waiting_.front().window <= window_) {
    window_ -= waiting_.front().window;
    out().append(waiting_.front().frames);
    waiting_.pop_front();
  }
  flush_later();
}

void EtcdSession::close() {
  drop();
  listener().closed(*this);
}

std::size_t EtcdSession::parse(std::string_view bytes) {
  std::size_t taken = 0;
  while (open() && bytes.size() - taken >= frame_header) {
    const std::string_view head = bytes.substr(taken, frame_header);
    const auto size = static_cast<std::size_t>(number_in(head.substr(0, 3)));
    if (bytes.size() - taken < frame_header + size) break;
    const Frame frame{static_cast<std::uint8_t>(head[3]), static_cast<std::uint8_t>(head[4]),
                      static_cast<std::uint32_t>(number_in(head.substr(5))) & 0x7fffffff,
                      bytes.substr(taken + frame_header, size)};
    taken += frame_header + size;
    take(frame);
  }
  return taken;
}

void EtcdSession::take(const Frame& frame) {
  switch (frame.type) {
    case data:
      return take_data(frame);
    case headers:
      if (frame.flags & flag::end_stream) finish(frame.stream);
      return;
    case reset:
      return finish(frame.stream);
    case settings:
      if (!(frame.flags & flag::ack)) take_settings(frame.payload);
      return;
    case ping:
      if (!(frame.flags & flag::ack)) {
        std::string answer;
        put_frame_header(answer, frame.payload.size(), ping, flag::ack, 0);
        out().append(answer.append(frame.payload));
        flush_later();
      }
      return;
    case go_away:
      drop();
      return broken();
    case window_update:
      // One call's message is smaller than any window that a call begins with: only the common one counts.
      if (frame.stream == 0) {
        window_ += static_cast<std::int64_t>(number_in(frame.payload) & 0x7fffffff);
        send_waiting();
      }
  }
}

void EtcdSession::take_settings(std::string_view payload) {
  std::string answer;
  put_frame_header(answer, 0, settings, flag::ack, 0);
  out().append(answer);
  for (; payload.size() >= 6; payload.remove_prefix(6))
    if (number_in(payload.substr(0, 2)) == setting_initial_window && number_in(payload.substr(2, 4)) < longest_message)
      throw std::runtime_error("etcd grants a window that is too small");
  flush_later();
  if (std::exchange(ready_, true)) return;
  listener().connected(*this, true);
}

void EtcdSession::take_data(const Frame& frame) {
  received_ += frame.payload.size();
  if (received_ > window_of_all / 2) {
    std::string grant;
    put_frame_header(grant, 4, window_update, 0, 0);
    put_number(grant, received_, 4);
    out().append(grant);
    flush_later();
    received_ = 0;
  }
  const auto call = calls_.find(frame.stream);
  if (call == calls_.end()) {
    ++order_errors_;
    return;
  }
  call->second.answer += frame.payload;
  if (frame.flags & flag::end_stream) finish(frame.stream);
}

void EtcdSession::finish(std::uint32_t stream) {
  auto call = calls_.extract(stream);
  if (!call) {
    ++order_errors_;
    return;
  }
  constexpr int refused = -1;
  Call& done = call.mapped();
  Answer answer{.token = done.token};
  if (done.answer.size() < message_header)
    answer.error = refused;
  else
    etcd::read_answer(done.op, done.path_size, std::string_view(done.answer).substr(message_header), answer, names_);
  listener().answered(*this, answer);
}

void EtcdSession::broken() {
  waiting_.clear();
  while (!calls_.empty()) {
    const auto call = calls_.extract(calls_.begin());
    listener().answered(*this, {.token = call.mapped().token, .error = error::connection_loss});
  }
  listener().disconnected(*this);
}

}  // namespace troupe::bench
