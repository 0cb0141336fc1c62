#include "tool/pictures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tool/text.h"

namespace cunewton::tool {
namespace {

/// Pixels of a side that are drawn of a matrix; larger ones show the largest entry of each patch.
constexpr int most_drawn = 500;

}  // namespace

void draw_convergence(Picture& picture, const std::vector<Run>& runs, bool one_problem) {
    std::vector<double> lowest(runs.size(), std::numeric_limits<double>::infinity());
    double last = 0;  // iteration
    for (std::size_t i = 0; i < runs.size(); ++i)
        for (const IterationRecord& at : runs[i].trace) {
            if (std::isfinite(at.f)) lowest[i] = std::min(lowest[i], at.f);
            last = std::max(last, static_cast<double>(at.iteration));
        }
    if (one_problem && !lowest.empty())
        std::fill(lowest.begin(), lowest.end(), *std::min_element(lowest.begin(), lowest.end()));
    double highest = 0, size = 0;
    for (std::size_t i = 0; i < runs.size(); ++i)
        for (const IterationRecord& at : runs[i].trace)
            if (std::isfinite(at.f)) {
                highest = std::max(highest, at.f - lowest[i]);
                size = std::max(size, std::abs(lowest[i]));
            }
    if (!(highest > 0)) highest = 1;
    // What is lower is rounding.
    const double floor = std::max(1e-16 * std::max(size, highest), 1e-300);
    std::string plots;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        std::vector<std::vector<double>> rows;
        for (const IterationRecord& at : runs[i].trace)
            rows.push_back({static_cast<double>(at.iteration), std::max(at.f - lowest[i], floor)});
        plots += (i ? ", \\\n    " : "") + picture.data(rows) +
                 " using 1:2 with linespoints linewidth 2 pointtype 7 pointsize 0.5 linecolor '" +
                 colours[i % std::size(colours)] + "' " +
                 (runs.size() > 1 ? "title " + in_quotes(runs[i].name) : "notitle");
    }
    picture << "set title 'Convergence" +
                   (runs.size() == 1 ? " of " + runs[0].name : std::string()) +
                   "' noenhanced\nset logscale y\nset format y '10^{%T}'\nset xlabel "
                   "'iterations'\nset ylabel 'loss above " +
                   (one_problem ? "the" : "its") + " lowest'\n" +
                   (runs.size() > 1 ? "set key below\n" : "") +
                   (last > 10 ? "set xtics autofreq\n" : "set xtics 1\n") +
                   format("set yrange [%.3g:%.3g]\n", floor / 3, highest * 3) + "plot " + plots +
                   "\nunset logscale y\nset format y '%h'\nset yrange [*:*]\nunset ylabel\n";
}

void draw_matrix(Picture& picture, const std::vector<double>& values, int n,
                 const std::vector<std::string>& names, const std::string& title) {
    const int patch = (n + most_drawn - 1) / most_drawn, drawn = (n + patch - 1) / patch;
    std::vector<double> shown(static_cast<std::size_t>(drawn) * static_cast<std::size_t>(drawn), 0);
    double largest = 0;
    for (long i = 0; i < n; ++i)
        for (long j = 0; j < n; ++j) {
            const double value = values[static_cast<std::size_t>(i * n + j)];
            double& to = shown[static_cast<std::size_t>(i / patch * drawn + j / patch)];
            if (std::abs(value) > std::abs(to)) to = value;
            largest = std::max(largest, std::abs(value));
        }
    if (!(largest > 0)) largest = 1;
    picture << diverging_palette() << "set title " + in_quotes(title) + " noenhanced\n";
    constexpr int most_names = 30;
    const bool named = n <= most_names && static_cast<int>(names.size()) == n;
    std::string tics;
    for (int j = 0; named && j < n; ++j)
        tics += (j ? ", " : "") + in_quotes(names[static_cast<std::size_t>(j)]) + format(" %d", j);
    if (named)
        picture << "set xtics (" + tics + ") rotate by 45 right noenhanced\nset ytics (" + tics +
                       ") noenhanced\n";
    else
        picture << "set xlabel 'parameter'\nset ylabel 'parameter'\n";
    const std::string axis = format("[%.1f:%.1f]", -0.5, drawn - 0.5);
    picture << "set size ratio 1\nunset grid\nset border 15 linecolor '#444444'\nset xrange " +
                   axis + "\nset yrange " + format("[%.1f:%.1f]", drawn - 0.5, -0.5) +
                   "\nset cbrange [" + format("%.6g:%.6g", -largest, largest) +
                   "]\nset cblabel 'second derivative'\nset format cb '%.2g'\n";
    if (patch > 1) {
        std::string places;
        for (int k = 0; k <= 4; ++k) {
            const int at = (n - 1) * k / 4;
            places += (k ? ", " : "") + format("'%d' %d", at, at / patch);
        }
        picture << "set xtics (" + places + ")\nset ytics (" + places + ")\n";
    }
    picture << "plot " + picture.matrix(shown, drawn, drawn) + " matrix with image notitle\n"
            << "set size noratio\n";
}

}  // namespace cunewton::tool
