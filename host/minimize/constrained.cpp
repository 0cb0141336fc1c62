#include "host/minimize/constrained.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "host/minimize/methods.h"
#include "host/minimize/undetermined.h"

namespace cunewton::solver {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

/// Beyond this a matrix that nobody has asked for is too much: 0.4 GB in double.
constexpr int largest_dense = 5000;

bool is_bounded(const Options& options) {
    const auto finite = [](double bound) { return std::isfinite(bound); };
    return std::ranges::any_of(options.lower, finite) || std::ranges::any_of(options.upper, finite);
}

template <class T>
void check(const Problem<T>& problem, const Options& options) {
    if (is_bounded(options))
        reject(
            "constraints and bounds are not available together (a parameter that is at its bound "
            "would have to leave the equations) fix parameters that are known to end at a bound, "
            "or minimise over other parameters, such as the logarithm of one that is positive");
    if (options.keep_hessian_factor)
        reject(
            "keep_hessian_factor is not available with constraints (the matrix that is factorised "
            "is that of fewer numbers) take the Hessian itself by hessian()");
    if (!options.blocks.empty())
        reject(
            "blocks are not available with constraints (these mix the parameters) leave them "
            "empty");
    if (options.precondition == PreconditionBy::own ||
        !std::holds_alternative<std::monostate>(options.preconditioner))
        reject(
            "an own preconditioner is not available with constraints (conjugate gradients run on "
            "fewer numbers) choose PreconditionBy::diagonal or PreconditionBy::nystrom");
    if (options.precondition == PreconditionBy::blocks ||
        options.precondition == PreconditionBy::kronecker)
        reject(std::string("PreconditionBy::") + to_string(options.precondition) +
               " is not available with constraints (these mix the parameters) choose "
               "PreconditionBy::diagonal or PreconditionBy::nystrom");
    if (options.method == Method::kfac)
        reject(
            "Method::kfac is not available with constraints (these mix the parameters of layers) "
            "choose Method::hessian_free");
    if (problem.parts().sparsity && matrices_of(options.method) > 0 &&
        problem.dimension() > largest_dense)
        reject("the Hessian would be dense (constraints mix the " +
               std::to_string(problem.dimension()) +
               " parameters, whatever the sparsity pattern) choose a method without matrices, such "
               "as Method::newton_cg, or add the squares of the equations to the loss");
}

/// The options as methods go by them, and what they are asked for.
template <class T>
Options reduced(const Problem<T>& problem, const Options& given) {
    Options options = given;
    if (options.method == Method::automatic) options.method = choose_method(problem, false);
    check(problem, options);
    if (options.precondition == PreconditionBy::automatic)
        options.precondition = PreconditionBy::none;
    options.constraints = {};
    options.fixed.clear();
    options.lower.clear();
    options.upper.clear();
    return options;
}

template <class T>
std::vector<double> in_double(const std::vector<T>& x) {
    return {x.begin(), x.end()};
}

}  // namespace

template <class T>
Constrained<T>::Constrained(const Problem<T>& problem, const std::vector<T>& x0,
                            const Options& options)
    : x0_(x0),
      space_(options.constraints, problem.dimension(), options.fixed,
             options.derivatives.typical_x),
      options_(reduced(problem, options)) {
    space_.start_at(in_double(x0), static_cast<double>(std::numeric_limits<T>::epsilon()));
    options_.derivatives.typical_x = space_.typical();
}

template <class T>
void Constrained<T>::add_memory(int n, const Options& options, SessionWork& work) {
    const std::size_t size = static_cast<std::size_t>(n),
                      fixed = static_cast<std::size_t>(
                          std::count(options.fixed.begin(), options.fixed.end(), true)),
                      columns = options.constraints.b.size() + fixed, k = std::min(size, columns);
    work.numbers += ReducedEvaluator<T>::numbers(size, k, work.curvature == CurvatureKind::dense);
    // A and logarithms of it, what is factorised (twice: for the nearest point), V and W, R and T,
    // and vectors of n; the equations as the caller's options have them are copied with these.
    work.host += (8 * size * columns + 4 * k * k + 20 * size) * sizeof(double);
}

template <class T>
std::string Constrained<T>::description() const {
    const int all = space_.equations(), independent = space_.independent();
    return std::to_string(all) + " linear equation" + (all == 1 ? "" : "s") +
           (independent < all ? ", " + std::to_string(independent) + " of them independent" : "");
}

template <class T>
std::vector<T> Constrained<T>::reduced_start() const {
    const std::vector<double>& z = space_.reduced_start();
    return {z.begin(), z.end()};
}

template <class T>
std::vector<T> Constrained<T>::full(const std::vector<T>& z) const {
    const std::vector<double> x = space_.full(in_double(z));
    return {x.begin(), x.end()};
}

template <class T>
IterateCallback<T> Constrained<T>::callback(const IterateCallback<T>& given) {
    if (!given) return {};
    return [this, given](const Iterate<T>& reduced) {
        Iterate<T> iterate{reduced, [&] { return full(reduced.x()); },
                           [&] { return full_gradient(reduced.x()); }};
        return given(iterate);
    };
}

template <class T>
void Constrained<T>::reduce(Session<T>& session) {
    auto evaluator = std::make_unique<ReducedEvaluator<T>>(space_, std::move(session.evaluator),
                                                           *session.vectors, *session.matrices);
    vectors_ = session.vectors.get();
    evaluator_ = evaluator.get();
    session.evaluator = std::move(evaluator);
}

template <class T>
std::vector<T> Constrained<T>::full_gradient(const std::vector<T>& z) {
    const Buffer<T> there = vectors_->allocate(std::max<std::size_t>(z.size(), 1));
    if (!z.empty()) vectors_->upload(there.get(), z.data(), z.size());
    return evaluator_->full_gradient(there.get());
}

template <class T>
void Constrained<T>::evaluate(Progress<T>& progress, Result<T>& result) {
    const Buffer<T> none = vectors_->allocate(1);
    const Number f = vectors_->number();
    evaluator_->value(none.get(), f);
    const double loss = vectors_->read(f);
    ++progress.counts.evaluations;
    result.f = static_cast<T>(loss);
    result.gradient_norm = 0;
    result.status = std::isfinite(loss) ? Status::converged : Status::not_finite;
    const IterationRecord record{0, loss, 0, 0, 0, 0, progress.elapsed(), progress.counts};
    progress.last.push_back(record);
    if (options_.keep_trace) progress.trace.push_back(record);
    const auto goes_on = [&] {
        if (options_.callback && !options_.callback(record)) return false;
        return !progress.callback || progress.callback({record, [] { return std::vector<T>(); },
                                                        [] { return std::vector<T>(); }});
    };
    if (!goes_on()) result.status = Status::cancelled;
}

template <class T>
std::vector<int> Constrained<T>::undetermined(Minimization<T>& run) const {
    if (is_matrix_free(options_.method))
        return solver::undetermined(
            space_.scaled(in_double(run.null_direction())),
            std::pow(static_cast<double>(std::numeric_limits<T>::epsilon()), 0.75));
    return solver::undetermined(
        run.download_matrix(), dimension(), run.hessian_accuracy(),
        [&](std::vector<double> direction) { return space_.scaled(std::move(direction)); });
}

template <class T>
void Constrained<T>::finish(const std::vector<T>& z, Result<T>& result) {
    if (space_.moved()) {
        const std::vector<double>& start = space_.start();
        for (std::size_t j = 0; j < x0_.size(); ++j)
            if (static_cast<T>(start[j]) != x0_[j]) result.moved.push_back(static_cast<int>(j));
        result.message +=
            "; the start was moved to the nearest point that satisfies the constraints";
    }
    bool any_fixed = false;
    for (int j = 0; j < space_.n(); ++j) any_fixed = any_fixed || space_.is_fixed(j);
    if (!any_fixed) return;
    const std::vector<double> g = in_double(full_gradient(z)), of_equations = space_.multipliers(g);
    result.at_bound.assign(g.size(), AtBound::free);
    result.multipliers.assign(g.size(), T(0));
    for (std::size_t j = 0; j < g.size(); ++j) {
        if (!space_.is_fixed(static_cast<int>(j))) continue;
        result.at_bound[j] = AtBound::fixed;
        result.multipliers[j] =
            static_cast<T>(g[j] - space_.from_equations(static_cast<int>(j), of_equations));
    }
}

template class Constrained<double>;
template class Constrained<float>;

}  // namespace cunewton::solver
