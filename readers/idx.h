// Files of the format IDX, which the MNIST database came in (LeCun, Cortes and Burges 1998).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cunewton::readers {

/// An array of numbers as an IDX file holds it, row-major.
class Idx {
  public:
    /// Reads a file, unpacked if it is gzipped. Throws FileError if it cannot be read, is no IDX
    /// file, or has another size than its header says.
    explicit Idx(const std::string& path);

    /// Of an array of images: their number, rows, columns.
    const std::vector<long>& shape() const { return shape_; }
    long size() const { return size_; }
    /// Numbers are unsigned bytes, 0 to 255.
    bool is_bytes() const;
    /// A number as it is in the file.
    double operator[](long i) const;

  private:
    unsigned char type_ = 0;
    std::size_t width_ = 1;  // bytes of a number
    std::vector<long> shape_;
    long size_ = 1;
    std::size_t begin_ = 0;
    std::string bytes_;
};

}  // namespace cunewton::readers
