// Ranks that are threads of this process, all on one device if they have one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cunewton/communicator.h"
#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>

#include "host/cuda/device_memory.h"
#endif

namespace cunewton::test {

inline bool is_on_device(const void* memory) {
#if CUNEWTON_WITH_CUDA
    return cuda::is_device_memory(memory);
#else
    return !memory;
#endif
}

/// Between any memory of this process's.
inline void copy_bytes(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
#if CUNEWTON_WITH_CUDA
    if (is_on_device(to) || is_on_device(from)) {
        // A copy within a device does not wait by itself.
        if (cudaMemcpy(to, from, bytes, cudaMemcpyDefault) != cudaSuccess ||
            cudaStreamSynchronize(nullptr) != cudaSuccess)
            throw std::logic_error("a copy between ranks has failed");
        return;
    }
#endif
    std::memcpy(to, from, bytes);
}

class ThreadRanks {
  public:
    explicit ThreadRanks(int size) : mine_(static_cast<std::size_t>(size)) {}
    int size() const { return static_cast<int>(mine_.size()); }

    void gather(int rank, const void* mine, std::span<const std::size_t> bytes, void* all) {
        mine_[static_cast<std::size_t>(rank)] = mine;
        wait();
        auto* to = static_cast<unsigned char*>(all);
        for (std::size_t r = 0; r < mine_.size(); ++r) {
            copy_bytes(to, mine_[r], bytes[r]);
            to += bytes[r];
        }
        wait();
    }

  private:
    /// For all ranks. One that never comes fails the test.
    void wait() {
        std::unique_lock lock(mutex_);
        const long round = round_;
        if (++arrived_ == size()) {
            arrived_ = 0;
            ++round_;
            all_here_.notify_all();
        } else if (!all_here_.wait_for(lock, std::chrono::seconds(120),
                                       [&] { return round_ != round; })) {
            throw std::logic_error("a rank has waited for another in vain");
        }
    }

    std::vector<const void*> mine_;
    std::mutex mutex_;
    std::condition_variable all_here_;
    int arrived_ = 0;
    long round_ = 0;
};

class ThreadCommunicator final : public Communicator {
  public:
    /// device_memory: says that it takes a GPU's, which may be the host's in a test.
    ThreadCommunicator(ThreadRanks& ranks, int rank, bool device_memory = false, int device = -1)
        : ranks_(ranks), rank_(rank), device_memory_(device_memory), device_(device) {}
    int rank() const override { return rank_; }
    int size() const override { return ranks_.size(); }
    bool takes_device_memory() const override { return device_memory_; }
    int device() const override { return device_; }
    /// Calls that gathered memory of a device.
    long device_gathers() const { return device_gathers_; }

  protected:
    void gather(const void* mine, std::span<const std::size_t> bytes, void* all) override {
        device_gathers_ += is_on_device(all);
        ranks_.gather(rank_, mine, bytes, all);
    }

  private:
    ThreadRanks& ranks_;
    const int rank_;
    const bool device_memory_;
    const int device_;
    long device_gathers_ = 0;
};

/// job(communicator) on `size` ranks; what each of them threw, or nothing.
inline std::vector<std::string> run_ranks(
    int size, const std::function<void(const std::shared_ptr<Communicator>&)>& job,
    bool device_memory = false, int device = -1) {
    ThreadRanks ranks(size);
    std::vector<std::string> errors(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank)
        threads.emplace_back([&, rank] {
            try {
                job(std::make_shared<ThreadCommunicator>(ranks, rank, device_memory, device));
            } catch (const std::exception& error) {
                errors[static_cast<std::size_t>(rank)] = error.what();
            }
        });
    for (std::thread& thread : threads) thread.join();
    return errors;
}

}  // namespace cunewton::test
