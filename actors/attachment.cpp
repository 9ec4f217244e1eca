#include "actors/attachment.hpp"

namespace troupe {

const char* describe(Closed why) {
  switch (why) {
    case Closed::by_request:
      return "the session was closed";
    case Closed::expired:
      return "the session has expired, or its password is wrong";
    case Closed::moved:
      return "the session is attached elsewhere";
    case Closed::not_serving:
      return "this node does not serve clients now: it has no leader; try another";
    case Closed::overflow:
      return "the client does not take its events";
    case Closed::bad_request:
      return "the client broke the protocol";
  }
  return "closed";
}

QueuedCall::QueuedCall(const Call& call) : call_(call), reads_(call.reads.begin(), call.reads.end()) {
  const auto each = [&](auto&& visit) {
    visit(call_.path);
    visit(call_.after);
    visit(call_.scheme);
    visit(call_.credentials);
    for (auto& path : paths_) visit(path);
    for (auto& read : reads_) visit(read.path);
  };
  if (call.rearm != nullptr) {
    for (auto list :
         {call.rearm->data, call.rearm->exist, call.rearm->child, call.rearm->persistent, call.rearm->recursive}) {
      paths_.insert(paths_.end(), list.begin(), list.end());
    }
  }

  std::size_t size = 0;
  each([&](std::string_view text) { size += text.size(); });
  text_.reserve(size);
  each([&](std::string_view& text) {
    const auto at = text_.size();
    text_.append(text);
    text = std::string_view(text_).substr(at);
  });

  call_.reads = reads_;
  if (call.rearm != nullptr) {
    std::span<const std::string_view> rest(paths_);
    const auto take = [&](std::span<const std::string_view> like) {
      const auto part = rest.first(like.size());
      rest = rest.subspan(like.size());
      return part;
    };
    rearm_.relative = call.rearm->relative;
    rearm_.data = take(call.rearm->data);
    rearm_.exist = take(call.rearm->exist);
    rearm_.child = take(call.rearm->child);
    rearm_.persistent = take(call.rearm->persistent);
    rearm_.recursive = take(call.rearm->recursive);
    rearm_.by_state = call.rearm->by_state;
    call_.rearm = &rearm_;
  }
}

}  // namespace troupe
