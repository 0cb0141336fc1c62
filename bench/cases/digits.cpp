// Softmax regression on 1797 images of handwritten digits (data/README.md), as examples/digits.cpp.
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "bench/cases/cases.h"
#include "bench/cases/dense.h"
#include "bench/cases/solve.h"
#include "cunewton/loss/softmax.h"
#include "readers/file.h"
#include "tests/support/data_file.h"

namespace cunewton::bench {
namespace {

constexpr int width = 8;
constexpr int classes = 10;
constexpr double l2 = 1e-4;

/// Rows of 64 pixels from 0 to 16 and the digit, separated by commas. Pixels become 0 .. 1.
TrainingData read_digits() {
    const std::string text =
        readers::read_file(test::data_file(CUNEWTON_BENCH_DATA_DIR, "digits.csv.gz"));
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

    Options options;
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    if (!context.settings.single) options.gradient_tolerance = 1e-8;
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
