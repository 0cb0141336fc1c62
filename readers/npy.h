// NumPy's files of arrays (NEP 1, "A simple file format for NumPy arrays"), versions 1 to 3.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "readers/numbers.h"

namespace cunewton::readers {

/// What such a file says of itself.
struct NpyHeader {
    char kind = 'f';  ///< f: floating point, i: with sign, u: without, b: 0 or 1
    int width = 8;    ///< bytes of a number: 1, 2, 4, 8; floating point 4 or 8
    bool little_endian = true;
    bool fortran_order = false;
    std::vector<long> shape;  ///< empty: one number
    std::size_t begin = 0;    ///< where the numbers begin
    std::size_t count() const;
    std::size_t bytes() const { return count() * static_cast<std::size_t>(width); }
};

/// Of the first bytes of a file, `name` in messages. Throws FileError if that is no header or one
/// of numbers that are not read (complex, half precision, texts, records), or they are too many.
NpyHeader parse_npy_header(std::string_view bytes, const std::string& name);

/// An array in C's order: the last index runs fastest.
template <class T>
struct NpyArray {
    NpyHeader header;  ///< as in the file
    std::vector<long> shape;
    Numbers<T> values;
};

/// Reads a file, unpacked if it is gzipped. Whole numbers become those of T that are nearest;
/// numbers that are not finite stay. progress: called now and then with the bytes so far; may
/// throw. Throws FileError for what is no such file, is cut short or goes on after its end.
template <class T>
NpyArray<T> read_npy(const std::string& path,
                     const std::function<void(std::size_t)>& progress = {});

/// The same of bytes.
template <class T>
NpyArray<T> parse_npy(std::string_view bytes, const std::string& name = "bytes");

/// A file of numbers in C's order. T: double, float, int or unsigned char. Throws InvalidArgument
/// if the shape is of another number of them.
template <class T>
std::string npy_bytes(const std::vector<long>& shape, std::span<const T> values);

#define CUNEWTON_DECLARE(T)                                                        \
    extern template NpyArray<T> read_npy(const std::string&,                       \
                                         const std::function<void(std::size_t)>&); \
    extern template NpyArray<T> parse_npy(std::string_view, const std::string&);
CUNEWTON_DECLARE(double)
CUNEWTON_DECLARE(float)
#undef CUNEWTON_DECLARE

}  // namespace cunewton::readers
