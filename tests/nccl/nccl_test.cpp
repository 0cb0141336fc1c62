// The ranks of NCCL, with what stands in for it here: what is gathered is what the ranks had, of
// whatever memory and size, and what fails is thrown.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/nccl.h"
#include "tests/nccl/stand_in.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/on_device.h"

namespace cunewton::test {
namespace {

using Ranked = std::shared_ptr<Communicator>;

class NcclTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
    /// job(NCCL's end, what takes the host's memory) on each rank; what each threw, or nothing.
    static std::vector<std::string> on_ranks(
        int size, const std::function<void(ncclComm&, const Ranked&)>& job) {
        ThreadRanks ranks(size);
        return run_ranks(size, [&](const Ranked& host) {
            ncclComm end{ranks, host->rank()};
            job(end, host);
        });
    }
    static void expect_none(const std::vector<std::string>& errors) {
        for (const std::string& error : errors) EXPECT_EQ(error, "");
    }
    static unsigned char byte_of(std::size_t rank, std::size_t at) {
        return static_cast<unsigned char>(31 * rank + at * at + at / 256);
    }
    /// Gathers parts of these sizes, from and to the device or the host.
    static void expect_gathered(Communicator& communicator, const std::vector<std::size_t>& bytes,
                                bool on_device) {
        const std::size_t own = static_cast<std::size_t>(communicator.rank());
        std::vector<unsigned char> mine(bytes[own]), expected, got;
        for (std::size_t at = 0; at < mine.size(); ++at) mine[at] = byte_of(own, at);
        for (std::size_t r = 0; r < bytes.size(); ++r)
            for (std::size_t at = 0; at < bytes[r]; ++at) expected.push_back(byte_of(r, at));
        if (on_device) {
            const OnDevice<unsigned char> from(mine.size() + 1), to(expected.size());
            EXPECT_EQ(cudaMemcpy(from.get(), mine.data(), mine.size(), cudaMemcpyHostToDevice),
                      cudaSuccess);
            communicator.all_gather(from.get(), bytes, to.get());
            got = to.fetch();
        } else {
            got.assign(expected.size(), 0xff);
            communicator.all_gather(mine.data(), bytes, got.data());
        }
        EXPECT_TRUE(got == expected) << "rank " << own << " of " << bytes.size();
    }
};

TEST_F(NcclTest, GathersWhatEachRankHas) {
    // The last: more than a piece of what is staged, of one rank.
    const std::vector<std::vector<std::size_t>> sizes{
        {8, 8, 8}, {5, 0, 17}, {0, 1, 0}, {100000, 100000, 100000}, {3, 1500000, 1}};
    for (const bool with_host : {false, true})
        expect_none(on_ranks(3, [&](ncclComm& end, const Ranked& host) {
            const Ranked ranks = nccl_communicator(&end, with_host ? host : nullptr);
            EXPECT_EQ(ranks->rank(), host->rank());
            EXPECT_EQ(ranks->size(), 3);
            EXPECT_TRUE(ranks->takes_device_memory());
            for (const std::vector<std::size_t>& bytes : sizes) {
                expect_gathered(*ranks, bytes, true);
                const long before = end.transfers;
                expect_gathered(*ranks, bytes, false);
                EXPECT_EQ(end.transfers == before, with_host);
            }
            double numbers[] = {1.0 + host->rank(), 0.25};
            ranks->all_reduce(numbers, 2);
            EXPECT_EQ(numbers[0], 6);
            EXPECT_EQ(numbers[1], 0.75);
        }));
    expect_none(on_ranks(1, [&](ncclComm& end, const Ranked&) {
        const Ranked alone = nccl_communicator(&end);
        expect_gathered(*alone, {40}, true);
        expect_gathered(*alone, {40}, false);
    }));
}

TEST_F(NcclTest, AMinimisationHasTheBitsThatItHasByTheHost) {
    const Dataset set = make_multiclass(900, 4, 3, 3, {});
    const auto solve = [&](const Ranked& ranks) {
        const RankPart part = rank_part(set.samples, *ranks);
        ProblemOptions problem_options{.l2 = 0.01};
        problem_options.communicator = ranks;
        const auto problem = make_linear_predictor<double>(
            Softmax{3},
            {set.X.data() + part.begin * 4, part.count, 4, 0, set.y.data() + part.begin},
            problem_options);
        Options options;
        options.backend = BackendChoice::cuda;
        options.method = Method::newton_cg;
        options.max_iterations = 3;
        return minimize(problem, std::vector<double>(12, 0.0), options).x;
    };
    std::vector<double> by_host;
    expect_none(run_ranks(2, [&](const Ranked& host) {
        const std::vector<double> x = solve(host);
        if (host->rank() == 0) by_host = x;
    }));
    for (const bool with_host : {false, true})
        expect_none(on_ranks(2, [&](ncclComm& end, const Ranked& host) {
            EXPECT_EQ(solve(nccl_communicator(&end, with_host ? host : nullptr)), by_host);
            EXPECT_GT(end.transfers, 0);
        }));
}

TEST_F(NcclTest, WhatFailsIsThrownThereAndLater) {
    const std::vector<std::size_t> bytes{8, 8}, uneven{8, 16};
    const auto thrown = [](Communicator& ranks, const std::vector<std::size_t>& sizes) {
        const OnDevice<char> from(16), to(32);
        try {
            ranks.all_gather(from.get(), sizes, to.get());
        } catch (const DeviceError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    expect_none(on_ranks(2, [&](ncclComm& end, const Ranked& host) {
        const Ranked ranks = nccl_communicator(&end, host);
        end.next = ncclRemoteError;
        EXPECT_EQ(thrown(*ranks, bytes),
                  "a transfer between GPUs failed (ncclAllGather: remote process exited or there "
                  "was a network error) set NCCL_DEBUG=WARN to see more, and end all ranks");
        end.next = ncclSuccess;
        EXPECT_NE(thrown(*ranks, bytes).find("an earlier call"), std::string::npos);
        EXPECT_EQ(end.transfers, 0);
        // The host's way is another.
        expect_gathered(*ranks, bytes, false);
    }));
    expect_none(on_ranks(2, [&](ncclComm& end, const Ranked& host) {
        const Ranked ranks = nccl_communicator(&end, host);
        end.next = ncclRemoteError;
        EXPECT_NE(thrown(*ranks, uneven).find("(ncclBroadcast: remote"), std::string::npos);
        end.next = ncclSuccess;
        EXPECT_EQ(ncclGroupEnd(), ncclInvalidUsage);  // that one was ended
        EXPECT_EQ(ncclGroupStart(), ncclSuccess);
    }));
    // What is heard of only while it is waited for.
    expect_none(on_ranks(2, [&](ncclComm& end, const Ranked& host) {
        const Ranked ranks = nccl_communicator(&end, host);
        end.state = ncclRemoteError;
        EXPECT_NE(thrown(*ranks, bytes).find("(a transfer that was begun: remote"),
                  std::string::npos);
    }));
}

TEST_F(NcclTest, WhatDoesNotFitTogetherIsRefused) {
    EXPECT_THROW(nccl_communicator(nullptr), InvalidArgument);
    expect_none(on_ranks(2, [&](ncclComm& end, const Ranked&) {
        ThreadRanks others(2), more(3);
        EXPECT_THROW(
            nccl_communicator(&end, std::make_shared<ThreadCommunicator>(others, 1 - end.rank)),
            InvalidArgument);
        EXPECT_THROW(nccl_communicator(&end, std::make_shared<ThreadCommunicator>(more, end.rank)),
                     InvalidArgument);
    }));
}

}  // namespace
}  // namespace cunewton::test
