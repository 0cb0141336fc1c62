// Everything a program needs that is not compiled by nvcc.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/builtins.h"
#include "cunewton/checkpoint.h"
#include "cunewton/communicator.h"
#include "cunewton/compare.h"
#include "cunewton/constraints.h"
#include "cunewton/curvature.h"
#include "cunewton/differentiate.h"
#include "cunewton/error.h"
#include "cunewton/estimate.h"
#include "cunewton/fit.h"
#include "cunewton/learning_rates.h"
#include "cunewton/minimize.h"
#include "cunewton/options.h"
#include "cunewton/problem.h"
#include "cunewton/problem/cox.h"
#include "cunewton/report.h"
#include "cunewton/sparse_hessian.h"
#include "cunewton/starts.h"
