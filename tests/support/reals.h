// The scalars of typed suites.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace cunewton::test {

using Reals = ::testing::Types<double, float>;
struct RealName {
    template <class T>
    static std::string GetName(int) {
        return sizeof(T) == 8 ? "Double" : "Float";
    }
};

}  // namespace cunewton::test
