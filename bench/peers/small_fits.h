// Other libraries' least-squares fits of many small problems, one after the other on one thread.
//
// Files that are compiled for the processor at hand include this one too: nothing here may be worth
// vectorising.
#pragma once

namespace cunewton::bench {

enum class SmallModel { gaussian2d, diffusion_tensor };

/// As BatchData with shared coordinates and a start for each problem.
template <class T>
struct SmallFits {
    SmallModel model;
    long problems;
    int points;
    const T* coordinates;
    const T* y;
    const T* start;
    /// Stop when the sum of squares falls by less than this fraction of itself.
    double change_tolerance;
    T* parameters;     ///< out
    long* iterations;  ///< out: of all problems together
};

/// A peer's solver; null where it has none in this precision.
template <class T>
using SmallFitter = void (*)(const SmallFits<T>&);

struct SmallFitPeer {
    const char* name;
    long most_problems;  ///< slow ones solve the first of the batch
    SmallFitter<double> in_double;
    SmallFitter<float> in_float;
};
inline SmallFitter<double> fitter(const SmallFitPeer& peer, double) {
    return peer.in_double;
}
inline SmallFitter<float> fitter(const SmallFitPeer& peer, float) {
    return peer.in_float;
}

// Where their libraries were found: see small_fit_peers.h for the list.
template <class T>
void fit_with_tiny_solver(const SmallFits<T>&);
template <class T>
void fit_with_eigen(const SmallFits<T>&);
void fit_with_cminpack(const SmallFits<double>&);
void fit_with_gsl(const SmallFits<double>&);
void fit_with_dlib(const SmallFits<double>&);

/// The models' residuals and, unless `jacobian` is null, their derivatives, column by column:
/// vectorised by Eigen's exp and compiled for the processor at hand, for the libraries that are not
/// templates.
class NativeResiduals {
  public:
    virtual ~NativeResiduals() = default;
    virtual void evaluate(long problem, const double* p, double* r, double* jacobian) = 0;
};
/// Refers to `fits`; the caller's to delete.
NativeResiduals* make_native_residuals(const SmallFits<double>& fits);

inline int parameters_of(SmallModel model) {
    return model == SmallModel::gaussian2d ? 5 : 7;
}

}  // namespace cunewton::bench
