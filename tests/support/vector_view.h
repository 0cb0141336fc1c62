#pragma once

#include <vector>

namespace cunewton::test {

/// The least that a test functor asks of its argument: value_type, size() and operator[]. A view of
/// contiguous values on the host; it owns nothing, so what it looks at must outlive it.
template <class T>
class VectorView {
  public:
    using value_type = T;

    explicit VectorView(const std::vector<T>& values)
        : data_(values.data()), size_(static_cast<int>(values.size())) {}
    VectorView(const T* data, int size) : data_(data), size_(size) {}

    const T& operator[](int j) const { return data_[j]; }
    int size() const { return size_; }

  private:
    const T* data_;
    int size_;
};

}  // namespace cunewton::test
