// The outermost eigenvalues by products.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "host/curvature/lanczos.h"
#include "tests/curvature/known_spectrum.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/open_session.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

template <class T>
class EigenvaluesTest : public BackendTest {
  protected:
    /// Largest first.
    static void expect_ends(const KnownSpectrum<T>& known, const Eigenvalues<T>& found,
                            double tolerance) {
        std::vector<long double> sorted = known.values;
        std::ranges::sort(sorted);
        const std::size_t n = sorted.size();
        for (std::size_t i = 0; i < found.largest.values.size(); ++i)
            EXPECT_NEAR(found.largest.values[i], static_cast<double>(sorted[n - 1 - i]), tolerance)
                << i;
        for (std::size_t i = 0; i < found.smallest.values.size(); ++i)
            EXPECT_NEAR(found.smallest.values[i], static_cast<double>(sorted[i]), tolerance) << i;
    }
    /// |A v - t v| in long double.
    static double residual(const KnownSpectrum<T>& known, const EigenvalueList<T>& list,
                           std::size_t which) {
        const std::size_t n = known.values.size();
        const T* const v = list.vectors.data() + which * n;
        long double square = 0;
        for (std::size_t i = 0; i < n; ++i) {
            long double sum = -static_cast<long double>(list.values[which]) * v[i];
            for (std::size_t j = 0; j < n; ++j)
                sum += static_cast<long double>(known.A[j * n + i]) * v[j];
            square += sum * sum;
        }
        return static_cast<double>(std::sqrt(square));
    }
};
TYPED_TEST_SUITE(EigenvaluesTest, Reals, RealName);

std::vector<long double> spread(int n, long double low, long double high) {
    std::vector<long double> values;
    for (int i = 0; i < n; ++i) values.push_back(low + (high - low) * i / (n - 1));
    return values;
}

TYPED_TEST(EigenvaluesTest, OfKnownSpectra) {
    using T = TypeParam;
    std::vector<long double> values = spread(40, -1, 2);
    values[3] = -7;
    values[20] = 30;
    values[30] = 12;
    const KnownSpectrum<T> known(values);
    EigenvalueOptions options = there<EigenvalueOptions>();
    options.largest = 3;
    options.smallest = 2;
    options.vectors = true;
    options.tolerance = 0;
    const Eigenvalues<T> found = extreme_eigenvalues(known.problem(), known.origin(), options);
    EXPECT_TRUE(found.converged);
    EXPECT_EQ(found.backend, tested_backend());
    this->expect_ends(known, found, known.tolerance());
    ASSERT_EQ(found.largest.vectors.size(), 3u * 40);
    ASSERT_EQ(found.smallest.vectors.size(), 2u * 40);
    // What it says of a vector is what that one's residual is, but for rounding.
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_NEAR(this->residual(known, found.largest, i), found.largest.residuals[i],
                    known.tolerance());
    for (std::size_t i = 0; i < 2; ++i)
        EXPECT_NEAR(this->residual(known, found.smallest, i), found.smallest.residuals[i],
                    known.tolerance());
    EXPECT_NEAR(found.norm, 30, known.tolerance());
}

TYPED_TEST(EigenvaluesTest, ResidualsBoundTheErrorsOfUnfinishedRuns) {
    using T = TypeParam;
    const KnownSpectrum<T> known(spread(60, -1, 1));
    for (const long products : {4, 10, 20}) {
        EigenvalueOptions options = there<EigenvalueOptions>();
        options.max_products = products;
        const Eigenvalues<T> found = extreme_eigenvalues(known.problem(), known.origin(), options);
        EXPECT_FALSE(found.converged);
        EXPECT_EQ(found.products, products + 2);
        for (const auto* list : {&found.largest, &found.smallest}) {
            double nearest = std::numeric_limits<double>::infinity();
            for (const long double value : known.values)
                nearest = std::min(nearest, std::abs(static_cast<double>(value) - list->values[0]));
            EXPECT_LE(nearest, list->residuals[0] + known.tolerance());
        }
        // Ritz values are within the spectrum.
        EXPECT_LE(found.largest.values[0], 1 + known.tolerance());
        EXPECT_GE(found.smallest.values[0], -1 - known.tolerance());
    }
}

TYPED_TEST(EigenvaluesTest, ThatAreMultipleAreAllFound) {
    using T = TypeParam;
    // So well apart that the first run ends long before its space is invariant.
    std::vector<long double> values;
    for (int i = 0; i < 80; ++i) values.push_back(std::pow(0.8L, i));
    for (const int i : {7, 8, 30}) values[static_cast<std::size_t>(i)] = 5;
    for (const int i : {2, 40}) values[static_cast<std::size_t>(i)] = -3;
    const KnownSpectrum<T> known(values);
    const auto find = [&](int largest, int smallest, bool multiplicities) {
        EigenvalueOptions options = there<EigenvalueOptions>();
        options.largest = largest;
        options.smallest = smallest;
        options.tolerance = 1e-4;
        options.multiplicities = multiplicities;
        return extreme_eigenvalues(known.problem(), known.origin(), options);
    };
    for (const Eigenvalues<T>& found : {find(4, 0, true), find(0, 2, true), find(3, 3, true)}) {
        EXPECT_TRUE(found.converged);
        this->expect_ends(known, found, 1e-4 * 5);
    }
    EXPECT_LT(find(4, 0, false).products, find(4, 0, true).products);
}

TYPED_TEST(EigenvaluesTest, OfInvariantSpaces) {
    using T = TypeParam;
    for (const std::vector<long double>& values :
         {std::vector<long double>{3}, std::vector<long double>(9, 2.0L),
          std::vector<long double>(9, 0.0L), std::vector<long double>{1, 1, 1, 1, 1, -2, -2, 4},
          std::vector<long double>{-1, 2}}) {
        const KnownSpectrum<T> known(values);
        const int n = known.n();
        for (int largest = 0; largest <= n; ++largest) {
            EigenvalueOptions options = there<EigenvalueOptions>();
            options.largest = largest;
            options.smallest = largest == 0 ? 1 : n - largest;
            const Eigenvalues<T> found =
                extreme_eigenvalues(known.problem(), known.origin(), options);
            EXPECT_TRUE(found.converged) << n << " " << largest;
            ASSERT_EQ(found.largest.values.size(), static_cast<std::size_t>(options.largest));
            ASSERT_EQ(found.smallest.values.size(), static_cast<std::size_t>(options.smallest));
            this->expect_ends(known, found, std::max(1e-6 * known.norm(), known.tolerance()));
        }
    }
}

TYPED_TEST(EigenvaluesTest, WithFewVectorsInMemory) {
    using T = TypeParam;
    const KnownSpectrum<T> known(spread(120, -1, 1));
    EigenvalueOptions options = there<EigenvalueOptions>();
    options.largest = 2;
    options.smallest = 2;
    options.max_vectors = 14;
    options.tolerance = 1e-5;
    const Eigenvalues<T> found = extreme_eigenvalues(known.problem(), known.origin(), options);
    EXPECT_TRUE(found.converged);
    EXPECT_GT(found.restarts, 3);
    this->expect_ends(known, found, 1e-5);
}

TYPED_TEST(EigenvaluesTest, DoNotDependOnUnits) {
    using T = TypeParam;
    const KnownSpectrum<T> known(spread(30, -1, 3));
    const double unit = std::ldexp(1.0, sizeof(T) == 8 ? 300 : 40);
    for (const double factor : {unit, 1 / unit}) {
        KnownSpectrum<T> scaled = known;
        for (T& entry : scaled.A) entry *= static_cast<T>(factor);
        const auto options = there<EigenvalueOptions>();
        const Eigenvalues<T> one = extreme_eigenvalues(known.problem(), known.origin(), options),
                             other =
                                 extreme_eigenvalues(scaled.problem(), scaled.origin(), options);
        EXPECT_EQ(one.products, other.products);
        EXPECT_NEAR(other.largest.values[0] / factor, one.largest.values[0], known.tolerance());
        EXPECT_NEAR(other.smallest.values[0] / factor, one.smallest.values[0], known.tolerance());
    }
}

TYPED_TEST(EigenvaluesTest, AreTheSameBitsForASeed) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 200, .features = 12};
    const Model<T> model(ModelKind::softmax3, model_options);
    auto options = there<EigenvalueOptions>();
    options.vectors = true;
    const auto find = [&] { return extreme_eigenvalues(model.problem(), model.theta(), options); };
    const Eigenvalues<T> one = find();
    options.threads = 1;
    const Eigenvalues<T> again = find();
    EXPECT_EQ(one.largest.values, again.largest.values);
    EXPECT_EQ(one.smallest.vectors, again.smallest.vectors);
    options.seed = 2;
    EXPECT_NE(find().smallest.vectors, one.smallest.vectors);
}

TYPED_TEST(EigenvaluesTest, WithoutAMatrixAreThoseOfTheMatrix) {
    using T = TypeParam;
    const int n = 300;
    const KnownSpectrum<T> known(spread(n, 1, 3));
    auto options = there<EigenvalueOptions>();
    // Less than the Hessian: products are differences of gradients.
    options.derivatives.memory_budget = n * n * sizeof(T) - 1;
    options.max_products = testing_cuda() ? 8 : 20;
    const Eigenvalues<T> found = extreme_eigenvalues(known.problem(), known.origin(), options);
    // Central differences of a linear gradient have rounding alone.
    const double rounding = 50 * std::pow(epsilon<T>, 2.0 / 3);
    EXPECT_NEAR(found.largest.values[0], 3, found.largest.residuals[0] + rounding);
    EXPECT_NEAR(found.smallest.values[0], 1, found.smallest.residuals[0] + rounding);
    EXPECT_LE(found.largest.residuals[0], 0.6);
}

/// One whose Krylov space lacks the wanted eigenvector.
TYPED_TEST(EigenvaluesTest, AreFoundFromAnyStart) {
    using T = TypeParam;
    const int n = 20;
    std::vector<T> A(n * n, T(0)), b(n, T(0));
    for (int j = 0; j < n; ++j) A[static_cast<std::size_t>(j) * (n + 1)] = static_cast<T>(j);
    const auto problem = make_quadratic(A.data(), b.data(), n);
    const Session<T> session = open(problem);
    Vectors<T>& vectors = *session.vectors;
    const auto H = session.evaluator->curvature(CurvatureKind::dense);
    const Buffer<T> x = vectors.allocate(n), start = vectors.allocate(n);
    vectors.upload(x.get(), b.data(), n);
    H->update(x.get());
    for (const int part : {0, 7}) {
        std::vector<T> v(n, T(0));
        v[0] = v[static_cast<std::size_t>(part)] = 2;
        vectors.upload(start.get(), v.data(), n);
        const lanczos::Found<T> found = lanczos::find_extremes(
            vectors, *session.matrices, *H, static_cast<std::size_t>(n), {}, start.get());
        ASSERT_EQ(found.largest.size(), 1u);
        EXPECT_TRUE(found.smallest.empty());
        EXPECT_NEAR(found.largest[0].value, n - 1, 1e-5 * n);
        EXPECT_TRUE(found.converged);
    }
    // With a part in it, what is found is what a random start finds.
    std::vector<T> all(n, T(1));
    vectors.upload(start.get(), all.data(), n);
    const lanczos::Found<T> found = lanczos::find_extremes(
        vectors, *session.matrices, *H, static_cast<std::size_t>(n), {}, start.get());
    EXPECT_NEAR(found.largest[0].value, n - 1, 1e-5 * n);
}

class EigenvaluesMisuseTest : public BackendTest {};

TEST_F(EigenvaluesMisuseTest, IsNamed) {
    const KnownSpectrum<double> known({1, 2, 3});
    const auto message = [&](auto change) {
        auto options = there<EigenvalueOptions>();
        change(options);
        return message_of<InvalidArgument>(
            [&] { extreme_eigenvalues(known.problem(), known.origin(), options); });
    };
    using O = EigenvalueOptions;
    EXPECT_NE(message([](O& o) { o.largest = 4; }).find("4 largest and 1 smallest of 3"),
              std::string::npos);
    EXPECT_NE(message([](O& o) { o.largest = o.smallest = 0; }).find("1 to n"), std::string::npos);
    EXPECT_NE(message([](O& o) { o.smallest = -1; }).find("-1 smallest"), std::string::npos);
    EXPECT_NE(message([](O& o) { o.tolerance = -1; }).find("tolerance"), std::string::npos);
    EXPECT_NE(message([](O& o) { o.max_products = 0; }).find("max_products"), std::string::npos);
    EXPECT_NE(message([](O& o) { o.max_vectors = -2; }).find("max_vectors"), std::string::npos);
}

TEST_F(EigenvaluesMisuseTest, ProductsThatAreNotFiniteAreToldOf) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    BlackBox<double> box;
    box.value_and_gradient = [](const double*, int n, double* g) {
        std::fill_n(g, n, 0.0);
        return 0.0;
    };
    box.products = [](const double*, int n, const double*, int columns, double* HV) {
        std::fill_n(HV, n * columns, std::numeric_limits<double>::quiet_NaN());
    };
    const auto problem = make_black_box<double>(box, 5);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  extreme_eigenvalues(problem, std::vector<double>(5, 0.0),
                                      there<EigenvalueOptions>());
              }).find("not finite"),
              std::string::npos);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  spectral_density(problem, std::vector<double>(5, 0.0), there<DensityOptions>());
              }).find("not finite"),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
