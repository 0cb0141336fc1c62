#include "readers/file.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "cunewton/error.h"

namespace cunewton::readers {

void Input::Close::operator()(gzFile_s* file) const {
    gzclose(file);
}

Input::Input(const std::string& path) : path_(path) {
    std::error_code ignored;  // opening tells
    if (path != "-" && std::filesystem::is_directory(path, ignored))
        throw FileError("the file cannot be read ('" + path +
                        "': it is a directory) name a file in it");
    errno = 0;
    file_.reset(path == "-" ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path.c_str(), "rb"));
    if (!file_)
        throw FileError("the file cannot be read ('" + path + "': " + std::strerror(errno) +
                        ") check its name");
}

std::size_t Input::read(char* to, std::size_t size) {
    constexpr std::size_t most = 1 << 30;  // zlib counts by an int
    std::size_t done = 0;
    while (done < size) {
        errno = 0;
        const int count =
            gzread(file_.get(), to + done, static_cast<unsigned>(std::min(size - done, most)));
        if (count > 0) done += static_cast<std::size_t>(count);
        if (count <= 0) break;
    }
    int status;
    const char* const why = gzerror(file_.get(), &status);
    if (status != Z_OK && status != Z_STREAM_END)
        throw FileError("the file is damaged (" +
                        std::string(status == Z_ERRNO ? path_ + ": " : "") +
                        (status == Z_ERRNO ? std::strerror(errno) : why) + ") get it anew");
    return done;
}

std::string read_file(const std::string& path) {
    Input input(path);
    std::string content;
    char buffer[1 << 16];
    while (const std::size_t count = input.read(buffer, sizeof(buffer)))
        content.append(buffer, count);
    return content;
}

}  // namespace cunewton::readers
