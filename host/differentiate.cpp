#include "cunewton/differentiate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <variant>

#include "host/backend/fallback.h"
#include "host/backend/memory.h"
#include "host/data/device_arrays.h"
#include "host/data/sample_data.h"

namespace cunewton {

namespace {

template <class T>
void require_finite(const std::vector<T>& x) {
    for (std::size_t j = 0; j < x.size(); ++j)
        if (!std::isfinite(x[j]))
            throw InvalidArgument("x is not finite (number " + std::to_string(j) + " is " +
                                  std::to_string(x[j]) + ") pass finite numbers");
}

/// A problem on a backend with one vector of parameters there.
template <class T>
class Point {
  public:
    Point(const BackendEntry& entry, const Problem<T>& problem, const std::vector<T>& x,
          const EvaluationOptions& options)
        : problem_(problem),
          n_(problem.dimension()),
          budget_(options.derivatives.memory_budget),
          session_(entry.code<T>().open(problem, session_options(options))),
          x_(session_.vectors->allocate(n_)),
          f_(session_.vectors->number()) {
        session_.vectors->upload(x_.get(), x.data(), n_);
    }

    T value() {
        session_.evaluator->value(x_.get(), f_);
        return static_cast<T>(session_.vectors->read(f_));
    }
    std::vector<T> gradient() {
        const Buffer<T> g = session_.vectors->allocate(n_);
        session_.evaluator->value_and_gradient(x_.get(), g.get(), f_);
        return fetch(g);
    }
    std::vector<T> hessian() {
        const std::size_t n = n_;
        require_matrix();
        const Buffer<T> H = session_.vectors->allocate(n * n);
        session_.evaluator->hessian(x_.get(), H.get());
        std::vector<T> full = fetch(H);
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t i = j + 1; i < n; ++i) full[i * n + j] = full[j * n + i];
        return full;
    }
    /// H(rows, columns), both of them valid.
    std::vector<T> hessian_block(const std::vector<int>& rows, const std::vector<int>& columns) {
        if (by_dense_hessian()) {
            if (dense_.empty()) dense_ = hessian();
            std::vector<T> block;
            for (const int j : columns)
                for (const int i : rows)
                    block.push_back(dense_[static_cast<std::size_t>(j) * n_ + i]);
            return block;
        }
        if (columns.size() <= rows.size()) return by_products(rows, columns);
        const std::vector<T> transposed = by_products(columns, rows);
        std::vector<T> block(transposed.size());
        for (std::size_t j = 0; j < columns.size(); ++j)
            for (std::size_t i = 0; i < rows.size(); ++i)
                block[j * rows.size() + i] = transposed[i * columns.size() + j];
        return block;
    }
    Evaluator<T>& evaluator() { return *session_.evaluator; }

  private:
    /// Whether products are no way to a part of it, and there is room for the whole.
    bool by_dense_hessian() const {
        const std::size_t n = n_;
        if (n * n * sizeof(T) > budget_) return false;
        const auto& form = problem_.parts().form;
        if (std::holds_alternative<LinearPredictor<T>>(form) ||
            std::holds_alternative<PerceptronSum<T>>(form))
            return false;
        const auto* opaque = std::get_if<Opaque<T>>(&form);
        if (!opaque) return true;
        const auto has_products = [](const auto& own) {
            return own.products || (own.value_and_gradient && !own.hessian);
        };
        return !(session_.vectors->on_device() ? has_products(opaque->cuda)
                                               : has_products(opaque->cpu));
    }
    std::vector<T> by_products(const std::vector<int>& rows, const std::vector<int>& columns) {
        const std::size_t n = n_, count = columns.size();
        const std::size_t chunk = std::clamp<std::size_t>(budget_ / (4 * n * sizeof(T)), 1,
                                                          std::min<std::size_t>(64, count));
        Vectors<T>& vectors = *session_.vectors;
        const Buffer<T> V = vectors.allocate(n * chunk), HV = vectors.allocate(n * chunk);
        std::vector<T> numbers(n * chunk), block;
        block.reserve(rows.size() * count);
        if (!prepared_) session_.evaluator->prepare_products(x_.get());
        prepared_ = true;
        for (std::size_t first = 0; first < count; first += chunk) {
            const std::size_t width = std::min(chunk, count - first);
            std::fill_n(numbers.begin(), n * width, T(0));
            for (std::size_t c = 0; c < width; ++c) numbers[c * n + columns[first + c]] = T(1);
            vectors.upload(V.get(), numbers.data(), n * width);
            session_.evaluator->products(V.get(), static_cast<int>(width), HV.get());
            vectors.download(numbers.data(), HV.get(), n * width);
            for (std::size_t c = 0; c < width; ++c)
                for (const int i : rows) block.push_back(numbers[c * n + i]);
        }
        return block;
    }

    /// Throws OutOfMemory, before any work, unless a Hessian fits there and its copy here.
    void require_matrix() const {
        const double wanted = static_cast<double>(n_) * n_ * sizeof(T);
        if (wanted < static_cast<double>(worth_asking)) return;
        const std::string what =
            "the " + std::to_string(n_) + " x " + std::to_string(n_) + " numbers of a Hessian";
        const char* const advice = "reduce the parameters or use float; gradient() takes no matrix";
        const Vectors<T>& vectors = *session_.vectors;
        const bool here = std::string(vectors.name()) == "cpu";
        require_room(wanted, vectors.free_bytes(), what, vectors.name(), advice);
        require_room(here ? 2 * wanted : wanted, free_host_bytes(), what + " and their copy",
                     "host", advice);
    }
    std::vector<T> fetch(const Buffer<T>& buffer) {
        std::vector<T> host(buffer.size());
        session_.vectors->download(host.data(), buffer.get(), host.size());
        return host;
    }
    const Problem<T>& problem_;
    const int n_;
    const std::size_t budget_;
    Session<T> session_;
    Buffer<T> x_;
    Number f_;
    std::vector<T> dense_;   // where parts of it are wanted
    bool prepared_ = false;  // products
};

/// job(point) on the first backend that can do it.
template <class T, class Job>
auto at_point(const Problem<T>& problem, const std::vector<T>& x, const EvaluationOptions& options,
              const Job& job) {
    const Ranks* const ranks = problem.parts().ranks.get();
    return in_step(communicator_of(ranks), [&] {
        const int n = problem.dimension();
        if (x.size() != static_cast<std::size_t>(n))
            throw InvalidArgument("x has the wrong size (" + std::to_string(x.size()) + " for " +
                                  std::to_string(n) + " parameters) pass one number for each");
        require_finite(x);
        check_derivative_options<T>(options.derivatives, n);
        if (options.threads < 0)
            throw InvalidArgument("threads is negative (" + std::to_string(options.threads) +
                                  ") pass 0 for all");
        const CallDevice current(device_for(problem, options.device));
        require_no_capture(options.stream, "an evaluation");
        Candidates candidates = choose_backends(problem, options.backend);
        if (ranks) {
            std::vector<Common> common = common_options(options.derivatives, candidates);
            common.push_back({"point", hash(x.data(), x.size() * sizeof(T))});
            require_common(ranks->communicator(), Meeting::call, "arguments", common);
        }
        std::string reason;
        return run_on_first(candidates, reason, [&](const BackendEntry& entry, std::string&) {
            Point<T> point(entry, problem, x, options);
            return job(point);
        });
    });
}

}  // namespace

template <class T>
T evaluate(const Problem<T>& problem, const std::vector<T>& x, const EvaluationOptions& options) {
    return at_point(problem, x, options, [](Point<T>& point) { return point.value(); });
}

template <class T>
std::vector<T> evaluate_batch(const Problem<T>& problem, const std::vector<T>& points,
                              const EvaluationOptions& options) {
    const std::size_t n = problem.dimension();
    in_step(communicator_of(problem.parts().ranks.get()), [&] {
        if (points.empty() || points.size() % n != 0)
            throw InvalidArgument("points have the wrong size (" + std::to_string(points.size()) +
                                  " numbers for points of " + std::to_string(n) +
                                  " parameters) pass a whole number of points, at least one");
        require_finite(points);
    });
    return at_point(
        problem, std::vector<T>(points.begin(), points.begin() + n), options, [&](Point<T>& point) {
            std::vector<T> losses(points.size() / n);
            point.evaluator().values(points.data(), static_cast<int>(losses.size()), losses.data());
            return losses;
        });
}

template <class T>
std::vector<T> gradient(const Problem<T>& problem, const std::vector<T>& x,
                        const EvaluationOptions& options) {
    return at_point(problem, x, options, [](Point<T>& point) { return point.gradient(); });
}

template <class T>
std::vector<T> hessian(const Problem<T>& problem, const std::vector<T>& x,
                       const EvaluationOptions& options) {
    return at_point(problem, x, options, [](Point<T>& point) { return point.hessian(); });
}

namespace {

void require_indices(const std::vector<int>& indices, int n, const char* name) {
    if (indices.empty())
        throw InvalidArgument(std::string(name) +
                              " are empty (no part of a Hessian is asked for) "
                              "pass at least one index");
    for (const int i : indices)
        if (i < 0 || i >= n)
            throw InvalidArgument(std::string(name) + " have an index out of range (" +
                                  std::to_string(i) + " of " + std::to_string(n) +
                                  " parameters) pass 0 to n - 1");
}

}  // namespace

template <class T>
std::vector<T> hessian_block(const Problem<T>& problem, const std::vector<T>& x,
                             const std::vector<int>& rows, const std::vector<int>& columns,
                             const EvaluationOptions& options) {
    in_step(communicator_of(problem.parts().ranks.get()), [&] {
        require_indices(rows, problem.dimension(), "rows");
        require_indices(columns, problem.dimension(), "columns");
    });
    return at_point(problem, x, options,
                    [&](Point<T>& point) { return point.hessian_block(rows, columns); });
}

template <class T>
std::vector<std::vector<T>> hessian_blocks(const Problem<T>& problem, const std::vector<T>& x,
                                           const std::vector<IndexRange>& ranges,
                                           const EvaluationOptions& options) {
    in_step(communicator_of(problem.parts().ranks.get()), [&] {
        for (const IndexRange& range : ranges)
            if (range.begin < 0 || range.begin >= range.end || range.end > problem.dimension())
                throw InvalidArgument("a range is invalid (" + std::to_string(range.begin) +
                                      " to " + std::to_string(range.end) + " of " +
                                      std::to_string(problem.dimension()) +
                                      " parameters) pass ranges of at least one, within 0 to n");
    });
    return at_point(problem, x, options, [&](Point<T>& point) {
        std::vector<std::vector<T>> blocks;
        for (const IndexRange& range : ranges) {
            const std::size_t size = range.size();
            std::vector<int> indices(size);
            std::iota(indices.begin(), indices.end(), range.begin);
            std::vector<T> block = point.hessian_block(indices, indices);
            for (std::size_t j = 0; j < size; ++j)
                for (std::size_t i = j + 1; i < size; ++i)
                    block[i * size + j] = block[j * size + i];
            blocks.push_back(std::move(block));
        }
        return blocks;
    });
}

namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g", value);
    return text;
}

/// Compares entry by entry relative to the largest entry, or to a hundredth of the largest of what
/// was differenced, whose rounding is all that is left near a stationary point. rows = n, columns =
/// 1 or n.
template <class T>
DerivativeCheck compare(const std::vector<T>& supplied, const std::vector<T>& difference,
                        const std::vector<T>& differenced, int rows, double tolerance,
                        const char* what) {
    DerivativeCheck check;
    check.tolerance = tolerance;
    double scale = std::numeric_limits<T>::min();
    for (const T value : differenced) scale = std::max(scale, 0.01 * std::abs(value));
    for (const T d : difference) scale = std::max<double>(scale, std::abs(d));
    for (const T s : supplied)
        if (std::isfinite(s)) scale = std::max<double>(scale, std::abs(s));
    check.worst_error = -1;
    for (std::size_t e = 0; e < supplied.size(); ++e) {
        double error = std::abs(static_cast<double>(supplied[e]) - difference[e]) / scale;
        if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
        if (error <= check.worst_error) continue;
        check.worst_error = error;
        check.row = static_cast<int>(e % rows);
        check.column = static_cast<int>(e / rows);
        check.supplied = supplied[e];
        check.difference = difference[e];
    }
    check.agrees = check.worst_error <= tolerance;
    const std::string entry =
        supplied.size() == static_cast<std::size_t>(rows)
            ? "entry " + std::to_string(check.row)
            : "entry (" + std::to_string(check.row) + ", " + std::to_string(check.column) + ")";
    check.message = std::string(what) + (check.agrees ? " agrees" : " disagrees") +
                    " with differences: worst is " + entry + ", " + number(check.supplied) +
                    " against " + number(check.difference) + " (error " +
                    number(check.worst_error) + ", tolerance " + number(tolerance) + ")";
    return check;
}

/// What differences with the formula's step guarantee, with room for the constants of the loss.
template <class T>
double checking_tolerance(double step_order) {
    return 1e3 * std::pow(static_cast<double>(std::numeric_limits<T>::epsilon()), step_order);
}

}  // namespace

template <class T>
DerivativeCheck check_gradient(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options) {
    EvaluationOptions differences = options;
    differences.derivatives.gradient = GradientBy::central_differences;
    return compare(gradient(problem, x, options), gradient(problem, x, differences),
                   std::vector<T>{evaluate(problem, x, options)}, problem.dimension(),
                   checking_tolerance<T>(2.0 / 3), "gradient");
}

template <class T>
DerivativeCheck check_hessian(const Problem<T>& problem, const std::vector<T>& x,
                              const EvaluationOptions& options) {
    // Of the backend that is asked first.
    const Candidates candidates = in_step(communicator_of(problem.parts().ranks.get()), [&] {
        return choose_backends(problem, options.backend);
    });
    const Capabilities capabilities = candidates.entries.front()->code<T>().capabilities(problem);
    // What the differences are of: the gradient if it is right, else what does not depend on it.
    EvaluationOptions differences = options;
    GradientBy& by = differences.derivatives.gradient;
    by = resolve(by, capabilities);
    DerivativeCheck of_gradient;
    of_gradient.agrees = true;
    if (by == GradientBy::analytic) {
        of_gradient = check_gradient(problem, x, differences);
        if (!of_gradient.agrees)
            by = capabilities.autodiff ? GradientBy::autodiff : GradientBy::central_differences;
    }
    const bool exact = by == GradientBy::analytic || by == GradientBy::autodiff;
    differences.derivatives.hessian =
        exact ? HessianBy::gradient_differences : HessianBy::value_differences;
    DerivativeCheck check = compare(
        hessian(problem, x, options), hessian(problem, x, differences),
        exact ? gradient(problem, x, differences) : std::vector<T>{evaluate(problem, x, options)},
        problem.dimension(), checking_tolerance<T>(exact ? 2.0 / 3 : 0.5), "Hessian");
    check.gradient_agrees = of_gradient.agrees;
    if (!of_gradient.agrees)
        check.message += std::string("; these are differences of ") +
                         (exact ? "automatic derivatives" : "losses") +
                         ", because the gradient is wrong: " + of_gradient.message;
    return check;
}

#define CUNEWTON_INSTANTIATE(T)                                                                   \
    template T evaluate(const Problem<T>&, const std::vector<T>&, const EvaluationOptions&);      \
    template std::vector<T> evaluate_batch(const Problem<T>&, const std::vector<T>&,              \
                                           const EvaluationOptions&);                             \
    template std::vector<T> gradient(const Problem<T>&, const std::vector<T>&,                    \
                                     const EvaluationOptions&);                                   \
    template std::vector<T> hessian(const Problem<T>&, const std::vector<T>&,                     \
                                    const EvaluationOptions&);                                    \
    template std::vector<T> hessian_block(const Problem<T>&, const std::vector<T>&,               \
                                          const std::vector<int>&, const std::vector<int>&,       \
                                          const EvaluationOptions&);                              \
    template std::vector<std::vector<T>> hessian_blocks(const Problem<T>&, const std::vector<T>&, \
                                                        const std::vector<IndexRange>&,           \
                                                        const EvaluationOptions&);                \
    template DerivativeCheck check_gradient(const Problem<T>&, const std::vector<T>&,             \
                                            const EvaluationOptions&);                            \
    template DerivativeCheck check_hessian(const Problem<T>&, const std::vector<T>&,              \
                                           const EvaluationOptions&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
