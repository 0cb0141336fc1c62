#include "host/cpu/black_box_evaluator.h"

#include <algorithm>

namespace cunewton::cpu {

template <class T>
std::size_t BlackBoxEvaluator<T>::memory(const Opaque<T>& form, const EvaluationPlan& plan) {
    const std::size_t n = static_cast<std::size_t>(plan.n), budget = plan.derivatives.memory_budget;
    // Shifts, the losses there and a batch of points.
    const auto differences = [&](std::size_t shifts) {
        return shifts * (sizeof(Shift) + sizeof(T)) +
               (batch_size(shifts, n, budget) + 1) * n * sizeof(T);
    };
    std::size_t most = n * sizeof(T);  // a gradient that nobody wants
    if (plan.derivatives.gradient != GradientBy::analytic) most += differences(2 * n + 1);
    if (plan.hessian()) switch (plan.derivatives.hessian) {
            case HessianBy::analytic:
                if (!form.cpu.hessian)
                    most = std::max(most, n * product_columns(n, budget) * sizeof(T));
                break;
            case HessianBy::gradient_differences:
                most = std::max(most, 2 * n * sizeof(T));
                break;
            default:
                // The losses along the axes stay.
                most = std::max(most, (2 * n + 1) * sizeof(T) + differences(4 * n + 1));
        }
    if (plan.products())
        most += form.cpu.products ? n * sizeof(T) : Evaluator<T>::products_memory(plan.n);
    return Base::memory(plan.n) + most;
}

template <class T>
void BlackBoxEvaluator<T>::values(const T* points, int count, T* losses) {
    const std::size_t n = parts_.dimension;
    if (own_.values) {
        own_.values(points, parts_.dimension, count, losses);
    } else {
        std::vector<T> g(n);
        for (int p = 0; p < count; ++p) losses[p] = own_gradient(points + p * n, g.data());
    }
}
template <class T>
T BlackBoxEvaluator<T>::own_gradient(const T* x, T* g) {
    return own_.value_and_gradient(x, parts_.dimension, g);
}
template <class T>
void BlackBoxEvaluator<T>::value(const T* x, Scalar to) {
    T f;
    values(x, 1, &f);
    vectors_.set(to, f);
}

template <class T>
std::size_t BlackBoxEvaluator<T>::batch_size(std::size_t shifts, std::size_t n,
                                             std::size_t budget) {
    const std::size_t within_budget = std::max<std::size_t>(1, budget / ((n + 1) * sizeof(T)));
    return std::min<std::size_t>({shifts, within_budget, 1 << 20});
}
template <class T>
std::size_t BlackBoxEvaluator<T>::product_columns(std::size_t n, std::size_t budget) {
    return std::clamp<std::size_t>(budget / (n * sizeof(T)), 1, std::min<std::size_t>(n, 32));
}

template <class T>
std::vector<T> BlackBoxEvaluator<T>::evaluate(const T* x, const std::vector<Shift>& shifts) {
    const std::size_t n = parts_.dimension;
    std::vector<T> losses(shifts.size());
    const std::size_t batch = batch_size(shifts.size(), n, derivatives_.memory_budget);
    account(batch * (n + 1) * sizeof(T));
    if (points_.size() < n * batch) {
        points_ = std::vector<T>();  // before more is taken
        points_ = std::vector<T>(n * batch);
    }
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
void BlackBoxEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar to) {
    const int n = parts_.dimension;
    if (derivatives_.gradient == GradientBy::analytic) {
        vectors_.set(to, own_gradient(x, g));
        return;
    }
    const bool central = derivatives_.gradient == GradientBy::central_differences;
    set_steps(x, derivatives_.gradient_step);
    std::vector<Shift> shifts;
    shifts.reserve(2 * static_cast<std::size_t>(n) + 1);
    shifts.push_back({-1, -1, 0, 0});
    for (int j = 0; j < n; ++j) {
        shifts.push_back({j, -1, steps_[j], 0});
        if (central) shifts.push_back({j, -1, -steps_[j], 0});
    }
    const std::vector<T> f = evaluate(x, shifts);
    for (int j = 0; j < n; ++j)
        g[j] = central ? central_difference(f[1 + 2 * j], f[2 + 2 * j], steps_[j])
                       : forward_difference(f[1 + j], f[0], steps_[j]);
    vectors_.set(to, f[0]);
}

template <class T>
void BlackBoxEvaluator<T>::hessian(const T* x, T* H) {
    switch (derivatives_.hessian) {
        case HessianBy::analytic:
            if (own_.hessian) return own_.hessian(x, parts_.dimension, H);
            return hessian_by_products(x, H);
        case HessianBy::gradient_differences:
            return hessian_by_gradients(x, H);
        default:
            return hessian_by_values(x, H);
    }
}

/// Some columns at a time, from as many unit vectors.
template <class T>
void BlackBoxEvaluator<T>::hessian_by_products(const T* x, T* H) {
    const std::size_t n = parts_.dimension;
    const std::size_t columns = product_columns(n, derivatives_.memory_budget);
    account(n * columns * sizeof(T));
    std::vector<T> unit(n * columns, T(0));
    for (std::size_t first = 0; first < n; first += columns) {
        const std::size_t count = std::min(columns, n - first);
        for (std::size_t c = 0; c < count; ++c) unit[c * n + first + c] = T(1);
        own_.products(x, parts_.dimension, unit.data(), static_cast<int>(count), H + first * n);
        for (std::size_t c = 0; c < count; ++c) unit[c * n + first + c] = T(0);
    }
    keep_mean(H);
}

/// Central differences of the gradient, column by column.
template <class T>
void BlackBoxEvaluator<T>::hessian_by_gradients(const T* x, T* H) {
    const std::size_t n = parts_.dimension;
    set_steps(x, derivatives_.hessian_step);
    account(2 * n * sizeof(T));
    std::vector<T> point(x, x + n), behind(n);
    for (std::size_t j = 0; j < n; ++j) {
        T* ahead = H + j * n;
        point[j] = x[j] + steps_[j];
        own_gradient(point.data(), ahead);
        point[j] = x[j] - steps_[j];
        own_gradient(point.data(), behind.data());
        point[j] = x[j];
        for (std::size_t i = 0; i < n; ++i)
            ahead[i] = central_difference(ahead[i], behind[i], steps_[j]);
    }
    keep_mean(H);
}

/// The lower triangle becomes the mean of both.
template <class T>
void BlackBoxEvaluator<T>::keep_mean(T* H) const {
    const std::size_t n = parts_.dimension;
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = j + 1; i < n; ++i)
            H[j * n + i] = T(0.5) * (H[j * n + i] + H[i * n + j]);
}

template <class T>
void BlackBoxEvaluator<T>::products(const T* V, int columns, T* HV) {
    if (own_.products)
        own_.products(this->product_point(), parts_.dimension, V, columns, HV);
    else
        Evaluator<T>::products(V, columns, HV);
}

template <class T>
template <class ColumnOf>
void BlackBoxEvaluator<T>::second_differences(const T* x, const ColumnOf& column_of) {
    const int n = parts_.dimension;
    set_steps(x, derivatives_.hessian_step);
    const T* h = steps_.data();
    std::vector<Shift> shifts;
    shifts.reserve(4 * static_cast<std::size_t>(n) + 1);
    shifts.push_back({-1, -1, 0, 0});
    for (int j = 0; j < n; ++j) {
        shifts.push_back({j, -1, h[j], 0});
        shifts.push_back({j, -1, -h[j], 0});
    }
    const std::vector<T> axis = evaluate(x, shifts);
    for (int j = 0; j < n; ++j) {
        const auto column = column_of(j);
        column.to[0] = second_difference(axis[1 + 2 * j], axis[0], axis[2 + 2 * j], h[j]);
        shifts.clear();
        for (long k = 1; k < column.count; ++k)
            for (int e = 0; e < 4; ++e) {
                const int i = column.row(k);
                const Shifts<T> by = second_shifts(e, false, h[i], h[j]);
                shifts.push_back({i, j, by.i, by.k});
            }
        if (shifts.empty()) continue;
        const std::vector<T> f = evaluate(x, shifts);
        for (long k = 1; k < column.count; ++k) {
            const T* p = f.data() + 4 * (k - 1);
            column.to[k] = four_point_difference(p[0], p[1], p[2], p[3], h[column.row(k)], h[j]);
        }
    }
}

namespace {

template <class T>
struct DenseColumn {
    T* to;
    int first;
    long count;
    int row(long k) const { return first + static_cast<int>(k); }
};
template <class T>
struct SparseColumn {
    T* to;
    const int* rows;
    long count;
    int row(long k) const { return rows[k]; }
};

}  // namespace

template <class T>
void BlackBoxEvaluator<T>::hessian_by_values(const T* x, T* H) {
    const std::size_t n = parts_.dimension;
    second_differences(x, [&](int j) {
        return DenseColumn<T>{H + static_cast<std::size_t>(j) * (n + 1), j,
                              static_cast<long>(n) - j};
    });
}

template <class T>
void BlackBoxEvaluator<T>::sparse_hessian(const T* x, T* to) {
    const SparsityPattern& pattern = *parts_.sparsity;
    const long* starts = pattern.column_starts.data();
    second_differences(x, [&](int j) {
        return SparseColumn<T>{to + starts[j], pattern.rows.data() + starts[j],
                               starts[j + 1] - starts[j]};
    });
}

template class BlackBoxEvaluator<double>;
template class BlackBoxEvaluator<float>;

}  // namespace cunewton::cpu
