// Parts of pictures that several commands draw.
#pragma once

#include <string>
#include <vector>

#include "cunewton/options.h"
#include "tool/gnuplot.h"

namespace cunewton::tool {

struct Run {
    std::string name;
    std::vector<IterationRecord> trace;
};

/// The loss above the lowest one of all runs, or of each run, against iterations, as the next plot.
void draw_convergence(Picture& picture, const std::vector<Run>& runs, bool one_problem = true);

/// A matrix of n x n as colours around zero, names on its sides if they are few enough.
void draw_matrix(Picture& picture, const std::vector<double>& values, int n,
                 const std::vector<std::string>& names, const std::string& title);

}  // namespace cunewton::tool
