#include "bench/read_gzip.h"

#include <zlib.h>

#include <memory>
#include <stdexcept>

namespace cunewton::bench {

std::string read_gzip(const std::string& path) {
    struct Close {
        void operator()(gzFile file) const { gzclose(file); }
    };
    const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
    if (!file) throw std::runtime_error("cannot open '" + path + "'");
    std::string content;
    char buffer[1 << 16];
    int count;
    while ((count = gzread(file.get(), buffer, sizeof(buffer))) > 0)
        content.append(buffer, static_cast<std::size_t>(count));
    if (count < 0) throw std::runtime_error("'" + path + "' is damaged");
    return content;
}

}  // namespace cunewton::bench
