#include "host/data/sample_data.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cunewton/error.h"
#include "host/data/device_arrays.h"
#if CUNEWTON_WITH_CUDA
#include "kernels/samples.h"
#endif

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

[[noreturn]] void reject_feature(long sample, int feature, double value) {
    reject("features are not finite (feature " + std::to_string(feature) + " of sample " +
           std::to_string(sample) + " is " + std::to_string(value) +
           ") remove or repair that sample");
}
[[noreturn]] void reject_number(const char* what, long sample, double value) {
    reject(std::string(what) + " are not finite (that of sample " + std::to_string(sample) +
           " is " + std::to_string(value) + ") remove or repair that sample");
}
[[noreturn]] void reject_weight(long sample, double value) {
    if (!std::isfinite(value)) reject_number("weights", sample, value);
    reject("weights are negative (weight " + std::to_string(sample) + " is " +
           std::to_string(value) + ") pass weights >= 0");
}

template <class T>
double host_weight(const Samples<T>& s) {
    for (long i = 0; i < s.count; ++i)
        for (int j = 0; j < s.dimension; ++j)
            if (const T value = s.features[i * s.ld + j * s.feature_stride]; !std::isfinite(value))
                reject_feature(i, j, value);
    for (long e = 0; s.targets && e < s.count * s.target_count; ++e)
        if (!std::isfinite(s.targets[e]))
            reject_number("targets", e / s.target_count, s.targets[e]);
    for (long e = 0; s.offsets && e < s.count * s.offset_count; ++e)
        if (!std::isfinite(s.offsets[e]))
            reject_number("offsets", e / s.offset_count, s.offsets[e]);
    if (!s.weights) return static_cast<double>(s.count);
    double total = 0;
    for (long i = 0; i < s.count; ++i) {
        if (!std::isfinite(s.weights[i]) || s.weights[i] < 0) reject_weight(i, s.weights[i]);
        total += s.weights[i];
    }
    return total;
}

template <class T>
double device_weight([[maybe_unused]] const Samples<T>& s) {
#if CUNEWTON_WITH_CUDA
    const CallDevice current(s.device);
    const cuda::SampleFaults faults = cuda::find_faults(s, nullptr);
    const auto number = [](const T* from) {
        T value;
        fetch(&value, from, 1, 1, 1, 1, nullptr);
        return static_cast<double>(value);
    };
    if (faults.feature >= 0) {
        const long i = faults.feature / s.dimension;
        const int j = static_cast<int>(faults.feature % s.dimension);
        reject_feature(i, j, number(s.features + i * s.ld + j * s.feature_stride));
    }
    if (faults.target >= 0)
        reject_number("targets", faults.target / s.target_count, number(s.targets + faults.target));
    if (faults.offset >= 0)
        reject_number("offsets", faults.offset / s.offset_count, number(s.offsets + faults.offset));
    if (faults.weight >= 0) reject_weight(faults.weight, number(s.weights + faults.weight));
    return faults.total;
#else
    return 0;  // such samples have been refused
#endif
}

/// What the array's memory is said to be.
template <class T>
Array<const T> as_array(const Samples<T>& s, const T* data, long count) {
    Array<const T> array(data, data ? 1 : 0, data ? count : 0);
    return s.memory == Memory::device ? array.on_device(s.device) : array;
}

}  // namespace

template <class T>
double checked_weight(Samples<T>& s) {
    if (s.count <= 0)
        reject("there are no samples (count = " + std::to_string(s.count) + ") pass at least one");
    if (s.dimension < 0)
        reject("features per sample are negative (dimension = " + std::to_string(s.dimension) +
               ") pass 0 or more");
    if (s.feature_stride < 1)
        reject("the distance between features is invalid (feature_stride = " +
               std::to_string(s.feature_stride) + ") pass 1 or more");
    if (s.target_count < 1)
        reject("targets per sample are too few (target_count = " + std::to_string(s.target_count) +
               ") pass 1 or more; without targets the pointer is null");
    if (s.offset_count < 1)
        reject("offsets per sample are too few (offset_count = " + std::to_string(s.offset_count) +
               ") pass 1 or more; without offsets the pointer is null");
    if (s.ld == 0) s.ld = s.dimension;
    if (s.ld < s.dimension && s.feature_stride == 1)
        reject("rows of samples overlap (ld = " + std::to_string(s.ld) + " < dimension = " +
               std::to_string(s.dimension) + ") pass the distance between samples");
    if (s.ld < 0)
        reject("the distance between samples is negative (ld = " + std::to_string(s.ld) +
               ") begin at the other end");
    if (s.dimension > 0 && !s.features)
        reject("features are missing (null pointer) pass count x dimension numbers");
    ArrayPlaces places(-1);
    if (s.dimension > 0) places.add(as_array(s, s.features, 1), "features");
    places.add(as_array(s, s.targets, s.count * s.target_count), "targets");
    places.add(as_array(s, s.weights, s.count), "weights");
    places.add(as_array(s, s.offsets, s.count * s.offset_count), "offsets");
    if (s.memory == Memory::device) s.device = places.device();
    return s.memory == Memory::device ? device_weight(s) : host_weight(s);
}

namespace {

/// The GPU that the numbers of a problem lie on; -1: none.
template <class T>
int device_of_data(const ProblemParts<T>& parts) {
    const auto device_of = [](const Samples<T>& samples) {
        return samples.memory == Memory::device ? samples.device : -1;
    };
    return std::visit(
        [&](const auto& form) {
            int device = -1;
            if constexpr (requires { form.samples; }) {
                device = device_of(form.samples);
            } else if constexpr (requires { form.kinds; }) {
                for (const Elements<T>& kind : form.kinds)
                    device = std::max(device, device_of(kind.data));
            } else if constexpr (requires { form.inner; }) {
                device = device_of_data(*form.inner);
            }
            return device;
        },
        parts.form);
}

}  // namespace

template <class T>
int device_for(const Problem<T>& problem, int asked) {
    const int of_data = device_of_data(problem.parts());
    if (asked >= 0 && of_data >= 0 && asked != of_data)
        reject("the samples are on another GPU (device " + std::to_string(of_data) +
               ", but options.device says device " + std::to_string(asked) +
               ") bring them there, or leave the number out");
    return ArrayPlaces(asked >= 0 ? asked : of_data).device();
}

template <class T>
std::size_t HostSamples<T>::memory(const Samples<T>& s) {
    const bool there = s.memory == Memory::host;
    if (there && s.feature_stride == 1) return 0;
    const std::size_t count = static_cast<std::size_t>(s.count);
    std::size_t numbers = count * static_cast<std::size_t>(s.dimension);
    // What lies feature by feature on a device comes so first.
    if (!there && s.ld == 1) numbers *= 2;
    if (!there)
        numbers += (s.targets ? count * static_cast<std::size_t>(s.target_count) : 0) +
                   (s.weights ? count : 0) +
                   (s.offsets ? count * static_cast<std::size_t>(s.offset_count) : 0);
    return numbers * sizeof(T);
}

template <class T>
HostSamples<T>::HostSamples(const Samples<T>& samples, bool targets_only)
    : all_(samples), view_(samples) {
    const Samples<T>& s = samples;
    const bool there = s.memory == Memory::host;
    if (there && (s.feature_stride == 1 || targets_only)) return;
    const long d = targets_only ? 0 : s.dimension;
    features_.resize(static_cast<std::size_t>(s.count * d));
    const CallDevice current(there ? -1 : s.device);
    const auto bring = [&](std::vector<T>& to, const T* from, long size) {
        if (!from || there) return from;
        to.resize(static_cast<std::size_t>(size));
        fetch(to.data(), from, size, 1, 1, size, nullptr);
        return static_cast<const T*>(to.data());
    };
    if (there) {
        for (long i = 0; i < s.count; ++i)
            for (long j = 0; j < d; ++j)
                features_[static_cast<std::size_t>(i * d + j)] =
                    s.features[i * s.ld + j * s.feature_stride];
    } else if (d > 0) {
        fetch(features_.data(), s.features, s.ld, s.feature_stride, s.count, d, nullptr);
    }
    view_.features = features_.data();
    view_.ld = d;
    view_.feature_stride = 1;
    view_.targets = bring(targets_, s.targets, s.count * s.target_count);
    view_.weights = bring(weights_, s.weights, s.count);
    view_.offsets = targets_only ? nullptr : bring(offsets_, s.offsets, s.count * s.offset_count);
    view_.memory = Memory::host;
    view_.device = -1;
    all_ = view_;
}

template <class T>
void HostSamples<T>::select(std::span<const long> samples, double share) {
    view_ = all_;
    const std::size_t size = samples.size(), d = all_.dimension;
    const auto selected = [](std::vector<T>& to, std::size_t numbers) {
        if (to.size() < numbers) {
            to = {};  // nothing of it is kept, nor room for more
            to = std::vector<T>(numbers);
        }
        return to.data();
    };
    T* const features = selected(selected_features_, size * d);
    const std::size_t per = all_.target_count;
    T* const targets = all_.targets ? selected(selected_targets_, size * per) : nullptr;
    T* const weights = selected(selected_weights_, size);
    const std::size_t added = all_.offset_count;
    T* const offsets = all_.offsets ? selected(selected_offsets_, size * added) : nullptr;
    const T factor = static_cast<T>(share);
    for (std::size_t i = 0; i < size; ++i) {
        const long from = samples[i];
        weights[i] = 0;
        if (from < 0) continue;
        std::copy_n(all_.features + from * all_.ld, d, features + i * d);
        if (targets) std::copy_n(all_.targets + from * all_.target_count, per, targets + i * per);
        if (offsets)
            std::copy_n(all_.offsets + from * all_.offset_count, added, offsets + i * added);
        weights[i] = all_.weights ? factor * all_.weights[from] : factor;
    }
    view_.features = features;
    view_.ld = static_cast<std::ptrdiff_t>(d);
    view_.targets = targets;
    view_.weights = weights;
    view_.offsets = offsets;
    view_.count = static_cast<long>(size);
}

#define CUNEWTON_INSTANTIATE(T)                      \
    template double checked_weight(Samples<T>&);     \
    template int device_for(const Problem<T>&, int); \
    template class HostSamples<T>;
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
