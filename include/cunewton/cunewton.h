// Everything a program needs that is not compiled by nvcc.
#pragma once

#include "cunewton/cpp20.h"

#include "cunewton/batch.h"
#include "cunewton/derivatives.h"
#include "cunewton/error.h"
#include "cunewton/loss/huber.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/poisson.h"
#include "cunewton/loss/quadratic.h"
#include "cunewton/loss/rosenbrock.h"
#include "cunewton/loss/softmax.h"
#include "cunewton/minimize.h"
#include "cunewton/model/builtin_models.h"
#include "cunewton/problem.h"
#include "cunewton/types.h"
