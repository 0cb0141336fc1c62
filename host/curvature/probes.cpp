// Products with the Hessian, its diagonal, and estimates of diagonal and trace.
#include <cmath>
#include <variant>

#include "cunewton/curvature.h"
#include "cunewton/math/stencil.h"
#include "host/backend/random.h"
#include "host/curvature/accuracy.h"
#include "host/curvature/call.h"
#include "host/curvature/lanczos.h"

namespace cunewton {

const char* to_string(ProbeEstimator estimator) {
    return estimator == ProbeEstimator::hutchinson ? "hutchinson" : "hutch_plus_plus";
}

namespace {

/// Vectors of n numbers that are worked on at a time.
std::size_t chunk_of(std::size_t n, std::size_t bytes, std::size_t budget, std::size_t count) {
    return std::clamp<std::size_t>(budget / (4 * n * bytes), 1, std::min<std::size_t>(64, count));
}

/// Y = H V for vectors of the host's.
template <class T>
std::vector<T> products(Point<T>& point, const std::vector<T>& V) {
    const std::size_t n = point.n(), count = V.size() / n;
    const std::size_t chunk = chunk_of(n, sizeof(T), point.memory_budget(), count);
    Vectors<T>& vectors = point.vectors();
    const Buffer<T> from = vectors.allocate(n * chunk), to = vectors.allocate(n * chunk);
    std::vector<T> HV(V.size());
    for (std::size_t first = 0; first < count; first += chunk) {
        const std::size_t width = std::min(chunk, count - first);
        vectors.upload(from.get(), V.data() + first * n, width * n);
        point.curvature().apply(from.get(), static_cast<int>(width), to.get());
        vectors.download(HV.data() + first * n, to.get(), width * n);
    }
    return HV;
}

/// Second differences along each axis: 2n + 1 values, where all of the Hessian takes 2 n^2.
template <class T>
std::vector<T> diagonal_by_values(Point<T>& point, const DerivativeOptions& options) {
    const std::size_t n = point.n();
    const std::vector<T>& x = point.host_x();
    const T relative = static_cast<T>(point.derivatives().hessian_step), f = point.value();
    const std::size_t chunk = chunk_of(2 * n, sizeof(T), point.memory_budget(), n);
    std::vector<T> points, losses(2 * chunk), steps(chunk), diagonal(n);
    for (std::size_t first = 0; first < n; first += chunk) {
        const std::size_t width = std::min(chunk, n - first);
        points.clear();
        for (std::size_t c = 0; c < width; ++c) {
            const std::size_t j = first + c;
            const T typical =
                options.typical_x.empty() ? T(1) : static_cast<T>(options.typical_x[j]);
            steps[c] = difference_step(x[j], typical, relative);
            for (const T step : {steps[c], -steps[c]}) {
                points.insert(points.end(), x.begin(), x.end());
                points[points.size() - n + j] = x[j] + step;
            }
        }
        point.evaluator().values(points.data(), static_cast<int>(2 * width), losses.data());
        for (std::size_t c = 0; c < width; ++c)
            diagonal[first + c] = second_difference(losses[2 * c], f, losses[2 * c + 1], steps[c]);
    }
    return diagonal;
}

template <class T>
std::vector<T> diagonal_by_products(Point<T>& point) {
    const std::size_t n = point.n();
    const std::size_t chunk = chunk_of(n, sizeof(T), point.memory_budget(), n);
    Vectors<T>& vectors = point.vectors();
    const Buffer<T> V = vectors.allocate(n * chunk), HV = vectors.allocate(n * chunk);
    std::vector<T> numbers(n * chunk), diagonal(n);
    for (std::size_t first = 0; first < n; first += chunk) {
        const std::size_t width = std::min(chunk, n - first);
        std::fill(numbers.begin(), numbers.end(), T(0));
        for (std::size_t c = 0; c < width; ++c) numbers[c * n + first + c] = T(1);
        vectors.upload(V.get(), numbers.data(), n * width);
        point.curvature().apply(V.get(), static_cast<int>(width), HV.get());
        for (std::size_t c = 0; c < width; ++c)
            vectors.download(&diagonal[first + c], HV.get() + c * n + first + c, 1);
    }
    return diagonal;
}

template <class T>
std::vector<T> exact_diagonal(Point<T>& point, const DerivativeOptions& options) {
    const std::size_t n = point.n();
    const bool dense = point.by_dense_hessian();
    if (point.derivatives().hessian == HessianBy::value_differences &&
        (!dense || std::holds_alternative<Opaque<T>>(point.problem().parts().form)))
        return diagonal_by_values(point, options);
    std::vector<T> diagonal(n);
    if (!is_differenced(point) && point.evaluator().knows_diagonal()) {
        const Buffer<T> there = point.vectors().allocate(n);
        point.evaluator().prepare_products(point.x());
        point.evaluator().compute_diagonal(there.get());
        point.vectors().download(diagonal.data(), there.get(), n);
        return diagonal;
    }
    if (!dense) return diagonal_by_products(point);
    const std::vector<T> H = point.hessian();
    for (std::size_t j = 0; j < n; ++j) diagonal[j] = H[j * n + j];
    return diagonal;
}

/// A mean and its standard error, a value at a time (Welford 1962).
struct Mean {
    double value = 0, squares = 0;
    void add(double next, int count) {
        const double off = next - value;
        value += off / count;
        squares += off * (next - value);
    }
    double error(int count) const { return std::sqrt(squares / (count - 1) / count); }
};

struct Estimates {
    Mean trace;
    std::vector<Mean> diagonal;  ///< empty unless wanted
    int probes = 0, products = 0;
};

/// With P = I - QQ' and Q an orthonormal basis of H S for random signs S,
///     H = QQ'H + HQQ' - QQ'HQQ' + PHP,
/// where the first three are known from HQ and the last is estimated. Without Q, P = I.
template <class T>
class Prober {
  public:
    Prober(Point<T>& point, const ProbeOptions& options, bool diagonal)
        : point_(point),
          vectors_(point.vectors()),
          n_(point.n()),
          generator_(options.seed),
          deflated_(options.estimator == ProbeEstimator::hutch_plus_plus
                        ? static_cast<int>(std::min<std::size_t>(
                              static_cast<std::size_t>(options.products) / 3, n_))
                        : 0),
          probes_(options.products - 2 * deflated_),
          chunk_(static_cast<int>(chunk_of(n_, sizeof(T), point.memory_budget(),
                                           static_cast<std::size_t>(std::max(deflated_, 16))))) {
        if (diagonal) estimates_.diagonal.resize(n_);
        own_diagonal_.assign(estimates_.diagonal.size(), 0.0);
    }

    Estimates run() {
        if (deflated_ > 0) deflate();
        const bool everything = Q_ && static_cast<std::size_t>(Q_->size()) == n_;
        estimates_.probes = everything ? 0 : probes_;
        if (!everything) estimate_rest();
        for (std::size_t j = 0; j < estimates_.diagonal.size(); ++j)
            estimates_.diagonal[j].value += own_diagonal_[j];
        estimates_.trace.value += own_trace_;
        return std::move(estimates_);
    }

  private:
    void upload_signs(T* to, std::size_t count) {
        std::vector<T> signs(n_ * count);
        for (T& sign : signs) sign = generator_.uniform() < 0.5 ? T(-1) : T(1);
        vectors_.upload(to, signs.data(), signs.size());
    }
    void apply(const T* V, int columns, T* HV) {
        point_.curvature().apply(V, columns, HV);
        estimates_.products += columns;
    }
    /// V -= Q Q'V
    void take_off(T* V, int columns) {
        if (!Q_) return;
        const int k = Q_->size();
        DenseMatrices<T>& matrices = point_.matrices();
        const std::size_t count = static_cast<std::size_t>(k) * static_cast<std::size_t>(columns);
        const Buffer<T> parts = vectors_.allocate(count);
        matrices.multiply_transposed(Q_->column(0), k, V, columns, static_cast<long>(n_),
                                     parts.get());
        vectors_.scale(parts.get(), T(-1), parts.get(), static_cast<long>(count));
        matrices.multiply(Q_->column(0), k, parts.get(), columns, static_cast<long>(n_), T(1), V);
    }
    std::vector<double> download(const T* from) {
        std::vector<T> numbers(n_);
        vectors_.download(numbers.data(), from, n_);
        return {numbers.begin(), numbers.end()};
    }

    /// Finds Q, and the trace and diagonal of what is known with it.
    void deflate() {
        DenseMatrices<T>& matrices = point_.matrices();
        Q_.emplace(vectors_, matrices, n_, deflated_);
        const std::size_t width = static_cast<std::size_t>(chunk_);
        const Buffer<T> S = vectors_.allocate(n_ * width), HS = vectors_.allocate(n_ * width);
        for (int first = 0; first < deflated_; first += chunk_) {
            const int columns = std::min(chunk_, deflated_ - first);
            upload_signs(S.get(), static_cast<std::size_t>(columns));
            apply(S.get(), columns, HS.get());
            for (int c = 0; c < columns; ++c)
                if (Q_->begin(HS.get() + static_cast<std::size_t>(c) * n_)) Q_->keep();
        }
        const int k = Q_->size();
        if (k == 0) return;
        const Buffer<T> B = vectors_.allocate(static_cast<std::size_t>(k) * width);
        for (int first = 0; first < k; first += chunk_) {
            const int columns = std::min(chunk_, k - first);
            apply(Q_->column(first), columns, HS.get());
            matrices.multiply_transposed(Q_->column(0), k, HS.get(), columns, static_cast<long>(n_),
                                         B.get());
            matrices.multiply(Q_->column(0), k, B.get(), columns, static_cast<long>(n_), T(0),
                              S.get());
            for (int c = 0; c < columns; ++c) {
                const std::size_t at = static_cast<std::size_t>(c) * n_;
                const std::vector<double> q = download(Q_->column(first + c)),
                                          Hq = download(HS.get() + at);
                for (std::size_t j = 0; j < n_; ++j) own_trace_ += q[j] * Hq[j];
                if (own_diagonal_.empty()) continue;
                const std::vector<double> QBe = download(S.get() + at);
                for (std::size_t j = 0; j < n_; ++j)
                    own_diagonal_[j] += q[j] * (2 * Hq[j] - QBe[j]);
            }
        }
    }

    void estimate_rest() {
        const std::size_t width = static_cast<std::size_t>(chunk_);
        const Buffer<T> V = vectors_.allocate(n_ * width), PV = vectors_.allocate(n_ * width),
                        HV = vectors_.allocate(n_ * width);
        for (int first = 0; first < probes_; first += chunk_) {
            const int columns = std::min(chunk_, probes_ - first);
            const std::size_t count = n_ * static_cast<std::size_t>(columns);
            upload_signs(V.get(), static_cast<std::size_t>(columns));
            vectors_.copy(PV.get(), V.get(), count);
            take_off(PV.get(), columns);
            apply(PV.get(), columns, HV.get());
            take_off(HV.get(), columns);
            for (int c = 0; c < columns; ++c) {
                const std::size_t at = static_cast<std::size_t>(c) * n_;
                const std::vector<double> v = download(V.get() + at), Hv = download(HV.get() + at);
                double sum = 0;
                for (std::size_t j = 0; j < n_; ++j) sum += v[j] * Hv[j];
                const int number = first + c + 1;
                estimates_.trace.add(sum, number);
                for (std::size_t j = 0; j < estimates_.diagonal.size(); ++j)
                    estimates_.diagonal[j].add(v[j] * Hv[j], number);
            }
        }
    }

    Point<T>& point_;
    Vectors<T>& vectors_;
    const std::size_t n_;
    Generator generator_;
    const int deflated_, probes_, chunk_;
    std::optional<lanczos::Basis<T>> Q_;
    double own_trace_ = 0;
    std::vector<double> own_diagonal_;
    Estimates estimates_;
};

void check_probes(const ProbeOptions& options) {
    const int least = options.estimator == ProbeEstimator::hutchinson ? 2 : 6;
    if (options.products < least)
        throw InvalidArgument("products are too few (" + std::to_string(options.products) +
                              ") pass at least " + std::to_string(least));
}

template <class T>
auto with_estimates(const Problem<T>& problem, const std::vector<T>& x, const ProbeOptions& options,
                    bool diagonal, const auto& result) {
    return call_at_point(
        problem, x, options, [&] { check_probes(options); },
        {{"number of products", static_cast<std::uint64_t>(options.products)},
         {"estimator", static_cast<std::uint64_t>(options.estimator)},
         {"seed", options.seed}},
        [&](Point<T>& point) { return result(point, Prober<T>(point, options, diagonal).run()); });
}

}  // namespace

template <class T>
std::vector<T> hessian_product(const Problem<T>& problem, const std::vector<T>& x,
                               const std::vector<T>& V, const EvaluationOptions& options) {
    const auto check = [&] {
        const std::size_t n = static_cast<std::size_t>(problem.dimension());
        if (V.empty() || V.size() % n != 0)
            throw InvalidArgument("V has the wrong size (" + std::to_string(V.size()) +
                                  " numbers for vectors of " + std::to_string(n) +
                                  ") pass a whole number of vectors, at least one");
        for (std::size_t j = 0; j < V.size(); ++j)
            if (!std::isfinite(V[j]))
                throw InvalidArgument("V is not finite (number " + std::to_string(j) + " is " +
                                      std::to_string(V[j]) + ") pass finite numbers");
    };
    return call_at_point(problem, x, options, check, {{"V", hash(V.data(), V.size() * sizeof(T))}},
                         [&](Point<T>& point) { return products(point, V); });
}

template <class T>
std::vector<T> hessian_diagonal(const Problem<T>& problem, const std::vector<T>& x,
                                const EvaluationOptions& options) {
    return at_point(problem, x, options,
                    [&](Point<T>& point) { return exact_diagonal(point, options.derivatives); });
}

template <class T>
TraceEstimate estimate_trace(const Problem<T>& problem, const std::vector<T>& x,
                             const ProbeOptions& options) {
    return with_estimates(problem, x, options, false, [&](Point<T>& point, const Estimates& found) {
        TraceEstimate result;
        static_cast<RanOn&>(result) = point.ran_on();
        result.trace = found.trace.value;
        result.standard_error = found.probes > 0 ? found.trace.error(found.probes) : 0;
        result.products = found.products;
        result.seed = options.seed;
        return result;
    });
}

template <class T>
DiagonalEstimate<T> estimate_diagonal(const Problem<T>& problem, const std::vector<T>& x,
                                      const ProbeOptions& options) {
    return with_estimates(problem, x, options, true, [&](Point<T>& point, const Estimates& found) {
        DiagonalEstimate<T> result;
        static_cast<RanOn&>(result) = point.ran_on();
        for (const Mean& entry : found.diagonal) {
            result.diagonal.push_back(static_cast<T>(entry.value));
            result.standard_errors.push_back(
                static_cast<T>(found.probes > 0 ? entry.error(found.probes) : 0));
        }
        result.products = found.products;
        result.seed = options.seed;
        return result;
    });
}

#define CUNEWTON_INSTANTIATE(T)                                                               \
    template std::vector<T> hessian_product(const Problem<T>&, const std::vector<T>&,         \
                                            const std::vector<T>&, const EvaluationOptions&); \
    template std::vector<T> hessian_diagonal(const Problem<T>&, const std::vector<T>&,        \
                                             const EvaluationOptions&);                       \
    template TraceEstimate estimate_trace(const Problem<T>&, const std::vector<T>&,           \
                                          const ProbeOptions&);                               \
    template DiagonalEstimate<T> estimate_diagonal(const Problem<T>&, const std::vector<T>&,  \
                                                   const ProbeOptions&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
