#include "cunewton/curvature.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "cunewton/error.h"
#include "readers/npy.h"
#include "tool/any_problem.h"
#include "tool/commands.h"
#include "tool/gnuplot.h"
#include "tool/pictures.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

/// Parameters up to which the dense Hessian is formed: half a gigabyte.
constexpr int most_dense = 8000;
/// And up to which all eigenvalues are found.
constexpr int most_eigenvalues = 2000;
/// A matrix on the screen.
constexpr int most_shown = 10;
/// Eigenvalues that are drawn one by one alone: a density smears so few.
constexpr std::size_t most_stems = 200;

constexpr HessianBy ways[] = {HessianBy::automatic, HessianBy::autodiff,
                              HessianBy::gradient_differences, HessianBy::value_differences};

struct CurvatureSettings {
    ProblemSettings problem;
    RunSettings run;
    std::string by = "automatic", method = "automatic", output;
    std::vector<double> lower, upper;
    double radius = 0;
    long triples = 10000;
    std::uint64_t seed = 1;
};

void add_common(CLI::App& app, CurvatureSettings& s) {
    add_problem_options(app, s.problem, true);
    app.add_option("--method", s.method, "that finds the minimum")
        ->capture_default_str()
        ->type_name("NAME");
    std::vector<std::string> names;
    for (const HessianBy way : ways) names.push_back(to_string(way));
    app.add_option("--by", s.by, list_text(names) + ": how second derivatives are obtained")
        ->check(CLI::IsMember(names))
        ->capture_default_str()
        ->type_name("WAY");
}

DerivativeOptions derivatives_of(const CurvatureSettings& s) {
    DerivativeOptions derivatives;
    for (const HessianBy way : ways)
        if (s.by == to_string(way)) derivatives.hessian = way;
    return derivatives;
}

template <class T>
std::vector<T> point_of(const CurvatureSettings& s, const AnyProblem<T>& problem,
                        Progress& progress, std::string& how, bool& converged) {
    Options options;
    apply(s.run, options);
    options.method = method_named(s.method);
    options.callback = shown_by(progress, "minimising");
    std::vector<T> x = problem.point(s.problem.at, options, how, converged);
    progress.clear();
    return x;
}

template <class T>
Json point_json(const std::vector<T>& x, const std::string& how) {
    Json json{{"how", how}};
    json["x"] = Json::array();
    for (const T value : x) json["x"].push_back(number(static_cast<double>(value)));
    return json;
}

Json class_json(const PointClass& point) {
    return {{"kind", to_string(point.kind)},
            {"f", number(point.f)},
            {"gradient_norm", number(point.gradient_norm)},
            {"smallest_eigenvalue", number(point.smallest)},
            {"largest_eigenvalue", number(point.largest)},
            {"positive", point.positive},
            {"negative", point.negative},
            {"zero", point.zero},
            {"message", point.message}};
}

/// What a picture is of.
template <class T>
std::string title_of(const AnyProblem<T>& problem, const std::string& how) {
    const bool standardized = problem.regression() && problem.regression()->settings().standardize;
    return problem.title() + (standardized ? ", standardised features" : "") + ", " + how;
}

void require_dense(int n) {
    if (n > most_dense)
        throw InvalidArgument("the Hessian has too many entries (" + std::to_string(n) + " x " +
                              std::to_string(n) + ", most are " + std::to_string(most_dense) +
                              " parameters) spectrum works without the matrix");
}

template <class T>
int show_hessian(const CurvatureSettings& s) {
    std::optional<Picture> picture;
    if (!s.run.plot.empty()) picture.emplace(s.run.plot);
    Progress progress(progress_when(s.run));
    const AnyProblem<T> problem(s.problem, progress);
    const int n = problem.dimension();
    require_dense(n);
    std::string how;
    bool converged;
    const std::vector<T> x = point_of(s, problem, progress, how, converged);
    EvaluationOptions options;
    apply(s.run, options);
    options.derivatives = derivatives_of(s);
    progress.show([] { return std::string("the Hessian"); });
    const std::vector<T> H = hessian(problem.problem(), x, options);
    check_signals();
    PointOptions point_options;
    static_cast<EvaluationOptions&>(point_options) = options;
    const PointClass point = classify_point(problem.problem(), x, point_options);
    check_signals();
    const HessianAccuracy accuracy = assess_hessian(problem.problem(), x, options);
    EigenvalueOptions eigenvalue_options;
    static_cast<EvaluationOptions&>(eigenvalue_options) = options;
    const ConditionNumber condition = condition_number(problem.problem(), x, eigenvalue_options);
    check_signals();
    progress.clear();
    if (!s.output.empty())
        write_file(s.output, readers::npy_bytes<T>({n, n}, std::span<const T>(H)));
    if (s.run.json) {
        Json json;
        json["command"] = "hessian";
        json["problem"] = problem.title();
        json["parameters"] = problem.names();
        json["point"] = point_json(x, how);
        json["class"] = class_json(point);
        json["condition_number"] = number(condition.value);
        json["condition_number_at_least"] = number(condition.at_least);
        json["accuracy"] = {{"by", to_string(accuracy.by)},
                            {"exact", accuracy.exact},
                            {"relative_error", number(accuracy.relative_error)},
                            {"digits", number(accuracy.digits)},
                            {"message", accuracy.message}};
        if (n <= 200) {
            json["hessian"] = Json::array();
            for (int i = 0; i < n; ++i) {
                Json row = Json::array();
                for (int j = 0; j < n; ++j)
                    row.push_back(
                        number(static_cast<double>(H[static_cast<std::size_t>(i * n + j)])));
                json["hessian"].push_back(std::move(row));
            }
        }
        if (!s.output.empty()) json["file"] = s.output;
        print(json);
    } else {
        std::cout << printable(problem.title()) << "\nHessian of " << n << " parameters " << how
                  << "\n\n";
        if (n <= most_shown) {
            std::vector<std::string> header{""};
            header.insert(header.end(), problem.names().begin(), problem.names().end());
            TextTable table(header);
            for (int i = 0; i < n; ++i) {
                std::vector<std::string> row{problem.names()[static_cast<std::size_t>(i)]};
                for (int j = 0; j < n; ++j)
                    row.push_back(
                        number_text(static_cast<double>(H[static_cast<std::size_t>(i * n + j)])));
                table.add(row);
            }
            std::cout << table.text() << '\n';
        } else if (s.output.empty()) {
            std::cout << "(--output FILE.npy saves the matrix, --plot FILE.svg draws it)\n\n";
        }
        std::cout << point.message << "\nEigenvalues from " << number_text(point.smallest) << " to "
                  << number_text(point.largest) << ", condition number "
                  << (std::isnan(condition.value)   ? "at least " + number_text(condition.at_least)
                      : std::isinf(condition.value) ? std::string("not finite")
                                                    : number_text(condition.value))
                  << ".\n"
                  << accuracy.message << '\n';
        if (!s.output.empty()) std::cerr << "matrix: " << s.output << '\n';
    }
    if (picture) {
        const std::string title = "Hessian of " + title_of(problem, how);
        picture->size(std::max(860, 8 * static_cast<int>(title.size()) + 40), 760);
        draw_matrix(*picture, std::vector<double>(H.begin(), H.end()), n, problem.names(), title);
        picture->draw();
    }
    return converged ? success : not_converged;
}

/// The sizes of the eigenvalues in their order, and the density of many.
void draw(Picture& picture, const std::string& title, const std::vector<double>& eigenvalues,
          double rounding, const SpectralDensity& density) {
    const bool stems = !eigenvalues.empty() && eigenvalues.size() <= most_stems;
    picture.size(stems ? 900 : 1150, 480);
    picture << plain_style()
            << (stems ? "set multiplot layout 1,1 title " : "set multiplot layout 1,2 title ")
            << in_quotes(title) << " noenhanced\n";
    if (!eigenvalues.empty()) {
        std::vector<std::vector<double>> positive, negative, zero;
        double least = std::numeric_limits<double>::infinity(), largest = 0;
        for (std::size_t i = 0; i < eigenvalues.size(); ++i) {
            const double value = eigenvalues[i], place = static_cast<double>(i + 1);
            if (std::abs(value) <= rounding) {
                zero.push_back({place});
            } else {
                (value > 0 ? positive : negative).push_back({place, std::abs(value)});
                least = std::min(least, std::abs(value));
            }
            largest = std::max(largest, std::abs(value));
        }
        if (!std::isfinite(least)) largest = least = 1;
        const double foot = least / 3;
        std::string plots;
        const auto add = [&](const std::vector<std::vector<double>>& points, const char* colour,
                             const std::string& name) {
            if (points.empty()) return;
            const std::string data = picture.data(points);
            if (stems)
                plots += (plots.empty() ? "" : ", \\\n    ") + data +
                         " using 1:2 with impulses linewidth 1.5 linecolor '" + colour +
                         "' notitle";
            plots += (plots.empty() ? "" : ", \\\n    ") + data +
                     " using 1:2 with points pointtype 7 pointsize 0.6 linecolor '" + colour +
                     "' title " + in_quotes(name);
        };
        add(positive, colours[0], "positive");
        add(negative, colours[1], "negative");
        // They have no size: crosses on the axis.
        if (!zero.empty())
            plots += (plots.empty() ? "" : ", \\\n    ") + picture.data(zero) +
                     format(" using 1:(%.3g)", foot) +
                     " with points pointtype 2 pointsize 1 linewidth 2 linecolor '#666666' title " +
                     in_quotes(format("zero within rounding, %.2g (on the axis)", rounding));
        picture << "set title 'Eigenvalues, ascending'\nset logscale y\nset format y '10^{%T}'\n"
                   "set xlabel 'number'\nset ylabel 'size of the eigenvalue'\n"
                << (stems ? "set key below\n" : "set key top left\n")
                << (eigenvalues.size() <= 30 ? "set xtics 1\n" : "")
                << format("set yrange [%.3g:%.3g]\nset xrange [%.2f:%.2f]\n", foot, largest * 3,
                          0.5 - 0.02 * static_cast<double>(eigenvalues.size()),
                          static_cast<double>(eigenvalues.size()) * 1.02 + 0.5)
                << "plot " + plots +
                       "\nunset logscale y\nset format y '%h'\nset yrange [*:*]\n"
                       "set xrange [*:*]\n";
    }
    if (stems) {
        picture << "unset multiplot\n";
        picture.draw();
        return;
    }
    // Most eigenvalues are often near 0: on a logarithmic axis single ones are seen as well.
    double highest = 0;
    for (const double value : density.density) highest = std::max(highest, value);
    const double floor = std::max(highest * 1e-5, 1e-300);
    std::vector<std::vector<double>> curve;
    for (std::size_t i = 0; i < density.points.size(); ++i)
        curve.push_back({density.points[i], std::max(floor, density.density[i]),
                         std::max(floor, density.density[i] - density.standard_errors[i]),
                         std::max(floor, density.density[i] + density.standard_errors[i])});
    const std::string data = picture.data(curve);
    picture << "set title " +
                   in_quotes(
                       format("Density, by Lanczos from %d probes of %d steps, smoothed by %.2g",
                              density.probes, density.steps, density.width)) +
                   "\nset xlabel 'eigenvalue'\nset ylabel 'density (1 / eigenvalue)'\nset key top "
                   "right\n"
                   "set style fill solid 0.25 noborder\nset logscale y\nset format y '10^{%T}'\n" +
                   format("set yrange [%.3g:%.3g]\n", floor, 4 * highest) + "plot " + data +
                   " using 1:3:4 with filledcurves linecolor '" + colours[0] +
                   "' title 'standard error', \\\n    " + data +
                   " using 1:2 with lines linewidth 2 linecolor '" + colours[0] +
                   "' title 'estimate'\n"
            << "unset multiplot\n";
    picture.draw();
}

template <class T>
int show_spectrum(const CurvatureSettings& s) {
    std::optional<Picture> picture;
    if (!s.run.plot.empty()) picture.emplace(s.run.plot);
    Progress progress(progress_when(s.run));
    const AnyProblem<T> problem(s.problem, progress);
    const int n = problem.dimension();
    std::string how;
    bool converged;
    const std::vector<T> x = point_of(s, problem, progress, how, converged);
    const bool all = n <= most_eigenvalues;
    std::vector<double> values;
    double rounding = 0;
    Json json;
    json["command"] = "spectrum";
    json["problem"] = problem.title();
    json["parameters"] = n;
    json["point"] = point_json(x, how);
    TextTable table(all ? std::vector<std::string>{"eigenvalue", "value"}
                        : std::vector<std::string>{"eigenvalue", "value", "residual"});
    progress.show([] { return std::string("eigenvalues"); });
    if (all) {
        SpectrumOptions options;
        apply(s.run, options);
        options.derivatives = derivatives_of(s);
        const Spectrum<T> found = spectrum(problem.problem(), x, options);
        values.assign(found.eigenvalues.begin(), found.eigenvalues.end());
        rounding = found.rounding;
        const std::size_t ends = 8;
        for (std::size_t i = 0; i < values.size(); ++i)
            if (values.size() <= 2 * ends || i < ends || i + ends >= values.size())
                table.add({std::to_string(i + 1), number_text(values[i])});
            else if (i == ends)
                table.add({"...", ""});
    } else {
        EigenvalueOptions options;
        apply(s.run, options);
        options.derivatives = derivatives_of(s);
        options.largest = options.smallest = 5;
        options.seed = s.seed;
        const Eigenvalues<T> found = extreme_eigenvalues(problem.problem(), x, options);
        const auto& low = found.smallest;
        for (std::size_t i = 0; i < low.values.size(); ++i)
            table.add(
                {std::to_string(i + 1), number_text(low.values[i]), number_text(low.residuals[i])});
        table.add({"...", "", ""});
        const auto& high = found.largest;
        for (std::size_t i = high.values.size(); i-- > 0;)
            table.add({std::to_string(static_cast<std::size_t>(n) - i), number_text(high.values[i]),
                       number_text(high.residuals[i])});
        json["smallest"] = low.values;
        json["largest"] = high.values;
        json["converged"] = found.converged;
        converged = converged && found.converged;
    }
    check_signals();
    const bool wants_density =
        (picture && (!all || values.size() > most_stems)) || !all || s.run.json;
    SpectralDensity density;
    if (wants_density) {
        DensityOptions options;
        apply(s.run, options);
        options.derivatives = derivatives_of(s);
        options.seed = s.seed;
        density = spectral_density(problem.problem(), x, options);
        check_signals();
    }
    progress.clear();
    if (all) {
        long negative = 0, zero = 0;
        for (const double value : values) {
            zero += std::abs(value) <= rounding;
            negative += value < -rounding;
        }
        json["eigenvalues"] = values;
        json["rounding"] = rounding;
        json["positive"] = static_cast<long>(values.size()) - negative - zero;
        json["negative"] = negative;
        json["zero"] = zero;
        if (!s.output.empty()) {
            const bool as_npy = std::filesystem::path(s.output).extension() == ".npy";
            std::string lines = "eigenvalue\n";
            for (const double value : values) lines += format("%.17g\n", value);
            write_file(s.output, as_npy ? readers::npy_bytes<double>(
                                              {static_cast<long>(values.size())}, values)
                                        : lines);
        }
    } else if (!s.output.empty()) {
        throw InvalidArgument("not all eigenvalues are known (" + std::to_string(n) +
                              " parameters, most are " + std::to_string(most_eigenvalues) +
                              ") leave --output out");
    }
    if (wants_density)
        json["density"] = {{"points", density.points},
                           {"density", density.density},
                           {"standard_errors", density.standard_errors},
                           {"width", density.width}};
    if (s.run.json) {
        print(json);
    } else {
        std::cout << printable(problem.title()) << "\nEigenvalues of the Hessian of " << n
                  << " parameters " << how << "\n\n"
                  << table.text();
        if (all)
            std::cout << '\n'
                      << json["positive"] << " positive, " << json["negative"] << " negative, "
                      << json["zero"] << " zero within rounding (" << number_text(rounding)
                      << ")\n";
    }
    if (picture) draw(*picture, title_of(problem, how), values, rounding, density);
    return converged ? success : not_converged;
}

template <class T>
Region<T> region_of(const CurvatureSettings& s, const AnyProblem<T>& problem,
                    const std::vector<T>& x, std::string& text) {
    const auto n = static_cast<std::size_t>(problem.dimension());
    const auto corner = [&](const std::vector<double>& given, const char* name) {
        if (given.size() != 1 && given.size() != n)
            throw InvalidArgument(std::string("a corner has the wrong size (") + name + " has " +
                                  std::to_string(given.size()) + " numbers) give " +
                                  std::to_string(n) + ", or one for all parameters");
        std::vector<T> values(n, static_cast<T>(given[0]));
        if (given.size() == n) values.assign(given.begin(), given.end());
        return values;
    };
    std::vector<double> lower = s.lower, upper = s.upper;
    if (lower.empty() && upper.empty() && s.radius == 0 && problem.function()) {
        lower = problem.function()->lower;
        upper = problem.function()->upper;
    }
    if (lower.empty() != upper.empty())
        throw InvalidArgument("a box has two corners (--lower and --upper) give both");
    if (!lower.empty()) {
        text = "in the box from (";
        for (std::size_t j = 0; j < std::min<std::size_t>(lower.size(), 4); ++j)
            text += (j ? ", " : "") + number_text(lower[j]);
        text += ") to (";
        for (std::size_t j = 0; j < std::min<std::size_t>(upper.size(), 4); ++j)
            text += (j ? ", " : "") + number_text(upper[j]);
        text += ")";
        return Region<T>::box(corner(lower, "--lower"), corner(upper, "--upper"));
    }
    double radius = s.radius, norm = 0;
    for (const T value : x) norm += static_cast<double>(value) * static_cast<double>(value);
    if (!(radius > 0)) radius = std::max(1.0, std::sqrt(norm));
    text = "within " + number_text(radius) + " of the point";
    return Region<T>::ball(x, radius);
}

template <class T>
int show_convexity(const CurvatureSettings& s) {
    Progress progress(progress_when(s.run));
    const AnyProblem<T> problem(s.problem, progress);
    std::string how, where;
    bool converged;
    std::vector<T> x;
    const bool needs_point = !problem.function() || s.radius > 0;
    if (needs_point) x = point_of(s, problem, progress, how, converged);
    EvaluationOptions options;
    apply(s.run, options);
    options.derivatives = derivatives_of(s);
    const Region<T> region = region_of(s, problem, x, where);
    const ConvexityCertificate certificate = convexity_certificate(problem.problem(), options);
    ConvexityOptions check_options;
    static_cast<EvaluationOptions&>(check_options) = options;
    check_options.triples = s.triples;
    check_options.seed = s.seed;
    progress.show([] { return std::string("looking for a counter-example"); });
    const ConvexityCheck<T> check = check_convexity(problem.problem(), region, check_options);
    progress.clear();
    check_signals();
    if (s.run.json) {
        Json json;
        json["command"] = "check-convexity";
        json["problem"] = problem.title();
        json["region"] = where;
        json["certified"] = certificate.convex;
        json["certified_but_for_rounding"] = certificate.within_rounding;
        json["strong_convexity"] = number(certificate.strong_convexity);
        json["certificate"] = in_words_of_the_program(certificate.reason);
        json["counter_example"] = check.counter_example;
        if (check.counter_example) {
            json["x"] = check.x;
            json["y"] = check.y;
            json["l"] = check.l;
            json["gap"] = number(check.gap);
            json["rounding"] = number(check.rounding);
        }
        json["triples"] = check.triples;
        json["unconfirmed"] = check.unconfirmed;
        json["missed_at_most"] = check.missed_at_most;
        json["least_curvature"] = number(check.least_curvature);
        json["message"] = check.message;
        print(json);
    } else {
        std::cout << printable(problem.title()) << ", " << where << "\n\n"
                  << (certificate.convex ? "Convex everywhere: " : "Not known by its form: ")
                  << in_words_of_the_program(certificate.reason) << '\n'
                  << check.message << '\n';
        if (check.counter_example && check.x.size() <= 10) {
            const auto text = [](const std::vector<T>& point) {
                std::string numbers;
                for (const T value : point)
                    numbers +=
                        (numbers.empty() ? "" : ", ") + number_text(static_cast<double>(value));
                return "(" + numbers + ")";
            };
            std::cout << "x = " << text(check.x) << "\ny = " << text(check.y)
                      << "\nf(l x + (1-l) y) is above l f(x) + (1-l) f(y) by "
                      << number_text(check.gap) << " for l = " << number_text(check.l) << '\n';
        }
    }
    return check.counter_example ? not_converged : success;
}

}  // namespace

void add_hessian(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "hessian", "The matrix of second derivatives at a point, and what kind of point it is");
    const auto s = std::make_shared<CurvatureSettings>();
    add_common(*command, *s);
    command->add_option("--output", s->output, "the matrix as NPY")->type_name("FILE");
    add_run_options(*command, s->run, "heat map");
    command->footer(
        functions_text() + "\n" +
        examples({
            "cunewton hessian --function saddle --at 0,0",
            "cunewton hessian bench/data/longley.csv --loss linear --target employed --standardize "
            "--plot hessian.svg --output hessian.npy",
            "cunewton hessian --function himmelblau --by value_differences --json",
        }));
    command->callback([s, &status] {
        in_precision(s->run, [&](auto t) { status = show_hessian<decltype(t)>(*s); });
    });
}

void add_spectrum(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "spectrum", "Eigenvalues of the Hessian: all of them, or their ends and density");
    const auto s = std::make_shared<CurvatureSettings>();
    add_common(*command, *s);
    command->add_option("--output", s->output, "all eigenvalues as CSV or NPY")->type_name("FILE");
    command->add_option("--seed", s->seed, "of the random vectors")->capture_default_str();
    add_run_options(*command, s->run, "eigenvalues and their density");
    command->footer(functions_text() + "\n" +
                    examples({
                        "cunewton spectrum bench/data/longley.csv --loss linear --target employed "
                        "--standardize",
                        "cunewton spectrum bench/data/digits.csv.gz --loss softmax --target 65 "
                        "--l2 1e-3 --plot "
                        "spectrum.svg",
                        "cunewton spectrum --function rosenbrock --json",
                    }));
    command->callback([s, &status] {
        in_precision(s->run, [&](auto t) { status = show_spectrum<decltype(t)>(*s); });
    });
}

void add_check_convexity(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "check-convexity",
        "Whether a loss is convex, by its form and by search for a counter-example");
    const auto s = std::make_shared<CurvatureSettings>();
    add_common(*command, *s);
    command->add_option("--lower", s->lower, "corner of a box to look in, or one number for all")
        ->delimiter(',')
        ->type_name("X,...");
    command->add_option("--upper", s->upper, "its opposite")->delimiter(',')->type_name("X,...");
    command
        ->add_option("--radius", s->radius,
                     "or of a ball around the point; without, its distance from 0, at least 1")
        ->check(positive());
    command->add_option("--triples", s->triples, "of points that are tried")
        ->check(positive())
        ->capture_default_str();
    command->add_option("--seed", s->seed)->capture_default_str();
    add_run_options(*command, s->run);
    command->footer(
        "The exit code is 2 where there is a counter-example.\n\n" + functions_text() + "\n" +
        examples({
            "cunewton check-convexity --function booth",
            "cunewton check-convexity --function rosenbrock || echo not convex",
            "cunewton check-convexity bench/data/challenger.csv --loss logistic --target distress "
            "--drop flight --json",
        }));
    command->callback([s, &status] {
        in_precision(s->run, [&](auto t) { status = show_convexity<decltype(t)>(*s); });
    });
}

}  // namespace cunewton::tool
