#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace cunewton::readers {

/// Numbers whose count is not known beforehand. They grow by realloc(), which moves pages and not
/// bytes where there are many: a vector has the old and the new copy at a time, and a file that
/// fills half of the memory could not be read.
template <class T>
class Numbers {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    /// Room for `count` more at the end, whose values are anything. What was pointed to before is
    /// no longer there.
    T* grow(std::size_t count) {
        if (count > capacity_ - size_) {
            std::size_t capacity = capacity_ + capacity_ / 2;
            if (capacity < size_ + count) capacity = size_ + count + 512;
            resize_memory(capacity);
        }
        size_ += count;
        return data_.get() + size_ - count;
    }
    /// Takes the last ones away.
    void drop(std::size_t count) { size_ -= count; }
    void fit() {
        if (size_ < capacity_) resize_memory(size_);
    }

    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return data_.get()[i]; }
    const T& operator[](std::size_t i) const { return data_.get()[i]; }
    std::span<T> all() { return {data(), size_}; }
    std::span<const T> all() const { return {data(), size_}; }

  private:
    struct Free {
        void operator()(T* data) const { std::free(data); }
    };
    void resize_memory(std::size_t capacity) {
        if (capacity == 0) capacity = 1;  // realloc() to nothing frees
        if (capacity > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_alloc();
        void* const moved = std::realloc(data_.get(), capacity * sizeof(T));
        if (!moved) throw std::bad_alloc();
        static_cast<void>(data_.release());
        data_.reset(static_cast<T*>(moved));
        capacity_ = capacity;
    }

    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace cunewton::readers
