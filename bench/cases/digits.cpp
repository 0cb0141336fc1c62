// The demonstration: softmax regression on 1797 images of handwritten digits (data/README.md).
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "bench/cases/cases.h"
#include "bench/cases/dense.h"
#include "bench/cases/solve.h"
#include "bench/read_gzip.h"
#include "cunewton/loss/softmax.h"
#include "tests/support/data_file.h"

namespace cunewton::bench {
namespace {

constexpr int width = 8;
constexpr int classes = 10;
constexpr double l2 = 1e-4;

/// Rows of 64 pixels from 0 to 16 and the digit, separated by commas. Pixels become 0 .. 1.
TrainingData read_digits() {
    const std::string text = read_gzip(test::data_file(CUNEWTON_BENCH_DATA_DIR, "digits.csv.gz"));
    TrainingData data;
    data.features = width * width;
    data.classes = classes;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (int column = 0; at < end; column = (column + 1) % (data.features + 1)) {
        int number = 0;
        const auto [next, error] = std::from_chars(at, end, number);
        if (error != std::errc()) throw std::runtime_error("digits.csv.gz: a number was expected");
        if (column < data.features)
            data.X.push_back(number / 16.0);
        else
            data.y.push_back(number);
        at = std::find_if(next, end, [](char c) { return c != ',' && c != '\r' && c != '\n'; });
    }
    data.samples = static_cast<long>(data.y.size());
    if (data.X.size() != data.y.size() * static_cast<std::size_t>(data.features))
        throw std::runtime_error("digits.csv.gz: the last row is not complete");
    return data;
}

template <class T>
int predict(const std::vector<T>& W, const double* pixels) {
    constexpr int d = width * width;
    int best = 0;
    double best_z = 0;
    for (int k = 0; k < classes; ++k) {
        const T* w = W.data() + k * (d + 1);
        double z = w[d];
        for (int j = 0; j < d; ++j) z += w[j] * pixels[j];
        if (k == 0 || z > best_z) {
            best = k;
            best_z = z;
        }
    }
    return best;
}

template <class T>
void print_answers(const TrainingData& data, const std::vector<T>& W, std::FILE* text) {
    const auto pixels = [&](long i) { return data.X.data() + i * data.features; };
    long right = 0, first_wrong = -1;
    for (long i = 0; i < data.samples; ++i) {
        if (predict(W, pixels(i)) == static_cast<int>(data.y[static_cast<std::size_t>(i)]))
            ++right;
        else if (first_wrong < 0)
            first_wrong = i;
    }
    fmt::print(text, "training accuracy {:.2f}% ({} of {})\n",
               100.0 * double(right) / double(data.samples), right, data.samples);
    const std::string shades = " .:-=+*#%@";
    const long shown = std::min<long>(data.samples, 3);
    for (int r = 0; r < width; ++r) {
        for (long i = 0; i < shown; ++i) {
            fmt::print(text, "    ");
            for (int c = 0; c < width; ++c) {
                const char shade = shades[static_cast<std::size_t>(pixels(i)[r * width + c] * 9)];
                fmt::print(text, "{}{}", shade, shade);
            }
        }
        fmt::print(text, "\n");
    }
    for (long i = 0; i < shown; ++i)
        fmt::print(text, "    {:<16}", fmt::format("predicted {}", predict(W, pixels(i))));
    fmt::print(text, "\n");
}

template <class T>
void fit(const TrainingData& data, Context& context) {
    const std::vector<T> X(data.X.begin(), data.X.end()), y(data.y.begin(), data.y.end());
    Samples<T> samples;
    samples.features = X.data();
    samples.count = data.samples;
    samples.dimension = data.features;
    samples.targets = y.data();
    const Problem<T> problem = make_linear_predictor<T>(
        Softmax{classes}, samples, {.l2 = l2, .intercept = true, .penalize_intercept = true});
    const std::vector<T> start(static_cast<std::size_t>(problem.dimension()), T(0));

    std::FILE* text = context.settings.text;
    fmt::print(text, "{} images, {} parameters, penalty {:g}/2 |w|^2\n", data.samples,
               problem.dimension(), l2);
    fmt::print(text, "{:>4} {:>16} {:>10} {:>10} {:>9}\n", "iter", "loss", "|g|", "|step|",
               "seconds");
    Options options;
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    if (!context.settings.single) options.gradient_tolerance = 1e-8;
    options.callback = [text](const IterationRecord& record) {
        fmt::print(text, "{:>4} {:>16.10f} {:>10.2e} {:>10.2e} {:>9.4f}\n", record.iteration,
                   record.f, record.gradient_norm, record.step_norm, record.seconds);
        return true;
    };
    const Result<T> shown = minimize(problem, start, options);
    fmt::print(text, "{} on {} ({}): {}\n", to_string(shown.status), shown.backend,
               shown.backend_reason, shown.message);
    print_answers(data, shown.x, text);

    options.callback = {};
    Row row = context.report.row("digits", "softmax, newton");
    row.samples = data.samples;
    const Result<T> result = timed_minimize(problem, start, options, context, row);
    DenseWork work = newton_work(data, result.iterations);
    work.single_products = work.single_factorizations = context.settings.single;
    context.set_floor(row, work);
    context.report.add(row);
}

}  // namespace

void run_digits(Context& context) {
    TrainingData data = read_digits();
    if (context.settings.small) {
        data.samples = 200;
        data.X.resize(200 * static_cast<std::size_t>(data.features));
        data.y.resize(200);
    }
    if (context.settings.single)
        fit<float>(data, context);
    else
        fit<double>(data, context);
}

}  // namespace cunewton::bench
