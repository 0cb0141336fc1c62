// The CPU backend.
#pragma once

#include "host/backend/backend.h"
#include "host/backend/memory.h"
#include "host/backend/registry.h"
#include "host/backend/thread_pool.h"
#include "host/cpu/rank_k.h"

namespace cunewton::cpu {

template <class T>
class CpuBackend final : public Backend<T> {
  public:
    explicit CpuBackend(int threads) : pool_(threads), update_(pool_) {}

    const char* name() const override { return "cpu"; }
    Buffer<T> allocate(std::size_t count) override;
    std::size_t free_bytes() const override { return free_host_bytes(); }
    void upload(T* to, const T* from, std::size_t count) override;
    void download(T* to, const T* from, std::size_t count) override;
    void copy(T* to, const T* from, std::size_t count) override;
    void scale(T* y, T a, const T* x, int n) override;
    void unscale(T* y, const T* S, const T* x, int n) override;
    void scale_twice(T* y, const T* S, const T* x, int n) override;
    void add_scaled(T* y, const T* x, T a, const T* p, int n) override;
    void dot(const T* x, const T* y, int n, Slot slot) override;
    void norms(std::initializer_list<NormOf<T>> vectors, int n) override;
    void set_identity(T* A, int n, T value, const T* S) override;
    void symv(const T* A, const T* x, T* y, int n) override;
    void rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) override;
    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                      int n) override;
    void determine_common_shifts(T* A, int outputs, int n) override;
    void matrix_bounds(const T* A, const T* S, int n) override;
    void factorize(const T* A, T shift, const T* S, T* L, int n) override;
    void solve(const T* L, T* x, int n) override;
    void solve_lower(const T* L, T* x, int n) override;
    const double* scalars() override { return slots_; }
    bool scalars_are_local() const override { return true; }

    ThreadPool& pool() { return pool_; }
    void set(Slot slot, double value) { slots_[static_cast<int>(slot)] = value; }

  private:
    ThreadPool pool_;
    RankKUpdate<T, T, T> update_;
    double slots_[slot_count] = {};
};

Probe probe_cpu();
template <class T>
Session<T> open_cpu(const Problem<T>& problem, const SessionOptions& options);

}  // namespace cunewton::cpu
