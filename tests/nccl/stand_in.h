// What stands in for NCCL in the tests: ranks that are threads of this process, all on one device.
// The functions of nccl.h that the library calls are in stand_in.cpp.
#pragma once

#include <nccl.h>

#include <deque>

#include "host/cuda/resources.h"
#include "tests/support/thread_ranks.h"

/// What NCCL keeps to itself: one rank's end.
struct ncclComm {
    cunewton::test::ThreadRanks& ranks;
    int rank;
    ncclResult_t next = ncclSuccess;   ///< status of the next transfers
    ncclResult_t state = ncclSuccess;  ///< that of ncclCommGetAsyncError
    long transfers = 0;
    /// What copies on streams come from.
    std::deque<cunewton::cuda::PinnedArray<char>> arrived{};
};
