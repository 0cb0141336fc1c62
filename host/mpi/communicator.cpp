#include <algorithm>
#include <cstdio>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "cunewton/error.h"
#include "cunewton/mpi.h"
#if defined(OPEN_MPI) && __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

namespace cunewton {

namespace {

/// Whether this MPI says that it takes device memory.
bool is_cuda_aware() {
#if defined(MPIX_CUDA_AWARE_SUPPORT)
    return MPIX_Query_cuda_support() == 1;
#elif defined(MPIX_GPU_SUPPORT_CUDA)
    int supported = 0;
    return MPIX_GPU_query_support(MPIX_GPU_SUPPORT_CUDA, &supported) == MPI_SUCCESS && supported;
#else
    return false;
#endif
}

class MpiCommunicator final : public Communicator {
  public:
    MpiCommunicator(MPI_Comm ranks, MpiMemory memory) {
        MPI_Comm_dup(ranks, &ranks_);
        MPI_Comm_set_errhandler(ranks_, MPI_ERRORS_RETURN);
        MPI_Comm_rank(ranks_, &rank_);
        MPI_Comm_size(ranks_, &size_);
        const bool device =
            memory == MpiMemory::device || (memory == MpiMemory::automatic && is_cuda_aware());
        const int mine = device ? 1 : 0;
        check(MPI_Allreduce(&mine, &device_memory_, 1, MPI_INT, MPI_MIN, ranks_), "MPI_Allreduce");
    }
    MpiCommunicator(const MpiCommunicator&) = delete;
    ~MpiCommunicator() override {
        int finalized = 0;
        MPI_Finalized(&finalized);
        if (!finalized) MPI_Comm_free(&ranks_);
    }
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    bool takes_device_memory() const override { return device_memory_ != 0; }

  protected:
    void gather(const void* mine, std::span<const std::size_t> bytes, void* all) override {
        const std::size_t total = std::accumulate(bytes.begin(), bytes.end(), std::size_t{0});
        if (total > static_cast<std::size_t>(std::numeric_limits<int>::max()))
            throw InvalidArgument("there is too much to gather (" + std::to_string(total) +
                                  " bytes) gather less than 2 GiB at a time");
        std::vector<int> counts(bytes.begin(), bytes.end()), begins(bytes.size());
        std::exclusive_scan(counts.begin(), counts.end(), begins.begin(), 0);
        const int own = counts[static_cast<std::size_t>(rank_)];
        // That all give as much makes better algorithms possible.
        if (static_cast<std::size_t>(own) * bytes.size() == total &&
            std::equal(counts.begin() + 1, counts.end(), counts.begin()))
            check(MPI_Allgather(mine, own, MPI_BYTE, all, own, MPI_BYTE, ranks_), "MPI_Allgather");
        else
            check(MPI_Allgatherv(mine, own, MPI_BYTE, all, counts.data(), begins.data(), MPI_BYTE,
                                 ranks_),
                  "MPI_Allgatherv");
    }
    void reduce(double* numbers, std::size_t count) override {
        // MPI_Allreduce need not give the same bits to all: its ranks may add in other orders.
        const int size = static_cast<int>(count);
        check(MPI_Reduce(rank_ == 0 ? MPI_IN_PLACE : numbers, numbers, size, MPI_DOUBLE, MPI_SUM, 0,
                         ranks_),
              "MPI_Reduce");
        check(MPI_Bcast(numbers, size, MPI_DOUBLE, 0, ranks_), "MPI_Bcast");
    }

  private:
    /// Of ranks that MPI has lost none can be told.
    void check(int code, const char* function) const {
        if (code == MPI_SUCCESS) return;
        char text[MPI_MAX_ERROR_STRING];
        int length = 0;
        MPI_Error_string(code, text, &length);
        std::fprintf(stderr, "cunewton: rank %d: %s failed (%.*s) all ranks end\n", rank_, function,
                     length, text);
        MPI_Abort(ranks_, 1);
    }

    MPI_Comm ranks_ = MPI_COMM_NULL;
    int rank_ = 0, size_ = 1;
    int device_memory_ = 0;  // 1: of all ranks
};

}  // namespace

std::shared_ptr<Communicator> mpi_communicator(MPI_Comm ranks, MpiMemory memory) {
    int initialized = 0;
    MPI_Initialized(&initialized);
    if (!initialized)
        throw InvalidArgument("MPI is not initialised (MPI_Init was not called) call it first");
    return std::make_shared<MpiCommunicator>(ranks, memory);
}

}  // namespace cunewton
