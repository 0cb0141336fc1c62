// The library's models of curves and images by name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cunewton/fit.h"

namespace cunewton::tool {

struct Model {
    std::string name, formula;
    std::vector<std::string> parameters;
    std::vector<std::string> units;  ///< of each, made of x and y: "y", "1/x", ...; "": a number
    int coordinates = 1;
    FitModel model;
    /// Its value for these parameters at a point.
    std::function<double(const double* parameters, const double* x)> value;
    /// Parameters whose sign does not matter, such as widths: reported without it.
    std::vector<int> without_sign;
};

const std::vector<Model>& models();
/// Throws InvalidArgument with the names.
const Model& model_named(const std::string& name);
/// A table of them, for help texts.
std::string models_text();

}  // namespace cunewton::tool
