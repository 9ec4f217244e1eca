#include "apps/bench/wire/rpc_session.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace troupe::bench {
namespace {

client::Multi multi_of(std::span<const Request> operations) {
  client::Multi multi;
  for (const Request& operation : operations) {
    std::string path(operation.path), data(operation.data);
    if (operation.op == Op::set)
      multi.set(std::move(path), std::move(data));
    else if (operation.op == Op::create)
      multi.create(std::move(path), std::move(data), {.kind = static_cast<client::Kind>(operation.kind)});
    else
      multi.remove(std::move(path));
  }
  return multi;
}

}  // namespace

std::unique_ptr<Session> RpcDriver::open(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                                         const SessionOptions& options, Listener& listener) {
  return std::make_unique<RpcSession>(loop, nodes[first % nodes.size()], options, listener);
}

RpcSession::RpcSession(EventLoop& loop, const Endpoint& node, const SessionOptions& options, Listener& listener)
    : Session(listener),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      client_(
          node.name,
          {.session_timeout = options.timeout, .patience = options.timeout, .on_state = [this](client::State state) {
             if (state == client::State::connected) post({.kind = Mail::Kind::connected});
             if (state == client::State::expired) post({.kind = Mail::Kind::lost});
           }}) {
  if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  loop.add(wake_, EPOLLIN, *this);
}

RpcSession::~RpcSession() {
  client_.abandon();  // after this nobody posts; a session that should end has been closed
  ::close(wake_);
}

template <class T, class Fill>
client::Callback<T> RpcSession::answers(std::uint64_t token, Fill fill) {
  return [this, token, fill](client::Result<T> result) {
    Mail mail{.kind = Mail::Kind::answer, .token = token, .error = static_cast<int>(result.error())};
    if (result.ok()) fill(result.value(), mail);
    post(std::move(mail));
  };
}

client::Watch RpcSession::watch() {
  return [this](const client::Event& event) {
    post({.kind = Mail::Kind::event, .text = event.path, .event = event.type});
  };
}

void RpcSession::send(const Request& request, std::uint64_t token) {
  under_way_.push(token);
  const std::string path(request.path);
  const client::Watch watch = request.watch ? this->watch() : client::Watch();
  const auto nothing = [](auto&, Mail&) {};
  switch (request.op) {
    case Op::get:
      return client_.get(path, watch, answers<client::Value>(token, [](auto& value, Mail& mail) {
                           mail.text = std::move(value.data);
                         }));
    case Op::set:
      return client_.set(path, std::string(request.data), -1, answers<client::Stat>(token, nothing));
    case Op::create:
      return client_.create(
          path, std::string(request.data), {.kind = static_cast<client::Kind>(request.kind)},
          answers<client::Created>(token, [](auto& made, Mail& mail) { mail.text = std::move(made.path); }));
    case Op::remove:
      return client_.remove(path, -1, answers<client::Nothing>(token, nothing));
    case Op::exists:
      return client_.exists(path, watch, answers<std::optional<client::Stat>>(token, [](auto& stat, Mail& mail) {
                              if (stat)
                                mail.children_count = stat->num_children;
                              else
                                mail.error = error::no_node;
                            }));
    case Op::children:
      return client_.children(path, watch, {}, answers<client::Children>(token, [](auto& children, Mail& mail) {
                                mail.names = std::move(children.names);
                              }));
    case Op::multi:
      return client_.commit(multi_of(request.operations),
                            answers<client::Committed>(token, [](auto& committed, Mail& mail) {
                              mail.error = static_cast<int>(committed.error);
                            }));
    case Op::add_watch:
      return client_.add_watch(path, client::WatchMode::persistent, this->watch(),
                               answers<client::Nothing>(token, nothing));
  }
}

void RpcSession::close() {
  client_.close();
  connected_ = false;
  listener().closed(*this);
}

void RpcSession::abandon() {
  client_.abandon();
  connected_ = false;
}

void RpcSession::post(Mail mail) {
  std::lock_guard lock(mutex_);
  mailbox_.push_back(std::move(mail));
  if (mailbox_.size() == 1) eventfd_write(wake_, 1);
}

void RpcSession::ready(std::uint32_t) {
  eventfd_t ignored;
  eventfd_read(wake_, &ignored);
  std::vector<Mail> mails;
  {
    std::lock_guard lock(mutex_);
    mails.swap(mailbox_);
  }
  for (const Mail& mail : mails) deliver(mail);
}

void RpcSession::deliver(const Mail& mail) {
  switch (mail.kind) {
    case Mail::Kind::answer: {
      if (under_way_.pop() != mail.token) ++order_errors_;
      const std::vector<std::string_view> names(mail.names.begin(), mail.names.end());
      return listener().answered(*this, {.token = mail.token,
                                         .error = mail.error,
                                         .data = mail.text,
                                         .children_count = mail.children_count,
                                         .names = names});
    }
    case Mail::Kind::event:
      return listener().happened(*this, {.type = static_cast<WatchEvent::Type>(mail.event), .path = mail.text});
    case Mail::Kind::connected: {
      const bool first = !std::exchange(connected_, true);
      if (first) listener().connected(*this, true);
      return;
    }
    case Mail::Kind::lost:
      connected_ = false;
      listener().disconnected(*this);
  }
}

}  // namespace troupe::bench
