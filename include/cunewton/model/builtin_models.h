// Every model and small objective of the library.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/model/curves.h"
#include "cunewton/model/decay.h"
#include "cunewton/model/diffusion.h"
#include "cunewton/model/gaussian.h"
#include "cunewton/model/growth.h"
#include "cunewton/model/peaks.h"
#include "cunewton/model/rosenbrock.h"
