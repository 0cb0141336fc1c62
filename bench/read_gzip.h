#pragma once

#include <string>

namespace cunewton::bench {

/// Content of a file, unpacked if it is gzipped. Throws std::runtime_error if it cannot be read.
std::string read_gzip(const std::string& path);

}  // namespace cunewton::bench
