#pragma once

#include <string>

namespace cunewton::readers {

/// Content of a file, unpacked if it is gzipped. Throws FileError if it cannot be read or ends
/// before its end.
std::string read_file(const std::string& path);

}  // namespace cunewton::readers
