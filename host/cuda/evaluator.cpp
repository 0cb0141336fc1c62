#include "host/cuda/evaluator.h"

#include <algorithm>
#include <string>

#include "host/cuda/staging.h"
#include "host/data/sample_data.h"
#include "kernels/differences.h"
#include "kernels/samples.h"
#include "kernels/vector.h"

namespace cunewton::cuda {

namespace {
// Columns start on whole memory transactions.
constexpr long column_alignment = 32;
// Device memory through which the samples' rows come in.
constexpr std::size_t slab_bytes = std::size_t{16} << 20;
}  // namespace

void TileMemory::require(std::size_t bytes_per_item) const {
    if (budget_ < bytes_per_item)
        throw InvalidArgument("memory budget of " + std::to_string(budget_) +
                              " bytes is too small (one item of a tile of this problem takes " +
                              std::to_string(bytes_per_item) +
                              ") raise DerivativeOptions::memory_budget");
}

long TileMemory::fitting(std::size_t budget, long total, std::size_t bytes_per_item, long least) {
    const std::size_t count = budget / bytes_per_item;
    return count >= static_cast<std::size_t>(total)
               ? total
               : std::max(std::min(least, total), static_cast<long>(count));
}

std::size_t TileMemory::memory(std::size_t budget, long total, std::size_t bytes_per_item,
                               long least) {
    return static_cast<std::size_t>(fitting(budget, total, bytes_per_item, least)) * bytes_per_item;
}

long TileMemory::reserve(long total, std::size_t bytes_per_item, long least) {
    least = std::min(least, total);
    for (;;) {
        const long count = fitting(budget_, total, bytes_per_item, least);
        const std::size_t bytes = static_cast<std::size_t>(count) * bytes_per_item;
        try {
            if (memory_.size() < bytes) {
                memory_ = {};
                memory_ = DeviceArray<char>(bytes);
            }
            peak_ = std::max(peak_, bytes);
            return count;
        } catch (const OutOfMemory&) {
            if (count <= least) throw;
            budget_ = static_cast<std::size_t>(count / 2) * bytes_per_item;
        }
    }
}

template <class T>
CudaEvaluator<T>::CudaEvaluator(const Setting<T>& at)
    : Evaluator<T>(at.vectors, at.matrices, at.problem.dimension()),
      problem_(at.problem),
      parts_(problem_.parts()),
      derivatives_(at.derivatives),
      vectors_(at.vectors),
      n_(parts_.dimension),
      assembly_{parts_.scale, parts_.penalty},
      typical_(n_),
      steps_(n_),
      tile_(derivatives_.memory_budget) {
    const std::vector<double>& typical = at.typical;
    if (typical.empty()) {
        launch_fill(typical_.get(), T(1), n_, stream());
    } else {
        const std::vector<T> converted(typical.begin(), typical.end());
        vectors_.upload(typical_.get(), converted.data(), converted.size());
    }
}

template <class T>
void CudaEvaluator<T>::set_steps(const T* x, double relative) {
    if (relative > 0)
        launch_difference_steps(steps_.get(), x, typical_.get(), static_cast<T>(relative), n_,
                                stream());
    if (relative > 0 && most_)
        vectors_.clamp(steps_.get(), steps_.get(), least_.get(), most_.get(), n_);
}

template <class T>
void CudaEvaluator<T>::limit_steps(const std::vector<T>& most) {
    most_ = vectors_.allocate(most.size());
    least_ = vectors_.allocate(most.size());
    vectors_.upload(most_.get(), most.data(), most.size());
    vectors_.upload(least_.get(), std::vector<T>(most.size(), T(0)).data(), most.size());
}

template <class T>
void CudaEvaluator<T>::values(const T* points, int count, T* losses) {
    if (count == 0) return;
    // A tile: the points' losses, then their partial sums, then the points.
    const std::size_t doubles = 1 + partial_per_point();
    const long tile = tile_.reserve(
        count, doubles * sizeof(double) + static_cast<std::size_t>(n_) * sizeof(T), 1);
    double* out = tile_.as<double>();
    double* partial = out + tile;
    T* device_points = tile_.as<T>(static_cast<std::size_t>(tile) * doubles * sizeof(double));
    std::vector<double> host(static_cast<std::size_t>(tile));
    for (long begin = 0; begin < count; begin += tile) {
        const std::size_t size = static_cast<std::size_t>(std::min(tile, count - begin));
        check(cudaMemcpyAsync(device_points, points + begin * n_,
                              size * static_cast<std::size_t>(n_) * sizeof(T),
                              cudaMemcpyHostToDevice, stream()),
              "a copy to the device failed");
        queue_values(device_points, static_cast<long>(size), partial, out);
        check(cudaMemcpyAsync(host.data(), out, size * sizeof(double), cudaMemcpyDeviceToHost,
                              stream()),
              "a copy from the device failed");
        vectors_.synchronize();
        for (std::size_t p = 0; p < size; ++p)
            losses[begin + static_cast<long>(p)] = static_cast<T>(host[p]);
    }
}

template <class T>
long DeviceData<T>::column_distance(long count) {
    return round_up(count, column_alignment);
}
template <class T>
bool DeviceData<T>::lie_in_columns(const Samples<T>& s, bool ones) {
    return s.memory == Memory::device && s.ld == 1 && s.feature_stride >= s.count && !ones &&
           s.dimension > 0;
}
template <class T>
long DeviceData<T>::slab_rows(const Samples<T>& s) {
    const std::size_t row_bytes = static_cast<std::size_t>(s.dimension) * sizeof(T);
    return std::clamp(static_cast<long>(slab_bytes / row_bytes), 1L, s.count);
}

template <class T>
MemoryNeeded DeviceData<T>::memory(const Samples<T>& samples, bool ones, bool fill) {
    const bool there = samples.memory == Memory::device;
    const std::size_t count = static_cast<std::size_t>(samples.count),
                      columns = static_cast<std::size_t>(samples.dimension) + (ones ? 1 : 0);
    const auto column = [&](const T* from) { return (from ? there : !fill) ? 0 : count; };
    std::size_t numbers = column(samples.targets) * static_cast<std::size_t>(samples.target_count) +
                          column(samples.weights);
    if (samples.offsets && !there)
        numbers += count * static_cast<std::size_t>(samples.offset_count);
    if (!lie_in_columns(samples, ones))
        numbers += static_cast<std::size_t>(column_distance(samples.count)) * columns;
    const bool sent = !there && (samples.dimension > 0 || samples.targets || samples.weights);
    return {(there ? 0 : HostSamples<T>::memory(samples)) + (sent ? Staging::most_bytes() : 0),
            numbers * sizeof(T)};
}

template <class T>
std::size_t DeviceData<T>::selection_memory(const Samples<T>& samples, bool ones, bool fill,
                                            long selected) {
    if (selected == 0) return 0;
    const std::size_t count = static_cast<std::size_t>(selected),
                      columns = static_cast<std::size_t>(samples.dimension) + (ones ? 1 : 0);
    return (static_cast<std::size_t>(column_distance(selected)) * columns +
            (1 + static_cast<std::size_t>(samples.targets || fill ? samples.target_count : 0) +
             static_cast<std::size_t>(samples.offsets ? samples.offset_count : 0)) *
                count) *
               sizeof(T) +
           count * sizeof(long);
}

template <class T>
std::size_t DeviceData<T>::slab_memory(const Samples<T>& samples) {
    if (samples.memory == Memory::device || samples.dimension == 0) return 0;
    return static_cast<std::size_t>(slab_rows(samples)) *
           static_cast<std::size_t>(samples.dimension) * sizeof(T);
}

template <class T>
DeviceData<T>::DeviceData(const Samples<T>& given, bool ones, bool fill, int threads,
                          CudaVectors<T>& vectors) {
    const HostSamples<T> on_host(given.memory == Memory::host ? given : Samples<T>{});
    const Samples<T>& samples = given.memory == Memory::host ? on_host.view() : given;
    Staging staging(threads);
    const long count = samples.count;
    const int d = samples.dimension, columns = d + (ones ? 1 : 0);
    const long ld = column_distance(count);
    const cudaStream_t stream = vectors.stream();
    const bool there = samples.memory == Memory::device;
    const bool as_they_lie = lie_in_columns(samples, ones);
    if (!as_they_lie) {
        features_ = DeviceArray<T>(static_cast<std::size_t>(ld) * columns);
        if (there)
            launch_gather_features(features_.get(), ld, samples, stream);
        else
            upload_features(samples, staging, vectors);
        if (ones) launch_fill(features_.get() + d * ld, T(1), count, stream);
    }
    // The caller's where it is on the device.
    const auto column = [&](const T* from, long size, DeviceArray<T>& memory, T otherwise) {
        if (from ? there : !fill) return from;
        memory = DeviceArray<T>(static_cast<std::size_t>(size));
        if (from)
            staging.upload(memory.get(), from, memory.size() * sizeof(T), stream);
        else
            launch_fill(memory.get(), otherwise, size, stream);
        return static_cast<const T*>(memory.get());
    };
    view_ = {as_they_lie ? samples.features : features_.get(),
             columns,
             as_they_lie ? samples.feature_stride : ld,
             column(samples.targets, count * samples.target_count, targets_, T(0)),
             column(samples.weights, count, weights_, T(1)),
             count};
    if (samples.offsets)
        view_offsets_ = column(samples.offsets, count * samples.offset_count, offsets_, T(0));
    all_ = view_;
    all_offsets_ = view_offsets_;
    target_count_ = samples.target_count;
    offset_count_ = samples.offset_count;
}

template <class T>
void DeviceData<T>::select(std::span<const long> samples, double share, CudaVectors<T>& vectors) {
    const long count = static_cast<long>(samples.size()), ld = column_distance(count);
    const auto room = [](auto& array, long numbers) {
        if (array.size() < static_cast<std::size_t>(numbers)) {
            array = {};
            array = std::remove_reference_t<decltype(array)>(static_cast<std::size_t>(numbers));
        }
        return array.get();
    };
    T* const features = room(selected_features_, ld * all_.dimension);
    T* const targets = all_.targets ? room(selected_targets_, count * target_count_) : nullptr;
    T* const weights = room(selected_weights_, count);
    long* const there = room(indices_, count);
    check(cudaMemcpyAsync(there, samples.data(), samples.size_bytes(), cudaMemcpyHostToDevice,
                          vectors.stream()),
          "a copy to the device failed");
    launch_select_samples(all_, there, static_cast<T>(share), count, features, ld, target_count_,
                          targets, weights, vectors.stream());
    view_ = {features, all_.dimension, ld, targets, weights, count};
    if (!all_offsets_) return;
    T* const offsets = room(selected_offsets_, count * offset_count_);
    launch_select_rows(offsets, all_offsets_, there, count, offset_count_, vectors.stream());
    view_offsets_ = offsets;
}

/// Row by row, through a slab of device memory, into columns.
template <class T>
void DeviceData<T>::upload_features(const Samples<T>& samples, Staging& staging,
                                    CudaVectors<T>& vectors) {
    const long count = samples.count, ld = column_distance(count);
    const int d = samples.dimension;
    if (d == 0) return;
    const std::size_t row_bytes = static_cast<std::size_t>(d) * sizeof(T);
    const long rows = slab_rows(samples);
    const DeviceArray<T> slab(static_cast<std::size_t>(rows) * d);
    for (long begin = 0; begin < count; begin += rows) {
        const long size = std::min(rows, count - begin);
        staging.upload_rows(slab.get(), samples.features + begin * samples.ld, row_bytes,
                            static_cast<std::size_t>(samples.ld) * sizeof(T), size,
                            vectors.stream());
        launch_transpose(features_.get() + begin, ld, slab.get(), static_cast<int>(size), d,
                         vectors.stream());
    }
    vectors.synchronize();  // before the slab goes
}

template class CudaEvaluator<double>;
template class CudaEvaluator<float>;
template class DeviceData<double>;
template class DeviceData<float>;

}  // namespace cunewton::cuda
