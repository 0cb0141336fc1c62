// Arrays that follow each other in one piece of memory.
#pragma once

#include <cstddef>

namespace cunewton::cuda {

class Places {
  public:
    /// The place of `count` numbers of type V.
    template <class V>
    std::size_t add(long count) {
        const std::size_t at = size_;
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(V);
        size_ += (bytes + alignment - 1) / alignment * alignment;
        return at;
    }
    std::size_t size() const { return size_; }

  private:
    static constexpr std::size_t alignment = 256;  // as cudaMalloc's
    std::size_t size_ = 0;
};

}  // namespace cunewton::cuda
