#include "examples/train_mlp/report.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>

#include "cunewton/error.h"

namespace cunewton::train_mlp {
namespace {

/// Okabe and Ito 2008: told apart by the colour-blind too.
constexpr const char* colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                   "#E69F00", "#56B4E9", "#000000"};

/// Between single quotes, as gnuplot reads it.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') result += c;
        result += c;
    }
    return result + "'";
}

void write(const std::string& path, const std::string& text) {
    errno = 0;
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file)
        throw FileError("the file cannot be written ('" + path + "': " + std::strerror(errno) +
                        ") check the path, its permissions and the space there");
}

std::string curves_of(const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) {
        text += "# " + row.method + "\n# iteration passes seconds loss |gradient|\n";
        for (const IterationRecord& at : row.curve)
            text += format("%d %.10g %.6f %.9g %.9g\n", at.iteration, passes(at.counts), at.seconds,
                           at.f, at.gradient_norm);
        text += "\n\n";
    }
    return text;
}

/// 1, 2 and 5 times powers of ten, as far as a logarithmic axis of these losses goes.
std::string tics_of(const std::vector<Row>& rows) {
    double least = std::numeric_limits<double>::infinity(), largest = 0;
    for (const Row& row : rows)
        for (const IterationRecord& at : row.curve)
            if (at.f > 0) {
                least = std::min(least, at.f);
                largest = std::max(largest, at.f);
            }
    std::string tics;
    if (!(largest > 0) || !std::isfinite(largest)) return tics;
    const int first = static_cast<int>(std::floor(std::log10(least))),
              last = static_cast<int>(std::floor(std::log10(largest)));
    for (int power = first; power <= last; ++power)
        for (const int digit : {1, 2, 5}) {
            if (digit > 1 && last - first > 3) continue;  // they would overlap
            tics += (tics.empty() ? "" : ", ") + format("%de%d", digit, power);
        }
    return tics;
}

std::string script_of(const std::string& prefix, const std::string& title,
                      const std::vector<Row>& rows) {
    std::string text = "# gnuplot " + prefix +
                       ".gp, in the folder that train_mlp ran in\n"
                       "set terminal svg size 1100,480 font 'sans-serif,15' background '#ffffff'\n"
                       "set output " +
                       quoted(prefix + ".svg") +
                       "\n"
                       "set multiplot layout 1,2 title " +
                       quoted(title) +
                       " noenhanced\n"
                       "set logscale y\n"
                       "set yrange [*:*] noextend\n"
                       "set ytics (" +
                       tics_of(rows) +
                       ")\n"
                       "set format y '%g'\n"
                       "set grid linetype 1 linecolor '#dddddd'\n"
                       "set border 3\n"
                       "set tics nomirror out\n"
                       "set key top right Left reverse noenhanced\n"
                       "set ylabel 'training loss'\n";
    for (const bool by_time : {true, false}) {
        text += by_time ? "set xlabel 'seconds'\n" : "set xlabel 'passes over the data'\n";
        text += "plot";
        for (std::size_t i = 0; i < rows.size(); ++i)
            text +=
                std::string(i ? ", \\\n    " : " ") + quoted(prefix + ".dat") +
                format(
                    " index %zu using %d:4 with linespoints linewidth 2 pointtype 7 pointsize 0.35 "
                    "linecolor '%s' title ",
                    i, by_time ? 3 : 2, colours[i % std::size(colours)]) +
                quoted(rows[i].method);
        text += "\n";
    }
    return text + "unset multiplot\n";
}

/// The exit status of a program; nothing if there is none of that name.
std::optional<int> run(const char* program, const std::string& argument) {
    std::string name = program, copy = argument;
    char* arguments[] = {name.data(), copy.data(), nullptr};
    pid_t child;
    if (posix_spawnp(&child, program, nullptr, nullptr, arguments, environ) != 0) return {};
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

std::string format(const char* pattern, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(text, sizeof(text), pattern, arguments);
    va_end(arguments);
    return text;
}

double passes(const Counts& counts) {
    return static_cast<double>(counts.evaluations + counts.products) + counts.sampled_passes;
}

void print_table(std::ostream& out, const std::vector<Row>& rows) {
    std::size_t width = 6;
    for (const Row& row : rows) width = std::max(width, row.method.size());
    const int name = static_cast<int>(width);
    out << format("%-*s %10s %8s %9s %10s %9s %9s %7s  %s\n", name, "method", "iterations",
                  "passes", "seconds", "loss", "|g|", "training", "test", "status");
    for (const Row& row : rows) {
        const std::string test =
            row.test_accuracy ? format("%.2f%%", 100 * *row.test_accuracy) : "-";
        out << format("%-*s %10d %8.0f %9.2f %10.6f %9.2e %8.2f%% %7s  ", name, row.method.c_str(),
                      row.iterations, row.passes, row.seconds, row.loss, row.gradient_norm,
                      100 * row.training_accuracy, test.c_str())
            << row.status << '\n';
    }
    out << "A pass: the loss of all samples, with or without its gradient, or one product of the "
           "Hessian with a vector.\n";
}

void draw_curves(std::ostream& out, const std::string& prefix, const std::string& title,
                 const std::vector<Row>& rows) {
    write(prefix + ".dat", curves_of(rows));
    write(prefix + ".gp", script_of(prefix, title, rows));
    const std::optional<int> status = run("gnuplot", prefix + ".gp");
    if (status == 0)
        out << "curves: " << prefix << ".svg, of " << prefix << ".dat by " << prefix << ".gp\n";
    else
        out << "curves: " << prefix << ".dat, but no picture ("
            << (status ? "gnuplot failed" : "gnuplot is not installed")
            << ") install Debian's gnuplot-nox, then: gnuplot " << prefix << ".gp\n";
}

}  // namespace cunewton::train_mlp
