#pragma once

#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "cunewton/fit.h"

namespace cunewton::test {

/// Numbers in the memory of the current device, at first all bits 1.
template <class T>
class OnDevice {
  public:
    explicit OnDevice(std::size_t count) : count_(count) {
        EXPECT_EQ(cudaMalloc(&data_, count * sizeof(T)), cudaSuccess);
        forget();
    }
    explicit OnDevice(const std::vector<T>& from) : OnDevice(from.size()) { set(from); }
    OnDevice(const OnDevice&) = delete;
    ~OnDevice() { cudaFree(data_); }

    T* get() const { return static_cast<T*>(data_); }
    Array<T> array() const { return Array<T>(get(), 1, static_cast<long>(count_)).on_device(); }
    Array<T> array(long rows, long columns) const {
        return Array<T>(get(), rows, columns).on_device();
    }
    void set(const std::vector<T>& from) const {
        EXPECT_EQ(cudaMemcpy(data_, from.data(), count_ * sizeof(T), cudaMemcpyHostToDevice),
                  cudaSuccess);
    }
    void forget() const {
        EXPECT_EQ(cudaMemset(data_, 0xff, count_ * sizeof(T)), cudaSuccess);
        EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    }
    std::vector<T> fetch() const {
        std::vector<T> to(count_);
        EXPECT_EQ(cudaMemcpy(to.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost),
                  cudaSuccess);
        return to;
    }

  private:
    void* data_ = nullptr;
    std::size_t count_;
};

/// Bytes that are free on the current device.
inline std::size_t free_device_memory() {
    std::size_t free = 0, total = 0;
    EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
    return free;
}

/// Memory of the current device that nobody else can have.
class TakenMemory {
  public:
    TakenMemory() = default;
    TakenMemory(const TakenMemory&) = delete;
    ~TakenMemory() { give_back(); }
    /// Takes more until so many bytes are left, up to a little.
    void leave(std::size_t bytes) {
        while (free_device_memory() > bytes) {
            std::size_t size = free_device_memory() - bytes;
            void* block = nullptr;
            while (size >= 256 && cudaMalloc(&block, size) != cudaSuccess) size /= 2;
            static_cast<void>(cudaGetLastError());
            if (!block) return;
            blocks_.push_back(block);
        }
    }
    void give_back() {
        for (void* block : blocks_) EXPECT_EQ(cudaFree(block), cudaSuccess);
        blocks_.clear();
    }

  private:
    std::vector<void*> blocks_;
};

/// Room for all results of a batch.
template <class T>
struct ResultsOnDevice {
    OnDevice<T> parameters, objective, gradient_norm, reduced_chi_square, covariance,
        standard_errors, condition_number;
    OnDevice<Status> status;
    OnDevice<int> iterations, best_start, degrees_of_freedom;
    OnDevice<std::uint64_t> at_bound, undetermined;

    ResultsOnDevice(std::size_t problems, std::size_t n)
        : parameters(problems * n),
          objective(problems),
          gradient_norm(problems),
          reduced_chi_square(problems),
          covariance(problems * n * n),
          standard_errors(problems * n),
          condition_number(problems),
          status(problems),
          iterations(problems),
          best_start(problems),
          degrees_of_freedom(problems),
          at_bound(problems),
          undetermined(problems) {}

    /// Those that take no Hessian.
    BatchArrays<T> plain() const {
        return {.parameters = parameters.array(),
                .objective = objective.array(),
                .gradient_norm = gradient_norm.array(),
                .status = status.array(),
                .iterations = iterations.array()};
    }
    /// Those of a fit.
    BatchArrays<T> all() const {
        BatchArrays<T> arrays = plain();
        arrays.best_start = best_start.array();
        arrays.degrees_of_freedom = degrees_of_freedom.array();
        arrays.reduced_chi_square = reduced_chi_square.array();
        arrays.at_bound = at_bound.array();
        arrays.covariance = covariance.array();
        arrays.standard_errors = standard_errors.array();
        arrays.condition_number = condition_number.array();
        arrays.undetermined = undetermined.array();
        return arrays;
    }
};

}  // namespace cunewton::test
#endif
