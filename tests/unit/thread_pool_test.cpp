#include "host/backend/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace cunewton {
namespace {

TEST(ThreadPool, RunsEveryItemOnce) {
    for (const int threads : {1, 2, 3, 8}) {
        ThreadPool pool(threads);
        EXPECT_EQ(pool.size(), threads);
        for (const std::size_t count : {0u, 1u, 2u, 7u, 1000u}) {
            std::vector<std::atomic<int>> runs(count);
            std::atomic<bool> thread_in_range{true};
            pool.for_each(count, [&](std::size_t item, int thread) {
                ++runs.at(item);
                if (thread < 0 || thread >= threads) thread_in_range = false;
            });
            for (std::size_t i = 0; i < count; ++i)
                ASSERT_EQ(runs[i], 1)
                    << "item " << i << " of " << count << ", " << threads << " threads";
            EXPECT_TRUE(thread_in_range);
        }
    }
}

TEST(ThreadPool, OneThreadIsTheCallers) {
    ThreadPool pool(1);
    std::set<std::thread::id> ids;
    pool.for_each(100, [&](std::size_t, int) { ids.insert(std::this_thread::get_id()); });
    EXPECT_EQ(ids, std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST(ThreadPool, AThreadNumberIsOneThreadAtATime) {
    ThreadPool pool(3);
    std::vector<std::atomic<int>> inside(3);
    std::atomic<bool> alone{true};
    pool.for_each(300, [&](std::size_t, int thread) {
        if (++inside.at(thread) != 1) alone = false;
        std::this_thread::yield();
        --inside.at(thread);
    });
    EXPECT_TRUE(alone);
}

TEST(ThreadPool, ZeroMeansAllThatTheProcessMayUse) {
    ThreadPool pool(0);
    EXPECT_GE(pool.size(), 1);
    EXPECT_LE(pool.size(), static_cast<int>(std::thread::hardware_concurrency()));
}

TEST(ThreadPool, RethrowsWithTheTypeAndServesOn) {
    for (const int threads : {1, 2, 3}) {
        ThreadPool pool(threads);
        for (int round = 0; round < 20; ++round) {
            try {
                pool.for_each(50, [&](std::size_t item, int) {
                    if (item == 17) throw std::out_of_range("item 17");
                });
                FAIL() << "nothing was thrown";
            } catch (const std::out_of_range& error) {
                EXPECT_STREQ(error.what(), "item 17");
            }
            std::atomic<int> runs{0};
            pool.for_each(50, [&](std::size_t, int) { ++runs; });
            EXPECT_EQ(runs, 50);
        }
    }
}

TEST(ThreadPool, DropsItemsAfterAnException) {
    ThreadPool pool(1);
    int runs = 0;
    EXPECT_THROW(pool.for_each(50,
                               [&](std::size_t item, int) {
                                   ++runs;
                                   if (item == 3) throw std::string("stop");
                               }),
                 std::string);
    EXPECT_EQ(runs, 4);
}

TEST(ThreadPool, OneOfSeveralExceptionsArrives) {
    ThreadPool pool(3);
    EXPECT_THROW(pool.for_each(300, [](std::size_t, int) { throw std::string("each"); }),
                 std::string);
}

TEST(ThreadPool, ManyShortLoops) {
    ThreadPool pool(3);
    std::atomic<long> sum{0};
    for (int round = 0; round < 5000; ++round)
        pool.for_each(3, [&](std::size_t item, int) { sum += static_cast<long>(item) + 1; });
    EXPECT_EQ(sum, 5000 * 6);
}

}  // namespace
}  // namespace cunewton
