// (Compiled in the user's file.) The solver of one small problem, or of one in each lane of a Pack:
// Levenberg-Marquardt for sums of residuals, Newton with an exact trust region for general
// objectives. Host and device.
//
// A problem is advanced by one evaluation at a time: whoever runs it evaluates the objective, its
// gradient and its Hessian at the trial point and calls advance(), which accepts or rejects the
// point, decides whether the problem is finished and computes the next trial point. So lanes and
// threads whose problems are at different iterations work side by side, and one that is finished is
// given the next problem. Decisions are masks: with S a Pack all lanes take the same path.
//
// Throughout f is half of a fit's objective (sum of squares, deviance), so that J'r is its
// gradient.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/small/advance.h"
#include "cunewton/small/state.h"
