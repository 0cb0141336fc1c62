// Which kernel solves a batch on a GPU, and with how much shared memory.
#include <gtest/gtest.h>

#include "cunewton/cuda/small_plan.h"

namespace cunewton::cuda {
namespace {

// As an H100 and a T4.
constexpr DeviceLimits large{132, 32, 227 << 10, 228 << 10, 1 << 10};
constexpr DeviceLimits small{40, 16, 64 << 10, 64 << 10, 0};

BatchMemory memory(int parameters, long thread_kernel_warp, long state, long data,
                   long coordinates = 0) {
    return {parameters,
            most_thread_parameters(SmallKind::fit, sizeof(double)),
            thread_kernel_warp,
            state,
            data,
            coordinates};
}

TEST(BatchPlanTest, AThreadForEachProblemWhere64Fit) {
    const BatchPlan plan = plan_batch(memory(5, 35000, 1000, 900, 1800), large);
    EXPECT_TRUE(plan.thread_kernel);
    EXPECT_TRUE(plan.data_in_shared);
    EXPECT_EQ(plan.shared_bytes, 1800 + plan.warps * 35000);
    EXPECT_LE(plan.shared_bytes, large.block_bytes);
    // 64 problems fit to the byte, and no longer.
    const long half = (large.block_bytes - 1800) / 2;
    EXPECT_TRUE(plan_batch(memory(5, half, 1000, 900, 1800), large).thread_kernel);
    EXPECT_FALSE(plan_batch(memory(5, half + 1, 1000, 900, 1800), large).thread_kernel);
    EXPECT_FALSE(plan_batch(memory(5, 35000, 1000, 900, 1800), small).thread_kernel);
}

TEST(BatchPlanTest, AWarpForEachProblemOfManyParameters) {
    EXPECT_TRUE(plan_batch(memory(7, 5000, 1000, 900), large).thread_kernel);
    EXPECT_FALSE(plan_batch(memory(8, 5000, 1000, 900), large).thread_kernel);
    // Half the registers.
    BatchMemory single = memory(8, 5000, 1000, 900);
    single.thread_limit = most_thread_parameters(SmallKind::fit, sizeof(float));
    EXPECT_TRUE(plan_batch(single, large).thread_kernel);
    EXPECT_LT(most_thread_parameters(SmallKind::objective, sizeof(double)), 7);
    const BatchPlan plan = plan_batch(memory(9, 5000, 1000, 900), large);
    EXPECT_FALSE(plan.thread_kernel);
    EXPECT_TRUE(plan.data_in_shared);
    EXPECT_EQ(plan.shared_bytes, plan.warps * 1900);
}

TEST(BatchPlanTest, DataStayInGlobalMemoryWhereFourProblemsDoNotFit) {
    const long most = large.block_bytes / 4 - 1000;
    EXPECT_TRUE(plan_batch(memory(9, 0, 1000, most), large).data_in_shared);
    const BatchPlan plan = plan_batch(memory(9, 0, 1000, most + 1, 700), large);
    EXPECT_FALSE(plan.data_in_shared);
    EXPECT_EQ(plan.shared_bytes, plan.warps * 1000);  // neither are the shared coordinates
}

TEST(BatchPlanTest, NoWarpsWhereTheStateDoesNotFit) {
    EXPECT_EQ(plan_batch(memory(64, 0, 65 << 10, 900), small).warps, 0);
    EXPECT_GE(plan_batch(memory(64, 0, 65 << 10, 900), large).warps, 1);
}

TEST(BatchPlanTest, BlocksAreAsLargeAsKeepsMostWarpsResident) {
    // Seven blocks of one warp, or three of two: one is better.
    EXPECT_EQ(warps_of_block(31 << 10, 0, large), 1);
    // Without sharing by more warps, the coordinates take half of the memory.
    EXPECT_GT(warps_of_block(10 << 10, 30 << 10, large), 2);
    // At most 32 blocks are resident: blocks of one warp would leave most of the memory unused.
    EXPECT_EQ(warps_of_block(1 << 10, 0, large), 8);
}

}  // namespace
}  // namespace cunewton::cuda
