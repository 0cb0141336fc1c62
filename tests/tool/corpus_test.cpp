// The inputs of tests/fuzz/corpus, which are of all kinds and what fuzzing has found.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "readers/file.h"

extern "C" int csv_fuzz(const std::uint8_t* data, std::size_t size);
extern "C" int npy_fuzz(const std::uint8_t* data, std::size_t size);

namespace {

void run(int (*target)(const std::uint8_t*, std::size_t), const std::string& name) {
    int files = 0;
    for (const auto& file : std::filesystem::directory_iterator(CUNEWTON_CORPUS + name)) {
        SCOPED_TRACE(file.path());
        const std::string bytes = cunewton::readers::read_file(file.path().string());
        target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        ++files;
    }
    EXPECT_GE(files, 10);
}

TEST(Corpus, Csv) {
    run(csv_fuzz, "csv");
}
TEST(Corpus, Npy) {
    run(npy_fuzz, "npy");
}

}  // namespace
