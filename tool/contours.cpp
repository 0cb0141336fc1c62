#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <memory>
#include <numeric>

#include "cunewton/differentiate.h"
#include "cunewton/error.h"
#include "tool/any_problem.h"
#include "tool/commands.h"
#include "tool/gnuplot.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

struct ContoursSettings {
    ProblemSettings problem;
    RunSettings run;
    std::vector<std::string> methods{"newton", "trust_region", "bfgs", "gradient_descent"};
    std::vector<double> start, lower, upper;
    int max_iterations = 500;
};

struct Path {
    std::string method;
    Status status;
    int iterations;
    double f;
    std::vector<std::vector<double>> points;  // x, y
};

/// The box that all paths fit in, with a margin.
void choose_box(const ContoursSettings& s, const TestFunction* function,
                const std::vector<Path>& paths, std::vector<double>& lower,
                std::vector<double>& upper) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    lower.assign(2, infinity);
    upper.assign(2, -infinity);
    double widest = 0;
    for (std::size_t j = 0; j < 2; ++j) {
        double &low = lower[j], &high = upper[j];
        for (const Path& path : paths)
            for (const std::vector<double>& point : path.points) {
                low = std::min(low, point[j]);
                high = std::max(high, point[j]);
            }
        if (function) {
            // A step far away must not make the rest a dot.
            const double span = function->upper[j] - function->lower[j];
            low = std::max(low, function->lower[j] - span);
            high = std::min(high, function->upper[j] + span);
        }
        widest = std::max(widest, high - low);
    }
    for (std::size_t j = 0; j < 2; ++j) {
        const double span = upper[j] - lower[j];
        double margin = span > 0 ? 0.12 * span : std::max(0.1 * std::abs(lower[j]), 0.1);
        // x and y of a function are in one unit.
        if (function) margin = std::max(margin, 0.5 * (0.6 * widest - span));
        lower[j] -= margin;
        upper[j] += margin;
    }
    if (s.lower.size() == 2) lower = s.lower;
    if (s.upper.size() == 2) upper = s.upper;
    if (!(lower[0] < upper[0] && lower[1] < upper[1]))
        throw InvalidArgument(
            "the box is empty (--lower and --upper) give --lower x,y below --upper x,y");
}

template <class T>
void draw(Picture& picture, const AnyProblem<T>& problem, const std::vector<Path>& paths,
          const std::vector<double>& lower, const std::vector<double>& upper,
          const EvaluationOptions& options) {
    constexpr int steps = 161;
    std::vector<T> points;
    for (int i = 0; i < steps; ++i)
        for (int j = 0; j < steps; ++j) {
            points.push_back(static_cast<T>(lower[0] + (upper[0] - lower[0]) * j / (steps - 1)));
            points.push_back(static_cast<T>(lower[1] + (upper[1] - lower[1]) * i / (steps - 1)));
        }
    const std::vector<T> f = evaluate_batch(problem.problem(), points, options);
    double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
    for (const Path& path : paths)
        lowest = std::min(lowest, std::isfinite(path.f) ? path.f : lowest);
    for (const T value : f)
        if (std::isfinite(value)) {
            lowest = std::min(lowest, static_cast<double>(value));
            highest = std::max(highest, static_cast<double>(value));
        }
    if (!(highest > lowest)) highest = lowest + 1;
    // Levels in equal ratios above the lowest loss, so that valleys show as well as walls.
    const double unit = (highest - lowest) * 1e-4;
    const auto height = [&](double value) { return std::log10(1 + (value - lowest) / unit); };
    std::string lines;
    for (int i = 0; i < steps; ++i) {
        for (int j = 0; j < steps; ++j) {
            const std::size_t e = static_cast<std::size_t>(i * steps + j);
            const double value = static_cast<double>(f[e]);
            lines += format("%.7g %.7g ", static_cast<double>(points[2 * e]),
                            static_cast<double>(points[2 * e + 1])) +
                     (std::isfinite(value) ? format("%.7g\n", height(value)) : "NaN\n");
        }
        lines += '\n';
    }
    const std::string grid = picture.block(lines);
    constexpr int levels = 22;
    const double top = height(highest);
    std::string tics;
    for (int k = 0; k <= 4; ++k) {
        const double at = top * k / 4, value = lowest + unit * (std::pow(10, at) - 1);
        tics += (k ? ", " : "") + in_quotes(format("%.3g", value)) + format(" %.6g", at);
    }
    const int rows = static_cast<int>(paths.size() + 4) / 3;  // of the legend
    picture.size(980, 760);
    picture << plain_style() << "unset grid\nset border 15 linecolor '#444444'\n"
            << "set title " + in_quotes(problem.title()) + " noenhanced\n"
            << "set xlabel " + in_quotes(problem.names()[0]) + " noenhanced\nset ylabel " +
                   in_quotes(problem.names()[1]) + " noenhanced\n"
            << "set contour base\nset cntrparam levels incremental " +
                   format("%.6g,%.6g,%.6g\n", top / (2 * levels), top / levels, top)
            << "unset surface\nset table $contours\nsplot " + grid +
                   " using 1:2:3 with lines\n"
                   "unset table\nunset contour\nset surface\n"
            << "set palette defined (0 '#ffffff', 1 '#e3e7ea', 2 '#c3c9cf', 3 '#9ea7b0')\n"
            << format("set cbrange [0:%.6g]\n", top) + "set cblabel 'loss'\nset cbtics (" + tics +
                   ")\n"
            << format("set xrange [%.7g:%.7g]\nset yrange [%.7g:%.7g]\n", lower[0], upper[0],
                      lower[1], upper[1])
            << format(
                   "set rmargin 16\nset bmargin at screen %.3f\n"
                   "set key at screen 0.47, screen 0.012 bottom center horizontal maxrows %d\n",
                   0.105 + 0.032 * rows, rows);
    std::string plots = "plot " + grid +
                        " using 1:2:3 with image notitle, \\\n    $contours using 1:2 "
                        "with lines linewidth 0.5 linecolor '#8a94a0' notitle";
    // Long paths below short ones.
    std::vector<std::size_t> order(paths.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return paths[a].points.size() > paths[b].points.size();
    });
    for (const std::size_t i : order) {
        const Path& path = paths[i];
        const std::string colour = colours[(i + 1) % std::size(colours)],
                          data = picture.data(path.points);
        constexpr int dashes[] = {1, 2, 4, 5}, markers[] = {7, 5, 9, 11, 13, 6};
        // Of a long path some twenty points are marked.
        plots += ", \\\n    " + data +
                 format(
                     " using 1:2 with linespoints linewidth 1.5 dashtype %d pointtype %d "
                     "pointsize 0.6 pointinterval %zu linecolor '",
                     dashes[i % std::size(dashes)], markers[i % std::size(markers)],
                     1 + path.points.size() / 25) +
                 colour + "' title " +
                 in_quotes(path.method + format(" (%d iterations)", path.iterations));
    }
    const std::string begin = picture.data({paths[0].points[0]});
    const auto lowest_path = std::min_element(
        paths.begin(), paths.end(),
        [](const Path& a, const Path& b) { return std::isfinite(a.f) && !(b.f <= a.f); });
    plots += ", \\\n    " + picture.data({lowest_path->points.back()}) +
             " using 1:2 with points pointtype 3 pointsize 2 linewidth 2 linecolor '#000000' "
             "title 'lowest loss found'";
    plots += ", \\\n    " + begin +
             " using 1:2 with points pointtype 6 pointsize 1.6 linewidth 2.5 linecolor '#000000' "
             "title 'start'";
    picture << plots + "\n";
    picture.draw();
}

template <class T>
int contours(const ContoursSettings& s) {
    if (s.run.plot.empty())
        throw InvalidArgument(
            "there is no file to draw (--plot is not given) pass --plot FILE.svg");
    Picture picture(s.run.plot);
    Progress progress(progress_when(s.run));
    const AnyProblem<T> problem(s.problem, progress);
    if (problem.dimension() != 2)
        throw InvalidArgument("contours are drawn of two parameters (the problem has " +
                              std::to_string(problem.dimension()) + ": " +
                              list_text(problem.names(), 6) +
                              ") choose --features, or --no-intercept");
    std::vector<T> start = problem.start();
    if (!s.start.empty()) {
        if (s.start.size() != 2)
            throw InvalidArgument("a start has two numbers (--start) pass --start X,Y");
        start.assign(s.start.begin(), s.start.end());
    }
    std::vector<Path> paths;
    for (const std::string& name : s.methods) {
        Options options;
        apply(s.run, options);
        options.method = method_named(name);
        options.max_iterations = s.max_iterations;
        options.callback = shown_by(progress, name);
        Path path{name, Status::not_run, 0, 0, {}};
        const Result<T> result = minimize(
            problem.problem(), start, options, IterateCallback<T>([&](const Iterate<T>& at) {
                const std::vector<T> x = at.x();
                path.points.push_back({static_cast<double>(x[0]), static_cast<double>(x[1])});
                return true;
            }));
        check_signals();
        path.points.push_back({static_cast<double>(result.x[0]), static_cast<double>(result.x[1])});
        path.status = result.status;
        path.iterations = result.iterations;
        path.f = static_cast<double>(result.f);
        paths.push_back(std::move(path));
    }
    progress.clear();
    std::vector<double> lower, upper;
    choose_box(s, problem.function(), paths, lower, upper);
    EvaluationOptions evaluation;
    apply(s.run, evaluation);
    if (s.run.json) {
        Json json;
        json["command"] = "contours";
        json["problem"] = problem.title();
        json["parameters"] = problem.names();
        json["paths"] = Json::array();
        for (const Path& path : paths)
            json["paths"].push_back({{"method", path.method},
                                     {"status", to_string(path.status)},
                                     {"iterations", path.iterations},
                                     {"loss", number(path.f)},
                                     {"points", path.points}});
        print(json);
    } else {
        std::cout << printable(problem.title()) << "\n\n";
        TextTable table(
            {"method", "iterations", problem.names()[0], problem.names()[1], "loss", "status"});
        for (const Path& path : paths)
            table.add({path.method, std::to_string(path.iterations),
                       number_text(path.points.back()[0]), number_text(path.points.back()[1]),
                       number_text(path.f), to_string(path.status)});
        std::cout << table.text();
    }
    draw(picture, problem, paths, lower, upper, evaluation);
    return success;
}

}  // namespace

void add_contours(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "contours", "Draws a loss of two parameters and the path of each method over it");
    const auto s = std::make_shared<ContoursSettings>();
    add_problem_options(*command, s->problem, false);
    command->add_option("--methods", s->methods, "whose paths are drawn")
        ->delimiter(',')
        ->capture_default_str()
        ->type_name("NAME,...");
    command->add_option("--start", s->start, "where they begin")->delimiter(',')->type_name("X,Y");
    command->add_option("--lower", s->lower, "corner of what is drawn")
        ->delimiter(',')
        ->expected(2)
        ->type_name("X,Y");
    command->add_option("--upper", s->upper, "its opposite")
        ->delimiter(',')
        ->expected(2)
        ->type_name("X,Y");
    command->add_option("--max-iterations", s->max_iterations, "of each method")
        ->check(positive())
        ->capture_default_str();
    add_run_options(*command, s->run, "the picture");
    command->footer(
        functions_text() + "\n" +
        examples({
            "cunewton contours --function rosenbrock --methods newton,trust_region,bfgs --plot "
            "rosenbrock.svg",
            "cunewton contours bench/data/challenger.csv --loss logistic --target distress --drop "
            "flight "
            "--standardize --methods newton,bfgs --plot challenger.png",
        }));
    command->callback([s, &status] {
        in_precision(s->run, [&](auto t) { status = contours<decltype(t)>(*s); });
    });
}

}  // namespace cunewton::tool
