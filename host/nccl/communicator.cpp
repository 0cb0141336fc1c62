#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <thread>
#include <utility>

#include "cunewton/error.h"
#include "cunewton/nccl.h"
#include "host/cuda/device_memory.h"
#include "host/cuda/resources.h"

namespace cunewton {

namespace {

// Bytes of all ranks together that pass through the GPU's memory at a time.
constexpr std::size_t staged_bytes = std::size_t{4} << 20;

[[noreturn]] void fail(const char* function, const char* why) {
    throw DeviceError(std::string("a transfer between GPUs failed (") + function + ": " + why +
                      ") set NCCL_DEBUG=WARN to see more, and end all ranks");
}
void check(ncclResult_t status, const char* function) {
    if (status != ncclSuccess) fail(function, ncclGetErrorString(status));
}

int device_of_ranks(ncclComm_t ranks) {
    if (!ranks)
        throw InvalidArgument(
            "there is no NCCL communicator (it is null) make one with ncclCommInitRank first");
    int device = 0;
    check(ncclCommCuDevice(ranks, &device), "ncclCommCuDevice");
    return device;
}

class NcclCommunicator final : public Communicator {
  public:
    NcclCommunicator(ncclComm_t ranks, std::shared_ptr<Communicator> host)
        : ranks_(ranks), host_(std::move(host)), device_(device_of_ranks(ranks)) {
        check(ncclCommUserRank(ranks_, &rank_), "ncclCommUserRank");
        check(ncclCommCount(ranks_, &size_), "ncclCommCount");
        if (host_ && (host_->rank() != rank_ || host_->size() != size_))
            throw InvalidArgument("host has other ranks (rank " + std::to_string(host_->rank()) +
                                  " of " + std::to_string(host_->size()) + " for rank " +
                                  std::to_string(rank_) + " of " + std::to_string(size_) +
                                  ") pass a communicator of the same");
        const cuda::CurrentDevice current(device_);
        stream_ = cuda::make_stream();
        if (host_) return;
        const std::size_t size = static_cast<std::size_t>(size_);
        piece_ = std::max<std::size_t>(1, staged_bytes / size);
        staged_ = cuda::DeviceArray<char>(size * piece_);
        pinned_ = cuda::PinnedArray<char>(size * piece_);
        // What is sent to fill up a piece.
        std::memset(pinned_.get(), 0, pinned_.size());
    }
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    bool takes_device_memory() const override { return true; }
    int device() const override { return device_; }

  protected:
    void gather(const void* mine, std::span<const std::size_t> bytes, void* all) override {
        const bool on_device = cuda::device_of(all) >= 0;
        if (host_ && !on_device) {
            host_->all_gather(mine, bytes, all);
            return;
        }
        if (failed_) fail("an earlier call", "NCCL or the device failed in it");
        failed_ = true;
        const cuda::CurrentDevice current(device_);
        if (on_device)
            gather_there(mine, bytes, static_cast<char*>(all));
        else
            gather_staged(static_cast<const char*>(mine), bytes, static_cast<char*>(all));
        failed_ = false;
    }
    void reduce(double* numbers, std::size_t count) override {
        if (host_)
            host_->all_reduce(numbers, count);
        else
            Communicator::reduce(numbers, count);
    }

  private:
    void gather_there(const void* mine, std::span<const std::size_t> bytes, char* all) {
        if (std::equal(bytes.begin() + 1, bytes.end(), bytes.begin())) {
            check(ncclAllGather(mine, all, bytes[0], ncclChar, ranks_, stream_.get()),
                  "ncclAllGather");
        } else {
            check(ncclGroupStart(), "ncclGroupStart");
            ncclResult_t status = ncclSuccess;
            for (int r = 0; r < size_ && status == ncclSuccess; ++r) {
                const std::size_t count = bytes[static_cast<std::size_t>(r)];
                // `mine` is read on rank r alone.
                status = ncclBroadcast(mine, all, count, ncclChar, r, ranks_, stream_.get());
                all += count;
            }
            // What was begun is ended, whatever came of it.
            const ncclResult_t ended = ncclGroupEnd();
            check(status, "ncclBroadcast");
            check(ended, "ncclGroupEnd");
        }
        wait();
    }

    void gather_staged(const char* mine, std::span<const std::size_t> bytes, char* all) {
        const std::size_t most = *std::max_element(bytes.begin(), bytes.end());
        const std::size_t own = static_cast<std::size_t>(rank_);
        for (std::size_t begin = 0; begin < most; begin += piece_) {
            // As many of each rank; those that have no more send what happens to be there.
            const std::size_t size = std::min(piece_, most - begin);
            const auto part = [&](std::size_t r) {
                return std::min(size, bytes[r] - std::min(begin, bytes[r]));
            };
            char *const there = staged_.get(), *const here = pinned_.get();
            if (part(own) > 0) std::memcpy(here + own * size, mine + begin, part(own));
            cuda::check(cudaMemcpyAsync(there + own * size, here + own * size, size,
                                        cudaMemcpyHostToDevice, stream_.get()),
                        "a copy to the device failed");
            check(ncclAllGather(there + own * size, there, size, ncclChar, ranks_, stream_.get()),
                  "ncclAllGather");
            cuda::check(cudaMemcpyAsync(here, there, bytes.size() * size, cudaMemcpyDeviceToHost,
                                        stream_.get()),
                        "a copy from the device failed");
            wait();
            char* to = all;
            for (std::size_t r = 0; r < bytes.size(); ++r) {
                if (part(r) > 0) std::memcpy(to + begin, here + r * size, part(r));
                to += bytes[r];
            }
        }
    }

    /// For all that is on the stream. Not in one call, in which what NCCL says meanwhile would not
    /// be seen.
    void wait() {
        for (;;) {
            ncclResult_t state = ncclSuccess;
            check(ncclCommGetAsyncError(ranks_, &state), "ncclCommGetAsyncError");
            check(state, "a transfer that was begun");
            const cudaError_t status = cudaStreamQuery(stream_.get());
            if (status != cudaErrorNotReady) {
                cuda::check(status, "a transfer between GPUs failed");
                return;
            }
            static_cast<void>(cudaGetLastError());  // "not ready" is no error of the next call
            std::this_thread::yield();
        }
    }

    const ncclComm_t ranks_;
    const std::shared_ptr<Communicator> host_;
    const int device_;
    int rank_ = 0, size_ = 1;
    bool failed_ = false;
    cuda::OwnedStream stream_;
    std::size_t piece_ = 0;  // of each rank
    cuda::DeviceArray<char> staged_;
    cuda::PinnedArray<char> pinned_;
};

}  // namespace

std::shared_ptr<Communicator> nccl_communicator(ncclComm_t ranks,
                                                std::shared_ptr<Communicator> host) {
    return std::make_shared<NcclCommunicator>(ranks, std::move(host));
}

}  // namespace cunewton
