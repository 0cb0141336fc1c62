// What a batch is given: data of every shape, fixed parameters and bounds, several starts, and what
// is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "cunewton/error.h"
#include "cunewton/fit.h"
#include "tests/support/batch_checks.h"
#include "tests/support/fit_cases.h"
#include "tests/support/reals.h"

namespace cunewton::test {
namespace {

using fit_oracle::Vector;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// ---- Shapes of data.

class BatchShapesTest : public BackendTest {};
template <class T>
class TypedBatchShapesTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchShapesTest, Reals, RealName);

TYPED_TEST(TypedBatchShapesTest, WeightsCount) {
    using T = TypeParam;
    for (const char* name : {"Gaussian2D", "Hill", "Polynomial<3>"}) {
        const FitData<T> data(fit_case(name), {.problems = 7, .noise = 0.125, .weights = true});
        const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
        expect_oracle_fits(result, data);
        const long zeros =
            std::count(data.weights.begin(), data.weights.begin() + data.fit.points(), T(0));
        ASSERT_GT(zeros, 0);
        for (const int dof : result.degrees_of_freedom)
            EXPECT_EQ(dof, data.fit.points() - zeros - data.fit.parameters());
    }
}

TYPED_TEST(TypedBatchShapesTest, OwnCoordinatesOfEachProblem) {
    using T = TypeParam;
    for (const char* name : {"Gaussian2D", "Sine"}) {
        FitData<T> data(fit_case(name), {.problems = 21, .noise = 0.0625});
        const FitData<T> original = data;
        data.coordinates.clear();
        for (long i = 0; i < data.problems; ++i)
            data.coordinates.insert(data.coordinates.end(), original.coordinates.begin(),
                                    original.coordinates.end());
        expect_oracle_fits(fit_batch(data.fit.model(), data.data(), batch_options()), original);

        // One problem's alone are moved, and its data are those of the moved points.
        const int points = data.fit.points(), c = data.fit.coordinates;
        fit_oracle::Problem moved = original.oracle(3);
        for (int k = 0; k < points * c; ++k) {
            T& x = data.coordinates[3 * points * c + k];
            x += T(0.0625);
            moved.x[k] = x;
        }
        for (int k = 0; k < points; ++k)
            data.y[3 * points + k] =
                static_cast<T>(fit_oracle::value(moved, original.truths[3], k));
        const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
        moved.y.assign(data.y.begin() + 3 * points, data.y.begin() + 4 * points);
        expect_parameters(result, 3, original.truths[3],
                          fit_tolerance(moved, original.truths[3], {}, epsilon<T>, 0));
    }
}

TYPED_TEST(TypedBatchShapesTest, ProblemsOfDifferentSizes) {
    using T = TypeParam;
    for (const bool weighted : {false, true})
        for (const bool shared : {false, true}) {
            SCOPED_TRACE(std::to_string(weighted) + std::to_string(shared));
            const RaggedData<T> ragged(fit_case("Gaussian1D"), weighted);
            const BatchResult<T> result =
                fit_batch(ragged.full.fit.model(), ragged.data(shared), batch_options());
            for (long i = 0; i < ragged.full.problems; ++i) {
                EXPECT_EQ(result.status[i], Status::converged) << i;
                const fit_oracle::Problem oracle = ragged.oracle(i);
                bool arrived = false;
                const Vector exact =
                    fit_oracle::minimiser(oracle, ragged.full.truths[i], {}, arrived);
                ASSERT_TRUE(arrived);
                expect_parameters(
                    result, i, exact,
                    fit_tolerance(oracle, exact, {}, epsilon<T>, default_tolerance(epsilon<T>)));
                int counted = 0;
                for (int k = 0; k < oracle.points(); ++k) counted += oracle.weight(k) > 0;
                EXPECT_EQ(result.degrees_of_freedom[i], counted - 4);
            }
        }
}

TEST_F(BatchShapesTest, AProblemWithoutPointsIsInvalid) {
    FitData<double> data(fit_case("Polynomial<1>"), {.problems = 3, .noise = 0.1});
    const std::vector<long> offsets{0, 17, 17, 34};
    BatchData<double> d = data.data();
    d.offsets = offsets;
    d.y = std::span(d.y.data, 34);
    const BatchResult<double> result = fit_batch(data.fit.model(), d, batch_options());
    EXPECT_EQ(result.status[0], Status::converged);
    EXPECT_EQ(result.status[1], Status::invalid_data);
    EXPECT_EQ(result.status[2], Status::converged);
}

TYPED_TEST(TypedBatchShapesTest, StartsOfEachProblem) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 9, .noise = 0.0625});
    data.start.clear();
    for (long i = 0; i < data.problems; ++i)
        for (int j = 0; j < 4; ++j)
            data.start.push_back(static_cast<T>(data.truths[i][j] * (1.0L + 0.02L * i)));
    BatchOptions options = batch_options();
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), options), data);
    options.max_iterations = 0;
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_TRUE(same_bits(result.parameters, data.start));
}

TEST_F(BatchShapesTest, NoProblems) {
    const FitCase& fit = fit_case("Sine");
    for (const bool shared : {true, false}) {
        BatchData<double> data{.problems = 0, .points = fit.points(), .start = fit.start};
        if (shared) data.coordinates = fit.x;
        BatchOptions options = batch_options();
        options.covariance = options.standard_errors = options.condition_number = true;
        const BatchResult<double> result = fit_batch(fit.model(), data, options);
        expect_coherent(result, options, 0, 4, true);
    }
}

// ---- Fixed parameters and bounds.

class BatchBoundsTest : public BackendTest {};
template <class T>
class TypedBatchBoundsTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchBoundsTest, Reals, RealName);

TYPED_TEST(TypedBatchBoundsTest, FixedParametersKeepTheirStart) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 5, .noise = 0.0625});
    data.start[1] = 4.125;
    data.start[3] = 0.4375;
    BatchOptions options = batch_options();
    options.fixed = {false, true, false, true};
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    expect_oracle_fits(result, data, {.fixed = options.fixed});
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(result.parameters[i * 4 + 1], T(4.125));
        EXPECT_EQ(result.parameters[i * 4 + 3], T(0.4375));
        EXPECT_EQ(result.degrees_of_freedom[i], data.fit.points() - 2);
    }
    options.fixed.assign(4, true);
    const BatchResult<T> none = fit_batch(data.fit.model(), data.data(), options);
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(none.status[i], Status::converged);
        EXPECT_TRUE(same_bits(parameters_of(none, i), data.start));
        EXPECT_EQ(none.gradient_norm[i], 0);
        EXPECT_EQ(none.iterations[i], 0);
    }
}

/// The Karush-Kuhn-Tucker conditions by the oracle's gradient: at a bound it points across it, and
/// with those parameters fixed there the others are the oracle's minimiser.
template <class T>
void expect_bounded_fits(const BatchResult<T>& result, const FitData<T>& data) {
    const int n = data.fit.parameters();
    const auto bound = [&](const std::vector<T>& bounds, long i, int j, double none) {
        if (bounds.empty()) return none;
        return static_cast<double>(static_cast<int>(bounds.size()) == n ? bounds[j]
                                                                        : bounds[i * n + j]);
    };
    for (long i = 0; i < data.problems; ++i) {
        SCOPED_TRACE(data.fit.name + ", problem " + std::to_string(i));
        EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
        const Vector p = wide_parameters_of(result, i);
        const Vector g = fit_oracle::gradient(data.oracle(i), p);
        std::vector<bool> active(n);
        Vector near = data.truths[i];
        for (int j = 0; j < n; ++j) {
            const double low = bound(data.lower, i, j, -infinity);
            const double high = bound(data.upper, i, j, infinity);
            EXPECT_GE(double(p[j]), low) << j;
            EXPECT_LE(double(p[j]), high) << j;
            active[j] = p[j] == low || p[j] == high;
            if (!active[j]) continue;
            near[j] = p[j];
            if (low < high) {
                EXPECT_GT(p[j] == low ? g[j] : -g[j], 0) << j;
            }
        }
        bool arrived = false;
        const fit_oracle::Problem oracle = data.oracle(i);
        const Vector exact = fit_oracle::minimiser(oracle, near, active, arrived);
        ASSERT_TRUE(arrived);
        expect_parameters(
            result, i, exact,
            fit_tolerance(oracle, exact, active, epsilon<T>, default_tolerance(epsilon<T>)));
    }
}

TYPED_TEST(TypedBatchBoundsTest, BoundsOfAllProblems) {
    using T = TypeParam;
    constexpr T none = std::numeric_limits<T>::infinity();
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 20, .noise = 0.0625});
    // Truth (3, 4, 1.25, 0.5), start (2, 3.5, 1.75, 0.25).
    data.lower = {0, 0, 1.5, -none};
    data.upper = {2.5, 8, none, none};
    const BatchResult<T> active = fit_batch(data.fit.model(), data.data(), batch_options());
    expect_bounded_fits(active, data);
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(active.parameters[i * 4], T(2.5));
        EXPECT_EQ(active.parameters[i * 4 + 2], T(1.5));
    }
    // Out of the way, infinite, one side alone.
    data.lower = {0, 0, 0, -10};
    data.upper = {10, 8, none, 10};
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
    data.lower.assign(4, -none);
    data.upper.assign(4, none);
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
    data.lower.clear();
    data.upper = {none, none, 1, none};
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
    data.lower = {none * -1, T(4.25), none * -1, none * -1};
    data.upper.clear();
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
}

TYPED_TEST(TypedBatchBoundsTest, BoundsOfEachProblem) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian2D"), {.problems = 33, .noise = 0.0625});
    // Truth (5, 4.25, 3.75, 1.5, 1): every third problem has an active bound on one side or other.
    for (long i = 0; i < data.problems; ++i) {
        const bool active = i % 3 == 0;
        for (const double low : {0.0, 0.0, 0.0, active && i % 2 ? 1.75 : 0.5, -1.0})
            data.lower.push_back(static_cast<T>(low));
        for (const double high : {active ? 4.0 : 20.0, 8.0, 8.0, 4.0, 5.0})
            data.upper.push_back(static_cast<T>(high));
    }
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
    expect_bounded_fits(result, data);
    EXPECT_EQ(result.parameters[0], T(4));
    EXPECT_EQ(result.parameters[3 * 5 + 3], T(1.75));
    // Lower bounds of each with upper bounds of all.
    data.upper = {4, 8, 8, 4, 5};
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
}

TYPED_TEST(TypedBatchBoundsTest, AStartOutsideIsMovedOntoItsBounds) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 3, .noise = 0.0625});
    data.lower = {2.5, 0, 0, 0};
    data.upper = {8, 3.25, 8, 8};
    BatchOptions options = batch_options();
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), options), data);
    options.max_iterations = 0;
    const BatchResult<T> start = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_TRUE(same_bits(parameters_of(start, 2), std::vector<T>{2.5, 3.25, 1.75, 0.25}));
}

TEST_F(BatchBoundsTest, ABoundThatMeetsTheOtherFixesTheParameter) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 3, .noise = 0.0625});
    data.lower = {-infinity, 4, -infinity, -infinity};
    data.upper = {infinity, 4, infinity, infinity};
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), batch_options());
    expect_bounded_fits(result, data);
    for (const int freedom : result.degrees_of_freedom) EXPECT_EQ(freedom, data.data().points - 3);
}

// ---- Several starts.

class BatchStartsTest : public BackendTest {};
template <class T>
class TypedBatchStartsTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchStartsTest, Reals, RealName);

TYPED_TEST(TypedBatchStartsTest, TheBestOfSeveralStartsIsKept) {
    using T = TypeParam;
    constexpr int starts = 3;
    FitData<T> data(fit_case("Sine"), {.problems = 30, .noise = 0.0625});
    // Frequencies around the true one's 2. Bounds leave one of the equivalent minima.
    const std::vector<double> frequencies{3.5, 1.875, 0.625};
    data.lower = {0, 0, -2, -10};
    data.upper = {10, 10, 2, 10};
    data.start.clear();
    for (long i = 0; i < data.problems; ++i)
        for (int s = 0; s < starts; ++s)
            for (const double value : {2.5, frequencies[(i + s) % starts], 0.75, 0.5})
                data.start.push_back(static_cast<T>(value));
    BatchOptions options = batch_options();
    options.starts = starts;
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    expect_coherent(result, options, data.problems, 4, true);
    expect_oracle_fits(result, data);

    // Each start on its own: the same bits, and none is better.
    std::vector<BatchResult<T>> alone;
    options.starts = 1;
    for (int s = 0; s < starts; ++s) {
        FitData<T> single = data;
        single.start.clear();
        for (long i = 0; i < data.problems; ++i)
            for (int j = 0; j < 4; ++j)
                single.start.push_back(data.start[(i * starts + s) * 4 + j]);
        alone.push_back(fit_batch(data.fit.model(), single.data(), options));
    }
    int worse = 0;
    for (long i = 0; i < data.problems; ++i) {
        int best = 0;
        for (int s = 1; s < starts; ++s)
            if (alone[s].objective[i] < alone[best].objective[i]) best = s;
        for (int s = 0; s < starts; ++s)
            worse += alone[s].objective[i] > 2 * alone[best].objective[i];
        EXPECT_EQ(result.best_start[i], best) << i;
        EXPECT_TRUE(same_bits(parameters_of(result, i), parameters_of(alone[best], i))) << i;
        EXPECT_EQ(result.objective[i], alone[best].objective[i]);
        EXPECT_EQ(result.gradient_norm[i], alone[best].gradient_norm[i]);
        EXPECT_EQ(result.status[i], alone[best].status[i]);
        EXPECT_EQ(result.iterations[i], alone[best].iterations[i]);
    }
    EXPECT_GT(worse, data.problems) << "too few starts lead elsewhere to tell";
}

TEST_F(BatchStartsTest, OfEqualEndsTheFirstStartsIsKept) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 2, .noise = 0.0625});
    data.start = {2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25};
    BatchOptions options = batch_options();
    options.starts = 2;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_EQ(result.best_start, (std::vector<int>{0, 0}));
}

TEST_F(BatchStartsTest, AStartThatCannotBeUsedDoesNotSpoilTheOthers) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 2, .noise = 0.0625});
    data.start = {nan, 4, 1, 0, 2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25, infinity, 4, 1, 0};
    BatchOptions options = batch_options();
    options.starts = 2;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    expect_oracle_fits(result, data);
    EXPECT_EQ(result.best_start, (std::vector<int>{1, 0}));
}

// ---- Misuse.

class BatchMisuseTest : public BackendTest {
  protected:
    BatchMisuseTest() : data_(fit_case("Gaussian1D"), {.problems = 6, .noise = 0.0625}) {}

    /// The message names what is wrong.
    void expect_refused(const BatchData<double>& data, const BatchOptions& options,
                        const std::string& named) {
        try {
            fit_batch(data_.fit.model(), data, options);
            ADD_FAILURE() << named << " was not refused";
        } catch (const InvalidArgument& error) {
            EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
        }
    }
    void expect_refused(const BatchData<double>& data, const std::string& named) {
        expect_refused(data, batch_options(), named);
    }

    FitData<double> data_;
};

TEST_F(BatchMisuseTest, Sizes) {
    const BatchData<double> good = data_.data();
    const std::vector<double> numbers(1000, 1.0);
    const std::span<const double> some(numbers);
    const auto with = [&](auto&& change) {
        BatchData<double> changed = good;
        change(changed);
        return changed;
    };
    expect_refused(with([](auto& d) { d.problems = -1; }), "problems");
    expect_refused(with([](auto& d) { d.points = 0; }), "points");
    expect_refused(with([](auto& d) { d.points = -3; }), "points");
    for (const std::size_t size : {0, 31, 33, 191, 193}) {
        expect_refused(with([&](auto& d) { d.coordinates = some.first(size); }), "coordinates");
        expect_refused(with([&](auto& d) { d.y = some.first(size); }), "y");
        if (size > 0) {
            expect_refused(with([&](auto& d) { d.weights = some.first(size); }), "weights");
        }
    }
    for (const std::size_t size : {3, 5, 23, 25}) {
        expect_refused(with([&](auto& d) { d.start = some.first(size); }), "start");
        expect_refused(with([&](auto& d) { d.lower = some.first(size); }), "lower");
        expect_refused(with([&](auto& d) { d.upper = some.first(size); }), "upper");
    }
}

TEST_F(BatchMisuseTest, Offsets) {
    BatchData<double> data = data_.data();
    const auto refuse = [&](const std::vector<long>& offsets, const std::string& named) {
        data.offsets = offsets;
        expect_refused(data, named);
    };
    refuse({0, 32, 64, 96, 128, 160}, "offsets");
    refuse({0, 32, 64, 96, 128, 160, 192, 224}, "offsets");
    refuse({1, 32, 64, 96, 128, 160, 192}, "offsets");
    refuse({0, 32, 64, 60, 128, 160, 192}, "offsets");
    refuse({0, 33, 64, 96, 128, 160, 192}, "points");
    refuse({0, 32, 64, 96, 128, 160, 191}, "y");
}

TEST_F(BatchMisuseTest, NumbersOfAllProblems) {
    BatchData<double> data = data_.data();
    const std::vector<double> start{1, nan, 1, 0};
    data.start = start;
    expect_refused(data, "start");
    data = data_.data();
    std::vector<double> x = data_.coordinates;
    x[4] = infinity;
    data.coordinates = x;
    expect_refused(data, "coordinate");
    data = data_.data();
    const std::vector<double> lower{0, 5, 0, 0}, upper{10, 4, 10, 10}, bad{0, nan, 0, 0};
    data.lower = lower;
    data.upper = upper;
    expect_refused(data, "crossed");
    data.upper = {};
    data.lower = bad;
    expect_refused(data, "lower");
    data.lower = {};
    data.upper = bad;
    expect_refused(data, "upper");
}

TEST_F(BatchMisuseTest, Options) {
    const BatchData<double> data = data_.data();
    const auto refuse = [&](auto&& change, const std::string& named) {
        BatchOptions options = batch_options();
        change(options);
        expect_refused(data, options, named);
    };
    for (const double bad : {-1.0, nan, infinity}) {
        refuse([&](auto& o) { o.tolerance = bad; }, "tolerance");
        refuse([&](auto& o) { o.gradient_tolerance = bad; }, "gradient_tolerance");
        refuse([&](auto& o) { o.change_tolerance = bad; }, "change_tolerance");
        refuse([&](auto& o) { o.step_tolerance = bad; }, "step_tolerance");
        refuse([&](auto& o) { o.tuning = bad; }, "tuning");
        refuse([&](auto& o) { o.initial_radius = bad; }, "initial_radius");
    }
    refuse([](auto& o) { o.max_iterations = -1; }, "max_iterations");
    refuse([](auto& o) { o.threads = -1; }, "threads");
    refuse([](auto& o) { o.chunk = -1; }, "chunk");
    refuse([](auto& o) { o.starts = 0; }, "starts");
    refuse([](auto& o) { o.starts = 2; }, "start");
    refuse([](auto& o) { o.fixed = {true, false}; }, "fixed");
    const FitData<double> without(fit_case("Lorentzian"), {.problems = 6, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.derivatives = BatchDerivatives::analytic;
    EXPECT_THROW(fit_batch(without.fit.model(), without.data(), options), InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
