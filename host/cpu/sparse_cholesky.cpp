#include "host/cpu/sparse_cholesky.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/error.h"

#if CUNEWTON_WITH_CHOLMOD
#include <cholmod.h>
#endif

namespace cunewton::cpu {

bool SparseCholesky::available() {
    return CUNEWTON_WITH_CHOLMOD;
}

#if CUNEWTON_WITH_CHOLMOD

struct SparseCholesky::State {
    cholmod_common common{};
    std::vector<int> starts, rows;
    std::vector<double> values;
    cholmod_sparse matrix{};
    cholmod_factor* factor = nullptr;
    // What solving takes, from one solve to the next.
    cholmod_dense *x = nullptr, *Y = nullptr, *E = nullptr;

    explicit State(const SparsityPattern& pattern);
    ~State() {
        for (cholmod_dense** dense : {&x, &Y, &E}) cholmod_free_dense(dense, &common);
        cholmod_free_factor(&factor, &common);
        cholmod_finish(&common);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// Once; throws as check() does.
    void analyse();
    /// Throws for what is no outcome of numbers.
    void check() const {
        if (common.status == CHOLMOD_OUT_OF_MEMORY || common.status == CHOLMOD_TOO_LARGE)
            throw OutOfMemory(std::string("sparse Cholesky factors do not fit (CHOLMOD: ") +
                              (common.status == CHOLMOD_TOO_LARGE
                                   ? "more entries than 32-bit indices count"
                                   : "out of memory") +
                              ") use Method::newton_cg, which holds no matrix");
        if (common.status < 0)
            throw DeviceError("CHOLMOD failed (status " + std::to_string(common.status) +
                              ") report this as a bug");
    }
    void solve(int system, double* b);
    /// visit(k, pivot root, parameter) for all columns of the factor.
    template <class Visit>
    void for_each_pivot(const Visit& visit) const;
};

SparseCholesky::State::State(const SparsityPattern& pattern)
    : starts(pattern.column_starts.begin(), pattern.column_starts.end()),
      rows(pattern.rows),
      values(pattern.rows.size()) {
    cholmod_start(&common);
    common.print = 0;
    common.final_ll = true;
    common.quick_return_if_not_posdef = true;
    matrix.nrow = matrix.ncol = static_cast<std::size_t>(pattern.n);
    matrix.nzmax = pattern.rows.size();
    matrix.p = starts.data();
    matrix.i = rows.data();
    matrix.x = values.data();
    matrix.stype = -1;  // the lower triangle
    matrix.itype = CHOLMOD_INT;
    matrix.xtype = CHOLMOD_REAL;
    matrix.dtype = CHOLMOD_DOUBLE;
    matrix.sorted = matrix.packed = true;
}

void SparseCholesky::State::analyse() {
    // Bands need no other order, and looking for one takes longer than a factorisation. Of other
    // patterns the factor in this order may not even fit, which is no failure.
    common.nmethods = 1;
    common.method[0].ordering = CHOLMOD_NATURAL;
    common.postorder = false;
    factor = cholmod_analyze(&matrix, &common);
    if (common.status >= 0 && common.lnz <= static_cast<double>(values.size())) return;
    cholmod_free_factor(&factor, &common);
    cholmod_defaults(&common);
    common.print = 0;
    common.final_ll = true;
    common.quick_return_if_not_posdef = true;
    factor = cholmod_analyze(&matrix, &common);
    check();
}

void SparseCholesky::State::solve(int system, double* b) {
    cholmod_dense from{};
    from.nrow = from.nzmax = from.d = matrix.nrow;
    from.ncol = 1;
    from.x = b;
    from.xtype = CHOLMOD_REAL;
    from.dtype = CHOLMOD_DOUBLE;
    cholmod_solve2(system, factor, &from, nullptr, &x, nullptr, &Y, &E, &common);
    check();
    std::copy_n(static_cast<const double*>(x->x), matrix.nrow, b);
}

template <class Visit>
void SparseCholesky::State::for_each_pivot(const Visit& visit) const {
    const double* numbers = static_cast<const double*>(factor->x);
    const int* order = static_cast<const int*>(factor->Perm);
    const auto parameter = [&](int k) { return order ? order[k] : k; };
    if (factor->is_super) {
        const int *super = static_cast<const int*>(factor->super),
                  *pi = static_cast<const int*>(factor->pi),
                  *px = static_cast<const int*>(factor->px);
        for (std::size_t s = 0; s < factor->nsuper; ++s) {
            const std::size_t height = static_cast<std::size_t>(pi[s + 1] - pi[s]);
            for (int k = super[s]; k < super[s + 1]; ++k) {
                const std::size_t j = static_cast<std::size_t>(k - super[s]);
                visit(numbers[static_cast<std::size_t>(px[s]) + j * (height + 1)], parameter(k));
            }
        }
    } else {
        const int* p = static_cast<const int*>(factor->p);
        for (int k = 0; k < static_cast<int>(factor->n); ++k) visit(numbers[p[k]], parameter(k));
    }
}

SparseCholesky::SparseCholesky(const SparsityPattern& pattern)
    : state_(std::make_unique<State>(pattern)) {
    state_->analyse();
}
SparseCholesky::~SparseCholesky() = default;

double* SparseCholesky::values() {
    return state_->values.data();
}

SparseCholesky::Outcome SparseCholesky::factorize() {
    State& s = *state_;
    cholmod_factorize(&s.matrix, s.factor, &s.common);
    s.check();
    if (s.factor->minor < s.factor->n) return {static_cast<int>(s.factor->minor) + 1, 0};
    Outcome outcome{0, std::numeric_limits<double>::infinity()};
    // NaN passes CHOLMOD's test.
    s.for_each_pivot([&](double root, int j) {
        const double ratio = root / s.values[static_cast<std::size_t>(s.starts[j])] * root;
        if (!std::isfinite(ratio)) outcome.info = j + 1;
        outcome.least_pivot = std::min(outcome.least_pivot, ratio);
    });
    return outcome;
}

void SparseCholesky::solve(double* x) {
    state_->solve(CHOLMOD_A, x);
}
void SparseCholesky::solve_lower(double* x) {
    if (state_->factor->ordering != CHOLMOD_NATURAL) state_->solve(CHOLMOD_P, x);
    state_->solve(CHOLMOD_L, x);
}

#else

struct SparseCholesky::State {};

SparseCholesky::SparseCholesky(const SparsityPattern&) {
    throw BackendUnavailable(
        "the CPU has no sparse Cholesky factorisation (the library was built without CHOLMOD) "
        "install it (Debian: libsuitesparse-dev) and build again, or use Method::newton_cg");
}
SparseCholesky::~SparseCholesky() = default;
double* SparseCholesky::values() {
    return nullptr;
}
SparseCholesky::Outcome SparseCholesky::factorize() {
    return {1, 0};
}
void SparseCholesky::solve(double*) {}
void SparseCholesky::solve_lower(double*) {}

#endif

}  // namespace cunewton::cpu
