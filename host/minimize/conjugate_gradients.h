// Conjugate gradients on a quadratic model of which only products are known, within a ball.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "host/backend/curvature.h"
#include "host/backend/preconditioner.h"

namespace cunewton::solver {

struct ConjugateGradientsOptions {
    double tolerance = 1e-10;  ///< of |b - H x| / |b|
    /// Of the ball, |x| <= radius.
    double radius = std::numeric_limits<double>::infinity();
    long max_products = 1000;
};

enum class ConjugateGradientsEnd {
    converged,           ///< to the tolerance
    boundary,            ///< the next point was outside: x is where the way to it leaves the ball
    negative_curvature,  ///< d'Hd <= 0: x has followed d to the boundary, if there is one
    max_products,
    not_finite,  ///< x is of no use
};

struct ConjugateGradientsResult {
    ConjugateGradientsEnd end = ConjugateGradientsEnd::max_products;
    long products = 0;    ///< since start()
    double residual = 0;  ///< |b - H x| / |b|
    double size = 0;      ///< |x|
    double decrease = 0;  ///< b'x - x'Hx / 2
    double slope = 0;     ///< b'x
    double right = 0;     ///< |b|
    /// The smallest and the largest d'Hd / d'd met since start(); the smallest is that of the last
    /// direction where that ended the run.
    double least = std::numeric_limits<double>::infinity(), largest = 0;
};

/// Maximises b'x - x'Hx / 2 from x = 0, in the Krylov space and in the ball: the inverse H^-1 b of
/// a definite Hessian (Hestenes and Stiefel 1952), the step of a trust region of any other
/// (Steihaug 1983; Conn, Gould and Toint 2000, algorithm 7.5.1). With a preconditioner |x|^2 is
/// x'Mx, d'd is d'Md, and |r|^2 is r'M^-1 r.
///
/// Where looking at numbers means waiting for the machine, `ahead` products are queued between two
/// looks. What they overran is taken back and done again, number by number: the steps are the same
/// ones, but for a last few that a look in time would have saved.
template <class T>
class ConjugateGradients {
  public:
    static constexpr int ahead = 8;

    /// Vectors of n numbers. kept: Lanczos vectors, by which a way that leaves the ball within as
    /// many products ends at the best point of their space on its boundary, and of that of a few
    /// more; every product is looked at then.
    ConjugateGradients(Vectors<T>& vectors, long n, int kept = 0);
    /// b = factor * rhs, which is not needed any longer. x (n numbers, or null where nobody wants
    /// it) = 0. All are used until the next start(), H at the same point. flattest (n numbers, or
    /// null; may be rhs) becomes the direction of the least d'Hd / d'd, for which every product is
    /// looked at.
    void start(Curvature<T>& H, Factor<T> factor, const T* rhs, T* x,
               Preconditioner<T>* M = nullptr, T* flattest = nullptr);
    /// Goes on from where the last call ended, unless that was by anything but the tolerance or
    /// the number of products.
    ConjugateGradientsResult run(const ConjugateGradientsOptions& options);
    /// d, the last direction.
    const T* direction() const { return turned_ ? last_d_.get() : d_.get(); }

  private:
    struct Step {
        double rz, bend, next_rz;
    };
    /// x += a d, r -= a Hd
    void move(Factor<T> a, Factor<T> minus_a);
    /// The residual and the direction after it; the numbers of the step are known there.
    void turn(int step);
    void set_length(const Step& first, double radius);
    bool inside(const Step& step, double radius) const;
    void note(const Step& step);
    void finish_at_boundary(const Step& step, double radius);
    /// Keeps the next Lanczos vector, r'M^-1 r = rz.
    void keep(double rz);
    /// Notes the tridiagonal's entries by a step.
    void note_tridiagonal(const Step& step);
    /// Instead of finish_at_boundary(), if the vectors so far have been kept.
    bool search_boundary(Step step, const ConjugateGradientsOptions& options);
    bool look_at_each(const ConjugateGradientsOptions& options, long count);
    bool look_at_last(const ConjugateGradientsOptions& options, int count);
    const Number& rz(int step) const { return rz_there_[(first_ + step) % (ahead + 1)]; }

    Vectors<T>& vectors_;
    const long n_;
    Buffer<T> r_, z_, d_, Hd_;
    Buffer<T> saved_x_, saved_r_, saved_d_;  // where products are queued ahead
    // Of the Lanczos method: vectors of unit length in M, H in their space, and the last direction
    // before that is searched.
    const int most_kept_;
    Buffer<T> kept_, last_d_;
    int kept_count_ = 0;
    bool turned_ = false;
    std::vector<double> diagonal_, beside_;
    double last_turn_ = 0;  // b / a of the last step
    std::vector<Number> rz_there_, bend_there_;
    int first_ = 0;  // rz(0) is at this place
    Curvature<T>* H_ = nullptr;
    Preconditioner<T>* M_ = nullptr;
    T *x_ = nullptr, *flattest_ = nullptr;
    double first_rz_ = 0, rz_ = 0;  // r'M^-1 r
    double length_ = 1;  // of the first step, the unit of x here: its square may be out of range
    double xx_ = 0, xd_ = 0, dd_ = 0;  // x'Mx, x'Md, d'Md
    ConjugateGradientsResult result_;
};

}  // namespace cunewton::solver
