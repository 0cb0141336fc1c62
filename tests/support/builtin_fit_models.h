#pragma once

#include <string>

#include "cunewton/fit.h"

// The built-in models by the names of their types.
namespace cunewton::test {

FitModel builtin_fit_model(const std::string& name);

}  // namespace cunewton::test
