#include "host/cpu/vectors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/math/bounds.h"
#include "cunewton/math/norm_sum.h"
#include "cunewton/math/ratio.h"
#include "host/cpu/rank_k.h"

namespace cunewton::cpu {

template <class T>
Buffer<T> CpuVectors<T>::allocate(std::size_t count) {
    if (const std::size_t bytes = count * sizeof(T); bytes >= worth_asking)
        require_room(static_cast<double>(bytes), free_bytes(), "vectors or matrices", "host",
                     "reduce the problem or use float");
    return aligned_buffer<T>(count);
}
template <class T>
void CpuVectors<T>::upload(T* to, const T* from, std::size_t count) {
    std::copy_n(from, count, to);
}
template <class T>
void CpuVectors<T>::download(T* to, const T* from, std::size_t count) {
    std::copy_n(from, count, to);
}
template <class T>
void CpuVectors<T>::copy(T* to, const T* from, std::size_t count) {
    std::copy_n(from, count, to);
}
template <class T>
T CpuVectors<T>::value_of(const Factor<T>& a) const {
    if (a.known()) return a.value;
    const Ratio& r = a.ratio;
    return static_cast<T>(ratio_of(r.sign, scalars_[r.over.index], scalars_[r.under.index]));
}
template <class T>
void CpuVectors<T>::read(std::span<const Scalar> which, double* values) {
    for (const Scalar& scalar : which) *values++ = scalars_[scalar.index];
}
template <class T>
void CpuVectors<T>::scale(T* y, Factor<T> a, const T* x, long n) {
    const T factor = value_of(a);
    for (long j = 0; j < n; ++j) y[j] = factor * x[j];
}
template <class T>
void CpuVectors<T>::unscale(T* y, const T* S, const T* x, long n) {
    for (long j = 0; j < n; ++j) y[j] = x[j] / S[j];
}
template <class T>
void CpuVectors<T>::scale_twice(T* y, const T* S, const T* x, long n) {
    for (long j = 0; j < n; ++j) y[j] = S[j] * (S[j] * x[j]);
}
template <class T>
void CpuVectors<T>::add_scaled(T* y, const T* x, Factor<T> a, const T* p, long n) {
    const T factor = value_of(a);
    for (long j = 0; j < n; ++j) y[j] = x[j] + factor * p[j];
}
template <class T>
void CpuVectors<T>::take_off_mean(T* x, int count, T* mean, long n) {
    const T part = T(1) / static_cast<T>(count);
    scale(mean, part, x, n);
    for (int k = 1; k < count; ++k) add_scaled(mean, mean, part, x + k * n, n);
    add_to_each(x, count, T(-1), mean, n);
}
template <class T>
void CpuVectors<T>::add_to_each(T* x, int count, T a, const T* p, long n) {
    for (int k = 0; k < count; ++k) add_scaled(x + k * n, x + k * n, a, p, n);
}
template <class T>
void CpuVectors<T>::adam_step(T* x, T* mean, T* square, const T* g, long n, const AdamStep& step) {
    for (long j = 0; j < n; ++j) cunewton::adam_step(x[j], mean[j], square[j], g[j], step);
}
template <class T>
void CpuVectors<T>::clamp(T* y, const T* x, const T* lower, const T* upper, long n) {
    for (long j = 0; j < n; ++j) y[j] = clamped(x[j], lower[j], upper[j]);
}
template <class T>
void CpuVectors<T>::find_free(T* free, const T* x, const T* g, const T* lower, const T* upper,
                              long n) {
    for (long j = 0; j < n; ++j) free[j] = is_free(x[j], g[j], lower[j], upper[j]) ? T(1) : T(0);
}
template <class T>
void CpuVectors<T>::select(T* y, const T* free, const T* x, long n) {
    for (long j = 0; j < n; ++j) y[j] = free[j] != T(0) ? x[j] : T(0);
}
template <class T>
void CpuVectors<T>::dot(const T* x, const T* y, long n, Scalar to) {
    double s = 0;
    for (long j = 0; j < n; ++j) s += static_cast<double>(x[j]) * y[j];
    set(to, s);
}
template <class T>
void CpuVectors<T>::norms(std::initializer_list<NormOf<T>> vectors, long n) {
    for (const NormOf<T>& vector : vectors) {
        NormSum sum;
        const T* S = vector.S;
        for (long j = 0; j < n; ++j) {
            const double x = vector.x[j];
            sum.add(!S ? x : vector.inverse ? x / S[j] : x * S[j]);
        }
        set(vector.to, sum.norm());
    }
}
template class CpuVectors<double>;
template class CpuVectors<float>;

Probe probe_cpu() {
    try {
        choose_lanes([]<class>() {});
    } catch (const BackendUnavailable& problem) {
        return {false, problem.what()};
    }
    return {true, "ready"};
}

}  // namespace cunewton::cpu
