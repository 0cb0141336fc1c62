// The library's models of curves and images by name, and where a fit of them begins.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cunewton/fit.h"

namespace cunewton::tool {

/// The points of one problem: x has `coordinates` numbers for each of the y.
struct Points {
    const std::vector<double>& x;
    const std::vector<double>& y;
};

struct Model {
    std::string name, formula;
    std::vector<std::string> parameters;
    std::vector<std::string> units;  ///< of each, made of x and y: "y", "1/x", ...; "": a number
    int coordinates = 1;
    FitModel model;
    /// Where a fit to these points may begin, one or several starts after each other; `starts` is
    /// the same for all data. What it is made from is told in docs/tool.md.
    int starts = 1;
    std::function<std::vector<double>(const Points&)> guess;
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
