#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "cunewton/minimize.h"
#include "cunewton/options.h"

// One source, run over every backend: the environment variable CUNEWTON_TEST_BACKEND (cpu or cuda)
// names the one under test. Without a device a test is skipped with the reason; with
// CUNEWTON_REQUIRE_GPU=1 it fails instead.
namespace cunewton::test {

inline std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// "cpu" or "cuda".
inline std::string tested_backend() {
    const std::string name = environment("CUNEWTON_TEST_BACKEND");
    return name.empty() ? "cpu" : name;
}

inline bool testing_cuda() {
    return tested_backend() == "cuda";
}

inline BackendChoice tested_choice() {
    return testing_cuda() ? BackendChoice::cuda : BackendChoice::cpu;
}

/// Problems of up to so many parameters are tested: CUNEWTON_TEST_LARGEST, or else `otherwise`.
inline int largest_dimension(int otherwise) {
    const std::string given = environment("CUNEWTON_TEST_LARGEST");
    return given.empty() ? otherwise : std::stoi(given);
}

/// Where the tests are slow, under sanitizers and on an emulated device, less of the same is
/// tested.
inline bool testing_little() {
    return largest_dimension(100) < 50;
}

/// Empty if the tested backend can be used here, else why not.
inline std::string why_not_available() {
    for (const BackendStatus& status : backends())
        if (status.name == tested_backend()) return status.available ? "" : status.reason;
    return "the backend " + tested_backend() + " is not in this build";
}

/// Base of every suite that needs the tested backend.
class BackendTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::string why_not = why_not_available();
        if (why_not.empty()) return;
        if (environment("CUNEWTON_REQUIRE_GPU") == "1") FAIL() << why_not;
        GTEST_SKIP() << why_not;
    }
};

}  // namespace cunewton::test
