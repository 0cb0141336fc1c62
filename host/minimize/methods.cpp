#include "host/minimize/methods.h"

#include <algorithm>

#include "cunewton/error.h"

namespace cunewton::solver {

namespace {
[[noreturn]] void reject() {
    throw InvalidArgument("method is unknown (not one of Method's values) choose one of them");
}
}  // namespace

template <class T>
Status run_method(Minimization<T>& run) {
    switch (run.options().method) {
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

SessionWork work_of(const Options& options, bool exact_hessian, long samples) {
    const Method method = options.method;
    const int own = matrices_of(method);
    // Minimization's and as many as a method has of its own.
    constexpr std::size_t vectors = 8 + 4;
    // Conjugate gradients on a device hold the most.
    if (method == Method::lbfgs) {
        // Products are looked at where they are exact.
        SessionWork work{vectors + 1 + 2 * static_cast<std::size_t>(options.lbfgs_pairs)};
        if (exact_hessian) work.curvature = CurvatureKind::product;
        work.precondition = options.precondition;
        return work;
    }
    if (std::ranges::find(sampling_methods, method) != std::end(sampling_methods)) {
        // Their own three, the pass's point and the best one with its gradient.
        SessionWork work{vectors + 1 + 6, 0, CurvatureKind::product, options.precondition};
        const bool grows = method == Method::kfac || method == Method::subsampled_newton;
        const long size = options.sampling.size > 0 ? options.sampling.size : 1000;
        work.sampled = grows ? samples : std::min(std::max(size, 1000L), samples);
        work.kronecker = method == Method::kfac;
        return work;
    }
    if (is_matrix_free(method))
        return {vectors + 1, 0, CurvatureKind::product, options.precondition};
    // Newton's method confirms the end of the others, by a Hessian and its factor; that of BFGS,
    // which holds its inverse besides, where the Hessian is exact.
    if (method != Method::bfgs)
        return {vectors, static_cast<std::size_t>(std::max(own, 2)), CurvatureKind::dense};
    SessionWork work{vectors, static_cast<std::size_t>(exact_hessian ? own + 2 : own)};
    if (exact_hessian) work.curvature = CurvatureKind::dense;
    return work;
}

}  // namespace cunewton::solver
