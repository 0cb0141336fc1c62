// Problems: a loss, its data and its penalty, ready to be minimised or differentiated.
//
// make_objective         f(x)
// make_sample_sum        sum_i w_i l(x, s_i), any l
// make_linear_predictor  sum_i w_i l(z_i, y_i) with z_i = W' (x_i, 1): the Hessian is a weighted
//                        matrix product
// make_residuals         sum_i of the squares of r(x, s_i), or of a robust function of them
// make_curve_fit         the same of a model y ~ m(x; s_i)
// make_perceptron        sum_i w_i l(z(x_i), y_i) with z the outputs of a multi-layer perceptron
// make_element_sum       sum_e f_e(a few of the parameters): the Hessian is sparse
// make_black_box         a function that computes itself: values, and derivatives that it has
// with_curvature_penalty another problem with a penalty on its Hessian
//
// A functor passed to the first five, or to make_elements, is compiled for the CPU here, unless
// the library has its code: built-in losses bring that of CPU and GPU with them. A user's own loss
// gets its GPU code from cuda/attach.cuh in a .cu file.
#pragma once

#include "cunewton/problem/black_box.h"
#include "cunewton/problem/curvature_penalty.h"
#include "cunewton/problem/element_sum.h"
#include "cunewton/problem/linear_predictor.h"
#include "cunewton/problem/perceptron.h"
#include "cunewton/problem/residuals.h"
#include "cunewton/problem/sample_sum.h"
