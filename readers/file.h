#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct gzFile_s;

namespace cunewton::readers {

/// Bytes of a file from its first to its last, unpacked if it is gzipped; "-": of the standard
/// input.
class Input {
  public:
    /// Throws FileError if it cannot be opened.
    explicit Input(const std::string& path);
    /// Up to `size` bytes; fewer only at the end. Throws FileError if they cannot be read, or the
    /// file ends before its end.
    std::size_t read(char* to, std::size_t size);

  private:
    struct Close {
        void operator()(gzFile_s* file) const;
    };
    std::string path_;
    std::unique_ptr<gzFile_s, Close> file_;
};

/// Content of a file, unpacked if it is gzipped. Throws FileError if it cannot be read or ends
/// before its end.
std::string read_file(const std::string& path);

}  // namespace cunewton::readers
