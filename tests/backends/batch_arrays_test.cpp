// A batch's arrays wherever they are and however they lie: images point by point, rows with gaps,
// rows for all, data and results on a GPU, in any mix; the same bits as from plain vectors.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/on_device.h"

namespace cunewton::test {
namespace {

double number_at(long k) {
    return std::fmod(0.6180339887498949 * static_cast<double>(k + 1), 1.0) - 0.5;
}

/// Numbers of rows x columns, and the same elsewhere in other orders.
template <class T>
struct Matrix {
    long rows = 0, columns = 0;
    std::vector<T> numbers;

    /// Column by column: what an image stack is, seen from its pixels.
    std::vector<T> turned() const {
        std::vector<T> other;
        for (long j = 0; j < columns; ++j)
            for (long i = 0; i < rows; ++i)
                other.push_back(numbers[static_cast<std::size_t>(i * columns + j)]);
        return other;
    }
    /// Rows with two numbers between their own, and three between rows, all of which are NaN.
    std::vector<T> spread() const {
        std::vector<T> other(static_cast<std::size_t>(rows * (3 * columns + 3)), T(std::nan("")));
        for (long i = 0; i < rows; ++i)
            for (long j = 0; j < columns; ++j)
                other[static_cast<std::size_t>(i * (3 * columns + 3) + 3 * j)] =
                    numbers[static_cast<std::size_t>(i * columns + j)];
        return other;
    }
};

/// Peaks with everything of their own, for each problem.
template <class T>
struct Peaks {
    static constexpr long n = 4;
    long problems;
    int points, starts;
    Matrix<T> x, y, weights, start, lower, upper;

    explicit Peaks(long count, int of_each = 15, int starts_of_each = 1)
        : problems(count), points(of_each), starts(starts_of_each) {
        const auto shape = [](Matrix<T>& m, long rows, long columns) {
            m.rows = rows;
            m.columns = columns;
        };
        shape(x, problems, points);
        shape(y, problems, points);
        shape(weights, problems, points);
        shape(start, problems * starts, n);
        shape(lower, problems, n);
        shape(upper, problems, n);
        const auto add = [](Matrix<T>& m, double value) {
            m.numbers.push_back(static_cast<T>(value));
        };
        for (long i = 0; i < problems; ++i) {
            const double a = 3 + number_at(i), c = 0.3 * number_at(3 * i),
                         w = 1 + 0.2 * number_at(7 * i);
            for (int k = 0; k < points; ++k) {
                const double at = 6.0 * k / points - 3 + 0.05 * number_at(i + k), u = (at - c) / w;
                add(x, at);
                add(y, a * std::exp(-0.5 * u * u) + 0.5 + 0.02 * number_at(5 * i + k));
                add(weights, k % 7 == 3 ? 0 : 1 + 0.3 * number_at(k + i));
            }
            for (int s = 0; s < starts; ++s) {
                add(start, a * (0.9 + 0.2 * s));
                add(start, c + 0.1 - 1.5 * s);
                add(start, 1.1);
                add(start, 0.45);
            }
            for (const double low : {0.0, -2.0, 0.2, -1.0}) add(lower, low + 0.01 * number_at(i));
            for (const double high : {9.0, 2.0, 3.0, 0.505}) add(upper, high + 0.01 * number_at(i));
        }
    }
    BatchData<T> data() const {
        return {.problems = problems,
                .points = points,
                .coordinates = x.numbers,
                .y = y.numbers,
                .weights = weights.numbers,
                .start = start.numbers,
                .lower = lower.numbers,
                .upper = upper.numbers};
    }
    /// The arrays of data(), which one is which, and where they come from.
    using Member = Array<const T> BatchData<T>::*;
    std::vector<std::pair<Member, const Matrix<T>*>> members() const {
        using Data = BatchData<T>;
        return {{&Data::coordinates, &x}, {&Data::y, &y},         {&Data::weights, &weights},
                {&Data::start, &start},   {&Data::lower, &lower}, {&Data::upper, &upper}};
    }
};

FitModel peak() {
    return make_fit_model(Gaussian1D{});
}
BatchOptions options_of_test() {
    BatchOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    options.covariance = options.standard_errors = options.condition_number = true;
    return options;
}

template <class V>
bool same(const std::vector<V>& a, const std::vector<V>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const V& u, const V& v) { return u == v || (u != u && v != v); });
}
template <class T>
void expect_same(const BatchResult<T>& a, const BatchResult<T>& b) {
    EXPECT_TRUE(same(a.parameters, b.parameters));
    EXPECT_TRUE(same(a.objective, b.objective));
    EXPECT_TRUE(same(a.gradient_norm, b.gradient_norm));
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.iterations, b.iterations);
    EXPECT_EQ(a.best_start, b.best_start);
    EXPECT_EQ(a.degrees_of_freedom, b.degrees_of_freedom);
    EXPECT_EQ(a.at_bound, b.at_bound);
    EXPECT_TRUE(same(a.reduced_chi_square, b.reduced_chi_square));
    EXPECT_TRUE(same(a.covariance, b.covariance));
    EXPECT_TRUE(same(a.standard_errors, b.standard_errors));
    EXPECT_TRUE(same(a.condition_number, b.condition_number));
}

template <class T>
class BatchArraysTest : public BackendTest {};
using Arithmetics = ::testing::Types<double, float>;
TYPED_TEST_SUITE(BatchArraysTest, Arithmetics);

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
    EXPECT_TRUE(same(found.parameters, wanted.parameters));
    EXPECT_TRUE(same(found.standard_errors, wanted.standard_errors));
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

/// Problems of random sizes, their data in one row.
template <class T>
struct Ragged {
    std::vector<long> offsets{0};
    std::vector<T> x, y;
    explicit Ragged(const Peaks<T>& peaks) {
        for (long i = 0; i < peaks.problems; ++i) {
            const long count = i % 23 == 5 ? 0 : 6 + (i * 7) % (peaks.points - 5);
            for (long k = i * peaks.points; k < i * peaks.points + count; ++k) {
                x.push_back(peaks.x.numbers[static_cast<std::size_t>(k)]);
                y.push_back(peaks.y.numbers[static_cast<std::size_t>(k)]);
            }
            offsets.push_back(offsets.back() + count);
        }
    }
    BatchData<T> data(const Peaks<T>& peaks) const {
        BatchData<T> data = peaks.data();
        data.offsets = offsets;
        data.coordinates = x;
        data.y = y;
        data.weights = {};
        return data;
    }
};

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

#if CUNEWTON_WITH_CUDA
// ---- On a GPU.

template <class T>
class BatchOnDeviceTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
};
TYPED_TEST_SUITE(BatchOnDeviceTest, Arithmetics);

/// The arrays of peaks on the device: dense, or turned.
template <class T>
struct Resident {
    std::vector<std::unique_ptr<OnDevice<T>>> memory;
    BatchData<T> data;
    /// `which`: bit k: array k of peaks.members().
    Resident(const Peaks<T>& peaks, bool turned, unsigned which = ~0u) : data(peaks.data()) {
        unsigned k = 0;
        for (const auto& [member, matrix] : peaks.members()) {
            if ((which >> k++ & 1) == 0) continue;
            memory.push_back(
                std::make_unique<OnDevice<T>>(turned ? matrix->turned() : matrix->numbers));
            const T* numbers = memory.back()->get();
            data.*member = turned
                               ? Array<const T>(numbers, matrix->columns, matrix->rows)
                                     .transposed()
                                     .on_device()
                               : Array<const T>(numbers, matrix->rows, matrix->columns).on_device();
        }
    }
};

TYPED_TEST(BatchOnDeviceTest, DataThereGiveTheSameBits) {
    using T = TypeParam;
    for (const auto& [problems, points, starts] :
         {std::array{70, 15, 1}, std::array{40, 15, 2}, std::array{3, 14000, 1}}) {
        SCOPED_TRACE(points);
        const Peaks<T> peaks(problems, points, starts);
        BatchOptions options = options_of_test();
        options.starts = starts;
        const auto wanted = fit_batch(peak(), peaks.data(), options);
        BatchOptions cpu = options;
        cpu.backend = BackendChoice::cpu;
        const auto wanted_on_cpu = fit_batch(peak(), peaks.data(), cpu);
        for (const bool turned : {false, true}) {
            for (const unsigned which : {~0u, 1u, 2u, 4u, 8u, 16u, 0b101010u}) {
                const Resident<T> resident(peaks, turned, which);
                const auto found = fit_batch(peak(), resident.data, options);
                EXPECT_EQ(found.backend, "cuda") << found.backend_reason;
                expect_same(found, wanted);
            }
            const Resident<T> resident(peaks, turned);
            expect_same(fit_batch(peak(), resident.data, cpu), wanted_on_cpu);
            BatchOptions other = options;
            other.chunk = 13;
            expect_same(fit_batch(peak(), resident.data, other), wanted);
            other.chunk = 0;
            other.precision = BatchPrecision::twice;
            expect_same(fit_batch(peak(), resident.data, other),
                        fit_batch(peak(), peaks.data(), other));
            if (problems > 5) {
                EXPECT_EQ(explain(peak(), resident.data, options, wanted, 3).message,
                          explain(peak(), peaks.data(), options, wanted, 3).message);
            }
        }
    }
}

template <class T>
void expect_found(const ResultsOnDevice<T>& found, const BatchResult<T>& wanted, int starts) {
    EXPECT_TRUE(same(found.parameters.fetch(), wanted.parameters));
    EXPECT_TRUE(same(found.objective.fetch(), wanted.objective));
    EXPECT_TRUE(same(found.gradient_norm.fetch(), wanted.gradient_norm));
    EXPECT_EQ(found.status.fetch(), wanted.status);
    EXPECT_EQ(found.iterations.fetch(), wanted.iterations);
    if (starts > 1) {
        EXPECT_EQ(found.best_start.fetch(), wanted.best_start);
    }
    EXPECT_EQ(found.degrees_of_freedom.fetch(), wanted.degrees_of_freedom);
    EXPECT_TRUE(same(found.reduced_chi_square.fetch(), wanted.reduced_chi_square));
    EXPECT_EQ(found.at_bound.fetch(), wanted.at_bound);
    const std::vector<T> errors = found.standard_errors.fetch();
    for (std::size_t k = 0; k < errors.size(); ++k) {
        EXPECT_EQ(std::isnan(errors[k]), std::isnan(wanted.standard_errors[k]));
        if (!std::isnan(errors[k])) {
            EXPECT_NEAR(errors[k], wanted.standard_errors[k],
                        (sizeof(T) == 8 ? 1e-10 : 1e-5) * std::abs(wanted.standard_errors[k]));
        }
    }
}

TYPED_TEST(BatchOnDeviceTest, ResultsStayThereAndNobodyWaits) {
    using T = TypeParam;
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    for (const int starts : {1, 3})
        for (const std::size_t budget : {std::size_t{256} << 20, std::size_t{20000}}) {
            const Peaks<T> peaks(150, 15, starts);
            BatchOptions options = options_of_test();
            options.starts = starts;
            options.memory_budget = budget;
            const auto wanted = fit_batch(peak(), peaks.data(), options);
            const Resident<T> resident(peaks, true);
            const ResultsOnDevice<T> found(150, 4);
            options.stream = stream;
            EXPECT_TRUE(fit_batch(peak(), resident.data, found.all(), options).queued);
            ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
            expect_found(found, wanted, starts);
            if (starts > 1) {
                EXPECT_GT(std::ranges::count(wanted.best_start, 1), 0);
            }
            // Without a stream it waits.
            const ResultsOnDevice<T> again(150, 4);
            options.stream = nullptr;
            EXPECT_FALSE(fit_batch(peak(), resident.data, again.all(), options).queued);
            expect_found(again, wanted, starts);
            // Maps of parameters and errors, and some results alone.
            const OnDevice<T> maps(600), errors(600);
            BatchArrays<T> some;
            some.parameters = maps.array(4, 150).transposed();
            some.standard_errors = errors.array(4, 150).transposed();
            fit_batch(peak(), resident.data, some, options);
            const std::vector<T> p = maps.fetch(), e = errors.fetch();
            for (std::size_t i = 0; i < 150; ++i)
                for (std::size_t j = 0; j < 4; ++j) {
                    EXPECT_EQ(p[j * 150 + i], wanted.parameters[i * 4 + j]);
                    EXPECT_EQ(std::isnan(e[j * 150 + i]),
                              std::isnan(wanted.standard_errors[i * 4 + j]));
                }
        }
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TYPED_TEST(BatchOnDeviceTest, ResultsMayBeHereAndThere) {
    using T = TypeParam;
    const Peaks<T> peaks(50, 15, 2);
    BatchOptions options = options_of_test();
    options.starts = 2;
    for (const auto choice : {BackendChoice::cuda, BackendChoice::cpu}) {
        options.backend = choice;
        const auto wanted = fit_batch(peak(), peaks.data(), options);
        const Resident<T> resident(peaks, true, 0b010u);
        const ResultsOnDevice<T> found(50, 4);
        const OnDevice<T> maps(200);
        std::vector<T> objective(50);
        BatchArrays<T> results = found.all();
        results.parameters = maps.array(4, 50).transposed();
        results.objective = objective;
        const auto summary = fit_batch(peak(), resident.data, results, options);
        EXPECT_FALSE(summary.queued);
        EXPECT_TRUE(same(objective, wanted.objective));
        EXPECT_TRUE(same(found.covariance.fetch(), wanted.covariance));
        EXPECT_EQ(found.at_bound.fetch(), wanted.at_bound);
        EXPECT_EQ(found.best_start.fetch(), wanted.best_start);
        const std::vector<T> p = maps.fetch();
        for (std::size_t i = 0; i < 50; ++i)
            for (std::size_t j = 0; j < 4; ++j)
                EXPECT_EQ(p[j * 50 + i], wanted.parameters[i * 4 + j]);
    }
}

TYPED_TEST(BatchOnDeviceTest, RaggedProblemsAreOrderedThere) {
    using T = TypeParam;
    const Peaks<T> peaks(300, 40);
    const Ragged<T> ragged(peaks);
    BatchOptions options = options_of_test();
    const BatchData<T> data = ragged.data(peaks);
    const auto wanted = fit_batch(peak(), data, options);
    const OnDevice<long> offsets(ragged.offsets);
    const OnDevice<T> x(ragged.x), y(ragged.y);
    Resident<T> resident(peaks, false, 0b111000u);
    resident.data.offsets = Array<const long>(offsets.array());
    resident.data.coordinates = x.array();
    resident.data.y = y.array();
    resident.data.weights = {};
    // Offsets come to the host where the results do.
    expect_same(fit_batch(peak(), resident.data, options), wanted);
    for (const std::size_t budget : {std::size_t{256} << 20, std::size_t{30000}}) {
        options.memory_budget = budget;
        const ResultsOnDevice<T> found(300, 4);
        fit_batch(peak(), resident.data, found.all(), options);
        expect_found(found, wanted, 1);
    }
    BatchOptions cpu = options_of_test();
    cpu.backend = BackendChoice::cpu;
    expect_same(fit_batch(peak(), resident.data, cpu), fit_batch(peak(), data, cpu));
}

TYPED_TEST(BatchOnDeviceTest, ManyStartsOfRaggedProblemsBecomePartOfAGraph) {
    using T = TypeParam;
    const Peaks<T> peaks(100, 40, 2);
    const Ragged<T> ragged(peaks);
    BatchOptions options = options_of_test();
    options.starts = 2;
    const auto wanted = fit_batch(peak(), ragged.data(peaks), options);
    const OnDevice<long> offsets(ragged.offsets);
    const OnDevice<T> x(ragged.x), y(ragged.y);
    Resident<T> resident(peaks, false, 0b111000u);
    resident.data.offsets = Array<const long>(offsets.array());
    resident.data.coordinates = x.array();
    resident.data.y = y.array();
    resident.data.weights = {};
    const ResultsOnDevice<T> found(100, 4);
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    options.stream = stream;
    fit_batch(peak(), resident.data, found.all(), options);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_TRUE(fit_batch(peak(), resident.data, found.all(), options).queued);
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    cudaGraphExec_t executable = nullptr;
    ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
    for (int launch = 0; launch < 2; ++launch) {
        found.parameters.forget();
        found.standard_errors.forget();
        ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
        ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
        expect_found(found, wanted, 2);
    }
    EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TYPED_TEST(BatchOnDeviceTest, WrongClaimsAreNamed) {
    using T = TypeParam;
    const Peaks<T> peaks(6);
    const Resident<T> resident(peaks, false);
    const auto message = [](const BatchData<T>& data, int device) {
        BatchOptions options = options_of_test();
        options.device = device;
        return message_of<InvalidArgument>([&] { fit_batch(peak(), data, options); });
    };
    BatchData<T> data = resident.data;
    data.y.memory = Memory::host;
    EXPECT_EQ(message(data, -1).find("y cannot be read by the host (a device pointer)"), 0u)
        << message(data, -1);
    data = resident.data;
    data.weights.device = 3;
    EXPECT_EQ(
        message(data, -1).find("weights is said to be on a GPU (device 3, but it is on device 0)"),
        0u)
        << message(data, -1);
    EXPECT_EQ(message(resident.data, 7).find("there is no device 7"), 0u)
        << message(resident.data, 7);
}

// ---- What a call takes, against what there is.

class BatchDeviceMemoryTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
    void TearDown() override {
        for (void* block : taken_) static_cast<void>(cudaFree(block));
    }
    static std::size_t free_bytes() {
        std::size_t free = 0, total = 0;
        EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
        return free;
    }
    /// Leaves so many bytes on the device, up to a little.
    void leave(std::size_t bytes) {
        while (free_bytes() > bytes) {
            std::size_t size = free_bytes() - bytes;
            void* block = nullptr;
            while (size >= 256 && cudaMalloc(&block, size) != cudaSuccess) size /= 2;
            static_cast<void>(cudaGetLastError());
            if (!block) return;
            taken_.push_back(block);
        }
    }
    std::vector<void*> taken_;
};

TEST_F(BatchDeviceMemoryTest, WhatIsNeededSufficesAndLessMakesSmallerChunks) {
    const Peaks<double> peaks(20000);
    BatchOptions options = options_of_test();
    options.max_iterations = 2;
    fit_batch(peak(), Peaks<double>(10).data(), options);  // its code is on the device now
    const MemoryNeeded needed = memory_needed(peak(), peaks.data(), options);
    ASSERT_GT(needed.device, std::size_t{8} << 20);
    EXPECT_GT(needed.host, 0u);
    leave(needed.device + (64 << 10));
    EXPECT_EQ(fit_batch(peak(), peaks.data(), options).chunks, 1);
    leave(needed.device / 2);
    const auto parts = fit_batch(peak(), peaks.data(), options);
    EXPECT_GT(parts.chunks, 1);
    EXPECT_EQ(parts.completed, 20000);
}

TEST_F(BatchDeviceMemoryTest, OfResidentBatchesItIsTheWorkspace) {
    const Peaks<double> peaks(20000);
    const Resident<double> resident(peaks, false);
    const ResultsOnDevice<double> found(20000, 4);
    BatchOptions options = options_of_test();
    options.max_iterations = 2;
    // What is written where it belongs takes next to nothing.
    EXPECT_LE(memory_needed(peak(), resident.data, found.plain(), options).device, 1024u);
    const MemoryNeeded needed = memory_needed(peak(), resident.data, found.all(), options);
    EXPECT_GT(needed.device, 20000u * 10 * 8);
    EXPECT_EQ(needed.host, 0u);
    options.memory_budget = needed.device / 4;
    EXPECT_LE(memory_needed(peak(), resident.data, found.all(), options).device, needed.device / 4);
    options.memory_budget = BatchOptions().memory_budget;
    fit_batch(peak(), resident.data, found.all(), options);
    leave(needed.device + (64 << 10));
    fit_batch(peak(), resident.data, found.all(), options);
    const std::vector<double> parameters = found.parameters.fetch();
    // In parts where there is less.
    leave(needed.device / 3);
    found.parameters.forget();
    fit_batch(peak(), resident.data, found.all(), options);
    EXPECT_TRUE(same(found.parameters.fetch(), parameters));
}
#endif

}  // namespace
}  // namespace cunewton::test
