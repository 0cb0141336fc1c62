#include "host/minimize/conjugate_gradients.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "host/minimize/tridiagonal.h"

namespace cunewton::solver {

namespace {

/// r'M^-1 r, which only a preconditioner of the caller's can make negative.
double definite(double rz) {
    if (rz < 0)
        throw InvalidArgument(
            "the preconditioner is not positive definite (r'M^-1 r is " + std::to_string(rz) +
            " for a residual r) pass one that is symmetric and positive definite");
    return rz;
}

}  // namespace

template <class T>
ConjugateGradients<T>::ConjugateGradients(Vectors<T>& vectors, long n, int kept)
    : vectors_(vectors),
      n_(n),
      r_(vectors.allocate(n)),
      d_(vectors.allocate(n)),
      Hd_(vectors.allocate(n)),
      most_kept_(kept) {
    if (kept > 0) {
        kept_ = vectors.allocate(static_cast<std::size_t>(n) * kept);
        last_d_ = vectors.allocate(n);
    }
    for (int i = 0; i < ahead; ++i) bend_there_.push_back(vectors.number());
    for (int i = 0; i <= ahead; ++i) rz_there_.push_back(vectors.number());
    if (!vectors.scalars_are_local())
        for (Buffer<T>* saved : {&saved_x_, &saved_r_, &saved_d_}) *saved = vectors.allocate(n);
}

template <class T>
void ConjugateGradients<T>::start(Curvature<T>& H, Factor<T> factor, const T* rhs, T* x,
                                  Preconditioner<T>* M, T* flattest) {
    H_ = &H;
    M_ = M;
    x_ = x;
    flattest_ = flattest;
    vectors_.scale(r_.get(), factor, rhs, n_);
    if (x) vectors_.scale(x, T(0), r_.get(), n_);
    if (M) {
        if (!z_) z_ = vectors_.allocate(n_);
        M->apply(r_.get(), z_.get());
    }
    const T* z = M ? z_.get() : r_.get();
    vectors_.copy(d_.get(), z, n_);
    vectors_.dot(r_.get(), z, n_, rz(0));
    first_rz_ = rz_ = dd_ = definite(vectors_.read(rz(0)));
    xx_ = xd_ = 0;
    result_ = {};
    result_.residual = first_rz_ > 0 ? 1 : 0;
    result_.right = std::sqrt(first_rz_);
    if (first_rz_ == 0) result_.end = ConjugateGradientsEnd::converged;
    if (!std::isfinite(first_rz_)) result_.end = ConjugateGradientsEnd::not_finite;
    kept_count_ = 0;
    turned_ = false;
    diagonal_.clear();
    beside_.clear();
    last_turn_ = 0;
    keep(first_rz_);
}

template <class T>
void ConjugateGradients<T>::keep(double rz) {
    if (kept_count_ == most_kept_ || !x_ || !(rz > 0)) return;
    vectors_.scale(kept_.get() + kept_count_ * n_, static_cast<T>(1 / std::sqrt(rz)),
                   M_ ? z_.get() : r_.get(), n_);
    ++kept_count_;
}

/// With normalised residuals as Lanczos vectors, whatever the signs of curvatures (Gould, Lucidi,
/// Roma and Toint 1999, equation 3.3).
template <class T>
void ConjugateGradients<T>::note_tridiagonal(const Step& step) {
    if (most_kept_ == 0) return;
    const double curvature = step.bend / step.rz;  // 1 / a
    diagonal_.push_back(curvature + last_turn_);
    last_turn_ = step.next_rz / step.rz * curvature;
    beside_.push_back(-std::sqrt(step.next_rz / step.rz) * curvature);
}

template <class T>
bool ConjugateGradients<T>::search_boundary(Step step, const ConjugateGradientsOptions& options) {
    // A Lanczos vector for each product.
    if (kept_count_ == 0 || kept_count_ != static_cast<int>(diagonal_.size()) + 1) return false;
    vectors_.copy(last_d_.get(), d_.get(), n_);
    turned_ = true;
    const double b = std::sqrt(first_rz_), enough = std::min(options.tolerance, 0.1) * b;
    double dd = dd_;
    TridiagonalStep best;
    for (;;) {
        // Beside it there is a number in any case; the last is that of the next vector.
        const bool curved = std::abs(step.bend) > 1e-10 * result_.largest * dd;
        if (curved) {
            vectors_.add_scaled(r_.get(), r_.get(), Ratio{rz(0), bend_there_[0], -1}, Hd_.get(),
                                n_);
            turn(0);
            step.next_rz = definite(vectors_.read(rz(1)));
        }
        if (!std::isfinite(step.next_rz)) break;
        note_tridiagonal(step);
        best = solve_tridiagonal(diagonal_, beside_, b, options.radius);
        if (best.h.empty()) break;
        const double residual = std::abs(beside_.back() * best.h.back());
        if (!curved || residual <= enough || kept_count_ == most_kept_ ||
            result_.products >= options.max_products || !(step.next_rz > 0))
            break;
        const double turn = step.next_rz / step.rz;
        dd = step.next_rz + turn * turn * dd;
        first_ = (first_ + 1) % (ahead + 1);
        keep(step.next_rz);
        H_->apply(d_.get(), 1, Hd_.get());
        vectors_.dot(d_.get(), Hd_.get(), n_, bend_there_[0]);
        ++result_.products;
        step = {step.next_rz, vectors_.read(bend_there_[0]), 0};
        if (!std::isfinite(step.bend)) break;
        result_.largest = std::max(result_.largest, step.bend / dd);
    }
    if (best.h.empty()) {
        result_.end = ConjugateGradientsEnd::not_finite;
        return true;
    }
    vectors_.scale(x_, static_cast<T>(best.h[0]), kept_.get(), n_);
    for (std::size_t i = 1; i < best.h.size(); ++i)
        vectors_.add_scaled(x_, x_, static_cast<T>(best.h[i]),
                            kept_.get() + static_cast<long>(i) * n_, n_);
    result_.size = best.size;
    result_.slope = best.slope;
    result_.decrease = best.decrease;
    return true;
}

template <class T>
void ConjugateGradients<T>::move(Factor<T> a, Factor<T> minus_a) {
    if (x_) vectors_.add_scaled(x_, x_, a, d_.get(), n_);
    vectors_.add_scaled(r_.get(), r_.get(), minus_a, Hd_.get(), n_);
}

template <class T>
void ConjugateGradients<T>::turn(int step) {
    const T* z = r_.get();
    if (M_) {
        M_->apply(r_.get(), z_.get());
        z = z_.get();
    }
    vectors_.dot(r_.get(), z, n_, rz(step + 1));
    vectors_.add_scaled(d_.get(), z, Ratio{rz(step + 1), rz(step)}, d_.get(), n_);
}

template <class T>
void ConjugateGradients<T>::set_length(const Step& step, double radius) {
    if (xx_ > 0) return;
    length_ = step.bend > 0 ? step.rz / step.bend : radius;
    if (!(length_ > 0 && std::isfinite(length_))) length_ = 1;
}

template <class T>
bool ConjugateGradients<T>::inside(const Step& step, double radius) const {
    const double a = step.rz / step.bend / length_, edge = radius / length_;
    return xx_ + a * (2 * xd_ + a * dd_) < edge * edge;
}

/// The recurrences of lengths (Conn, Gould and Toint 2000, equations 7.5.5 to 7.5.7).
template <class T>
void ConjugateGradients<T>::note(const Step& step) {
    const double a = step.rz / step.bend, b = step.next_rz / step.rz, part = a / length_;
    const double curvature = step.bend / dd_;
    result_.least = std::min(result_.least, curvature);
    result_.largest = std::max(result_.largest, curvature);
    result_.decrease += 0.5 * a * step.rz;
    result_.slope += a * step.rz;
    xx_ += part * (2 * xd_ + part * dd_);
    xd_ = b * (xd_ + part * dd_);
    dd_ = step.next_rz + b * b * dd_;
    rz_ = step.next_rz;
    result_.size = std::sqrt(xx_) * length_;
    result_.residual = std::sqrt(rz_ / first_rz_);
}

template <class T>
void ConjugateGradients<T>::finish_at_boundary(const Step& step, double radius) {
    // The positive root of |x + a d| = radius, without cancellation.
    const double edge = radius / length_, room = edge * edge - xx_;
    const double root = std::sqrt(std::max(xd_ * xd_ + dd_ * room, 0.0));
    const double a = length_ * (xd_ > 0 ? room / (xd_ + root) : (root - xd_) / dd_);
    move(static_cast<T>(a), static_cast<T>(-a));
    result_.decrease += a * (step.rz - 0.5 * a * step.bend);
    result_.slope += a * step.rz;
    result_.size = radius;
}

/// Takes at most `count` steps and looks at each of them. False where the run has ended.
template <class T>
bool ConjugateGradients<T>::look_at_each(const ConjugateGradientsOptions& options, long count) {
    using End = ConjugateGradientsEnd;
    for (long i = 0; i < count; ++i) {
        H_->apply(d_.get(), 1, Hd_.get());
        vectors_.dot(d_.get(), Hd_.get(), n_, bend_there_[0]);
        ++result_.products;
        Step step{rz_, vectors_.read(bend_there_[0]), 0};
        if (!std::isfinite(step.bend)) {
            result_.end = End::not_finite;
            return false;
        }
        set_length(step, options.radius);
        const bool negative = !(step.bend > 0);
        if (flattest_ && step.bend / dd_ < result_.least) vectors_.copy(flattest_, d_.get(), n_);
        if (negative || !inside(step, options.radius)) {
            result_.end = negative ? End::negative_curvature : End::boundary;
            if (negative) result_.least = step.bend / dd_;
            if (std::isfinite(options.radius) && !search_boundary(step, options))
                finish_at_boundary(step, options.radius);
            return false;
        }
        move(Ratio{rz(0), bend_there_[0]}, Ratio{rz(0), bend_there_[0], -1});
        turn(0);
        step.next_rz = definite(vectors_.read(rz(1)));
        note(step);
        note_tridiagonal(step);
        first_ = (first_ + 1) % (ahead + 1);
        keep(step.next_rz);
        if (!std::isfinite(rz_))
            result_.end = End::not_finite;
        else if (result_.residual <= options.tolerance)
            result_.end = End::converged;
        else
            continue;
        return false;
    }
    return true;
}

/// The same for count <= ahead steps, with one look when all are queued.
template <class T>
bool ConjugateGradients<T>::look_at_last(const ConjugateGradientsOptions& options, int count) {
    if (x_) vectors_.copy(saved_x_.get(), x_, n_);
    vectors_.copy(saved_r_.get(), r_.get(), n_);
    vectors_.copy(saved_d_.get(), d_.get(), n_);
    for (int i = 0; i < count; ++i) {
        H_->apply(d_.get(), 1, Hd_.get());
        ++result_.products;
        vectors_.dot(d_.get(), Hd_.get(), n_, bend_there_[i]);
        move(Ratio{rz(i), bend_there_[i]}, Ratio{rz(i), bend_there_[i], -1});
        turn(i);
    }
    const ConjugateGradientsResult before = result_;
    const double saved[] = {xx_, xd_, dd_, rz_};
    for (int i = 0; i < count; ++i) {
        const Step step{rz_, vectors_.read(bend_there_[i]), vectors_.read(rz(i + 1))};
        set_length(step, options.radius);
        // 0 / 0 where nothing was left to do.
        const bool done = step.rz == 0;
        if (!done && (!(step.bend > 0) || !(step.next_rz >= 0) || std::isinf(step.next_rz) ||
                      !inside(step, options.radius))) {
            if (x_) vectors_.copy(x_, saved_x_.get(), n_);
            vectors_.copy(r_.get(), saved_r_.get(), n_);
            vectors_.copy(d_.get(), saved_d_.get(), n_);
            const long products = result_.products;
            result_ = before;
            result_.products = products;
            xx_ = saved[0], xd_ = saved[1], dd_ = saved[2], rz_ = saved[3];
            return look_at_each(options, count);
        }
        if (done) break;
        note(step);
    }
    first_ = (first_ + count) % (ahead + 1);
    if (result_.residual > options.tolerance) return true;
    result_.end = ConjugateGradientsEnd::converged;
    return false;
}

template <class T>
ConjugateGradientsResult ConjugateGradients<T>::run(const ConjugateGradientsOptions& options) {
    using End = ConjugateGradientsEnd;
    if (result_.end == End::converged && result_.residual > options.tolerance)
        result_.end = End::max_products;
    if (result_.end != End::max_products) return result_;
    const bool local = vectors_.scalars_are_local() || flattest_ || most_kept_ > 0;
    for (;;) {
        const long left = options.max_products - result_.products;
        if (left <= 0) return result_;
        const bool goes_on =
            local ? look_at_each(options, left)
                  : look_at_last(options, static_cast<int>(std::min<long>(left, ahead)));
        if (!goes_on) return result_;
    }
}

template class ConjugateGradients<double>;
template class ConjugateGradients<float>;

}  // namespace cunewton::solver
