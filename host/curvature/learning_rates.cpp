#include "cunewton/learning_rates.h"

#include <algorithm>
#include <cmath>

#include "cunewton/math/stencil.h"
#include "host/backend/preconditioner.h"
#include "host/backend/sample_order.h"
#include "host/curvature/call.h"
#include "host/curvature/lanczos.h"
#include "host/curvature/products.h"

namespace cunewton {

namespace {

void check(const RateOptions& options) {
    if (!(options.tolerance > 0) || !(options.tolerance < 1))
        throw InvalidArgument("tolerance is invalid (" + std::to_string(options.tolerance) +
                              ") pass a number between 0 and 1");
    if (options.max_products < 1)
        throw InvalidArgument("max_products is too small (" + std::to_string(options.max_products) +
                              ") pass at least 1");
    if (options.samples < 0)
        throw InvalidArgument("samples are negative (" + std::to_string(options.samples) +
                              ") pass a number of samples, or 0 for all");
}

template <class T>
void check_direction(const std::vector<T>& direction, std::size_t n) {
    if (direction.empty()) return;
    if (direction.size() != n)
        throw InvalidArgument("the direction has the wrong size (" +
                              std::to_string(direction.size()) + " for " + std::to_string(n) +
                              " parameters) pass one number for each, or none for -g");
    bool zero = true;
    for (const T d : direction) {
        if (!std::isfinite(d))
            throw InvalidArgument("the direction is not finite (" + std::to_string(d) +
                                  ") pass finite numbers");
        zero = zero && d == T(0);
    }
    if (zero) throw InvalidArgument("the direction is zero (it goes nowhere) pass another one");
}

/// What ranks must have in common.
template <class T>
std::vector<Common> common(const RateOptions& options, const std::vector<T>& direction) {
    return {{"tolerance", bits(options.tolerance)},
            {"max_products", static_cast<std::uint64_t>(options.max_products)},
            {"seed", options.seed},
            {"samples", static_cast<std::uint64_t>(options.samples)},
            {"direction", hash(direction.data(), direction.size() * sizeof(T))}};
}

/// Vectors in memory: what products that are taken again would cost more than.
constexpr int lanczos_vectors = 60;

template <class T>
class Rates {
  public:
    Rates(Point<T>& point, int n, const RateOptions& options)
        : vectors_(point.vectors()),
          evaluator_(point.evaluator()),
          matrices_(point.matrices()),
          x_(point.x()),
          n_(n),
          options_(options),
          exact_(products_are_exact(point.problem().parts(), point.derivatives(),
                                    vectors_.on_device())),
          H_(evaluator_),
          g_(vectors_.allocate(n_)),
          d_(vectors_.allocate(n_)),
          Hd_(vectors_.allocate(n_)),
          number_(vectors_.number()) {}

    LearningRates<T> find(const std::vector<T>& direction) {
        LearningRates<T> rates;
        rates.seed = options_.seed;
        evaluator_.value_and_gradient(x_, g_.get(), number_);
        rates.f = vectors_.read(number_);
        rates.gradient_norm = norm(g_.get());
        if (options_.samples > 0) {
            const long all = evaluator_.samples();
            if (all < 2)
                throw InvalidArgument(
                    "samples are to be drawn (the loss is not a sum over several) leave the number "
                    "out");
            SampleOrder order(all, options_.seed);
            select(evaluator_, order.next(std::min(options_.samples, all)));
        }
        H_.update(x_);
        by_eigenvalues(rates);
        along(rates, direction);
        by_diagonal(rates);
        return rates;
    }

  private:
    double norm(const T* v) {
        vectors_.norms({{v, number_}}, n_);
        return vectors_.read(number_);
    }
    double dot(const T* a, const T* b) {
        vectors_.dot(a, b, n_, number_);
        return vectors_.read(number_);
    }
    void product(const T* v, LearningRates<T>& rates) {
        H_.apply(v, 1, Hd_.get());
        ++rates.products;
    }
    static void note(LearningRates<T>& rates, const std::string& sentence) {
        if (!rates.notes.empty()) rates.notes += ' ';
        rates.notes += sentence;
    }

    void by_eigenvalues(LearningRates<T>& rates) {
        const lanczos::Found<T> found =
            lanczos::find_extremes(vectors_, matrices_, H_, static_cast<std::size_t>(n_),
                                   {.largest = 1,
                                    .smallest = n_ > 1 ? 1 : 0,
                                    .tolerance = options_.tolerance,
                                    .max_products = options_.max_products,
                                    .max_vectors = lanczos_vectors,
                                    .multiplicities = false,
                                    .seed = options_.seed});
        rates.products += found.products;
        rates.converged = found.converged;
        const lanczos::Pair high = found.largest.front(),
                            low = found.smallest.empty() ? high : found.smallest.front();
        norm_of_H_ = found.norm;
        const T* const vectors = found.vectors.get();
        const double high_error = difference_error(vectors, rates),
                     low_error = n_ > 1 ? difference_error(vectors + n_, rates) : high_error;
        rates.largest = {high.value, high.residual + high_error};
        rates.smallest = {low.value, low.residual + low_error};
        if (!found.converged)
            note(rates, "The eigenvalues are not within the tolerance (max_products).");
        const double bound = std::max(std::abs(high.value) + rates.largest.error,
                                      std::abs(low.value) + rates.smallest.error);
        const bool seen = std::abs(high.value) > high_error || std::abs(low.value) > low_error;
        if (seen)
            rates.inverse_lambda_max = 1 / bound;
        else
            note(rates, exact_ ? "The Hessian is zero: it bounds no rate."
                               : "The Hessian is zero as far as differences of gradients tell: it "
                                 "bounds no rate.");
        if (low.value > rates.smallest.error)
            rates.extreme_eigenvalues = 2 / (high.value + low.value);
        else if (low.value < -rates.smallest.error)
            note(
                rates,
                "The smallest eigenvalue is negative: the loss is not convex here, and no constant "
                "rate is the best one.");
        else
            note(rates,
                 "The smallest eigenvalue is zero as far as its error tells: no constant rate "
                 "shrinks all errors.");
    }

    /// About |E u| for a unit vector u, where the product is (H + E) u, which Hd_ becomes: 0 where
    /// it is no difference. See EigenvalueBound.
    double difference_error(const T* u, LearningRates<T>& rates) {
        if (exact_) return 0;
        product(u, rates);
        const Buffer<T> moved = vectors_.allocate(n_), ahead = vectors_.allocate(n_),
                        behind = vectors_.allocate(n_);
        // The step of Evaluator::products().
        const double h =
            static_cast<double>(central_step<T>()) * std::max(std::abs(dot(x_, u)), 1.0);
        vectors_.add_scaled(moved.get(), x_, static_cast<T>(-2 * h), u, n_);
        evaluator_.value_and_gradient(moved.get(), behind.get(), number_);
        vectors_.add_scaled(moved.get(), x_, static_cast<T>(2 * h), u, n_);
        evaluator_.value_and_gradient(moved.get(), ahead.get(), number_);
        vectors_.add_scaled(ahead.get(), ahead.get(), T(-1), behind.get(), n_);
        vectors_.scale(ahead.get(), static_cast<T>(1 / (4 * h)), ahead.get(), n_);
        vectors_.add_scaled(ahead.get(), ahead.get(), T(-1), Hd_.get(), n_);
        const double rounding = static_cast<double>(std::numeric_limits<T>::epsilon()) *
                                (rates.gradient_norm + norm_of_H_ * norm(x_)) / h;
        return norm(ahead.get()) + rounding;
    }

    void along(LearningRates<T>& rates, const std::vector<T>& direction) {
        const bool given = !direction.empty();
        if (given) vectors_.upload(Hd_.get(), direction.data(), direction.size());
        const double length = given ? norm(Hd_.get()) : rates.gradient_norm;
        if (!(length > 0)) {
            note(rates, "The gradient is zero: there is no way down.");
            return;
        }
        // Of unit length: squares of others may be out of range.
        vectors_.scale(d_.get(), static_cast<T>((given ? 1 : -1) / length),
                       given ? Hd_.get() : g_.get(), n_);
        product(d_.get(), rates);
        rates.curvature_along = dot(d_.get(), Hd_.get());
        if (rates.curvature_along > difference_error(d_.get(), rates))
            rates.exact_along = -dot(g_.get(), d_.get()) / rates.curvature_along / length;
        else
            note(rates,
                 exact_ ? "There is no positive curvature along the direction: the model has no "
                          "minimum there."
                        : "There is no positive curvature along the direction as far as "
                          "differences of gradients tell: the model has no minimum there.");
    }

    void by_diagonal(LearningRates<T>& rates) {
        DiagonalPreconditioner<T> diagonal(evaluator_, H_, vectors_, static_cast<int>(n_),
                                           options_.seed);
        rates.diagonal_is_exact = evaluator_.knows_diagonal();
        const bool found = diagonal.update(x_);
        rates.products += diagonal.products();
        if (!found) {
            note(rates, "The diagonal is zero: it gives no rates.");
            return;
        }
        std::vector<T> host(static_cast<std::size_t>(n_), T(1));
        vectors_.upload(Hd_.get(), host.data(), host.size());
        diagonal.apply(Hd_.get(), d_.get());
        vectors_.download(host.data(), d_.get(), host.size());
        rates.inverse_diagonal = std::move(host);
        if (!(rates.gradient_norm > 0)) return;
        diagonal.apply(g_.get(), d_.get());
        product(d_.get(), rates);
        rates.diagonal_excess = dot(d_.get(), Hd_.get()) / dot(d_.get(), g_.get());
        if (!(rates.diagonal_excess < 2))
            note(rates, "A whole step by the diagonal raises the model: shorten it.");
    }

    Vectors<T>& vectors_;
    Evaluator<T>& evaluator_;
    DenseMatrices<T>& matrices_;
    const T* const x_;
    const long n_;
    const RateOptions& options_;
    const bool exact_;      // products are no differences
    double norm_of_H_ = 0;  // about
    ProductCurvature<T> H_;
    const Buffer<T> g_, d_, Hd_;
    const Number number_;
};

}  // namespace

template <class T>
LearningRates<T> learning_rates(const Problem<T>& problem, const std::vector<T>& x,
                                const RateOptions& options, const std::vector<T>& direction) {
    return call_at_point(
        problem, x, options,
        [&] {
            check(options);
            check_direction(direction, x.size());
        },
        common(options, direction),
        [&](Point<T>& point) {
            LearningRates<T> rates = Rates<T>(point, problem.dimension(), options).find(direction);
            static_cast<RanOn&>(rates) = point.ran_on();
            return rates;
        });
}
template LearningRates<double> learning_rates(const Problem<double>&, const std::vector<double>&,
                                              const RateOptions&, const std::vector<double>&);
template LearningRates<float> learning_rates(const Problem<float>&, const std::vector<float>&,
                                             const RateOptions&, const std::vector<float>&);

}  // namespace cunewton
