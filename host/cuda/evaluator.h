// What the evaluators of all forms of problems share on the device.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cunewton/problem/forms.h"
#include "host/backend/evaluator.h"
#include "host/cuda/repeated_work.h"
#include "host/cuda/staging.h"
#include "host/cuda/vectors.h"
#include "kernels/assemble.h"

namespace cunewton::cuda {

/// The memory of one tile of an evaluation: as much as the budget allows, allocated when it is
/// first needed and kept.
class TileMemory {
  public:
    explicit TileMemory(std::size_t budget) : budget_(budget) {}

    /// Room for as many of `total` items as fit into the budget, but at least `least`; returns
    /// their number. When the device has no such room the tile is halved, for this and all later
    /// calls, down to `least`; OutOfMemory only if those do not fit.
    long reserve(long total, std::size_t bytes_per_item, long least);
    /// Bytes that this takes where the device has them.
    static std::size_t memory(std::size_t budget, long total, std::size_t bytes_per_item,
                              long least);
    /// Throws InvalidArgument if the budget is below one item's bytes.
    void require(std::size_t bytes_per_item) const;

    template <class U>
    U* as(std::size_t offset = 0) const {
        return reinterpret_cast<U*>(memory_.get() + offset);
    }
    std::size_t peak() const { return peak_; }

  private:
    static long fitting(std::size_t budget, long total, std::size_t bytes_per_item, long least);

    std::size_t budget_;
    DeviceArray<char> memory_;
    std::size_t peak_ = 0;
};

/// The problem on this device: what the constructors of all evaluators are handed. All of it
/// outlives them but `problem`, of which they keep a copy.
template <class T>
struct Setting {
    const Problem<T>& problem;
    ResolvedDerivatives derivatives;
    const std::vector<double>& typical;  ///< magnitudes of the parameters; empty means 1 everywhere
    int threads;                         ///< of the host
    CudaVectors<T>& vectors;
    DenseMatrices<T>& matrices;
};

/// Evaluators queue work and return; only values() waits. Nothing is allocated after the first call
/// of a function.
template <class T>
class CudaEvaluator : public Evaluator<T> {
  public:
    void value(const T* x, Scalar f) final {
        queue_values(x, 1, partial_.get(), vectors_.place(f));
    }
    void values(const T* points, int count, T* losses) final;
    std::size_t peak_tile_bytes() const override { return tile_.peak(); }
    void limit_steps(const std::vector<T>& most) override;

  protected:
    explicit CudaEvaluator(const Setting<T>& at);
    /// Bytes on the device of what all keep but the tile.
    static std::size_t memory(int n, std::size_t partial_per_point) {
        return 2 * static_cast<std::size_t>(n) * sizeof(T) + partial_per_point * sizeof(double);
    }

    /// out[p] = f at points[p * n], ..., in double. partial: partial_per_point() doubles a point.
    virtual void queue_values(const T* points, long count, double* partial, double* out) = 0;
    virtual std::size_t partial_per_point() const = 0;
    /// For the constructor of a derived class, once partial_per_point() is known.
    void allocate_partial() { partial_ = DeviceArray<double>(partial_per_point()); }

    /// steps_ = the steps at x, unless they are zero: nothing is differenced then.
    void set_steps(const T* x, double relative);

    cudaStream_t stream() const { return vectors_.stream(); }

    /// All that one product H v is queued with that may change: the vectors, the samples, and
    /// memory that grows. The point, what is kept of it and a selection's numbers are read from
    /// memory that stays where it is, or that these say.
    struct ProductArguments {
        const T* v;
        T* Hv;
        DeviceSamples<T> samples;
        const void* memory;

        bool operator==(const ProductArguments& other) const {
            const DeviceSamples<T>&a = samples, &b = other.samples;
            return v == other.v && Hv == other.Hv && memory == other.memory &&
                   a.features == b.features && a.ld == b.ld && a.targets == b.targets &&
                   a.weights == b.weights && a.count == b.count;
        }
    };

    const Problem<T> problem_;  // keeps the parts alive
    const ProblemParts<T>& parts_;
    const ResolvedDerivatives derivatives_;
    CudaVectors<T>& vectors_;
    const int n_;
    const Assembly assembly_;
    RepeatedWork<ProductArguments> repeated_product_;
    DeviceArray<T> typical_, steps_;
    Buffer<T> least_, most_;       // limits of steps_, or empty
    DeviceArray<double> partial_;  // of one point
    TileMemory tile_;
};

/// Samples on the device, feature by feature; after the last feature, if asked for, a column of
/// ones. Null pointers stand for missing targets and weights unless `fill` puts zeros and ones
/// there. threads: of the host, that copy; <= 0: as many as are useful.
template <class T>
class DeviceData {
  public:
    DeviceData(const Samples<T>& samples, bool ones, bool fill, int threads,
               CudaVectors<T>& vectors);
    const DeviceSamples<T>& view() const { return view_; }
    /// Of the samples in view(): as Samples::offsets, null: none.
    const T* offsets() const { return view_offsets_; }
    /// From here on view() has these samples alone, as Evaluator::select(). They are copied.
    void select(std::span<const long> samples, double share, CudaVectors<T>& vectors);
    void select_all() {
        view_ = all_;
        view_offsets_ = all_offsets_;
    }
    /// What this takes for as long as it lives, on the host while it is made.
    static MemoryNeeded memory(const Samples<T>& samples, bool ones, bool fill);
    /// Bytes on the device that it takes while it is made, beside those.
    static std::size_t slab_memory(const Samples<T>& samples);
    /// Bytes on the device of what select() copies.
    static std::size_t selection_memory(const Samples<T>& samples, bool ones, bool fill,
                                        long selected);
    /// Distance of the columns that it makes.
    static long column_distance(long count);

  private:
    /// Rows that come in at a time.
    static long slab_rows(const Samples<T>& samples);
    /// Feature by feature on the device already: they are read as they lie.
    static bool lie_in_columns(const Samples<T>& samples, bool ones);
    void upload_features(const Samples<T>& samples, Staging& staging, CudaVectors<T>& vectors);

    DeviceArray<T> features_, targets_, weights_, offsets_;
    DeviceArray<T> selected_features_, selected_targets_, selected_weights_, selected_offsets_;
    DeviceArray<long> indices_;
    DeviceSamples<T> all_{}, view_{};
    const T *all_offsets_ = nullptr, *view_offsets_ = nullptr;
    int target_count_ = 1, offset_count_ = 1;
};

/// x rounded up to a multiple of m.
inline long round_up(long x, long m) {
    return (x + m - 1) / m * m;
}

}  // namespace cunewton::cuda
