#include "host/cpu/black_box_evaluator.h"

#include <algorithm>

namespace cunewton::cpu {

template <class T>
void BlackBoxEvaluator<T>::values(const T* points, int count, T* losses) {
    parts_.cpu_batched(points, parts_.dimension, count, losses);
}
template <class T>
void BlackBoxEvaluator<T>::value(const T* x) {
    T f;
    values(x, 1, &f);
    backend_.set(Slot::f, f);
}

template <class T>
std::vector<T> BlackBoxEvaluator<T>::evaluate(const T* x, const std::vector<Shift>& shifts) {
    const std::size_t n = parts_.dimension;
    std::vector<T> losses(shifts.size());
    const std::size_t bytes_per_point = (n + 1) * sizeof(T);
    const std::size_t within_budget =
        std::max<std::size_t>(1, derivatives_.memory_budget / bytes_per_point);
    const std::size_t batch = std::min<std::size_t>({shifts.size(), within_budget, 1 << 20});
    account(batch * bytes_per_point);
    points_.resize(n * batch);
    for (std::size_t begin = 0; begin < shifts.size(); begin += batch) {
        const std::size_t count = std::min(batch, shifts.size() - begin);
        for (std::size_t p = 0; p < count; ++p) {
            T* point = points_.data() + p * n;
            std::copy_n(x, n, point);
            const Shift& s = shifts[begin + p];
            if (s.i >= 0) point[s.i] += s.a;
            if (s.k >= 0) point[s.k] += s.b;
        }
        values(points_.data(), static_cast<int>(count), losses.data() + begin);
    }
    return losses;
}

template <class T>
void BlackBoxEvaluator<T>::value_and_gradient(const T* x, T* g) {
    const int n = parts_.dimension;
    const bool central = derivatives_.gradient == GradientBy::central_differences;
    set_steps(x, derivatives_.gradient_step);
    std::vector<Shift> shifts{{-1, -1, 0, 0}};
    for (int j = 0; j < n; ++j) {
        shifts.push_back({j, -1, steps_[j], 0});
        if (central) shifts.push_back({j, -1, -steps_[j], 0});
    }
    const std::vector<T> f = evaluate(x, shifts);
    for (int j = 0; j < n; ++j)
        g[j] = central ? central_difference(f[1 + 2 * j], f[2 + 2 * j], steps_[j])
                       : forward_difference(f[1 + j], f[0], steps_[j]);
    backend_.set(Slot::f, f[0]);
}

template <class T>
void BlackBoxEvaluator<T>::hessian(const T* x, T* H) {
    const int n = parts_.dimension;
    set_steps(x, derivatives_.hessian_step);
    const T* h = steps_.data();
    std::vector<Shift> shifts{{-1, -1, 0, 0}};
    for (int j = 0; j < n; ++j) {
        shifts.push_back({j, -1, h[j], 0});
        shifts.push_back({j, -1, -h[j], 0});
    }
    const std::vector<T> axis = evaluate(x, shifts);
    for (int j = 0; j < n; ++j) {
        T* column = H + static_cast<std::size_t>(j) * n;
        column[j] = second_difference(axis[1 + 2 * j], axis[0], axis[2 + 2 * j], h[j]);
        shifts.clear();
        for (int i = j + 1; i < n; ++i)
            for (const auto& [si, sj] : {std::pair{1, 1}, {1, -1}, {-1, 1}, {-1, -1}})
                shifts.push_back({i, j, si * h[i], sj * h[j]});
        if (shifts.empty()) continue;
        const std::vector<T> f = evaluate(x, shifts);
        for (int i = j + 1; i < n; ++i) {
            const T* p = f.data() + 4 * static_cast<std::size_t>(i - j - 1);
            column[i] = four_point_difference(p[0], p[1], p[2], p[3], h[i], h[j]);
        }
    }
}

template class BlackBoxEvaluator<double>;
template class BlackBoxEvaluator<float>;

}  // namespace cunewton::cpu
