// What the solvers need from a machine. Implemented in host/cpu and host/cuda; solvers see only
// this.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "cunewton/error.h"
#include "cunewton/options.h"
#include "cunewton/problem.h"

namespace cunewton {

/// Numbers that a backend computes and the solver reads. They are collected on the backend's side,
/// one slot each, and fetched together: on a GPU that is one small copy however many there are.
enum class Slot : int {
    f,              ///< loss at the trial point
    slope,          ///< directional derivative at the trial point
    gradient_norm,  ///< 2-norms, at the trial point
    x_norm,
    step_norm,
    gradient_size,  ///< |S^-1 g| at the current point, for the diagonal scaling S
    x_size,         ///< |S x|
    trial_gradient_size,
    trial_x_size,
    step_size,     ///< |S p|
    decrease,      ///< g'p at the current point
    curvature,     ///< p'Hp, or another product
    product,       ///< scratch for one more
    factor_info,   ///< 0: factorised; otherwise the order of the first minor that is not positive
    least_pivot,   ///< factorize: smallest ratio of a pivot to its entry on the matrix's diagonal
    norm,          ///< matrix_bounds: largest row sum of |S^-1 H S^-1|
    min_diagonal,  ///< matrix_bounds: smallest diagonal entry of S^-1 H S^-1
    count
};
inline constexpr int slot_count = static_cast<int>(Slot::count);

/// Memory of a backend, released with it.
template <class T>
class Buffer {
  public:
    Buffer() = default;
    Buffer(T* data, std::size_t size, void (*release)(void*) noexcept)
        : data_(data, release), size_(size) {}
    T* get() const { return data_.get(); }
    std::size_t size() const { return size_; }
    explicit operator bool() const { return static_cast<bool>(data_); }

  private:
    struct None {
        static void release(void*) noexcept {}
    };
    std::unique_ptr<T, void (*)(void*) noexcept> data_{nullptr, &None::release};
    std::size_t size_ = 0;
};

/// A vector and where its norm goes: |x|, or |S x| or |S^-1 x| for a diagonal S.
template <class T>
struct NormOf {
    const T* x;
    Slot to;
    const T* S = nullptr;
    bool inverse = false;
};
inline constexpr int max_norms = 4;

/// Vectors and dense symmetric matrices of one problem on one machine.
///
/// Matrices are column-major n x n; of symmetric ones only the lower triangle is read and written.
/// All pointers are the backend's. Operations are queued in order; upload, download and scalars()
/// wait for what was queued before. Failures of the machine throw DeviceError, exhausted memory
/// OutOfMemory; numerical outcomes (an indefinite matrix, a NaN) are reported in slots.
template <class T>
class Backend {
  public:
    virtual ~Backend() = default;
    virtual const char* name() const = 0;

    virtual Buffer<T> allocate(std::size_t count) = 0;
    /// What can still be allocated, at most; SIZE_MAX if that is not known.
    virtual std::size_t free_bytes() const = 0;
    virtual void upload(T* to, const T* from_host, std::size_t count) = 0;
    virtual void download(T* to_host, const T* from, std::size_t count) = 0;

    virtual void copy(T* to, const T* from, std::size_t count) = 0;
    /// y = a x
    virtual void scale(T* y, T a, const T* x, int n) = 0;
    /// y = S^-1 x for a diagonal S, n entries
    virtual void unscale(T* y, const T* S, const T* x, int n) = 0;
    /// y = S^2 x
    virtual void scale_twice(T* y, const T* S, const T* x, int n) = 0;
    /// y = x + a p
    virtual void add_scaled(T* y, const T* x, T a, const T* p, int n) = 0;
    /// slot = x'y
    virtual void dot(const T* x, const T* y, int n, Slot slot) = 0;
    /// slot = |x|_2 for each of the vectors, at most max_norms. Neither overflows nor underflows
    /// while the norm is in the range of double.
    virtual void norms(std::initializer_list<NormOf<T>> vectors, int n) = 0;

    /// A = value S^-2 (lower triangle); S null: the identity
    virtual void set_identity(T* A, int n, T value, const T* S) = 0;
    /// y = A x
    virtual void symv(const T* A, const T* x, T* y, int n) = 0;
    /// A += a (x y' + y x') + b x x'
    virtual void rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) = 0;
    /// Raises `largest` to the scales of A's diagonal and puts the scaling to use into S, both n
    /// entries (math/curvature_scale.h); g and f are gradient and loss at the same point, and
    /// parity is that of a loss of the run.
    virtual void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                              int n) = 0;
    /// Adds to A what makes the directions determined along which `outputs` blocks of n / outputs
    /// parameters change alike: for each place in a block the mean of its diagonal entries, to the
    /// entries of all pairs of blocks. A's null space loses those directions and nothing else
    /// changes in the complement.
    virtual void determine_common_shifts(T* A, int outputs, int n) = 0;
    /// Fills Slot::norm and min_diagonal from S^-1 A S^-1; S is a diagonal, n entries.
    virtual void matrix_bounds(const T* A, const T* S, int n) = 0;
    /// L L' = A + shift S^2; A is kept. Slot::factor_info is 0 if that worked, and
    /// Slot::least_pivot tells how regular the matrix is, in units that do not matter; otherwise L
    /// is unusable until the next call.
    virtual void factorize(const T* A, T shift, const T* S, T* L, int n) = 0;
    /// x = (L L')^-1 x
    virtual void solve(const T* L, T* x, int n) = 0;
    /// x = L^-1 x
    virtual void solve_lower(const T* L, T* x, int n) = 0;

    /// All slots, valid until the next call of scalars(). This is the one synchronising read.
    virtual const double* scalars() = 0;
    /// True if scalars() costs nothing, so that the solver may look at intermediate results instead
    /// of queueing work ahead.
    virtual bool scalars_are_local() const = 0;
    double scalar(Slot slot) { return scalars()[static_cast<int>(slot)]; }
};

/// One problem's loss and derivatives on a backend.
template <class T>
class Evaluator {
  public:
    virtual ~Evaluator() = default;
    /// Slot::f = f(x)
    virtual void value(const T* x) = 0;
    /// Slot::f = f(x); g = gradient
    virtual void value_and_gradient(const T* x, T* g) = 0;
    /// H = Hessian at x, lower triangle.
    virtual void hessian(const T* x, T* H) = 0;
    /// losses (host) = f at `count` points, column-major n x count (host).
    virtual void values(const T* points, int count, T* losses) = 0;
    /// Largest number of bytes that perturbed points and partial results have taken so far.
    virtual std::size_t peak_tile_bytes() const = 0;
};

/// A backend with a problem on it.
template <class T>
struct Session {
    std::unique_ptr<Backend<T>> backend;
    std::unique_ptr<Evaluator<T>> evaluator;  // uses *backend: destroyed first
};

/// The derivative options of a session, with every `automatic` resolved.
struct ResolvedDerivatives {
    GradientBy gradient;
    HessianBy hessian;
    HessianPrecision precision;
    double gradient_step;  ///< relative; 0 where nothing is differenced
    double hessian_step;
    std::size_t memory_budget;
};
template <class T>
ResolvedDerivatives resolve(const DerivativeOptions& options, const Capabilities& capabilities);

}  // namespace cunewton
