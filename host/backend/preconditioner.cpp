#include "host/backend/preconditioner.h"

#include <cmath>
#include <limits>

#include "host/backend/evaluator.h"
#include "host/backend/lapack.h"

namespace cunewton {

template <class T>
BlockPreconditioner<T>::BlockPreconditioner(Evaluator<T>& evaluator, Vectors<T>& vectors,
                                            DenseMatrices<T>& matrices, std::uint64_t seed)
    : evaluator_(evaluator),
      vectors_(vectors),
      blocks_(evaluator.diagonal_blocks()),
      cholesky_(matrices.blocks(blocks_.sizes())),
      factors_(vectors.allocate(blocks_.entries())),
      mean_(vectors.allocate(blocks_.size)),
      rest_(vectors.allocate(blocks_.size)) {
    if (blocks_.samples > 0) order_.emplace(evaluator.samples(), seed);
}

template <class T>
bool BlockPreconditioner<T>::factorize() {
    evaluator_.compute_diagonal_blocks(factors_.get());
    cholesky_->factorize(factors_.get(), nullptr, factors_.get());
    constexpr double eps = std::numeric_limits<T>::epsilon();
    least_pivot_ = 1;
    for (const BlockFacts& block : cholesky_->facts()) {
        if (block.info != 0) return false;
        least_pivot_ = std::min(least_pivot_, block.least_pivot);
    }
    return least_pivot_ > 10 * blocks_.size * eps;
}

template <class T>
bool BlockPreconditioner<T>::update(const T* x) {
    if (!order_) return factorize();
    if (with_products_of(evaluator_, order_->next(blocks_.samples), x, [&] { return factorize(); }))
        return true;
    // All of them may determine what some do not: from here on they have to.
    order_.reset();
    return factorize();
}

template <class T>
void BlockPreconditioner<T>::apply(const T* r, T* z) {
    const long size = blocks_.size;
    vectors_.copy(z, r, static_cast<std::size_t>(blocks_.count * size));
    if (blocks_.shift_invariant) vectors_.take_off_mean(z, blocks_.count, mean_.get(), size);
    cholesky_->solve(factors_.get(), z);
    if (!blocks_.shift_invariant) return;
    vectors_.take_off_mean(z, blocks_.count, rest_.get(), size);
    if (blocks_.l2 > 0)
        vectors_.add_to_each(z, blocks_.count, static_cast<T>(1 / blocks_.l2), mean_.get(), size);
}

template <class T>
double DiagonalPreconditioner<T>::cost(const Evaluator<T>& evaluator) {
    return evaluator.knows_diagonal() ? 1 : samples;
}

template <class T>
DiagonalPreconditioner<T>::DiagonalPreconditioner(Evaluator<T>& evaluator, Curvature<T>& H,
                                                  Vectors<T>& vectors, int n, std::uint64_t seed)
    : evaluator_(evaluator),
      H_(H),
      vectors_(vectors),
      n_(n),
      generator_(seed),
      root_(vectors.allocate(n_)) {
    if (evaluator.knows_diagonal()) return;
    signs_ = vectors.allocate(n_);
    Hv_ = vectors.allocate(n_);
}

template <class T>
std::vector<T> DiagonalPreconditioner<T>::estimate() {
    std::vector<T> signs(n_), Hv(n_);
    std::vector<double> sum(n_, 0.0), squares(n_, 0.0);
    for (int s = 0; s < samples; ++s) {
        for (T& sign : signs) sign = generator_.uniform() < 0.5 ? T(-1) : T(1);
        vectors_.upload(signs_.get(), signs.data(), n_);
        H_.apply(signs_.get(), 1, Hv_.get());
        vectors_.download(Hv.data(), Hv_.get(), n_);
        for (std::size_t j = 0; j < n_; ++j) {
            const double vHv = static_cast<double>(signs[j]) * Hv[j];
            sum[j] += vHv;
            squares[j] += vHv * vHv;
        }
    }
    for (std::size_t j = 0; j < n_; ++j) {
        const double mean = sum[j] / samples,
                     variance = std::max(squares[j] / samples - mean * mean, 0.0);
        const double error = std::sqrt(variance / (samples - 1));
        signs[j] = static_cast<T>(std::isfinite(mean) ? std::max(std::abs(mean), error) : mean);
    }
    return signs;
}

template <class T>
bool DiagonalPreconditioner<T>::update(const T*) {
    std::vector<T> diagonal;
    if (evaluator_.knows_diagonal()) {
        diagonal.resize(n_);
        evaluator_.compute_diagonal(root_.get());
        vectors_.download(diagonal.data(), root_.get(), n_);
    } else {
        diagonal = estimate();
    }
    T largest = 0;
    for (T& d : diagonal) {
        d = std::abs(d);
        if (!std::isfinite(d)) return false;
        largest = std::max(largest, d);
    }
    // A step may not go to where the model of a parameter without curvature has its minimum.
    const T least = largest * std::sqrt(std::numeric_limits<T>::epsilon());
    if (!(least > 0)) return false;
    for (T& d : diagonal) d = std::sqrt(std::max(d, least));
    vectors_.upload(root_.get(), diagonal.data(), n_);
    return true;
}

template <class T>
void DiagonalPreconditioner<T>::apply(const T* r, T* z) {
    vectors_.unscale(z, root_.get(), r, static_cast<long>(n_));
    vectors_.unscale(z, root_.get(), z, static_cast<long>(n_));
}

template <class T>
std::optional<double> DiagonalPreconditioner<T>::size(const T* x) {
    const Number size = vectors_.number();
    vectors_.norms({{x, size, root_.get(), false}}, static_cast<long>(n_));
    return vectors_.read(size);
}

template <class T>
std::size_t NystromPreconditioner<T>::numbers(std::size_t n, int rank) {
    const std::size_t r = static_cast<std::size_t>(rank);
    return 2 * n * r + r * r + 3 * r;
}
template <class T>
std::size_t NystromPreconditioner<T>::host_memory(std::size_t n, int rank) {
    const std::size_t r = static_cast<std::size_t>(rank);
    return n * sizeof(T) + 4 * r * r * sizeof(double) + 2 * r * r * sizeof(T) +
           64 * r * sizeof(double);
}

template <class T>
NystromPreconditioner<T>::NystromPreconditioner(Curvature<T>& H, Vectors<T>& vectors,
                                                DenseMatrices<T>& matrices, int n, int rank,
                                                double accuracy, std::uint64_t seed)
    : H_(H),
      vectors_(vectors),
      matrices_(matrices),
      n_(n),
      rank_(rank),
      accuracy_(accuracy),
      generator_(seed),
      sketch_(vectors.allocate(n_ * rank_)),
      U_(vectors.allocate(n_ * rank_)),
      small_(vectors.allocate(static_cast<std::size_t>(rank_) * rank_)),
      weights_(vectors.allocate(rank_)),
      part_(vectors.allocate(rank_)),
      scaled_part_(vectors.allocate(rank_)) {}

template <class T>
std::vector<double> NystromPreconditioner<T>::small(const Buffer<T>& matrix) {
    std::vector<T> there(matrix.size());
    vectors_.download(there.data(), matrix.get(), there.size());
    return {there.begin(), there.end()};
}

/// Gram-Schmidt, twice (Golub and Van Loan 2013, section 5.2.8). A column that depends on those
/// before it becomes 0.
template <class T>
bool NystromPreconditioner<T>::orthogonalize(T* Y, std::vector<double>& R) {
    const std::size_t r = static_cast<std::size_t>(rank_);
    const Number length = vectors_.number();
    R.assign(r * r, 0.0);
    std::vector<T> parts(r);
    for (int j = 0; j < rank_; ++j) {
        T* const y = Y + j * n_;
        vectors_.norms({{y, length}}, static_cast<long>(n_));
        const double before = vectors_.read(length);
        if (!std::isfinite(before)) return false;
        for (int times = 0; times < 2 && j > 0; ++times) {
            matrices_.multiply_transposed(Y, j, y, 1, static_cast<long>(n_), part_.get());
            vectors_.download(parts.data(), part_.get(), static_cast<std::size_t>(j));
            for (int i = 0; i < j; ++i) R[j * r + i] += parts[i];
            vectors_.scale(part_.get(), T(-1), part_.get(), j);
            matrices_.multiply(Y, j, part_.get(), 1, static_cast<long>(n_), T(1), y);
        }
        vectors_.norms({{y, length}}, static_cast<long>(n_));
        const double left = vectors_.read(length);
        const bool independent = left > 10 * std::numeric_limits<T>::epsilon() * before;
        if (independent) R[j * r + j] = left;
        vectors_.scale(y, independent ? static_cast<T>(1 / left) : T(0), y, static_cast<long>(n_));
    }
    return true;
}

template <class T>
bool NystromPreconditioner<T>::update(const T*) {
    const std::size_t r = static_cast<std::size_t>(rank_);
    const long n = static_cast<long>(n_);
    T *const W = U_.get(), *const Y = sketch_.get();
    {
        std::vector<T> w(n_);
        for (int j = 0; j < rank_; ++j) {
            for (T& value : w) value = static_cast<T>(generator_.normal());
            vectors_.upload(W + j * n_, w.data(), n_);
        }
    }
    H_.apply(W, rank_, Y);
    // H + shift I, so that rounding does not make an indefinite matrix of it.
    const Number length = vectors_.number();
    vectors_.norms({{Y, length}}, n * rank_);
    const double size = vectors_.read(length);
    if (!(size > 0) || !std::isfinite(size)) return false;
    const double shift = 10 * (accuracy_ + std::numeric_limits<T>::epsilon()) * size;
    vectors_.add_scaled(Y, Y, static_cast<T>(shift), W, n * rank_);
    matrices_.multiply_transposed(W, rank_, Y, rank_, n, small_.get());
    std::vector<double> C = small(small_), B;
    for (std::size_t j = 0; j < r; ++j)
        for (std::size_t i = j + 1; i < r; ++i) C[j * r + i] = (C[j * r + i] + C[i * r + j]) / 2;
    for (const double c : C)
        if (!std::isfinite(c)) return false;
    if (lapack::potrf(rank_, C.data(), rank_) != 0) return false;
    // Y = Q R: the approximation is B B' with B = Q (R C^-T), whose singular vectors are U.
    if (!orthogonalize(Y, B)) return false;
    lapack::trsm_right(rank_, rank_, C.data(), rank_, B.data(), rank_);
    std::vector<double> values(r), work(32 * r);
    if (lapack::left_singular_vectors(rank_, B.data(), values.data(), work.data(),
                                      static_cast<int>(work.size())) != 0)
        return false;
    // Eigenvalues are squares, less the shift; those that are no more than it say nothing, and
    // beside far larger ones r - U U'r is rounding.
    const double least =
        std::max(shift, std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon())) *
                            values[0] * values[0]);
    d_.clear();
    for (const double value : values)
        if (const double d = value * value - shift; d > least) d_.push_back(d);
    kept_ = static_cast<int>(d_.size());
    if (kept_ == 0) return false;
    std::vector<T> weights;
    for (const double d : d_) weights.push_back(static_cast<T>(1 / (1 / d - 1 / d_.back())));
    vectors_.upload(small_.get(), std::vector<T>(B.begin(), B.end()).data(), r * r);
    matrices_.multiply(Y, rank_, small_.get(), kept_, n, T(0), U_.get());
    vectors_.upload(weights_.get(), weights.data(), weights.size());
    return true;
}

template <class T>
void NystromPreconditioner<T>::apply(const T* r, T* z) {
    const long n = static_cast<long>(n_);
    vectors_.scale(z, static_cast<T>(1 / d_.back()), r, n);
    matrices_.multiply_transposed(U_.get(), kept_, r, 1, n, part_.get());
    // By 1/d - 1/d_r, which is 0 for the last.
    vectors_.unscale(scaled_part_.get(), weights_.get(), part_.get(), kept_);
    matrices_.multiply(U_.get(), kept_, scaled_part_.get(), 1, n, T(1), z);
}

template <class T>
std::optional<double> NystromPreconditioner<T>::size(const T* x) {
    const long n = static_cast<long>(n_);
    const Number length = vectors_.number();
    matrices_.multiply_transposed(U_.get(), kept_, x, 1, n, part_.get());
    vectors_.norms({{x, length}}, n);
    std::vector<T> parts(d_.size());
    vectors_.download(parts.data(), part_.get(), parts.size());
    const double norm = vectors_.read(length);
    double square = 0, inside = 0;
    for (std::size_t i = 0; i < d_.size(); ++i) {
        const double part = parts[i];
        square += d_[i] * part * part;
        inside += part * part;
    }
    return std::sqrt(square + d_.back() * std::max(norm * norm - inside, 0.0));
}

#define CUNEWTON_INSTANTIATE(T)               \
    template class BlockPreconditioner<T>;    \
    template class DiagonalPreconditioner<T>; \
    template class NystromPreconditioner<T>;
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
