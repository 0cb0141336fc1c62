// What sparse Hessians need besides the library, and may be missing from a build.
#pragma once

#include <string>

#include "cunewton/cunewton.h"
#include "tests/sparse/problems.h"
#include "tests/support/backends.h"

namespace cunewton::test {

/// What the call says of a missing component; empty if it throws no BackendUnavailable.
template <class Call>
std::string missing_component(const Call& call) {
    try {
        call();
    } catch (const BackendUnavailable& error) {
        return error.what();
    }
    return "";
}

/// Why patterns cannot be coloured in this build, naming the package; empty if they can.
inline std::string why_no_colouring() {
    const std::string why = missing_component([] { colour(sparsity_pattern(2, {})); });
    if (!why.empty()) {
        EXPECT_NE(why.find("ColPack"), std::string::npos) << why;
    }
    return why;
}

/// Why the tested backend cannot minimise with a sparse Hessian; empty if it can.
inline std::string why_no_factor() {
    const std::string why = missing_component([] {
        Options options;
        options.backend = tested_choice();
        minimize(with_sparsity(broyden_problem<double>(1), sparsity_pattern(1, {})), {-1.0},
                 options);
    });
    if (!why.empty()) {
        EXPECT_TRUE(why.find("CHOLMOD") != std::string::npos ||
                    why.find("cuDSS") != std::string::npos ||
                    why.find("ColPack") != std::string::npos)
            << why;
    }
    return why;
}

/// Base of suites that take sparse Hessians.
class SparseTest : public BackendTest {
  protected:
    void SetUp() override {
        BackendTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (const std::string why = why_no_colouring(); !why.empty()) GTEST_SKIP() << why;
    }
};

/// Of those that factorise them.
class SparseFactorTest : public SparseTest {
  protected:
    void SetUp() override {
        SparseTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (const std::string why = why_no_factor(); !why.empty()) GTEST_SKIP() << why;
    }
};

}  // namespace cunewton::test
