// Vectors and numbers in the host's memory.
#pragma once

#include "host/backend/memory.h"
#include "host/backend/registry.h"
#include "host/backend/thread_pool.h"
#include "host/backend/vectors.h"

namespace cunewton::cpu {

template <class T>
class CpuVectors final : public Vectors<T> {
  public:
    explicit CpuVectors(int threads) : pool_(threads) {}

    const char* name() const override { return "cpu"; }
    Buffer<T> allocate(std::size_t count) override;
    std::size_t free_bytes() const override { return free_host_bytes(); }
    void upload(T* to, const T* from, std::size_t count) override;
    void download(T* to, const T* from, std::size_t count) override;
    void copy(T* to, const T* from, std::size_t count) override;
    void scale(T* y, Factor<T> a, const T* x, long n) override;
    void unscale(T* y, const T* S, const T* x, long n) override;
    void scale_twice(T* y, const T* S, const T* x, long n) override;
    void add_scaled(T* y, const T* x, Factor<T> a, const T* p, long n) override;
    void take_off_mean(T* x, int count, T* mean, long n) override;
    void add_to_each(T* x, int count, T a, const T* p, long n) override;
    void adam_step(T* x, T* mean, T* square, const T* g, long n, const AdamStep& step) override;
    void clamp(T* y, const T* x, const T* lower, const T* upper, long n) override;
    void find_free(T* free, const T* x, const T* g, const T* lower, const T* upper,
                   long n) override;
    void select(T* y, const T* free, const T* x, long n) override;
    void dot(const T* x, const T* y, long n, Scalar to) override;
    void norms(std::initializer_list<NormOf<T>> vectors, long n) override;
    using Vectors<T>::read;
    void read(std::span<const Scalar> which, double* values) override;
    bool scalars_are_local() const override { return true; }

    ThreadPool& pool() { return pool_; }
    void set(Scalar to, double value) { scalars_[to.index] = value; }

  private:
    T value_of(const Factor<T>& a) const;

    ThreadPool pool_;
    double scalars_[ScalarPlaces::most] = {};
};

Probe probe_cpu();
/// The problem on this machine. Throws BackendUnavailable if it has no code for the CPU.
template <class T>
Session<T> open_cpu(const Problem<T>& problem, const SessionOptions& options);
/// See BackendCode.
template <class T>
MemoryNeeded session_memory(const Problem<T>& problem, const SessionOptions& options,
                            const SessionWork& work);

}  // namespace cunewton::cpu
