// Numbers of the caller, wherever they are: on the host or on a GPU, in rows and columns at any
// distance, borrowed or kept alive.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace cunewton {

enum class Memory : unsigned char {
    host,    ///< also page-locked and managed memory
    device,  ///< of a GPU
};

namespace detail {
template <class T>
using Unbounded = T[];
template <class Range>
using ElementOf = std::remove_pointer_t<decltype(std::data(std::declval<Range&>()))>;
}  // namespace detail

/// A vector, a span, an array of neighbouring numbers, T or what T may view.
template <class Range, class T>
concept NumbersOf = std::convertible_to < detail::Unbounded<detail::ElementOf<Range>>
*, detail::Unbounded<T>* > &&requires(Range& range) {
    std::size(range);
};

/// A view of rows x columns numbers: (i, j) is data[i * row_stride + j * column_stride]. Strides
/// count numbers. It owns nothing unless `keep` does. T may be const.
template <class T>
struct Array {
    using value_type = std::remove_const_t<T>;

    T* data = nullptr;
    long rows = 0;
    long columns = 0;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t column_stride = 1;
    Memory memory = Memory::host;
    int device = -1;                     ///< number of the GPU; -1: the current one
    std::shared_ptr<const void> keep{};  ///< lives as long as the view and its copies

    Array() = default;
    /// Rows of numbers that are neighbours, one row after the other.
    Array(T* first, long row_count, long column_count)
        : data(first), rows(row_count), columns(column_count), row_stride(column_count) {}
    /// One row: a vector, a span, an array of the host. Borrowed.
    template <NumbersOf<T> Range>
    Array(Range&& range) : Array(std::data(range), 1, static_cast<long>(std::size(range))) {}
    /// Not of a vector that is nobody's: its numbers would be gone before they are read.
    template <class Number, class Allocator>
    Array(std::vector<Number, Allocator>&&) = delete;
    /// Of what may be changed, a view of what may not.
    template <class Other>
    requires std::same_as<const Other, T> Array(const Array<Other>& other)
        : data(other.data),
          rows(other.rows),
          columns(other.columns),
          row_stride(other.row_stride),
          column_stride(other.column_stride),
          memory(other.memory),
          device(other.device),
          keep(other.keep) {}

    long size() const { return rows * columns; }
    bool empty() const { return size() == 0; }
    bool on_host() const { return memory == Memory::host; }
    /// All numbers are neighbours, in order.
    bool contiguous() const {
        return (columns <= 1 || column_stride == 1) && (rows <= 1 || row_stride == columns);
    }
    /// Number (i, j) of an array of the host.
    T& operator()(long i, long j) const { return data[i * row_stride + j * column_stride]; }

    /// The same numbers with other strides.
    Array strided(std::ptrdiff_t by_row, std::ptrdiff_t by_column) const {
        Array other = *this;
        other.row_stride = by_row;
        other.column_stride = by_column;
        return other;
    }
    /// The same, said to be in a GPU's memory.
    Array on_device(int number = -1) const {
        Array other = *this;
        other.memory = Memory::device;
        other.device = number;
        return other;
    }
    /// The same, which keeps their owner alive.
    Array kept_by(std::shared_ptr<const void> owner) const {
        Array other = *this;
        other.keep = std::move(owner);
        return other;
    }
    /// Rows and columns exchanged: for data that come image by image, with a row for each pixel.
    Array transposed() const {
        Array other = *this;
        std::swap(other.rows, other.columns);
        std::swap(other.row_stride, other.column_stride);
        return other;
    }
};

template <class Range>
Array(Range&& range) -> Array<std::remove_pointer_t<decltype(std::data(range))>>;

}  // namespace cunewton
