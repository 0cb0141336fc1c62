#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "cunewton/distributions.h"
#include "cunewton/error.h"
#include "tool/batch.h"
#include "tool/gnuplot.h"
#include "tool/regression.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

struct CurvesSettings {
    TableSettings table;
    ModelSettings model;
    RunSettings run;
    std::vector<std::string> x;
    std::string y, by, sigma, output;
};

/// The points of all curves, one after the other, as fit_batch() takes them.
struct Curves {
    std::vector<std::string> names;  // of curves
    std::vector<std::string> x_names;
    std::string y_name, by_name;
    std::vector<double> x, y, weights;
    std::vector<long> offsets;
    long count() const { return static_cast<long>(offsets.size()) - 1; }
};

Curves read_curves(const CurvesSettings& s, int coordinates, Progress& progress) {
    using readers::Column;
    readers::CsvOptions options = csv_options(s.table, progress);
    options.if_text = "mend the file, or name another column";
    if (static_cast<int>(s.x.size()) != coordinates)
        throw InvalidArgument("the model has other coordinates (" + s.model.model + " has " +
                              std::to_string(coordinates) + ", --x names " +
                              std::to_string(s.x.size()) + " columns) name that many");
    std::vector<std::size_t> places;  // of x, y, by, sigma in the file
    options.choose = [&](const std::vector<std::string>& names) {
        std::vector<Column> kinds(names.size(), Column::skipped);
        const auto use = [&](const std::string& name, Column kind) {
            const std::size_t column = readers::column_named(name, names, s.table.file);
            if (kinds[column] != Column::skipped)
                throw InvalidArgument("a column is named twice ('" + names[column] +
                                      "') name another one");
            kinds[column] = kind;
            places.push_back(column);
        };
        for (const std::string& name : s.x) use(name, Column::number);
        use(s.y, Column::number);
        if (!s.by.empty()) use(s.by, Column::category);
        if (!s.sigma.empty()) use(s.sigma, Column::number);
        // Places among the columns that are kept.
        for (std::size_t& place : places) {
            std::size_t before = 0;
            for (std::size_t c = 0; c < place; ++c) before += kinds[c] != Column::skipped;
            place = before;
        }
        return kinds;
    };
    const readers::Table<double> table = readers::read_csv<double>(s.table.file, options);
    progress.clear();
    say_what_was_read(table, s.table);
    const auto columns = static_cast<std::size_t>(table.columns),
               rows = static_cast<std::size_t>(table.rows),
               d = static_cast<std::size_t>(coordinates);
    const auto at = [&](std::size_t row, std::size_t which) {
        return table.values[row * columns + places[which]];
    };
    Curves curves;
    for (std::size_t c = 0; c < d; ++c) curves.x_names.push_back(table.names[places[c]]);
    curves.y_name = table.names[places[d]];
    std::vector<std::size_t> order(rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    curves.names = {""};
    if (!s.by.empty()) {
        curves.by_name = table.names[places[d + 1]];
        curves.names = table.categories[places[d + 1]];
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return at(a, d + 1) < at(b, d + 1); });
    }
    if (s.model.estimator == to_string(Estimator::poisson))
        for (const std::size_t row : order)
            if (at(row, d) != std::floor(at(row, d))) {
                note("'" + curves.y_name + "' has numbers that are no counts (such as " +
                     number_text(at(row, d)) + "): standard errors are those of counts");
                break;
            }
    const std::size_t sigma = d + (s.by.empty() ? 1 : 2);
    curves.offsets.assign(curves.names.size() + 1, 0);
    for (const std::size_t row : order) {
        for (std::size_t c = 0; c < d; ++c) curves.x.push_back(at(row, c));
        curves.y.push_back(at(row, d));
        ++curves.offsets[s.by.empty() ? 1 : static_cast<std::size_t>(at(row, d + 1)) + 1];
        if (s.sigma.empty()) continue;
        const double deviation = at(row, sigma);
        if (!(deviation > 0))
            throw FileError("a standard deviation is not positive ('" + s.sigma + "' of '" +
                            s.table.file + "', data row " + std::to_string(row + 1) +
                            ") mend the file");
        curves.weights.push_back(1 / (deviation * deviation));
    }
    std::partial_sum(curves.offsets.begin(), curves.offsets.end(), curves.offsets.begin());
    return curves;
}

struct Fits : AllFits<double> {
    const ModelChoice& choice;
    const Curves& curves;
    double value(long curve, int parameter) const {
        return result.parameters[static_cast<std::size_t>(curve * choice.parameters() + parameter)];
    }
    double error(long curve, int parameter) const {
        return result
            .standard_errors[static_cast<std::size_t>(curve * choice.parameters() + parameter)];
    }
    Status status(long curve) const { return result.status[static_cast<std::size_t>(curve)]; }
};

/// One curve: a line a parameter.
void print_one(const Fits& fits) {
    const double freedom = fits.result.degrees_of_freedom[0];
    const double quantile = student_two_sided_quantile(0.05, freedom);
    TextTable table({"parameter", "estimate", "std. error", "95% from", "to"});
    for (int j = 0; j < fits.choice.parameters(); ++j) {
        const double value = fits.value(0, j), error = fits.error(0, j);
        table.add({fits.choice.label(j), number_text(value), number_text(error),
                   number_text(value - quantile * error), number_text(value + quantile * error)});
    }
    std::cout << table.text()
              << format("\nObjective %.8g with %.0f degrees of freedom; ", fits.result.objective[0],
                        freedom)
              << to_string(fits.status(0)) << " after " << fits.result.iterations[0]
              << " iterations on " << fits.result.backend << ".\n";
    if (!fits.scales.empty())
        std::cout << format("Residuals are in standard deviations of %.6g, from their median.\n",
                            fits.scales[0]);
    if (!fits.message.empty()) std::cout << fits.message << '\n';
}

void print_several(const Fits& fits, bool all) {
    constexpr long shown = 30;
    std::vector<std::string> header{fits.curves.by_name};
    for (int j = 0; j < fits.choice.parameters(); ++j) {
        header.push_back(fits.choice.label(j));
        header.push_back("+-");
    }
    header.push_back("status");
    TextTable table(header);
    for (long i = 0; i < (all ? fits.curves.count() : std::min(fits.curves.count(), shown)); ++i) {
        std::vector<std::string> row{fits.curves.names[static_cast<std::size_t>(i)]};
        for (int j = 0; j < fits.choice.parameters(); ++j) {
            row.push_back(number_text(fits.value(i, j)));
            row.push_back(std::isnan(fits.error(i, j)) ? "" : format("%.3g", fits.error(i, j)));
        }
        row.push_back(to_string(fits.status(i)));
        table.add(row);
    }
    std::cout << table.text();
    if (!all && fits.curves.count() > shown)
        std::cout << "... and " << fits.curves.count() - shown
                  << " more: --output FILE.csv or --json has all of them\n";
    std::cout << format("\n%ld fits in %.3g s on ", fits.result.completed, fits.result.seconds)
              << fits.result.backend << ": " << status_counts(fits.result.status) << '\n';
}

std::string csv_of(const Fits& fits) {
    const auto field = [](const std::string& text) {
        if (text.find_first_of(",\"\n\r;") == text.npos) return text;
        std::string result = "\"";
        for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
        return result + "\"";
    };
    const auto numeral = [](double value) {
        return std::isfinite(value) ? format("%.17g", value) : std::string();
    };
    std::string text = field(fits.curves.by_name.empty() ? "curve" : fits.curves.by_name);
    const auto add = [&](const std::string& next) {
        text += ',';
        text += next;
    };
    for (const std::string& name : fits.choice.model().parameters) {
        add(name);
        add(name + "_error");
    }
    text += ",objective,degrees_of_freedom,iterations,status";
    text += fits.scales.empty() ? "\n" : ",scale\n";
    for (long i = 0; i < fits.curves.count(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        text += fits.curves.names[at].empty() ? "1" : field(fits.curves.names[at]);
        for (int j = 0; j < fits.choice.parameters(); ++j) {
            add(numeral(fits.value(i, j)));
            add(numeral(fits.error(i, j)));
        }
        add(numeral(fits.result.objective[at]));
        add(std::to_string(fits.result.degrees_of_freedom[at]));
        add(std::to_string(fits.result.iterations[at]));
        add(to_string(fits.status(i)));
        if (!fits.scales.empty()) add(numeral(fits.scales[at]));
        text += '\n';
    }
    return text;
}

Json to_json(const CurvesSettings& s, const Fits& fits) {
    Json json;
    json["command"] = "curves";
    json["data"] = s.table.file;
    json["model"] = s.model.model;
    json["formula"] = fits.choice.model().formula;
    json["estimator"] = s.model.estimator;
    json["backend"] = fits.result.backend;
    json["seconds"] = fits.result.seconds;
    json["statuses"] = status_counts_json(fits.result.status);
    if (!fits.message.empty()) json["message"] = fits.message;
    json["curves"] = Json::array();
    for (long i = 0; i < fits.curves.count(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        Json curve;
        if (!fits.curves.by_name.empty()) curve[fits.curves.by_name] = fits.curves.names[at];
        curve["points"] = fits.curves.offsets[at + 1] - fits.curves.offsets[at];
        curve["status"] = to_string(fits.status(i));
        curve["iterations"] = fits.result.iterations[at];
        curve["objective"] = number(fits.result.objective[at]);
        curve["degrees_of_freedom"] = fits.result.degrees_of_freedom[at];
        if (!fits.scales.empty()) curve["scale"] = number(fits.scales[at]);
        for (int j = 0; j < fits.choice.parameters(); ++j) {
            const std::string& name = fits.choice.model().parameters[static_cast<std::size_t>(j)];
            curve["parameters"][name] = {{"estimate", number(fits.value(i, j))},
                                         {"standard_error", number(fits.error(i, j))}};
            if (fits.result.ended_at_bound(i, j)) curve["at_bound"].push_back(name);
        }
        json["curves"].push_back(std::move(curve));
    }
    return json;
}

/// Points and curves of the first ones, a panel each.
void draw(Picture& picture, const CurvesSettings& s, const Fits& fits) {
    constexpr long most = 9;
    const long panels = std::min(fits.curves.count(), most);
    const int across = panels == 1 ? 1 : panels <= 4 ? 2 : 3;
    const int down = static_cast<int>((panels + across - 1) / across);
    picture.size(across == 1 ? 800 : 420 * across, across == 1 ? 540 : std::max(480, 340 * down));
    std::string title = s.model.model + ": " + fits.choice.model().formula;
    if (fits.curves.count() > most)
        title += format(" (%ld of %ld curves)", most, fits.curves.count());
    picture << plain_style() << format("set multiplot layout %d,%d title ", down, across)
            << in_quotes(title) << " noenhanced\n";
    const auto unit = [](const std::string& name, const std::string& u) {
        return in_quotes(u.empty() ? name : name + " (" + u + ")") + " noenhanced\n";
    };
    picture << "set xlabel " + unit(fits.curves.x_names[0], s.model.x_unit) + "set ylabel " +
                   unit(fits.curves.y_name, s.model.y_unit) +
                   "set offsets graph 0.03, graph 0.03, "
                   "graph 0.06, graph 0.06\nset xrange [*:*] noextend\nset yrange [*:*] noextend\n";
    for (long i = 0; i < panels; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const auto begin = static_cast<std::size_t>(fits.curves.offsets[at]),
                   end = static_cast<std::size_t>(fits.curves.offsets[at + 1]);
        std::vector<std::vector<double>> points;
        double low = INFINITY, high = -INFINITY;
        for (std::size_t p = begin; p < end; ++p) {
            points.push_back({fits.curves.x[p], fits.curves.y[p]});
            if (!fits.curves.weights.empty())
                points.back().push_back(1 / std::sqrt(fits.curves.weights[p]));
            low = std::min(low, fits.curves.x[p]);
            high = std::max(high, fits.curves.x[p]);
        }
        std::vector<double> x, parameters;
        constexpr int steps = 300;
        for (int k = 0; k <= steps; ++k) x.push_back(low + (high - low) * k / steps);
        bool is_finite = true;
        for (int j = 0; j < fits.choice.parameters(); ++j) {
            parameters.push_back(fits.value(i, j));
            is_finite = is_finite && std::isfinite(parameters.back());
        }
        std::vector<std::vector<double>> line;
        if (is_finite) {
            for (const double at_x : x)
                line.push_back({at_x, fits.choice.model().value(parameters.data(), &at_x)});
        } else {
            line.push_back({low, NAN});
        }
        std::string name = fits.curves.by_name.empty()
                               ? std::string()
                               : fits.curves.by_name + " " + fits.curves.names[at] + ": ";
        name += (name.empty() ? "status: " : "") + std::string(to_string(fits.status(i)));
        picture << "set title " + in_quotes(name) + " noenhanced\nplot " + picture.data(points) +
                       (fits.curves.weights.empty() ? " using 1:2 with points"
                                                    : " using 1:2:3 with yerrorbars") +
                       " pointtype 7 pointsize 0.8 linecolor '#444444' notitle, \\\n    " +
                       picture.data(line) + " using 1:2 with lines linewidth 2.5 linecolor '" +
                       colours[1] + "' notitle\n";
    }
    picture << "unset multiplot\n";
    picture.draw();
}

int fit_curves(const CurvesSettings& s) {
    std::optional<Picture> picture;
    if (!s.run.plot.empty()) picture.emplace(s.run.plot);
    const ModelChoice choice(s.model);
    if (picture && choice.model().coordinates != 1)
        throw InvalidArgument("a curve is drawn over one coordinate (" + s.model.model + " has " +
                              std::to_string(choice.model().coordinates) + ") leave --plot out");
    Progress progress(progress_when(s.run));
    const Curves curves = read_curves(s, choice.model().coordinates, progress);
    BatchOptions options = choice.options();
    apply(s.run, options);
    if (s.run.precision == "f32") options.precision = BatchPrecision::single;
    options.absolute_weights = !s.sigma.empty();
    BatchData<double> data;
    data.problems = curves.count();
    for (std::size_t i = 1; i < curves.offsets.size(); ++i)
        data.points =
            std::max(data.points, static_cast<int>(curves.offsets[i] - curves.offsets[i - 1]));
    data.offsets = curves.offsets;
    data.coordinates = curves.x;
    data.y = curves.y;
    if (!curves.weights.empty()) data.weights = curves.weights;
    const Fits fits{fit_all(choice, data, options, progress, "curves"), choice, curves};
    hold_signals();
    note_bounds(choice, fits.result);
    if (!s.output.empty()) write_file(s.output, csv_of(fits));
    if (s.run.json)
        print(to_json(s, fits));
    else if (s.by.empty())
        print_one(fits);
    else
        print_several(fits, false);
    if (!s.output.empty()) std::cerr << "table: " << s.output << '\n';
    release_signals();
    if (was_interrupted()) return interrupted_status();
    if (picture) draw(*picture, s, fits);
    return fits.result.count(Status::converged) == curves.count() ? success : not_converged;
}

}  // namespace

void add_curves(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "curves", "Fits of a model to curves in a CSV file, one or many: parameters with errors");
    const auto s = std::make_shared<CurvesSettings>();
    command->add_option("data", s->table.file, "CSV file, may be gzipped; - reads from a pipe")
        ->type_name("FILE")
        ->required();
    add_model_options(*command, s->model);
    command->add_option("--x", s->x, "column of the coordinate, or several")
        ->delimiter(',')
        ->type_name("COLUMN,...")
        ->required();
    command->add_option("--y", s->y, "column of what the model is fitted to")
        ->type_name("COLUMN")
        ->required();
    command->add_option("--by", s->by, "column that tells curves apart; without, there is one")
        ->type_name("COLUMN");
    command->add_option("--sigma", s->sigma, "column of y's standard deviations")
        ->type_name("COLUMN");
    command->add_option("--output", s->output, "all results as CSV")->type_name("FILE");
    add_table_options(*command, s->table);
    add_run_options(*command, s->run, "points and fitted curves");
    command->footer(
        models_text() + "\n" +
        examples({
            "cunewton curves bench/data/rat42.csv --model logistic_growth --x days --y yield",
            "cunewton curves bench/data/rat42.csv --model logistic_growth --x days --y yield "
            "--x-unit d "
            "--plot rat42.svg",
            "cunewton curves bench/data/puromycin.csv --model michaelis_menten --x concentration "
            "--y rate "
            "--by state --output fits.csv",
            "cunewton curves bench/data/danwood.csv --model power_law --x temperature --y energy "
            "--fix c=0 "
            "--json",
        }));
    command->callback([s, &status] { status = fit_curves(*s); });
}

}  // namespace cunewton::tool
