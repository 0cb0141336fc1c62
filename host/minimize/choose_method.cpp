// Newton's method with a dense Hessian or on products with it: a model of what they cost.
#include <algorithm>
#include <variant>

#include "host/backend/predictor_blocks.h"
#include "host/minimize/methods.h"

namespace cunewton::solver {

namespace {

// From here on a dense Hessian and its factor are too much whatever they cost: 0.4 GB in double.
constexpr int largest_dense = 5000;
// Of losses that are differentiated entry by entry a product costs as much as 2 / n of a Hessian,
// but for what products have in common; up to here the Hessian is cheap as well.
constexpr int largest_by_entries = 500;

/// In operations of a rank-k update for each number of the data, an iteration of each. Dense: all
/// pairs of outputs, and the factorisation. Products: as in predictor_blocks(), and so many of them
/// (with the gradient, and what makes the preconditioner) as measured: 7 with one output and
/// a block from samples, 15 without, 20 with several outputs.
template <class T>
bool products_are_cheaper(const LinearPredictor<T>& form, int n, const Ranks* ranks) {
    const long samples = ranks ? ranks->samples() : form.samples.count;
    const double K = form.outputs, m = n / K, N = static_cast<double>(samples);
    const double dense = m * K * (K + 1) / 2 + n * (n / 3.0) * n / (N * m);
    const bool sampled = block_samples(form.outputs, static_cast<int>(m), samples) > 0;
    const double products = K > 1 ? 20 : sampled ? 7 : 15;
    return products * std::max(80.0, 10 * K) < dense;
}

template <class T>
bool products_are_cheaper(const SampleSum<T>&, int n, const Ranks*) {
    return n > largest_by_entries;
}
/// A product takes all of J, as J'WJ does.
template <class T>
bool products_are_cheaper(const ResidualSum<T>&, int n, const Ranks*) {
    return n > largest_by_entries;
}
/// Without sparse factors: a Hessian costs as much as a few products, its factor what n x n numbers
/// cost.
template <class T>
bool products_are_cheaper(const ElementSum<T>&, int n, const Ranks*) {
    return n > largest_by_entries;
}
/// A product costs about as much as a gradient, a Hessian n products.
template <class T>
bool products_are_cheaper(const PerceptronSum<T>&, int n, const Ranks*) {
    return n > 50;
}
template <class T>
bool products_are_cheaper(const CurvaturePenalized<T>&, int n, const Ranks*) {
    return n > 50;
}
template <class T>
bool products_are_cheaper(const Opaque<T>& form, int n, const Ranks*) {
    const bool has_hessian =
        form.cpu ? static_cast<bool>(form.cpu.hessian) : static_cast<bool>(form.cuda.hessian);
    return !has_hessian && n > largest_by_entries;
}

}  // namespace

template <class T>
Method choose_method(const Problem<T>& problem, bool sparse_factors) {
    const int n = problem.dimension();
    if (problem.parts().sparsity && sparse_factors) return Method::newton;
    const Ranks* const ranks = problem.parts().ranks.get();
    const bool products =
        n > largest_dense ||
        std::visit([&](const auto& form) { return products_are_cheaper(form, n, ranks); },
                   problem.parts().form);
    if (products) return Method::newton_cg;
    const bool residuals = std::holds_alternative<ResidualSum<T>>(problem.parts().form);
    return residuals ? Method::levenberg_marquardt : Method::newton;
}
template Method choose_method(const Problem<double>&, bool);
template Method choose_method(const Problem<float>&, bool);

}  // namespace cunewton::solver
