// The list of cases. To add one: a file here, a line in each of the two lists below.
#pragma once

#include "bench/context.h"

namespace cunewton::bench {

void run_digits(Context& context);
void run_logistic_dense(Context& context);
void run_softmax_dense(Context& context);
void run_matrix_free(Context& context);
void run_subsampled_newton(Context& context);
void run_fd_hessian(Context& context);
void run_unconstrained(Context& context);
void run_gaussian2d_batch(Context& context);
void run_dwi_batch(Context& context);
void run_guessed_starts(Context& context);
void run_curve_fit_large(Context& context);
void run_rosenbrock_batch(Context& context);
void run_nist(Context& context);
void run_mlp_products(Context& context);
void run_mlp_train(Context& context);
void run_lanczos(Context& context);
void run_spectrum(Context& context);
void run_learning_rates(Context& context);
void run_sparse_chain(Context& context);
void run_sparse_grid(Context& context);
void run_bounded(Context& context);
void run_logistic_bounds(Context& context);

struct Case {
    const char* name;
    const char* description;
    void (*run)(Context& context);
};

inline constexpr Case all_cases[] = {
    {"digits", "softmax regression on images of handwritten digits", run_digits},
    {"logistic_dense", "logistic regression by Newton's method, n up to 2000", run_logistic_dense},
    {"softmax_dense", "softmax regression by Newton's method, n up to 1970", run_softmax_dense},
    {"matrix_free", "both regressions by Newton-CG, which forms no Hessian", run_matrix_free},
    {"subsampled_newton", "logistic regression by Newton's method on samples that grow",
     run_subsampled_newton},
    {"fd_hessian", "one Hessian from values, from gradients, and by autodiff", run_fd_hessian},
    {"unconstrained", "classical test problems from their standard starts", run_unconstrained},
    {"gaussian2d_batch", "fits of a peak in two dimensions to images of 15 x 15 pixels",
     run_gaussian2d_batch},
    {"dwi_batch", "fits of a diffusion tensor to the voxels of a magnetic resonance image",
     run_dwi_batch},
    {"guessed_starts", "fits of peaks and of decays, with starts and without", run_guessed_starts},
    {"curve_fit_large", "one curve of 100,000 to 10,000,000 points", run_curve_fit_large},
    {"rosenbrock_batch", "minimisations of the extended Rosenbrock function, n = 2 to 16",
     run_rosenbrock_batch},
    {"nist", "NIST's certified problems of nonlinear regression, both starts", run_nist},
    {"mlp_products", "loss, gradient and products with the Hessian of a perceptron",
     run_mlp_products},
    {"mlp_train", "a perceptron trained on all samples: the time to a given loss", run_mlp_train},
    {"lanczos", "the largest eigenvalues of a perceptron's Hessian, by products", run_lanczos},
    {"spectrum", "all eigenvalues of a Hessian, and the spectral density of a large one",
     run_spectrum},
    {"learning_rates", "gradient descent by rates from curvature, against Newton and BFGS",
     run_learning_rates},
    {"sparse_chain", "chained functions with banded Hessians, n up to 1,000,000", run_sparse_chain},
    {"sparse_grid", "minimal surfaces over a grid, up to 500 x 500 points", run_sparse_grid},
    {"bounded", "problems within bounds whose solutions are known, n up to 200", run_bounded},
    {"logistic_bounds", "logistic regression of 51 parameters, with and without three bounds",
     run_logistic_bounds},
};

}  // namespace cunewton::bench
