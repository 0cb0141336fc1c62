#if CUNEWTON_BENCH_HAVE_CERES
#include <ceres/tiny_solver.h>

#include <memory>

#include "bench/peers/native_models.h"

namespace cunewton::bench {
namespace {

template <class T, int points, class Model>
struct Function {
    using Scalar = T;
    enum { NUM_RESIDUALS = points, NUM_PARAMETERS = Model::parameters };
    Model& model;
    const T* y;
    int rows;

    bool operator()(const T* p, T* r, T* jacobian) const {
        model(p, y, r, jacobian);
        return true;
    }
    int NumResiduals() const { return rows; }
};

template <class T, int points, class Model>
void fit_all(const SmallFits<T>& fits, Model model) {
    constexpr int n = Model::parameters;
    using F = Function<T, points, Model>;
    const auto solver = std::make_unique<ceres::TinySolver<F>>();
    solver->options.max_num_iterations = 200;
    solver->options.gradient_tolerance = 0;
    solver->options.cost_threshold = 0;
    solver->options.parameter_tolerance = 0;
    for (long i = 0; i < fits.problems; ++i) {
        const T* y = fits.y + i * fits.points;
        // Its limit is one of the change itself. Counts have the variance that they are, so their
        // sum is the sum of squares to be expected; other data are given its order of magnitude.
        double scale = 0;
        for (int k = 0; k < fits.points; ++k) scale += y[k];
        solver->options.function_tolerance = static_cast<T>(fits.change_tolerance * scale);
        Eigen::Matrix<T, n, 1> p = Eigen::Map<const Eigen::Matrix<T, n, 1>>(fits.start + i * n);
        const F function{model, y, fits.points};
        *fits.iterations += solver->Solve(function, &p).iterations;
        Eigen::Map<Eigen::Matrix<T, n, 1>>(fits.parameters + i * n) = p;
    }
}

}  // namespace

template <class T>
void fit_with_tiny_solver(const SmallFits<T>& fits) {
    with_native_model(fits, [&]<template <class, int> class Model, int points>(
                                Model<T, points> model) { fit_all<T, points>(fits, model); });
}
template void fit_with_tiny_solver(const SmallFits<double>&);
template void fit_with_tiny_solver(const SmallFits<float>&);

}  // namespace cunewton::bench
#endif
