#include "apps/bench/micro/pipeline.hpp"

#include <algorithm>
#include <chrono>

#include "actors/flat_message.hpp"
#include "apps/bench/wire/zk_requests.hpp"

namespace troupe::bench {
namespace {

constexpr std::chrono::milliseconds session_timeout{30'000};
constexpr std::size_t fill_batch = 1000;

std::string frames(std::size_t count, std::size_t znodes, Op op) {
  OutBuffer out;
  const std::string value(Pipeline::value_size, 'v');
  for (std::size_t i = 0; i < count; ++i) {
    // Far apart, as clients ask: 7919 is prime.
    const std::string path = Pipeline::path(i * 7919 % znodes);
    zk::write_request(out, static_cast<std::int32_t>(i + 1), {.op = op, .path = path, .data = value});
  }
  return std::string(out.pending());
}

}  // namespace

std::string get_frames(std::size_t count, std::size_t znodes) { return frames(count, znodes, Op::get); }
std::string set_frames(std::size_t count, std::size_t znodes) { return frames(count, znodes, Op::set); }

std::string Pipeline::path(std::size_t i) {
  const std::string number = std::to_string(i);
  return "/keys/" + std::string(7 - std::min<std::size_t>(7, number.size()), '0') + number;
}

Pipeline::Pipeline(std::size_t znodes)
    : data_(store::open_lmdb_disk(directory_.path()), PeerId{1}),
      proposer_(data_.tree().view()),
      gateway_({.node = PeerId{1}, .seed = 1}, *this),
      context_{.gateway = gateway_, .host = *this} {
  zxid_ = zxid_.next();
  const std::vector first{proposer_.found(zxid_, time_ms_, std::string(16, 'e'), std::string(32, 'k'))};
  append(first);
  deliver(apply(first));
  gateway_.serving();

  connection_ = std::make_unique<troupe::zk::Connection>(context_, "127.0.0.1", "/127.0.0.1:1");
  OutBuffer out;
  zk::write_connect(out, 0, session_timeout, 0, std::string(16, '\0'));
  receive(out.pending());
  finish_writes();
  fill(znodes);
}

void Pipeline::fill(std::size_t znodes) {
  const std::string value(value_size, 'v');
  OutBuffer out;
  zk::write_request(out, 1, {.op = Op::create, .path = "/keys"});
  for (std::size_t i = 0; i < znodes; ++i) {
    zk::write_request(out, 1, {.op = Op::create, .path = path(i), .data = value});
    if (i % fill_batch != fill_batch - 1 && i + 1 != znodes) continue;
    receive(out.pending());
    out.clear();
    finish_writes();
  }
  flush_state();
}

std::vector<Bytes> Pipeline::requests() {
  gateway_.flush();
  return std::exchange(requests_, {});
}

std::vector<Proposal> Pipeline::prepare(const std::vector<Bytes>& requests) {
  std::vector<Proposal> proposals;
  proposals.reserve(requests.size());
  for (const auto& request : requests) {
    const FlatReader<schema::Request> reader(request);
    if (auto proposal = proposer_.prepare(zxid_.next(), ++time_ms_, reader.root())) {
      zxid_ = zxid_.next();
      proposals.push_back(std::move(*proposal));
    }
  }
  return proposals;
}

void Pipeline::append(const std::vector<Proposal>& proposals) {
  for (const auto& proposal : proposals) data_.log().append(proposal);
  data_.log().commit();
}

void Pipeline::deliver(store::AppliedBatch batch) {
  auto view = data_.tree().view();
  proposer_.advance(view);
  gateway_.applied(std::make_shared<const store::AppliedBatch>(std::move(batch)), std::move(view));
}

std::size_t Pipeline::send() {
  auto& output = connection_->output();
  const std::size_t size = output.size();
  if (size != 0) {
    output.consume(size);
    connection_->sent();
  }
  return size;
}

void Pipeline::finish_writes() {
  const auto proposals = prepare(requests());
  append(proposals);
  deliver(apply(proposals));
  send();
}

void Pipeline::flush_state() {
  if (data_.tree().kv().freeze()) data_.flush_state();
}

}  // namespace troupe::bench
