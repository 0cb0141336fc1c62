#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace cunewton::test {

/// A file of a test's own, gone at its end.
class TemporaryFile {
  public:
    TemporaryFile() {
        const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        path_ = ::testing::TempDir() + "cunewton_" + test->name() + "_" +
                std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }
    std::string content() const {
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void fill(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  private:
    std::string path_;
};

}  // namespace cunewton::test
