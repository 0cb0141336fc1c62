#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "cunewton/error.h"
#include "readers/npy.h"
#include "tool/batch.h"
#include "tool/gnuplot.h"
#include "tool/regression.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

struct ImagesSettings {
    std::string stack, times, output;
    double step = 0, sigma = 0;
    ModelSettings model;
    RunSettings run;
    TableSettings table;  // how --times is read
};

/// The coordinates of each image, one after the other.
template <class T>
std::vector<T> read_times(const ImagesSettings& s, long images, int coordinates,
                          Progress& progress) {
    std::vector<T> times;
    if (!s.times.empty() && s.step > 0)
        throw InvalidArgument(
            "the images have two sorts of coordinates (--times and --dt) pass one of them");
    if (s.times.empty()) {
        if (coordinates != 1 || !(s.step > 0))
            throw InvalidArgument(
                "the images have no coordinates (neither --times nor --dt is given, or the model "
                "has several) pass --dt STEP, or --times FILE with a row for each image");
        for (long k = 0; k < images; ++k)
            times.push_back(static_cast<T>(s.step * static_cast<double>(k)));
        return times;
    }
    std::vector<long> shape;
    if (std::filesystem::path(s.times).extension() == ".npy") {
        const readers::NpyArray<T> array = readers::read_npy<T>(s.times);
        shape = array.shape;
        times.assign(array.values.all().begin(), array.values.all().end());
        if (shape.size() == 1) shape.push_back(1);
    } else {
        TableSettings table = s.table;
        table.file = s.times;
        readers::CsvOptions options = csv_options(table, progress);
        options.if_text = "give numbers alone, a column for each coordinate";
        const readers::Table<T> read = readers::read_csv<T>(s.times, options);
        shape = {read.rows, read.columns};
        times.assign(read.values.all().begin(), read.values.all().end());
    }
    if (shape.size() != 2 || shape[0] != images || shape[1] != coordinates)
        throw FileError("the coordinates do not fit the images ('" + s.times + "' has " +
                        std::to_string(shape.empty() ? 1 : shape[0]) + " rows of " +
                        std::to_string(shape.size() < 2 ? 1 : shape[1]) + " numbers, there are " +
                        std::to_string(images) + " images and " + s.model.model + " has " +
                        std::to_string(coordinates) +
                        " coordinates) give a row for each image and a column for each coordinate");
    return times;
}

/// A map as it is drawn: at most this many pixels on a side, patches of larger ones averaged over
/// what is finite.
struct Drawn {
    long height, width, patch;
    std::vector<double> values;
};
Drawn reduced(const std::vector<double>& map, long height, long width) {
    constexpr long most = 600;
    const long patch = std::max(1L, (std::max(height, width) + most - 1) / most);
    Drawn drawn{(height + patch - 1) / patch, (width + patch - 1) / patch, patch, {}};
    for (long r = 0; r < drawn.height; ++r)
        for (long c = 0; c < drawn.width; ++c) {
            double sum = 0;
            long count = 0;
            for (long i = r * patch; i < std::min(height, (r + 1) * patch); ++i)
                for (long j = c * patch; j < std::min(width, (c + 1) * patch); ++j)
                    if (const double v = map[static_cast<std::size_t>(i * width + j)];
                        std::isfinite(v)) {
                        sum += v;
                        ++count;
                    }
            drawn.values.push_back(count ? sum / static_cast<double>(count) : NAN);
        }
    return drawn;
}

/// All but the outermost hundredths, which failed pixels would stretch the colours to.
std::pair<double, double> range_of(const std::vector<double>& map) {
    std::vector<double> finite;
    for (const double v : map)
        if (std::isfinite(v)) finite.push_back(v);
    if (finite.empty()) return {0, 1};
    const auto at = [&](double share) {
        const auto place =
            static_cast<std::ptrdiff_t>(share * static_cast<double>(finite.size() - 1));
        std::nth_element(finite.begin(), finite.begin() + place, finite.end());
        return finite[static_cast<std::size_t>(place)];
    };
    double low = at(0.01), high = at(0.99);
    if (!(high > low)) {
        const double around = std::max(std::abs(low) * 0.01, 1e-12);
        low -= around;
        high += around;
    }
    return {low, high};
}

struct Map {
    std::string label;
    std::vector<double> values;
};

void draw(const std::string& file, const std::string& title, const std::vector<Map>& maps,
          const std::vector<Status>& statuses, long height, long width) {
    Picture picture(file);
    const int panels = static_cast<int>(maps.size()) + 1;
    const int across = std::min(panels, panels <= 4 ? 2 : panels <= 9 ? 3 : 4);
    const int down = (panels + across - 1) / across;
    const double ratio =
        std::clamp(static_cast<double>(height) / static_cast<double>(width), 0.3, 2.0);
    // Labels of statuses are the widest beside a map.
    std::size_t widest = 0;
    for (const Status status : statuses) widest = std::max(widest, std::strlen(to_string(status)));
    picture.size((420 + 8 * static_cast<int>(widest)) * across,
                 60 + static_cast<int>((90 + 260 * ratio) * down));
    // Of labels at tics, gnuplot heeds nothing else.
    picture << "set termoption noenhanced\n"
            << format("set multiplot layout %d,%d title ", down, across) << in_quotes(title)
            << " noenhanced\n"
            << sequential_palette() << format("set lmargin 8\nset rmargin %zu\n", 6 + widest)
            << "set border 15 linecolor '#444444'\nset tics out nomirror\n"
               "set xlabel 'column (pixels)'\nset ylabel 'row (pixels)'\nset size ratio "
            << format("%.4g\n", ratio)
            // What was not fitted is grey.
            << "set object 1 rectangle from graph 0,0 to graph 1,1 behind fillcolor '#bbbbbb' "
               "linewidth 0\n";
    const auto panel = [&](const std::vector<double>& values) {
        const Drawn drawn = reduced(values, height, width);
        const double half = 0.5 * static_cast<double>(drawn.patch);
        picture << format("set xrange [-0.5:%.1f]\nset yrange [%.1f:-0.5]\n",
                          static_cast<double>(width) - 0.5, static_cast<double>(height) - 0.5)
                << "plot " + picture.matrix(drawn.values, drawn.height, drawn.width) +
                       format(" matrix using ($1*%ld+%.1f):($2*%ld+%.1f):3 with image notitle\n",
                              drawn.patch, half - 0.5, drawn.patch, half - 0.5);
    };
    for (const Map& map : maps) {
        const auto [low, high] = range_of(map.values);
        picture << "set title " + in_quotes(map.label) + " noenhanced\n"
                << format("set cbrange [%.9g:%.9g]\nset format cb '%%.4g'\n", low, high);
        panel(map.values);
    }
    // Statuses that there are, in colours of their own.
    std::vector<Status> found = statuses;
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    std::vector<double> places;
    for (const Status status : statuses)
        places.push_back(static_cast<double>(std::lower_bound(found.begin(), found.end(), status) -
                                             found.begin()));
    std::string palette, tics;
    constexpr const char* shades[] = {"#2166ac", "#f4a582", "#b2182b", "#762a83",
                                      "#1b7837", "#ffd92f", "#666666"};
    const std::size_t count = found.size();
    for (std::size_t k = 0; k < count; ++k) {
        const char* const shade =
            shades[found[k] == Status::converged ? 0 : 1 + k % (std::size(shades) - 1)];
        palette += (k ? ", " : "") + format("%zu '%s', %zu '%s'", k, shade, k + 1, shade);
        tics += (k ? ", " : "") + in_quotes(to_string(found[k])) + format(" %zu", k);
    }
    picture << "set title 'status' noenhanced\nset palette maxcolors " + std::to_string(count) +
                   " defined (" + palette + ")\n" +
                   format("set cbrange [-0.5:%.1f]\n", static_cast<double>(count) - 0.5) +
                   "set cbtics (" + tics + ") noenhanced\n";
    panel(places);
    picture << "unset multiplot\n";
    picture.draw();
}

template <class T>
int fit_images(const ImagesSettings& s) {
    const ModelChoice choice(s.model);
    const int n = choice.parameters();
    const std::string picture_file = s.run.plot == "none" ? ""
                                     : s.run.plot.empty() ? s.output + ".png"
                                                          : s.run.plot;
    if (!picture_file.empty()) Picture check(picture_file);
    Progress progress(progress_when(s.run));
    const readers::NpyArray<T> stack = readers::read_npy<T>(s.stack, [&](std::size_t bytes) {
        progress.show([&] { return "reading " + s.stack + ": " + size_text(bytes); });
    });
    if (stack.shape.size() != 3 || stack.values.size() == 0)
        throw FileError("the array is no stack of images ('" + s.stack + "' has " +
                        std::to_string(stack.shape.size()) +
                        " dimensions) give images x rows x columns");
    const long images = stack.shape[0], height = stack.shape[1], width = stack.shape[2],
               pixels = height * width;
    if (images > std::numeric_limits<int>::max())
        throw FileError("there are too many images ('" + s.stack + "' has " +
                        std::to_string(images) + ") is the order images x rows x columns?");
    const std::vector<T> times = read_times<T>(s, images, choice.model().coordinates, progress);
    BatchData<T> data;
    data.problems = pixels;
    data.points = static_cast<int>(images);
    data.coordinates = Array<const T>(times.data(), 1, static_cast<long>(times.size()));
    data.y = Array<const T>(stack.values.data(), images, pixels).transposed();
    T weight = T(1);
    if (s.sigma > 0) {
        weight = static_cast<T>(1 / (s.sigma * s.sigma));
        data.weights = Array<const T>(&weight, pixels, images).strided(0, 0);
    }
    BatchOptions options = choice.options();
    apply(s.run, options);
    options.absolute_weights = s.sigma > 0;
    // What single precision does not settle double does.
    if (sizeof(T) == sizeof(float)) options.precision = BatchPrecision::twice;
    const AllFits<T> all = fit_all(choice, data, options, progress, "pixels");
    const BatchResult<T>& fits = all.result;
    hold_signals();
    note_bounds(choice, fits);

    Json files = Json::array();
    const auto save = [&](const std::string& name, const auto& values) {
        using Number = std::remove_cvref_t<decltype(values[0])>;
        const std::string file = s.output + "_" + name + ".npy";
        write_file(file, readers::npy_bytes<Number>({height, width}, values));
        files.push_back(file);
    };
    std::vector<Map> maps;
    Json medians = Json::object();
    for (int j = 0; j < n; ++j) {
        std::vector<T> values, errors;
        std::vector<double> shown, converged;
        for (long p = 0; p < pixels; ++p) {
            const auto at = static_cast<std::size_t>(p * n + j);
            values.push_back(fits.parameters[at]);
            errors.push_back(fits.standard_errors[at]);
            const bool is_good = fits.status[static_cast<std::size_t>(p)] == Status::converged;
            shown.push_back(is_good ? static_cast<double>(values.back()) : NAN);
            if (is_good) converged.push_back(shown.back());
        }
        const std::string& name = choice.model().parameters[static_cast<std::size_t>(j)];
        save(name, values);
        save(name + "_error", errors);
        double median = NAN;
        if (!converged.empty()) {
            std::nth_element(converged.begin(),
                             converged.begin() + static_cast<std::ptrdiff_t>(converged.size() / 2),
                             converged.end());
            median = converged[converged.size() / 2];
        }
        medians[name] = number(median);
        maps.push_back({choice.label(j), std::move(shown)});
    }
    std::vector<unsigned char> statuses;
    for (const Status status : fits.status) statuses.push_back(static_cast<unsigned char>(status));
    save("status", statuses);
    if (s.run.json) {
        Json json;
        json["command"] = "images";
        json["data"] = s.stack;
        json["shape"] = stack.shape;
        json["model"] = s.model.model;
        json["backend"] = fits.backend;
        json["seconds"] = fits.seconds;
        json["statuses"] = status_counts_json(fits.status);
        Json codes = Json::object();
        for (int k = 0; k <= static_cast<int>(Status::not_run); ++k)
            codes[to_string(static_cast<Status>(k))] = k;
        json["status_codes"] = codes;
        json["medians"] = medians;
        json["files"] = files;
        print(json);
    } else {
        std::cout << s.stack << ": " << images << " images of " << height << " x " << width
                  << " pixels; " << s.model.model << ", " << choice.model().formula << "\n\n";
        TextTable table({"parameter", "median where converged", "map"});
        for (int j = 0; j < n; ++j) {
            const std::string& name = choice.model().parameters[static_cast<std::size_t>(j)];
            table.add({choice.label(j),
                       medians[name].is_null() ? "" : number_text(medians[name].get<double>()),
                       s.output + "_" + name + ".npy"});
        }
        std::cout << table.text() << "\nStandard errors are in " << s.output
                  << "_PARAMETER_error.npy, the status of each pixel in " << s.output
                  << "_status.npy: 0 is converged, the others as --json has them.\n"
                  << format("%ld fits in %.3g s on ", fits.completed, fits.seconds) << fits.backend
                  << ": " << status_counts(fits.status) << '\n';
    }
    release_signals();
    if (was_interrupted()) return interrupted_status();
    if (!picture_file.empty())
        draw(picture_file,
             std::filesystem::path(s.stack).filename().string() + ", " + s.model.model + ": " +
                 choice.model().formula,
             maps, fits.status, height, width);
    return fits.count(Status::converged) == pixels ? success : not_converged;
}

}  // namespace

void add_images(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "images", "Fits of a model to each pixel of a stack of images: maps as NPY and PNG");
    const auto s = std::make_shared<ImagesSettings>();
    command->add_option("stack", s->stack, "NPY file: images x rows x columns")
        ->type_name("FILE")
        ->required();
    add_model_options(*command, s->model);
    command
        ->add_option("--times", s->times,
                     "CSV or NPY file with a row for each image: its coordinate, or coordinates")
        ->type_name("FILE");
    command->add_option("--dt", s->step, "or the step from one image to the next, the first at 0")
        ->check(positive());
    command->add_option("--sigma", s->sigma, "standard deviation of a pixel's numbers")
        ->check(positive());
    s->output = "maps";
    command->add_option("--output", s->output, "maps are PREFIX_a.npy, PREFIX_a_error.npy, ...")
        ->capture_default_str()
        ->type_name("PREFIX");
    add_table_options(*command, s->table);
    add_run_options(*command, s->run, "maps; without, PREFIX.png; none: no picture");
    command->footer(models_text() + "\n" +
                    examples({
                        "cunewton images bench/data/dwi_slice.npy --model diffusion_tensor --times "
                        "bench/data/dwi_gradients.csv --x-unit ms/um^2 --output tensor",
                        "cunewton images bench/data/dwi_slice.npy --model diffusion_tensor --times "
                        "bench/data/dwi_gradients.csv --plot none --json",
                    }));
    command->callback([s, &status] {
        in_precision(s->run, [&](auto t) { status = fit_images<decltype(t)>(*s); });
    });
}

}  // namespace cunewton::tool
