// A queue in a ring that grows by doubling and never shrinks: no allocation once it is warm.
#pragma once

#include <cstddef>
#include <vector>

namespace troupe::bench {

template <class T>
class Fifo {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T& front() { return ring_[head_]; }
  T& operator[](std::size_t place) { return ring_[(head_ + place) & (ring_.size() - 1)]; }

  void push(const T& value) {
    if (size_ == ring_.size()) grow();
    ring_[(head_ + size_++) & (ring_.size() - 1)] = value;
  }
  T pop() {
    T value = ring_[head_];
    head_ = (head_ + 1) & (ring_.size() - 1);
    --size_;
    return value;
  }
  /// Takes one out of the middle; those before it keep their order.
  T take(std::size_t place) {
    T value = (*this)[place];
    for (; place > 0; --place) (*this)[place] = (*this)[place - 1];
    pop();
    return value;
  }

 private:
  void grow() {
    std::vector<T> larger(ring_.empty() ? 16 : 2 * ring_.size());
    for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
    ring_ = std::move(larger);
    head_ = 0;
  }
  std::vector<T> ring_;  // its size is a power of two
  std::size_t head_ = 0, size_ = 0;
};

}  // namespace troupe::bench
