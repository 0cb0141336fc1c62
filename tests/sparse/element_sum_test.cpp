// Sums of elements against closed forms in long double, and what they are in every case.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "cunewton/differentiate.h"
#include "cunewton/minimize.h"
#include "cunewton/sparse_hessian.h"
#include "tests/sparse/problems.h"
#include "tests/sparse/test_elements.h"
#include "tests/support/message_of.h"
#include "tests/support/on_device.h"
#include "tests/support/open_session.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using Real = long double;

/// f, gradient and Hessian of a sum, as plain as can be.
struct Oracle {
    /// Of one element, its Hessian in full.
    struct Term {
        Real f;
        std::vector<Real> g, h;
    };

    explicit Oracle(std::size_t n) : g(n), h(n * n) {}

    void add(const std::vector<std::size_t>& indices, const Term& term, Real weight = 1) {
        const std::size_t k = indices.size(), n = g.size();
        f += weight * term.f;
        for (std::size_t i = 0; i < k; ++i) {
            g[indices[i]] += weight * term.g[i];
            for (std::size_t j = 0; j < k; ++j)
                h[indices[j] * n + indices[i]] += weight * term.h[j * k + i];
        }
    }
    void add_penalty(Real l2, const std::vector<Real>& x) {
        for (std::size_t j = 0; j < x.size(); ++j) {
            f += l2 / 2 * x[j] * x[j];
            g[j] += l2 * x[j];
            h[j * x.size() + j] += l2;
        }
    }

    Real f = 0;
    std::vector<Real> g, h;
};

Oracle::Term rosenbrock_link(Real a, Real b) {
    const Real r = b - a * a;
    return {100 * r * r + (1 - a) * (1 - a),
            {-400 * a * r - 2 * (1 - a), 200 * r},
            {1200 * a * a - 400 * b + 2, -400 * a, -400 * a, 200}};
}
Oracle::Term broyden(Real before, Real at, Real after) {
    const Real r = (3 - 2 * at) * at - before - 2 * after + 1;
    const Real d[] = {-1, 3 - 4 * at, -2};
    Oracle::Term term{r * r, {}, {}};
    for (const Real di : d) {
        term.g.push_back(2 * r * di);
        for (const Real dj : d) term.h.push_back(2 * di * dj);
    }
    term.h[4] -= 8 * r;
    return term;
}
Oracle::Term without(const Oracle::Term& term, std::size_t left_out) {
    const std::size_t k = term.g.size();
    Oracle::Term rest{term.f, {}, {}};
    for (std::size_t i = 0; i < k; ++i) {
        if (i == left_out) continue;
        rest.g.push_back(term.g[i]);
        for (std::size_t j = 0; j < k; ++j)
            if (j != left_out) rest.h.push_back(term.h[j * k + i]);
    }
    return rest;
}
Oracle::Term growth(Real a, Real b, Real s0, Real s1, Real y) {
    const Real e = s0 * std::exp(s1 * b);
    return {e + (a - y) * (a - y) + a * b / 4,
            {2 * (a - y) + b / 4, s1 * e + a / 4},
            {2, 0.25L, 0.25L, s1 * s1 * e}};
}
Oracle::Term product(Real a, Real b, Real c) {
    const Real e = std::exp(a);
    return {a * a * b + e * c,
            {2 * a * b + e * c, a * a, e},
            {2 * b + e * c, 2 * a, e, 2 * a, 0, 0, e, 0, 0}};
}

/// As good as random, between -1 and 1, whole multiples of 1/64.
template <class T>
std::vector<T> numbers(std::size_t count, unsigned seed) {
    std::vector<T> x(count);
    std::uint32_t state = seed * 2654435761u + 1;
    for (T& value : x) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<T>(static_cast<int>(state >> 16 & 127) - 64) / T(64);
    }
    return x;
}
template <class T>
std::vector<Real> wide(const std::vector<T>& x) {
    return {x.begin(), x.end()};
}
Real largest(const std::vector<Real>& values) {
    Real most = 0;
    for (const Real value : values) most = std::max(most, std::abs(value));
    return most;
}
template <class T>
void expect_near(const std::vector<T>& actual, const std::vector<Real>& expected, double tolerance,
                 const std::string& what) {
    ASSERT_EQ(actual.size(), expected.size()) << what;
    const Real scale = std::max(largest(expected), Real(std::numeric_limits<T>::min()));
    for (std::size_t e = 0; e < actual.size(); ++e)
        ASSERT_NEAR(static_cast<double>((actual[e] - expected[e]) / scale), 0, tolerance)
            << what << ", number " << e << ": " << actual[e] << " for " << expected[e];
}

template <class T>
class ElementSumTest : public BackendTest {
  protected:
    static EvaluationOptions at_tested(GradientBy gradient = GradientBy::automatic,
                                       HessianBy hessian = HessianBy::automatic) {
        EvaluationOptions options;
        options.backend = tested_choice();
        options.threads = 2;
        options.derivatives.gradient = gradient;
        options.derivatives.hessian = hessian;
        return options;
    }
    static Options minimising(Method method) {
        Options options;
        options.method = method;
        options.backend = tested_choice();
        options.threads = 2;
        return options;
    }
    /// The entries that the evaluator writes, in full.
    static std::vector<T> by_pattern(const Problem<T>& problem, const std::vector<T>& x) {
        const std::size_t n = x.size();
        const SparsityPattern& pattern = *problem.parts().sparsity;
        Session<T> session = open(problem);
        EXPECT_TRUE(session.evaluator->knows_sparse_hessian());
        const Buffer<T> there = session.vectors->allocate(n);
        const Buffer<T> entries =
            session.vectors->allocate(static_cast<std::size_t>(pattern.size()));
        session.vectors->upload(there.get(), x.data(), n);
        session.evaluator->sparse_hessian(there.get(), entries.get());
        std::vector<T> numbers(entries.size()), full(n * n);
        session.vectors->download(numbers.data(), entries.get(), numbers.size());
        for (std::size_t j = 0; j < n; ++j)
            for (long k = pattern.column_starts[j]; k < pattern.column_starts[j + 1]; ++k) {
                const std::size_t i = static_cast<std::size_t>(pattern.rows[k]);
                full[j * n + i] = full[i * n + j] = numbers[k];
            }
        return full;
    }
    /// H v for several v at once, and the diagonal, between which a Hessian is taken elsewhere.
    static void expect_products(const Problem<T>& problem, const std::vector<T>& x,
                                const Oracle& oracle, double tolerance) {
        const std::size_t n = x.size();
        const std::vector<T> V = numbers<T>(2 * n, 5);
        std::vector<Real> expected(2 * n), diagonal(n);
        for (std::size_t c = 0; c < 2; ++c)
            for (std::size_t j = 0; j < n; ++j)
                for (std::size_t i = 0; i < n; ++i)
                    expected[c * n + i] += oracle.h[j * n + i] * V[c * n + j];
        for (std::size_t j = 0; j < n; ++j) diagonal[j] = oracle.h[j * n + j];
        Session<T> session = open(problem);
        const Buffer<T> point = session.vectors->allocate(n), v = session.vectors->allocate(2 * n),
                        Hv = session.vectors->allocate(2 * n), H = session.vectors->allocate(n * n);
        session.vectors->upload(point.get(), x.data(), n);
        session.vectors->upload(v.get(), V.data(), 2 * n);
        session.evaluator->prepare_products(point.get());
        session.evaluator->hessian(v.get(), H.get());
        std::vector<T> result(2 * n);
        session.evaluator->products(v.get(), 2, Hv.get());
        session.vectors->download(result.data(), Hv.get(), 2 * n);
        expect_near(result, expected, tolerance, "product");
        session.evaluator->hessian(v.get(), H.get());
        ASSERT_TRUE(session.evaluator->knows_diagonal());
        session.evaluator->compute_diagonal(Hv.get());
        result.resize(n);
        session.vectors->download(result.data(), Hv.get(), n);
        expect_near(result, diagonal, tolerance, "diagonal");
    }
    static void expect_all(const Problem<T>& problem, const std::vector<T>& x,
                           const Oracle& oracle) {
        const long n = static_cast<long>(x.size());
        const double tolerance = 4 * sum_tolerance<T>(16);
        const Real scale = std::max({std::abs(oracle.f), largest(oracle.g), Real(1)});
        EXPECT_NEAR(static_cast<double>((evaluate(problem, x, at_tested()) - oracle.f) / scale), 0,
                    sum_tolerance<T>(n));
        expect_near(gradient(problem, x, at_tested()), oracle.g, tolerance, "gradient");
        expect_near(hessian(problem, x, at_tested()), oracle.h, tolerance, "Hessian");
        expect_near(by_pattern(problem, x), oracle.h, tolerance, "entries");
        expect_products(problem, x, oracle, tolerance * 4);
    }
    /// A sum of three kinds that share parameters, with data, weights and a penalty.
    struct Mixed {
        static constexpr std::size_t n = 9, elements = 70;
        explicit Mixed(Reduction reduction, double l2) : x(numbers<T>(n, 3)), oracle(n) {
            const std::vector<Real> at = wide(x);
            std::vector<int> pairs, triples;
            Real total = 0;
            for (std::size_t e = 0; e < elements; ++e) {
                const std::size_t a = e % n, b = (a + 1 + e % (n - 1)) % n;
                pairs.insert(pairs.end(), {static_cast<int>(a), static_cast<int>(b)});
                if (e >= 10) continue;
                const std::size_t c = (e * 5 + 2) % 8, d = (c + 3) % 8;
                triples.insert(triples.end(), {static_cast<int>(c), static_cast<int>(d), 8});
                oracle.add({c, d, 8}, product(at[c], at[d], at[8]));
                total += 1;
            }
            features = numbers<T>(2 * elements, 4);
            targets = numbers<T>(elements, 6);
            weights = numbers<T>(elements, 7);
            for (std::size_t e = 0; e < elements; ++e) {
                weights[e] = e % 7 == 3 ? T(0) : std::abs(weights[e]) + T(0.25);
                const std::size_t a = static_cast<std::size_t>(pairs[2 * e]),
                                  b = static_cast<std::size_t>(pairs[2 * e + 1]);
                oracle.add({a, b},
                           growth(at[a], at[b], features[2 * e], features[2 * e + 1], targets[e]),
                           weights[e]);
                total += weights[e];
            }
            if (reduction == Reduction::mean) {
                oracle.f /= total;
                for (Real& value : oracle.g) value /= total;
                for (Real& value : oracle.h) value /= total;
            }
            oracle.add_penalty(l2, at);
            kinds = {elements_of<T>(Product<0>{}, triples),
                     elements_of<T>(Growth{}, pairs,
                                    Samples<T>::of(Array<const T>(features.data(), elements, 2),
                                                   targets, weights))};
            options = {.reduction = reduction, .l2 = l2};
        }
        Problem<T> problem() const { return make_element_sum<T>(kinds, n, options); }

        std::vector<T> x, features, targets, weights;
        Oracle oracle;
        std::vector<Elements<T>> kinds;
        ProblemOptions options;
    };
};

using Precisions = ::testing::Types<double, float>;
TYPED_TEST_SUITE(ElementSumTest, Precisions);

TYPED_TEST(ElementSumTest, IsAChain) {
    using T = TypeParam;
    for (const std::size_t n : {2u, 3u, 17u, 66u}) {
        const std::vector<T> x = numbers<T>(n, 1);
        const std::vector<Real> at = wide(x);
        Oracle oracle(n);
        for (std::size_t i = 0; i + 1 < n; ++i)
            oracle.add({i, i + 1}, rosenbrock_link(at[i], at[i + 1]));
        this->expect_all(chain_sum<T>(static_cast<int>(n)), x, oracle);
    }
}

TYPED_TEST(ElementSumTest, HasKindsForItsEnds) {
    using T = TypeParam;
    for (const std::size_t n : {2u, 3u, 30u}) {
        const std::vector<T> x = numbers<T>(n, 2);
        const std::vector<Real> at = wide(x);
        Oracle oracle(n);
        oracle.add({0, 1}, without(broyden(0, at[0], at[1]), 0));
        for (std::size_t i = 1; i + 1 < n; ++i)
            oracle.add({i - 1, i, i + 1}, broyden(at[i - 1], at[i], at[i + 1]));
        oracle.add({n - 2, n - 1}, without(broyden(at[n - 2], at[n - 1], 0), 2));
        this->expect_all(broyden_sum<T>(static_cast<int>(n)), x, oracle);
    }
}

TYPED_TEST(ElementSumTest, IsASurfaceOfGivenEdges) {
    using T = TypeParam;
    for (const int side : {1, 2, 6}) {
        const std::size_t n = static_cast<std::size_t>(side) * side;
        const std::vector<T> x = numbers<T>(n, 8);
        const Real h = 1.0L / (side + 1);
        Oracle oracle(n);
        // Of the corner at the right angle and its neighbours, by row and column.
        const auto add = [&](int row, int column, int step) {
            const int rows[] = {row, row, row + step}, columns[] = {column, column + step, column};
            Real z[3];
            std::vector<std::size_t> indices;
            std::vector<int> free;
            for (int c = 0; c < 3; ++c) {
                if (rows[c] >= 0 && rows[c] < side && columns[c] >= 0 && columns[c] < side) {
                    free.push_back(c);
                    indices.push_back(static_cast<std::size_t>(rows[c] * side + columns[c]));
                    z[c] = x[indices.back()];
                } else {
                    const Real s = h * (columns[c] + 1), t = h * (rows[c] + 1);
                    z[c] = s * s - t * t;
                }
            }
            const Real u = z[1] - z[0], v = z[2] - z[0];
            const Real root = std::sqrt(1 + (u * u + v * v) / (h * h));
            const Real du[] = {-1, 1, 0}, dv[] = {-1, 0, 1};
            Oracle::Term term{h * h / 2 * root, {}, {}};
            for (const int i : free) {
                const Real slope_i = u * du[i] + v * dv[i];
                term.g.push_back(slope_i / (2 * root));
                for (const int j : free)
                    term.h.push_back((du[i] * du[j] + dv[i] * dv[j]) / (2 * root) -
                                     slope_i * (u * du[j] + v * dv[j]) /
                                         (2 * h * h * root * root * root));
            }
            oracle.add(indices, term);
        };
        for (int r = -1; r < side; ++r)
            for (int c = -1; c < side; ++c) {
                add(r, c, 1);
                add(r + 1, c + 1, -1);
            }
        this->expect_all(surface_sum<T>(side), x, oracle);
    }
}

TYPED_TEST(ElementSumTest, MixesKindsDataWeightsAndAPenalty) {
    for (const Reduction reduction : {Reduction::automatic, Reduction::sum, Reduction::mean})
        for (const double l2 : {0.0, 0.5}) {
            const typename TestFixture::Mixed mixed(reduction, l2);
            this->expect_all(mixed.problem(), mixed.x, mixed.oracle);
        }
}

TYPED_TEST(ElementSumTest, IsTheObjectiveOfTheSameFunction) {
    using T = TypeParam;
    const EvaluationOptions on_cpu{{.backend = BackendChoice::cpu}};
    const auto compare = [&](const Problem<T>& sum, const Problem<T>& objective) {
        const std::vector<T> x = numbers<T>(static_cast<std::size_t>(sum.dimension()), 9);
        const T f = evaluate(objective, x, on_cpu);
        EXPECT_NEAR(evaluate(sum, x, this->at_tested()), f, sum_tolerance<T>(200) * f);
        expect_near(gradient(sum, x, this->at_tested()), wide(gradient(objective, x, on_cpu)),
                    sum_tolerance<T>(32), "gradient");
        expect_near(hessian(sum, x, this->at_tested()), wide(hessian(objective, x, on_cpu)),
                    sum_tolerance<T>(32), "Hessian");
    };
    compare(chain_sum<T>(13), chain_problem<T>(13));
    compare(broyden_sum<T>(13), broyden_problem<T>(13));
    compare(surface_sum<T>(4), surface_problem<T>(4));
}

TYPED_TEST(ElementSumTest, TakesDerivativesAsItIsAsked) {
    using T = TypeParam;
    const std::vector<T> x = numbers<T>(3, 11);
    const std::vector<Real> at = wide(x);
    Oracle oracle(3);
    oracle.add({2, 0, 1}, product(at[2], at[0], at[1]));
    const std::vector<int> indices{2, 0, 1};
    const Problem<T> problems[] = {make_element_sum<T>({elements_of<T>(Product<0>{}, indices)}, 3),
                                   make_element_sum<T>({elements_of<T>(Product<1>{}, indices)}, 3),
                                   make_element_sum<T>({elements_of<T>(Product<2>{}, indices)}, 3)};
    const double f = static_cast<double>(oracle.f), g = static_cast<double>(largest(oracle.g)),
                 h = static_cast<double>(largest(oracle.h));
    for (int supplied = 0; supplied <= 2; ++supplied) {
        const Problem<T>& problem = problems[supplied];
        for (const GradientBy by :
             {GradientBy::automatic, GradientBy::analytic, GradientBy::autodiff,
              GradientBy::forward_differences, GradientBy::central_differences}) {
            if (by == GradientBy::analytic && supplied == 0) continue;
            expect_near(gradient(problem, x, this->at_tested(by)), oracle.g,
                        gradient_tolerance<T>(by, 8, f, g), to_string(by));
        }
        for (const HessianBy by : {HessianBy::automatic, HessianBy::analytic, HessianBy::autodiff,
                                   HessianBy::gradient_differences, HessianBy::value_differences}) {
            if (by == HessianBy::analytic && supplied < 2) continue;
            expect_near(hessian(problem, x, this->at_tested(GradientBy::automatic, by)), oracle.h,
                        hessian_tolerance<T>(by, 8, f, g, h), to_string(by));
        }
        EXPECT_TRUE(check_gradient(problem, x, this->at_tested()).agrees);
        EXPECT_TRUE(check_hessian(problem, x, this->at_tested()).agrees);
        EXPECT_EQ(problem.capabilities_on_cpu().analytic_gradient, supplied >= 1);
        EXPECT_EQ(problem.capabilities_on_cpu().analytic_hessian, supplied >= 2);
    }
    const Problem<T> wrong =
        make_element_sum<T>({elements_of<T>(Product<1>{.right = 8}, indices)}, 3);
    const DerivativeCheck check = check_gradient(wrong, x, this->at_tested());
    EXPECT_FALSE(check.agrees);
    EXPECT_EQ(check.row, 2) << check.message;
    // A kind without derivatives of its own takes those of the others away.
    const Problem<T> both = make_element_sum<T>(
        {elements_of<T>(Product<2>{}, indices), elements_of<T>(Product<0>{}, indices)}, 3);
    EXPECT_FALSE(both.capabilities_on_cpu().analytic_gradient);
    EXPECT_THROW(gradient(both, x, this->at_tested(GradientBy::analytic)), InvalidArgument);
}

/// Sums of whole numbers are exact in any order.
TYPED_TEST(ElementSumTest, DoesNotDependOnTheOrderOfElements) {
    using T = TypeParam;
    constexpr int n = 7, elements = 100;
    std::vector<int> indices, backwards;
    std::vector<T> data, backward_data;
    for (int e = 0; e < elements; ++e) {
        indices.insert(indices.end(), {e % n, (e % n + 1 + e % 3) % n});
        data.push_back(static_cast<T>(e % 5));
    }
    for (int e = elements - 1; e >= 0; --e) {
        backwards.insert(backwards.end(), {indices[2 * e], indices[2 * e + 1]});
        backward_data.push_back(data[e]);
    }
    const auto problem = [&](const std::vector<int>& order, const std::vector<T>& shifts) {
        return make_element_sum<T>(
            {elements_of<T>(WholeNumbers{}, order,
                            Samples<T>::of(Array<const T>(shifts.data(), elements, 1)))},
            n);
    };
    std::vector<T> x(n);
    for (int j = 0; j < n; ++j) x[j] = static_cast<T>(3 - j);
    const Problem<T> one = problem(indices, data), other = problem(backwards, backward_data);
    EXPECT_EQ(evaluate(one, x, this->at_tested()), evaluate(other, x, this->at_tested()));
    EXPECT_EQ(gradient(one, x, this->at_tested()), gradient(other, x, this->at_tested()));
    EXPECT_EQ(hessian(one, x, this->at_tested()), hessian(other, x, this->at_tested()));

    // An element that is there twice is one of weight 2.
    std::vector<int> twice = indices;
    twice.insert(twice.end(), indices.begin(), indices.end());
    std::vector<T> twice_data = data;
    twice_data.insert(twice_data.end(), data.begin(), data.end());
    const std::vector<T> two(elements, T(2));
    const Samples<T> doubled = Samples<T>::of(Array<const T>(twice_data.data(), 2 * elements, 1)),
                     weighted = Samples<T>::of(Array<const T>(data.data(), elements, 1), {}, two);
    const Problem<T> repeated =
                         make_element_sum<T>({elements_of<T>(WholeNumbers{}, twice, doubled)}, n),
                     heavy = make_element_sum<T>(
                         {elements_of<T>(WholeNumbers{}, indices, weighted)}, n);
    EXPECT_EQ(gradient(repeated, x, this->at_tested()), gradient(heavy, x, this->at_tested()));
    EXPECT_EQ(hessian(repeated, x, this->at_tested()), hessian(heavy, x, this->at_tested()));
    EXPECT_EQ(repeated.parts().sparsity->rows, one.parts().sparsity->rows);
}

TYPED_TEST(ElementSumTest, HasNothingFromElementsWithoutWeight) {
    using T = TypeParam;
    const std::vector<T> x{-1, 2};
    const std::vector<int> both{0, 1}, second{1};
    const std::vector<T> weights{0, 1};
    Samples<T> data;
    data.count = 2;
    data.weights = weights.data();
    const Problem<T> with = make_element_sum<T>({elements_of<T>(Logarithm{}, both, data)}, 2),
                     alone = make_element_sum<T>({elements_of<T>(Logarithm{}, second)}, 2);
    EXPECT_EQ(evaluate(with, x, this->at_tested()), evaluate(alone, x, this->at_tested()));
    EXPECT_EQ(gradient(with, x, this->at_tested()), gradient(alone, x, this->at_tested()));
    EXPECT_EQ(hessian(with, x, this->at_tested()), hessian(alone, x, this->at_tested()));
    for (const GradientBy by : {GradientBy::central_differences, GradientBy::forward_differences})
        EXPECT_EQ(gradient(with, x, this->at_tested(by))[0], 0);
    for (const HessianBy by : {HessianBy::gradient_differences, HessianBy::value_differences})
        EXPECT_EQ(hessian(with, x, this->at_tested(GradientBy::automatic, by))[0], 0);
}

/// Weights times a power of two are values and derivatives times it, to the last bit.
TYPED_TEST(ElementSumTest, HasTheUnitsOfItsWeights) {
    using T = TypeParam;
    const typename TestFixture::Mixed mixed(Reduction::sum, 0);
    typename TestFixture::Mixed scaled(Reduction::sum, 0);
    const T unit = T(1) / T(1024);
    for (T& weight : scaled.weights) weight *= unit;
    const Problem<T> one = make_element_sum<T>({mixed.kinds[1]}, 9),
                     other = make_element_sum<T>({scaled.kinds[1]}, 9);
    EXPECT_EQ(evaluate(one, mixed.x, this->at_tested()) * unit,
              evaluate(other, mixed.x, this->at_tested()));
    std::vector<T> g = gradient(one, mixed.x, this->at_tested()),
                   h = hessian(one, mixed.x, this->at_tested());
    for (T& value : g) value *= unit;
    for (T& value : h) value *= unit;
    EXPECT_EQ(g, gradient(other, mixed.x, this->at_tested()));
    EXPECT_EQ(h, hessian(other, mixed.x, this->at_tested()));
}

TYPED_TEST(ElementSumTest, MayBeConstantOrOfOneElement) {
    using T = TypeParam;
    const std::vector<int> first{0};
    const Problem<T> constant = make_element_sum<T>({elements_of<T>(Constant{}, first)}, 1);
    EXPECT_EQ(evaluate(constant, {T(5)}, this->at_tested()), 3);
    EXPECT_EQ(gradient(constant, {T(5)}, this->at_tested()), std::vector<T>{0});
    EXPECT_EQ(hessian(constant, {T(5)}, this->at_tested()), std::vector<T>{0});
    const Problem<T> logarithm = make_element_sum<T>({elements_of<T>(Logarithm{}, first)}, 1);
    EXPECT_EQ(gradient(logarithm, {T(4)}, this->at_tested()), std::vector<T>{T(0.25)});
    EXPECT_EQ(hessian(logarithm, {T(4)}, this->at_tested()), std::vector<T>{T(-0.0625)});
    // A kind of none is nothing.
    const Problem<T> more = make_element_sum<T>(
        {elements_of<T>(Product<1>{}, {}), elements_of<T>(Logarithm{}, first)}, 1);
    EXPECT_EQ(hessian(more, {T(4)}, this->at_tested()), std::vector<T>{T(-0.0625)});
}

TYPED_TEST(ElementSumTest, IsMinimisedByEveryMethod) {
    using T = TypeParam;
    const Problem<T> problem = broyden_sum<T>(24);
    const std::vector<T> x0(24, T(-1));
    for (const Method method : all_methods) {
        const Result<T> result = minimize(problem, x0, this->minimising(method));
        EXPECT_TRUE(result.converged())
            << to_string(method) << ": " << result.message << ", f = " << result.f;
        EXPECT_LT(result.f, 1e4 * epsilon<T>) << to_string(method);
        EXPECT_EQ(result.backend, tested_backend());
    }
    for (const Method method : sampling_methods)
        EXPECT_THROW(minimize(problem, x0, this->minimising(method)), InvalidArgument);
}

TYPED_TEST(ElementSumTest, SaysWhichParametersNoElementHas) {
    using T = TypeParam;
    const std::vector<int> indices{0, 1, 3, 4};
    const Problem<T> problem =
        make_element_sum<T>({make_elements<T>(RosenbrockLink{}, indices)}, 5);
    EXPECT_EQ(problem.parts().sparsity->size(), 7);
    Options options = this->minimising(Method::newton);
    options.backend = BackendChoice::cpu;
    const Result<T> result = minimize(problem, std::vector<T>(5, T(0.5)), options);
    EXPECT_EQ(result.status, Status::singular) << result.message;
    EXPECT_EQ(result.undetermined, std::vector<int>{2});
    const Problem<T> penalized =
        make_element_sum<T>({make_elements<T>(RosenbrockLink{}, indices)}, 5, {.l2 = 1e-3});
    EXPECT_TRUE(minimize(penalized, std::vector<T>(5, T(0.5)), options).converged());
}

TYPED_TEST(ElementSumTest, IsTheSameForAnyNumberOfThreads) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "threads are the CPU's";
    constexpr std::size_t n = 20000;
    const Problem<T> problem = broyden_sum<T>(n);
    const std::vector<T> x = numbers<T>(n, 13), v = numbers<T>(n, 14);
    const SparsityPattern& pattern = *problem.parts().sparsity;
    const auto all = [&](int threads) {
        Session<T> session = open(problem, {}, threads);
        std::vector<T> numbers(2 * n + static_cast<std::size_t>(pattern.size()) + 1);
        const Number f = session.vectors->number();
        session.evaluator->value_and_gradient(x.data(), numbers.data(), f);
        session.evaluator->prepare_products(x.data());
        session.evaluator->products(v.data(), 1, numbers.data() + n);
        session.evaluator->sparse_hessian(x.data(), numbers.data() + 2 * n);
        numbers.back() = static_cast<T>(session.vectors->read(f));
        return numbers;
    };
    const std::vector<T> one = all(1);
    EXPECT_EQ(one, all(2));
    EXPECT_EQ(one, all(5));
}

TYPED_TEST(ElementSumTest, SaysWhatIsWrongWithIndices) {
    using T = TypeParam;
    const auto message = [](const std::vector<int>& indices, long n) {
        return message_of<InvalidArgument>(
            [&] { make_element_sum<T>(RosenbrockLink{}, indices, n); });
    };
    EXPECT_EQ(message({0, 1, 2, 5}, 5),
              "element 1 has an index out of range (5 of 5 parameters) pass 0 to n - 1");
    EXPECT_EQ(message({0, -1}, 5),
              "element 0 has an index out of range (-1 of 5 parameters) pass 0 to n - 1");
    EXPECT_EQ(message({0, 1, 2, 9, 9, 3}, 5),
              "element 1 has an index out of range (9 of 5 parameters) pass 0 to n - 1");
    EXPECT_EQ(message({0, 1, 3, 3}, 5),
              "element 1 has a parameter twice (number 3) an element's parameters are different "
              "ones: write it with fewer");
    EXPECT_EQ(message({0, 1, 2}, 5),
              "indices of elements have the wrong shape (1 x 3 for elements of 2 parameters) pass "
              "a row of them for each element, or all in one row");
    EXPECT_EQ(message({}, 5),
              "the sum has no elements (no indices were given) pass k of them for each element");
    EXPECT_EQ(message({0, 1}, 0), "a problem needs parameters (n = 0) pass n > 0");
    const std::vector<int> good{0, 1}, bad{0, 9};
    EXPECT_EQ(message_of<InvalidArgument>([&] {
                  make_element_sum<T>({make_elements<T>(RosenbrockLink{}, good),
                                       make_elements<T>(RosenbrockLink{}, bad)},
                                      5);
              }),
              "element 0 of kind 1 has an index out of range (9 of 5 parameters) pass 0 to n - 1");
    const std::vector<T> three{1, 2, 3};
    EXPECT_EQ(message_of<InvalidArgument>([&] {
                  make_element_sum<T>(
                      {make_elements<T>(WholeNumbers{}, good,
                                        Samples<T>::of(Array<const T>(three.data(), 3, 1)))},
                      5);
              }),
              "data of elements have the wrong size (3 samples for 1 elements) pass one for each");
    EXPECT_EQ(message_of<InvalidArgument>([&] {
                  make_element_sum<T>(RosenbrockLink{},
                                      Array<const int>(good.data(), 1, 2).on_device(), 5);
              }),
              "indices of elements are on a GPU (where the Hessian has its entries is found out on "
              "the host) copy them to the host");
    // Rows at any distance, and columns for rows.
    const std::vector<int> by_variable{0, 1, 2, 1, 2, 3};
    const Array<const int> columns(by_variable.data(), 2, 3);
    const Problem<T> problem = make_element_sum<T>(RosenbrockLink{}, columns.transposed(), 4);
    EXPECT_EQ(problem.parts().sparsity->rows, (std::vector<int>{0, 1, 1, 2, 2, 3, 3}));
}

#if CUNEWTON_WITH_CUDA
TYPED_TEST(ElementSumTest, ReadsDataWhereTheyAre) {
    using T = TypeParam;
    if (!testing_cuda()) GTEST_SKIP() << "data are on a device";
    const typename TestFixture::Mixed mixed(Reduction::sum, 0);
    const OnDevice<T> features(mixed.features), targets(mixed.targets), weights(mixed.weights);
    const long elements = static_cast<long>(mixed.elements);
    std::vector<Elements<T>> there = mixed.kinds;
    there[1].data =
        Samples<T>::of(Array<const T>(features.array(elements, 2)), Array<const T>(targets.array()),
                       Array<const T>(weights.array()));
    const Problem<T> problem = make_element_sum<T>(there, 9);
    EXPECT_EQ(evaluate(problem, mixed.x, this->at_tested()),
              evaluate(mixed.problem(), mixed.x, this->at_tested()));
    EXPECT_EQ(hessian(problem, mixed.x, this->at_tested()),
              hessian(mixed.problem(), mixed.x, this->at_tested()));
    EvaluationOptions on_host = this->at_tested();
    on_host.backend = BackendChoice::cpu;
    EXPECT_EQ(gradient(problem, mixed.x, on_host), gradient(mixed.problem(), mixed.x, on_host));
}
#endif

TYPED_TEST(ElementSumTest, HasAPatternOfItsElements) {
    using T = TypeParam;
    const std::vector<int> indices{4, 2, 0, 2, 0, 4};
    const Problem<T> problem = make_element_sum<T>({elements_of<T>(Product<0>{}, indices)}, 6);
    const SparsityPattern& pattern = *problem.parts().sparsity;
    EXPECT_EQ(pattern.n, 6);
    EXPECT_EQ(pattern.column_starts, (std::vector<long>{0, 3, 4, 6, 7, 8, 9}));
    EXPECT_EQ(pattern.rows, (std::vector<int>{0, 2, 4, 1, 2, 4, 3, 4, 5}));
    EXPECT_THROW(with_sparsity(problem, pattern), InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
