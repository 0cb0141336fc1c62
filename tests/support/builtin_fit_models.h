#pragma once

#include <string>

#include "cunewton/batch.h"

// The built-in models by the names of their types, compiled once for all tests.
namespace cunewton::test {

FitModel builtin_fit_model(const std::string& name);

/// Parts of the above, in two files for the sake of compile time: whether the name was found.
bool find_peak_model(const std::string& name, const FitModel*& found);
bool find_curve_model(const std::string& name, const FitModel*& found);

/// True and `found` set if `name` is that of a model in the list. Each is made when first asked
/// for.
template <class Model>
bool take_model(const std::string& name, const char* wanted, const FitModel*& found) {
    if (name != wanted) return false;
    static const FitModel model = make_fit_model(Model{});
    found = &model;
    return true;
}

}  // namespace cunewton::test
