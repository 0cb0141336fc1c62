// Trains a multi-layer perceptron on labelled images by several methods and compares them:
//
//     train_mlp --svg curves                      # Fashion-MNIST, if Debian's package is there
//     train_mlp --csv table.csv --methods lbfgs   # the label is in the last column
//     mpirun -n 4 train_mlp                       # by four processes, where it is built with MPI
//
// Ctrl-C ends it with the table and the best point saved.
#include <cunewton/checkpoint.h>
#include <cunewton/communicator.h>
#include <cunewton/minimize.h>
#include <cunewton/problem.h>
#include <cunewton/problem/perceptron.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <future>
#include <iostream>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "examples/train_mlp/data.h"
#include "examples/train_mlp/processes.h"
#include "examples/train_mlp/progress.h"
#include "examples/train_mlp/report.h"
#include "readers/fashion_mnist.h"

namespace cunewton::train_mlp {
namespace {

struct Settings {
    std::string images, labels, test_images, test_labels;
    std::string csv, test_csv, label_column;
    double divisor = 1;
    bool synthetic = false;
    long samples = 0;
    int classes = 0;

    std::vector<int> hidden{128};
    std::string activation = "tanh", loss = "softmax_cross_entropy";
    double l2 = 1e-4;
    std::uint64_t seed = 1;
    std::string start;

    std::vector<std::string> methods{"kfac", "newton_cg", "lbfgs", "adam"};
    double passes = 100;
    double seconds = std::numeric_limits<double>::infinity();
    double goal = -std::numeric_limits<double>::infinity();
    std::string precision = "f32", backend = "auto";
    int threads = 0;

    double print_every = 1;
    std::string progress = "auto";
    std::string svg, save, checkpoint;
    int checkpoint_every = 50;
    bool resume = false;
};

constexpr Activation activations[] = {Activation::relu, Activation::tanh, Activation::softplus,
                                      Activation::gelu};

constexpr PerceptronLoss losses[] = {PerceptronLoss::softmax_cross_entropy,
                                     PerceptronLoss::squared_error};

/// to_string() of each.
template <class Choice, std::size_t count>
std::vector<std::string> names_of(const Choice (&choices)[count]) {
    std::vector<std::string> names;
    for (const Choice choice : choices) names.push_back(to_string(choice));
    return names;
}
template <class Choice, std::size_t count>
Choice named(const std::string& name, const Choice (&choices)[count]) {
    const std::vector<std::string> names = names_of(choices);
    return choices[std::find(names.begin(), names.end(), name) - names.begin()];
}

// ---- Ctrl-C

volatile sig_atomic_t received_signal = 0;

/// The first signal asks for an end after the iteration, a second one ends the process. SIGUSR1 is
/// what mpirun passes on without ending its processes soon after.
void catch_signals(bool by_mpi) {
    struct sigaction action {};
    action.sa_handler = [](int signal) { received_signal = signal; };
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
    if (by_mpi) sigaction(SIGUSR1, &action, nullptr);
}

// ---- methods

/// A method of the library, and with what Hessian.
struct Variant {
    std::string name;
    Method method;
    HessianBy hessian = HessianBy::automatic;
};

Variant variant_named(const std::string& name) {
    if (name == "gauss_newton") return {name, Method::newton_cg, HessianBy::gauss_newton};
    std::string names = "gauss_newton";
    for (const std::span<const Method> methods :
         {std::span<const Method>(all_methods), std::span<const Method>(sampling_methods)})
        for (const Method method : methods) {
            if (name == to_string(method)) return {name, method};
            names += std::string(", ") + to_string(method);
        }
    throw InvalidArgument("there is no such method ('" + name + "') choose among " + names);
}

// ---- data

template <class T>
struct Data {
    Labelled<T> training;
    std::optional<Labelled<T>> test;
};

template <class T>
Data<T> read_data(const Settings& settings) {
    const long most = settings.samples > 0 ? settings.samples : all_of_them;
    Data<T> data;
    if (settings.synthetic) {
        const long count = settings.samples > 0 ? settings.samples : 2000;
        data.training = make_clouds<T>(count, false);
        data.test = make_clouds<T>(count / 4 + 1, true);
    } else if (!settings.csv.empty()) {
        data.training = read_table<T>(settings.csv, settings.label_column, settings.divisor, most);
        if (!settings.test_csv.empty())
            data.test = read_table<T>(settings.test_csv, settings.label_column, settings.divisor);
    } else if (!settings.images.empty()) {
        data.training = read_images<T>(settings.images, settings.labels, most);
        if (!settings.test_images.empty())
            data.test = read_images<T>(settings.test_images, settings.test_labels);
    } else if (readers::has_fashion_mnist()) {
        const auto read = [&](bool training) {
            const readers::LabelledFiles files = readers::fashion_mnist(training);
            return read_images<T>(files.images, files.labels, training ? most : all_of_them);
        };
        data.training = read(true);
        data.test = read(false);
        data.training.name = "Fashion-MNIST";
    } else {
        throw FileError(
            "there are no data (Fashion-MNIST is not installed) install it with apt-get install "
            "dataset-fashion-mnist, name files by --images and --labels or by --csv, or pass "
            "--synthetic");
    }
    return data;
}

/// Throws FileError where the data are not of as many features and classes.
template <class T>
void check_fit(const Data<T>& data, int classes) {
    const auto check = [&](const Labelled<T>& part, const char* what) {
        if (part.classes() > classes)
            throw FileError("a label does not fit the classes (" + std::string(what) +
                            " data have " + std::to_string(part.classes() - 1) + ", the last of " +
                            std::to_string(classes) + " classes is " + std::to_string(classes - 1) +
                            ") pass --classes " + std::to_string(part.classes()) +
                            ", or the data that belong together");
    };
    if (classes < 2)
        throw FileError(
            "there is one class alone (all labels are 0) name the column of the labels");
    check(data.training, "training");
    if (!data.test) return;
    check(*data.test, "test");
    if (data.test->features != data.training.features)
        throw FileError("training and test data do not belong together (" +
                        std::to_string(data.training.features) + " and " +
                        std::to_string(data.test->features) +
                        " features) name files with the same features");
}

/// Samples that are classified right, by all threads.
template <class T>
double right_of(const Perceptron& perceptron, const std::vector<T>& x, const Labelled<T>& data,
                int threads) {
    const long parts = threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::future<double>> right;
    for (long part = 0; part < parts; ++part) {
        const long first = data.count * part / parts, last = data.count * (part + 1) / parts;
        if (first == last) continue;
        right.push_back(std::async(std::launch::async, [&, first, last] {
            return std::round(accuracy(perceptron, x, data.samples(first, last - first)) *
                              static_cast<double>(last - first));
        }));
    }
    double sum = 0;
    for (std::future<double>& part : right) sum += part.get();
    return sum;
}

// ---- training

/// One method after the other, from the same start.
template <class T>
class Comparison {
  public:
    /// All processes have all of the data, and keep a part each. out, err: of the process; what the
    /// first one says to people goes there alone.
    Comparison(const Settings& settings, const Processes& processes, std::ostream& out,
               std::ostream& err)
        : settings_(settings),
          processes_(processes),
          out_(processes.is_first() ? out : nowhere_),
          bar_(err, processes.is_first() &&
                        (settings.progress == "always" ||
                         (settings.progress == "auto" && isatty(STDERR_FILENO) == 1))) {
        processes_.together([&] { prepare(); });
        problem_.emplace(make_perceptron<T>(network_, data_.training.samples(),
                                            {.l2 = settings.l2,
                                             .penalize_intercept = true,
                                             .communicator = processes_.communicator()}));
    }

    /// Returns what the process should exit with.
    int run() {
        out_ << title_ << ", " << problem_->dimension() << " parameters\n";
        if (processes_.communicator()) out_ << "ranks: " << processes_.size() << '\n';
        int signal = 0;
        for (const std::string& name : settings_.methods) {
            train(variant_named(name));
            signal = processes_.largest(received_signal);
            if (signal) break;
        }
        processes_.together([&] {
            if (processes_.is_first()) report(signal);
        });
        return signal ? 128 + signal : 0;
    }

  private:
    void prepare() {
        data_ = read_data<T>(settings_);
        Labelled<T>& training = data_.training;
        const int classes = settings_.classes > 0 ? settings_.classes : training.classes();
        check_fit(data_, classes);
        network_.widths = {training.features};
        network_.widths.insert(network_.widths.end(), settings_.hidden.begin(),
                               settings_.hidden.end());
        network_.widths.push_back(classes);
        network_.activation = named(settings_.activation, activations);
        network_.loss = named(settings_.loss, losses);
        start_ = settings_.start.empty() ? random_start<T>(network_, settings_.seed)
                                         : load_checkpoint<T>(settings_.start).x;
        for (const int width : network_.widths)
            title_ += (title_.empty() ? "" : "-") + std::to_string(width);
        title_ += ", " + settings_.activation + ", " + settings_.loss + ", l2 " +
                  format("%g", settings_.l2) + ": " + std::to_string(training.count) +
                  " samples of " + training.name;
        const auto hex = [](std::uint64_t number) {
            return format("%016llx", static_cast<unsigned long long>(number));
        };
        description_ = title_ + ", fingerprint of the data " + hex(training.fingerprint()) +
                       ", of the start " + hex(fingerprint(std::as_bytes(std::span(start_))));
        training_count_ = training.count;
        if (data_.test) test_count_ = data_.test->count;
        if (!processes_.communicator()) return;
        const RankPart part = rank_part(training.count, *processes_.communicator());
        training.keep(part.begin, part.count);
        const long first = test_count_ * processes_.rank() / processes_.size(),
                   last = test_count_ * (processes_.rank() + 1) / processes_.size();
        if (data_.test) data_.test->keep(first, last - first);
    }

    void report(int signal) {
        out_ << '\n';
        print_table(out_, rows_);
        if (!settings_.svg.empty()) draw_curves(out_, settings_.svg, title_, rows_);
        if (!settings_.save.empty() || signal) save();
    }

    void train(const Variant& variant) {
        out_ << '\n' << variant.name << '\n' << std::flush;
        Options options;
        options.method = variant.method;
        options.derivatives.hessian = variant.hessian;
        options.backend = BackendChoice(settings_.backend);
        options.threads = settings_.threads;
        options.max_iterations = 1000000;
        options.time_limit = settings_.seconds;
        options.keep_trace = true;
        std::string reason;
        double next_line = 0;
        const IterateCallback<T> callback = [&](const Iterate<T>& at) {
            const double done = passes(at.counts);
            if (done >= next_line) {
                next_line = done + settings_.print_every;
                print(at, done);
            }
            bar_.show(variant.name,
                      std::max(done / settings_.passes, at.seconds / settings_.seconds),
                      format("pass %.0f, loss %.5f, %.1f s", done, at.f, at.seconds));
            if (at.f <= settings_.goal)
                reason = "goal";
            else if (done >= settings_.passes)
                reason = "passes";
            if (received_signal) reason = "interrupted";
            return reason.empty();
        };
        const Result<T> result = minimize(variant, options, callback);
        bar_.clear();
        Row row;
        row.method = variant.name;
        row.curve = result.trace;
        row.iterations = result.iterations;
        row.passes = passes(result.counts);
        row.seconds = result.seconds.total;
        row.loss = static_cast<double>(result.f);
        row.gradient_norm = result.gradient_norm;
        row.training_accuracy = accuracy_at(result.x, data_.training, training_count_);
        if (data_.test) row.test_accuracy = accuracy_at(result.x, *data_.test, test_count_);
        // Another process may have had a signal that this one has not.
        if (reason.empty()) reason = "interrupted";
        row.status = result.status == Status::cancelled ? reason : to_string(result.status);
        rows_.push_back(row);
        out_ << "  on " << result.backend << " (" << result.backend_reason << ")\n";
        if (best_.x.empty() || row.loss < best_.f)
            best_ = {.of = description_ + ", by " + variant.name,
                     .x0 = start_,
                     .x = result.x,
                     .f = row.loss,
                     .first_f = result.trace.empty() ? row.loss : result.trace.front().f,
                     .gradient_norm = row.gradient_norm,
                     .iterations = result.iterations,
                     .counts = result.counts,
                     .seconds = result.seconds,
                     .trace = {}};
    }

    Result<T> minimize(const Variant& variant, const Options& options,
                       const IterateCallback<T>& callback) {
        if (settings_.checkpoint.empty())
            return cunewton::minimize(*problem_, start_, options, callback);
        const std::string file = settings_.checkpoint + "." + variant.name;
        processes_.together([&] {
            if (processes_.is_first() && !settings_.resume && std::filesystem::exists(file))
                throw FileError("there is a checkpoint already ('" + file +
                                "') pass --resume to go on from it, or delete it");
        });
        Options saved = options;
        saved.checkpoint = {.file = file, .every = settings_.checkpoint_every, .of = description_};
        return cunewton::minimize(*problem_, start_, saved, callback);
    }

    void print(const Iterate<T>& at, double done) {
        std::vector<T> x;
        processes_.together([&] { x = at.x(); });
        std::string line =
            format("  pass %6.0f  loss %9.6f  |g| %8.2e  training %6.2f%%", done, at.f,
                   at.gradient_norm, 100 * accuracy_at(x, data_.training, training_count_));
        if (data_.test)
            line += format("  test %6.2f%%", 100 * accuracy_at(x, *data_.test, test_count_));
        bar_.clear();
        out_ << line << format("  %8.2f s\n", at.seconds) << std::flush;
    }

    /// Of the samples of all processes, `count`, of which this one has some.
    double accuracy_at(const std::vector<T>& x, const Labelled<T>& part, long count) const {
        double right = 0;
        processes_.together([&] { right = right_of(network_, x, part, settings_.threads); });
        return processes_.sum(right) / static_cast<double>(count);
    }

    void save() {
        const std::string file = !settings_.save.empty()         ? settings_.save
                                 : !settings_.checkpoint.empty() ? settings_.checkpoint + ".best"
                                                                 : "train_mlp.best";
        save_checkpoint(file, best_);
        out_ << "the best point is saved: " << file << '\n';
    }

    const Settings& settings_;
    const Processes& processes_;
    std::ostream nowhere_{nullptr};
    std::ostream& out_;
    ProgressBar bar_;
    Data<T> data_;                              ///< this process's part
    long training_count_ = 0, test_count_ = 0;  ///< of all processes
    Perceptron network_;
    std::optional<Problem<T>> problem_;
    std::vector<T> start_;
    std::string title_, description_;
    std::vector<Row> rows_;
    Checkpoint<T> best_;
};

template <class T>
int compare(const Settings& settings, const Processes& processes) {
    return Comparison<T>(settings, processes, std::cout, std::cerr).run();
}

void add_options(CLI::App& app, Settings& s) {
    const CLI::Range positive(std::numeric_limits<double>::min(),
                              std::numeric_limits<double>::max(), "POSITIVE");
    const auto file = [&](const char* name, std::string& to, const char* what) {
        return app.add_option(name, to, what)->type_name("FILE")->group("Data");
    };
    auto* images = file("--images", s.images, "IDX file of images to train with, gzipped or not");
    auto* labels = file("--labels", s.labels, "IDX file of their labels 0, 1, ...");
    auto* test_images = file("--test-images", s.test_images, "of images to test with");
    auto* test_labels = file("--test-labels", s.test_labels, "of their labels");
    auto* csv = file("--csv", s.csv, "lines of numbers, a sample each, a header if wanted");
    auto* test_csv = file("--test-csv", s.test_csv, "lines to test with");
    auto* column = app.add_option("--label-column", s.label_column,
                                  "of a CSV file: name or number from 1; the last one otherwise");
    auto* divisor = app.add_option("--divide-by", s.divisor,
                                   "features of a CSV file: 255 for pixels from 0 to 255");
    auto* synthetic = app.add_flag("--synthetic", s.synthetic, "made-up clouds of points");
    images->needs(labels);
    labels->needs(images);
    test_images->needs(test_labels, images);
    test_labels->needs(test_images);
    test_csv->needs(csv);
    column->needs(csv)->group("Data");
    divisor->needs(csv)->check(positive)->group("Data");
    csv->excludes(images);
    synthetic->excludes(images, csv)->group("Data");
    app.add_option("--samples", s.samples, "train with the first N alone")
        ->check(CLI::PositiveNumber)
        ->group("Data");
    app.add_option("--classes", s.classes, "the last label and 1 otherwise")
        ->check(CLI::PositiveNumber)
        ->group("Data");

    app.option_defaults()->always_capture_default();
    app.add_option("--widths", s.hidden, "units of the hidden layers")
        ->delimiter(',')
        ->check(CLI::PositiveNumber)
        ->group("Network");
    app.add_option("--activation", s.activation, "")
        ->check(CLI::IsMember(names_of(activations)))
        ->group("Network");
    app.add_option("--loss", s.loss, "of the outputs")
        ->check(CLI::IsMember(names_of(losses)))
        ->group("Network");
    app.add_option("--l2", s.l2, "penalty l2/2 |x|^2")
        ->check(CLI::NonNegativeNumber)
        ->group("Network");
    auto* seed = app.add_option("--seed", s.seed, "of the start")->group("Network");
    file("--start", s.start, "begin at a point that was saved")->excludes(seed)->group("Network");

    app.add_option("--methods", s.methods, "gauss_newton or a Method of the library, each")
        ->delimiter(',')
        ->group("Training");
    app.add_option("--passes", s.passes, "over the data, at most, each method")
        ->check(positive)
        ->group("Training");
    app.add_option("--time", s.seconds, "seconds at most, each method")
        ->check(positive)
        ->group("Training");
    app.add_option("--goal", s.goal, "end at this loss")->group("Training");
    app.add_option("--precision", s.precision, "")
        ->check(CLI::IsMember({"f32", "f64"}))
        ->group("Training");
    app.add_option("--threads", s.threads, "of each process; 0: all")
        ->check(CLI::NonNegativeNumber)
        ->group("Training");
    app.add_option("--backend", s.backend, "auto, cpu or cuda")->group("Training");

    app.add_option("--print-every", s.print_every, "passes between two lines")
        ->check(positive)
        ->group("Output");
    app.add_option("--progress", s.progress, "bar on stderr; auto: on a terminal")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->group("Output");
    app.add_option("--svg", s.svg, "curves in PREFIX.svg, their data in PREFIX.dat")
        ->type_name("PREFIX")
        ->group("Output");
    file("--save", s.save, "the best point of all methods")->group("Output");
    auto* checkpoint = file("--checkpoint", s.checkpoint, "state of each METHOD in FILE.METHOD");
    checkpoint->group("Output");
    app.add_option("--checkpoint-every", s.checkpoint_every, "iterations")
        ->check(CLI::PositiveNumber)
        ->needs(checkpoint)
        ->group("Output");
    app.add_flag("--resume", s.resume, "go on from checkpoints that are there")
        ->needs(checkpoint)
        ->group("Output");
}

int run(int argc, char** argv, const Processes& processes) {
    CLI::App app("Trains a perceptron on labelled samples by several methods and compares them.");
    Settings settings;
    add_options(app, settings);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::ostream nowhere(nullptr);
        const bool speaks = processes.is_first();
        return app.exit(error, speaks ? std::cout : nowhere, speaks ? std::cerr : nowhere);
    }
    for (const std::string& name : settings.methods) variant_named(name);
    catch_signals(processes.communicator() != nullptr);
    return settings.precision == "f32" ? compare<float>(settings, processes)
                                       : compare<double>(settings, processes);
}

/// All processes end together, with the error of one of them; the first one says it.
int run_or_say_why(int argc, char** argv, const Processes& processes) {
    try {
        return run(argc, argv, processes);
    } catch (const std::exception& error) {
        if (processes.is_first()) std::cerr << "error: " << error.what() << '\n';
        return 1;
    }
}

}  // namespace
}  // namespace cunewton::train_mlp

int main(int argc, char** argv) {
    try {
        const cunewton::train_mlp::Processes processes(argc, argv);
        return cunewton::train_mlp::run_or_say_why(argc, argv, processes);
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
        return 1;
    }
}
