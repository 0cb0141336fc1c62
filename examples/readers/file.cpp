#include "examples/readers/file.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "cunewton/error.h"

namespace cunewton::readers {

std::string read_file(const std::string& path) {
    struct Close {
        void operator()(gzFile file) const { gzclose(file); }
    };
    errno = 0;
    const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
    if (!file)
        throw FileError("the file cannot be read ('" + path + "': " + std::strerror(errno) +
                        ") check its name");
    std::string content;
    char buffer[1 << 16];
    int count;
    while ((count = gzread(file.get(), buffer, sizeof(buffer))) > 0)
        content.append(buffer, static_cast<std::size_t>(count));
    int status;
    const char* const why = gzerror(file.get(), &status);
    if (status != Z_OK && status != Z_STREAM_END)
        throw FileError("the file is damaged (" +
                        std::string(status == Z_ERRNO ? path + ": " : "") +
                        (status == Z_ERRNO ? std::strerror(errno) : why) + ") get it anew");
    return content;
}

}  // namespace cunewton::readers
