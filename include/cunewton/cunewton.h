// Everything a program needs that is not compiled by nvcc.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/differentiate.h"
#include "cunewton/error.h"
#include "cunewton/fit.h"
#include "cunewton/loss/huber.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/poisson.h"
#include "cunewton/loss/quadratic.h"
#include "cunewton/loss/rosenbrock.h"
#include "cunewton/loss/softmax.h"
#include "cunewton/minimize.h"
#include "cunewton/model/builtin_models.h"
#include "cunewton/options.h"
#include "cunewton/problem.h"
