// A batch's arrays however they lie: images point by point, rows with gaps, rows for all, results
// in arrays of the caller's; the same bits as from plain vectors.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/batch_checks.h"
#include "tests/support/message_of.h"
#include "tests/support/peaks.h"
#include "tests/support/reals.h"

namespace cunewton::test {
namespace {

template <class T>
class BatchArraysTest : public BackendTest {};
TYPED_TEST_SUITE(BatchArraysTest, Reals, RealName);

// Many points go to a kernel of its own, and are read where they lie.
TYPED_TEST(BatchArraysTest, StridesDoNotChangeABit) {
    using T = TypeParam;
    for (const auto& [problems, points, starts] :
         {std::array{70, 15, 1}, std::array{40, 15, 2}, std::array{3, 14000, 1}}) {
        SCOPED_TRACE(points);
        const Peaks<T> peaks(problems, points, starts);
        BatchOptions options = options_of_test();
        options.starts = starts;
        const auto wanted = fit_batch(peak(), peaks.data(), options);
        EXPECT_GT(wanted.count(Status::converged), problems / 2);
        BatchData<T> turned = peaks.data(), spread = peaks.data(), backwards = peaks.data();
        std::vector<std::vector<T>> kept;
        kept.reserve(24);
        for (const auto& [member, matrix] : peaks.members()) {
            const long rows = matrix->rows, columns = matrix->columns;
            kept.push_back(matrix->turned());
            turned.*member = Array<const T>(kept.back().data(), columns, rows).transposed();
            kept.push_back(matrix->spread());
            spread.*member =
                Array<const T>(kept.back().data(), rows, columns).strided(3 * columns + 3, 3);
            kept.push_back(matrix->numbers);
            std::reverse(kept.back().begin(), kept.back().end());
            backwards.*member =
                Array<const T>(kept.back().data() + rows * columns - 1, rows, columns)
                    .strided(-columns, -1);
            // One alone, among vectors.
            BatchData<T> one = peaks.data();
            one.*member = turned.*member;
            expect_same(fit_batch(peak(), one, options), wanted);
        }
        expect_same(fit_batch(peak(), turned, options), wanted);
        expect_same(fit_batch(peak(), spread, options), wanted);
        expect_same(fit_batch(peak(), backwards, options), wanted);
        options.chunk = 17;
        expect_same(fit_batch(peak(), turned, options), wanted);
        expect_same(fit_batch(peak(), spread, options), wanted);
        options.chunk = 0;
        options.precision = sizeof(T) == 8 ? BatchPrecision::single : BatchPrecision::full;
        expect_same(fit_batch(peak(), turned, options), fit_batch(peak(), peaks.data(), options));
        options.precision = BatchPrecision::twice;
        expect_same(fit_batch(peak(), turned, options), fit_batch(peak(), peaks.data(), options));
    }
}

TYPED_TEST(BatchArraysTest, ARowDistanceOfZeroIsOneRowForAll) {
    using T = TypeParam;
    const Peaks<T> peaks(40);
    const BatchOptions options = options_of_test();
    BatchData<T> repeated = peaks.data(), one_row = peaks.data();
    std::vector<std::vector<T>> kept;
    kept.reserve(12);
    for (const auto& [member, matrix] : peaks.members()) {
        std::vector<T> all;
        for (long i = 0; i < matrix->rows; ++i)
            all.insert(all.end(), matrix->numbers.begin(),
                       matrix->numbers.begin() + matrix->columns);
        kept.push_back(all);
        repeated.*member = kept.back();
        one_row.*member =
            Array<const T>(kept.back().data(), matrix->rows, matrix->columns).strided(0, 1);
    }
    const auto wanted = fit_batch(peak(), repeated, options);
    const auto found = fit_batch(peak(), one_row, options);
    EXPECT_TRUE(same_bits(found.parameters, wanted.parameters));
    EXPECT_TRUE(same_bits(found.standard_errors, wanted.standard_errors));
    EXPECT_EQ(found.status, wanted.status);
    // Shared coordinates and a shared start whose numbers lie apart.
    const Peaks<T> shared(40);
    BatchData<T> data = shared.data(), apart = data;
    const std::vector<T> x(shared.x.numbers.begin(), shared.x.numbers.begin() + shared.points),
        start(shared.start.numbers.begin(), shared.start.numbers.begin() + 4);
    data.coordinates = x;
    data.start = start;
    const std::vector<T> wide_x = Matrix<T>{1, shared.points, x}.spread(),
                         wide_start = Matrix<T>{1, 4, start}.spread();
    apart.coordinates = Array<const T>(wide_x.data(), 1, shared.points).strided(0, 3);
    apart.start = Array<const T>(wide_start.data(), 1, 4).strided(0, 3);
    expect_same(fit_batch(peak(), apart, options), fit_batch(peak(), data, options));
}

// Problems are begun in the order of their sizes; each one's result is that of the problem alone.
TYPED_TEST(BatchArraysTest, TheOrderOfSizesDoesNotShow) {
    using T = TypeParam;
    const Peaks<T> peaks(300, 40);
    const Ragged<T> ragged(peaks);
    const BatchOptions options = options_of_test();
    const BatchData<T> data = ragged.data(peaks);
    const auto together = fit_batch(peak(), data, options);
    EXPECT_GT(together.count(Status::invalid_data), 5);
    for (const long i : {0L, 5L, 17L, 150L, 299L}) {
        BatchData<T> alone = data;
        const long first = ragged.offsets[static_cast<std::size_t>(i)];
        const std::vector<long> offsets{0, ragged.offsets[static_cast<std::size_t>(i) + 1] - first};
        alone.problems = 1;
        alone.offsets = offsets;
        const auto part = [](const Array<const T>& all, long begin, long count) {
            return Array<const T>(all.data + begin, 1, count);
        };
        alone.coordinates = part(data.coordinates, first, offsets[1]);
        alone.y = part(data.y, first, offsets[1]);
        alone.start = part(data.start, 4 * i, 4);
        alone.lower = part(data.lower, 4 * i, 4);
        alone.upper = part(data.upper, 4 * i, 4);
        const auto result = fit_batch(peak(), alone, options);
        EXPECT_EQ(result.status[0], together.status[static_cast<std::size_t>(i)]) << i;
        for (std::size_t j = 0; j < 4; ++j) {
            const T a = result.parameters[j],
                    b = together.parameters[4 * static_cast<std::size_t>(i) + j];
            EXPECT_TRUE(a == b || (a != a && b != b)) << i;
        }
    }
    // With two numbers between.
    const std::vector<T> wide_x =
                             Matrix<T>{1, static_cast<long>(ragged.x.size()), ragged.x}.spread(),
                         wide_y =
                             Matrix<T>{1, static_cast<long>(ragged.y.size()), ragged.y}.spread();
    BatchData<T> apart = data;
    apart.coordinates = Array<const T>(wide_x.data(), 1, data.coordinates.size()).strided(0, 3);
    apart.y = Array<const T>(wide_y.data(), 1, data.y.size()).strided(0, 3);
    expect_same(fit_batch(peak(), apart, options), together);
    BatchOptions chunked = options;
    chunked.chunk = 31;
    expect_same(fit_batch(peak(), apart, chunked), together);
}

/// Results in vectors as a call writes them there.
template <class T>
struct Vectors {
    BatchResult<T> r;
    Vectors(long problems, long n) {
        const auto count = static_cast<std::size_t>(problems), width = static_cast<std::size_t>(n);
        r.parameters.resize(count * width);
        r.objective.resize(count);
        r.gradient_norm.resize(count);
        r.status.resize(count);
        r.iterations.resize(count);
        r.best_start.resize(count);
        r.degrees_of_freedom.resize(count);
        r.reduced_chi_square.resize(count);
        r.at_bound.resize(count);
        r.covariance.resize(count * width * width);
        r.standard_errors.resize(count * width);
        r.condition_number.resize(count);
        r.undetermined.resize(count);
    }
    BatchArrays<T> arrays() {
        return {.parameters = r.parameters,
                .objective = r.objective,
                .gradient_norm = r.gradient_norm,
                .status = r.status,
                .iterations = r.iterations,
                .best_start = r.best_start,
                .degrees_of_freedom = r.degrees_of_freedom,
                .reduced_chi_square = r.reduced_chi_square,
                .at_bound = r.at_bound,
                .covariance = r.covariance,
                .standard_errors = r.standard_errors,
                .condition_number = r.condition_number,
                .undetermined = r.undetermined};
    }
};

TYPED_TEST(BatchArraysTest, ResultsGoToArraysOfTheCaller) {
    using T = TypeParam;
    for (const int starts : {1, 3}) {
        const Peaks<T> peaks(50, 15, starts);
        BatchOptions options = options_of_test();
        options.starts = starts;
        const auto wanted = fit_batch(peak(), peaks.data(), options);
        Vectors<T> found(50, 4);
        const BatchSummary summary = fit_batch(peak(), peaks.data(), found.arrays(), options);
        EXPECT_EQ(summary.backend, tested_backend());
        EXPECT_FALSE(summary.queued);
        EXPECT_EQ(summary.completed, 50);
        if (starts == 1) found.r.best_start.clear();
        expect_same(found.r, wanted);
        // A map for each parameter, and nothing else.
        std::vector<T> maps(50 * 4), errors(50 * 16 * 2, T(7));
        BatchArrays<T> some;
        some.parameters = Array<T>(maps.data(), 4, 50).transposed();
        some.covariance = Array<T>(errors.data(), 50, 16).strided(32, 2);
        fit_batch(peak(), peaks.data(), some, options);
        for (std::size_t i = 0; i < 50; ++i) {
            for (std::size_t j = 0; j < 4; ++j)
                EXPECT_EQ(maps[j * 50 + i], wanted.parameters[i * 4 + j]);
            for (std::size_t k = 0; k < 16; ++k) {
                const T a = errors[i * 32 + 2 * k], b = wanted.covariance[i * 16 + k];
                EXPECT_TRUE(a == b || (a != a && b != b));
                EXPECT_EQ(errors[i * 32 + 2 * k + 1], T(7));
            }
        }
        options.precision = BatchPrecision::twice;
        const auto twice = fit_batch(peak(), peaks.data(), options);
        fit_batch(peak(), peaks.data(), some, options);
        for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(maps[i], twice.parameters[i * 4]);
    }
}

TYPED_TEST(BatchArraysTest, ACancelledBatchSaysSoInArraysToo) {
    using T = TypeParam;
    const Peaks<T> peaks(60);
    BatchOptions options = options_of_test();
    options.chunk = 10;
    options.progress = [](const BatchProgress&) { return false; };
    Vectors<T> found(60, 4);
    const BatchSummary summary = fit_batch(peak(), peaks.data(), found.arrays(), options);
    EXPECT_TRUE(summary.cancelled);
    ASSERT_LT(summary.completed, 60);
    EXPECT_EQ(found.r.status.back(), Status::not_run);
    EXPECT_TRUE(std::isnan(found.r.parameters.back()));
    EXPECT_TRUE(std::isnan(found.r.covariance.back()));
}

class BatchArraysMisuseTest : public BackendTest {
  protected:
    static std::string message(const BatchData<double>& data,
                               const BatchArrays<double>& results = {}) {
        return message_of<InvalidArgument>(
            [&] { fit_batch(peak(), data, results, options_of_test()); });
    }
    static void expect_begin(const std::string& text, const std::string& begin) {
        EXPECT_EQ(text.find(begin), 0u) << text;
    }
    const Peaks<double> peaks_{6};
};

TEST_F(BatchArraysMisuseTest, ShapesThatFitNothingAreNamed) {
    BatchData<double> data = peaks_.data();
    data.y = Array<const double>(peaks_.y.numbers.data(), 15, 6);  // images, but not turned
    expect_begin(message(data), "y has the wrong size (15 rows of 6 numbers, not 90)");
    data = peaks_.data();
    data.start = Array<const double>(peaks_.start.numbers.data(), 4, 6);
    expect_begin(message(data), "start has the wrong size (4 rows of 6 numbers, not 4 or 24)");
    data = peaks_.data();
    data.weights = Array<const double>(nullptr, 6, 15);
    expect_begin(message(data), "weights is nowhere (null");
    std::vector<double> room(24);
    BatchArrays<double> results;
    results.parameters = Array<double>(room.data(), 4, 6);
    expect_begin(message(peaks_.data(), results),
                 "parameters has the wrong size (4 rows of 6 numbers, not 24)");
}

TEST_F(BatchArraysMisuseTest, ObjectivesHaveNoDegreesOfFreedom) {
    std::vector<int> room(3);
    const std::vector<double> start{-1.2, 1, -1, 1, 0, 0};
    const BatchData<double> data{.problems = 3, .start = start};
    BatchArrays<double> results;
    results.degrees_of_freedom = room;
    expect_begin(message_of<InvalidArgument>([&] {
                     minimize_batch(make_small_objective(RosenbrockN<2>{}), data, results,
                                    options_of_test());
                 }),
                 "degrees of freedom of an objective are asked for");
}

TEST_F(BatchArraysMisuseTest, HostMemoryIsNotADevices) {
    for (const auto& [member, matrix] : peaks_.members()) {
        BatchData<double> data = peaks_.data();
        data.*member = (data.*member).on_device();
        const std::string text = message(data);
        EXPECT_NE(text.find(" is said to be on a GPU ("), std::string::npos) << text;
    }
    std::vector<double> room(24);
    BatchArrays<double> results;
    results.parameters = Array<double>(room).on_device();
    expect_begin(message(peaks_.data(), results), "parameters is said to be on a GPU (");
}

// ---- What a call takes.

TEST(BatchMemoryNeededTest, OnTheCpuItKeepsToTheOptions) {
    const Peaks<double> peaks(5000);
    BatchOptions options;
    options.backend = BackendChoice::cpu;
    options.threads = 1;
    const MemoryNeeded one = memory_needed(peak(), peaks.data(), options);
    EXPECT_EQ(one.device, 0u);
    // Results at least.
    EXPECT_GT(one.host, 5000u * (4 * 8 + 2 * 8 + 2 * 4));
    options.threads = 4;
    EXPECT_GT(memory_needed(peak(), peaks.data(), options).host, one.host);
    options.threads = 1;
    options.standard_errors = true;
    const MemoryNeeded errors = memory_needed(peak(), peaks.data(), options);
    EXPECT_GT(errors.host, one.host + 5000u * 4 * 8);
    options.chunk = 100;
    EXPECT_LT(memory_needed(peak(), peaks.data(), options).host, errors.host);
    // In another arithmetic a chunk's data are copied.
    options.precision = BatchPrecision::single;
    options.chunk = 0;
    EXPECT_GT(memory_needed(peak(), peaks.data(), options).host, errors.host);
    // Into arrays of the caller's it takes no results of its own.
    options.precision = BatchPrecision::as_data;
    std::vector<double> parameters(5000 * 4);
    BatchArrays<double> results;
    results.parameters = parameters;
    EXPECT_LT(memory_needed(peak(), peaks.data(), results, options).host, one.host);
}

}  // namespace
}  // namespace cunewton::test
