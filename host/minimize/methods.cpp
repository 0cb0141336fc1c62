#include "host/minimize/methods.h"

#include <algorithm>
#include <variant>

#include "cunewton/error.h"
#include "host/minimize/block_newton.h"
#include "host/minimize/bounded.h"
#include "host/minimize/hessian_free.h"
#include "host/minimize/subspace_newton.h"

namespace cunewton::solver {

namespace {
[[noreturn]] void reject() {
    throw InvalidArgument("method is unknown (not one of Method's values) choose one of them");
}
}  // namespace

template <class T>
Status run_method(Minimization<T>& run) {
    if (run.bounded()) {
        if (run.nothing_is_free()) return Status::converged;
        if (const auto model = quadratic_model(run)) return minimize_bounded(run, *model);
    }
    switch (run.options().method) {
        case Method::automatic:
            break;  // chosen before
#define CUNEWTON_METHOD(name, matrices) CUNEWTON_SAMPLING_METHOD(name)
#define CUNEWTON_SAMPLING_METHOD(name) \
    case Method::name:                 \
        return name(run);
#include "cunewton/methods.inc"
    }
    reject();
}
template Status run_method(Minimization<double>&);
template Status run_method(Minimization<float>&);

int matrices_of(Method method) {
    switch (method) {
        case Method::automatic:
            break;
#define CUNEWTON_METHOD(name, matrices) \
    case Method::name:                  \
        return matrices;
#define CUNEWTON_SAMPLING_METHOD(name) \
    case Method::name:                 \
        return 0;
#include "cunewton/methods.inc"
    }
    reject();
}

namespace {
/// What so many KroneckerPreconditioners take that is not an evaluator's part of the memory.
void add_kronecker(std::size_t count, const KroneckerLayers& layers, long samples,
                   SessionWork& work) {
    work.kronecker = true;
    work.numbers += count * layers.memory();
    work.inverted = layers.widest();
    work.host += count * static_cast<std::size_t>(samples) * sizeof(long);  // their orders
}
/// The same of so many of the preconditioners that options ask for.
template <class T>
void add_preconditioners(std::size_t count, const Options& options, int n, long samples,
                         const KroneckerLayers& layers, SessionWork& work) {
    work.precondition = options.precondition;
    work.preconditioners = static_cast<int>(count);
    const std::size_t size = static_cast<std::size_t>(n);
    if (options.precondition == PreconditionBy::diagonal) {
        work.numbers += count * DiagonalPreconditioner<T>::numbers(size);
    } else if (options.precondition == PreconditionBy::nystrom) {
        const int rank = NystromPreconditioner<T>::rank(options.nystrom_rank, n);
        work.numbers += count * NystromPreconditioner<T>::numbers(size, rank);
        work.host += NystromPreconditioner<T>::host_memory(size, rank);
    } else if (options.precondition == PreconditionBy::kronecker) {
        add_kronecker(count, layers, samples, work);
    } else if (!std::holds_alternative<std::monostate>(options.preconditioner)) {
        work.host += count * 2 * size * sizeof(T);
    }
}
/// Of the host while a state is saved or read: its bytes, the file's, and what strings that grow
/// have to spare.
template <class T>
std::size_t checkpoint_memory(const Options& options, int n, long samples,
                              const KroneckerLayers& layers) {
    constexpr std::size_t vectors = 20, copies = 4;
    const std::size_t size = static_cast<std::size_t>(n);
    SessionWork parts{vectors};
    if (options.method == Method::bfgs) parts.numbers += size * size;
    if (options.method == Method::lbfgs)
        parts.vectors += 3 * static_cast<std::size_t>(options.lbfgs_pairs);
    add_preconditioners<T>(1, options, n, samples, layers, parts);
    if (options.method == Method::kfac) add_kronecker(1, layers, samples, parts);
    std::size_t bytes = (parts.numbers + parts.vectors * size) * sizeof(T);
    if (is_sampling(options.method)) bytes += 2 * static_cast<std::size_t>(samples) * sizeof(long);
    return copies * bytes;
}
}  // namespace

template <class T>
SessionWork work_of(const Options& options, int n, bool exact_hessian, int known_blocks,
                    long samples, const KroneckerLayers& layers) {
    const Method method = options.method;
    const int own = matrices_of(method);
    // Minimization's and as many as a method has of its own.
    constexpr std::size_t vectors = 8 + 4;
    SessionWork work{vectors};
    if (has_bounds(options)) {
        work.vectors += bounded_vectors;
        if (method == Method::lbfgs)
            work.vectors += static_cast<std::size_t>(options.lbfgs_pairs) + 3;
    }
    if (!options.checkpoint.file.empty()) {
        // Where the Hessian was taken, and gradient there.
        work.vectors += 2;
        work.host += checkpoint_memory<T>(options, n, samples, layers);
    }
    if (is_sampling(method)) {
        // Their own three, the pass's point and the best one with its gradient.
        work.vectors += 7;
        work.curvature = CurvatureKind::product;
        add_preconditioners<T>(1, options, n, samples, layers, work);  // where the end is examined
        if (method == Method::sgd) work.vectors += 2;                  // the power method's
        const bool grows = method == Method::kfac || method == Method::subsampled_newton;
        const long most = std::max({options.sampling.size, options.sampling.rate_samples, 1000L});
        work.sampled = grows ? samples : std::min(most, samples);
        if (method == Method::kfac) add_kronecker(1, layers, samples, work);
        return work;
    }
    if (is_matrix_free(method)) {
        // Conjugate gradients on a device hold the most.
        ++work.vectors;
        if (method == Method::lbfgs)
            work.vectors += 2 * static_cast<std::size_t>(options.lbfgs_pairs);
        if (const int kept = lanczos_vectors(options))
            work.vectors += static_cast<std::size_t>(kept) + 1;
        if (method == Method::gradient_descent) {
            work.vectors += 3;
            // The basis and what it is multiplied by.
            if (options.descent_step == DescentStep::extreme_eigenvalues)
                work.vectors += 2 * static_cast<std::size_t>(descent_vectors) + 6;
        }
        // Conjugate gradients of its own, as many again.
        if (method == Method::hessian_free) work.vectors += hessian_free_vectors + 6;
        if (method == Method::block_newton) {
            const std::vector<IndexRange> blocks = blocks_of(options, n, known_blocks);
            work.numbers += block_numbers(blocks, static_cast<std::size_t>(n));
            work.factorized = sizes_of(blocks);
            work.host += static_cast<std::size_t>(n) * block_columns * sizeof(T);
        }
        if (method == Method::subspace_newton) {
            const std::size_t size = static_cast<std::size_t>(n),
                              s = static_cast<std::size_t>(subspace_dimension(options, n));
            work.numbers += subspace_numbers(size, s);
            work.host += subspace_host_memory<T>(size, s);
        }
        // L-BFGS looks at products where they are exact.
        if (method != Method::lbfgs || exact_hessian) {
            work.curvature = CurvatureKind::product;
            // Of its own one more than where it examines its end.
            const std::size_t preconditioners = method == Method::hessian_free ? 2 : 1;
            add_preconditioners<T>(preconditioners, options, n, samples, layers, work);
            // What an evaluator needs to compute those that it knows.
            if (method == Method::block_newton && options.blocks.empty() && known_blocks > 0)
                work.precondition = PreconditionBy::blocks;
        }
        return work;
    }
    // Newton's method confirms the end of the others, by a Hessian and its factor; that of BFGS,
    // which holds its inverse besides, where the Hessian is exact.
    if (method != Method::bfgs) {
        work.matrices = static_cast<std::size_t>(std::max(own, 2));
        work.curvature = CurvatureKind::dense;
    } else if (has_bounds(options)) {
        work.matrices = static_cast<std::size_t>(own) + 1;  // a factor of what is learnt
        work.factorized = {n};
        if (exact_hessian) work.curvature = CurvatureKind::product;
    } else {
        work.matrices = static_cast<std::size_t>(exact_hessian ? own + 2 : own);
        if (exact_hessian) work.curvature = CurvatureKind::dense;
    }
    return work;
}
template SessionWork work_of<double>(const Options&, int, bool, int, long, const KroneckerLayers&);
template SessionWork work_of<float>(const Options&, int, bool, int, long, const KroneckerLayers&);

}  // namespace cunewton::solver
