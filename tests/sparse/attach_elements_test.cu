// What elements are given GPU code by, and what is refused.
#include <gtest/gtest.h>

#include "cunewton/cuda/attach.cuh"
#include "tests/support/message_of.h"
#include "tests/unconstrained/elements.h"

namespace cunewton::test {
namespace {

TEST(AttachElements, GivesEachKindItsOwnCode) {
    const std::vector<int> indices{0, 1, 1, 2};
    Elements<double> elements = make_elements<double>(RosenbrockLink{}, indices);
    Problem<double> problem = make_element_sum<double>({elements}, 3);
    EXPECT_TRUE(problem.runs_on_cpu());
    EXPECT_FALSE(problem.runs_on_cuda());
    EXPECT_EQ(
        message_of<InvalidArgument>([&] { cuda::attach_device_code<RosenbrockLink>(problem); }),
        "device code of a sum of elements (each kind has its own) give it to what "
        "make_elements() returns, and make the sum of that");
    EXPECT_THROW(cuda::attach_device_code<BroydenFirst>(elements), InvalidArgument);
    EXPECT_EQ(elements.code.cuda, nullptr);
    cuda::attach_device_code(elements, RosenbrockLink{});
    EXPECT_TRUE(make_element_sum<double>({elements}, 3).runs_on_cuda());
    // All kinds need it.
    const Elements<double> other = make_elements<double>(RosenbrockLink{}, indices);
    EXPECT_FALSE(make_element_sum<double>({elements, other}, 3).runs_on_cuda());
}

}  // namespace
}  // namespace cunewton::test
