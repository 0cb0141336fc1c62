#pragma once

#include <string>
#include <vector>

namespace cunewton::readers {

/// A table of finite numbers.
struct Table {
    std::vector<std::string> names;  ///< of the columns; empty without a header
    long rows = 0, columns = 0;
    std::vector<double> values;  ///< row by row
};

/// Reads lines of numbers between commas, unpacked if gzipped. A first line without any
/// number is a header; empty lines do not count. Throws FileError if the file cannot be
/// read, has no rows, rows of unequal length, or a field that is not a finite number.
Table read_csv(const std::string& path);

}  // namespace cunewton::readers
