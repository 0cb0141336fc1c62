// Test functions of two parameters or more, to see what methods and point classes are.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cunewton/problem.h"

namespace cunewton::tool {

struct TestFunction {
    std::string name, formula;
    std::vector<double> start;         ///< the customary one
    std::vector<double> lower, upper;  ///< a box that shows it
};
/// Throws InvalidArgument with the names.
const TestFunction& function_named(const std::string& name);
std::string functions_text();
template <class T>
Problem<T> make_problem(const TestFunction& function);

}  // namespace cunewton::tool
