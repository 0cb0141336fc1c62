#include "tests/bounds/problems.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <utility>

namespace cunewton::test {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Uniform in [0, 1), the same everywhere.
class Uniform {
  public:
    explicit Uniform(unsigned seed) : engine_(seed) {}
    double operator()() { return static_cast<double>(engine_()) / 4294967296.0; }
    double normal() {  // Box and Muller
        const double u = 1 - (*this)(), v = (*this)();
        return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
    }

  private:
    std::mt19937 engine_;
};

struct QuadraticData {
    std::vector<double> A, b;
};
struct LogisticData {
    std::vector<double> features, targets;
};

/// 100 (x2 - x1^2)^2 + (1 - x1)^2
struct Banana {
    template <class X>
    auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T u = x[1] - x[0] * x[0], v = T(1.0) - x[0];
        return T(100.0) * u * u + v * v;
    }
};
struct Hock3 {
    template <class X>
    auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T u = x[1] - x[0];
        return x[1] + T(1e-5) * u * u;
    }
};
struct Hock4 {
    template <class X>
    auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T u = x[0] + T(1.0);
        return u * u * u / T(3.0) + x[1];
    }
};
struct Hock5 {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        const T u = x[0] - x[1];
        return sin(T(x[0] + x[1])) + u * u - T(1.5) * x[0] + T(2.5) * x[1] + T(1.0);
    }
};
struct Wood {
    template <class X>
    auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T a = x[1] - x[0] * x[0], b = T(1.0) - x[0], c = x[3] - x[2] * x[2],
                d = T(1.0) - x[2], e = x[1] - T(1.0), f = x[3] - T(1.0);
        return T(100.0) * a * a + b * b + T(90.0) * c * c + d * d + T(10.1) * (e * e + f * f) +
               T(19.8) * e * f;
    }
};
struct Hock45 {
    template <class X>
    auto operator()(const X& x) const {
        using T = scalar_t<X>;
        return T(2.0) - x[0] * x[1] * x[2] * x[3] * x[4] / T(120.0);
    }
};
struct Hock110 {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        T sum(0.0), logarithms(0.0);
        for (int j = 0; j < 10; ++j) {
            const T a = log(T(x[j] - T(2.0))), b = log(T(T(10.0) - x[j])), c = log(T(x[j]));
            sum += a * a + b * b;
            logarithms += c;
        }
        return sum - exp(T(T(0.2) * logarithms));
    }
};

}  // namespace

BoundedProblem bounded_quadratic(int n, double active, double condition, bool degenerate,
                                 unsigned seed) {
    Uniform random(seed);
    const std::size_t size = static_cast<std::size_t>(n);
    auto data = std::make_shared<QuadraticData>();
    // Reflections of a diagonal: eigenvalues that are known, along no axis.
    std::vector<double>& A = data->A;
    A.assign(size * size, 0);
    for (std::size_t j = 0; j < size; ++j)
        A[j * size + j] = std::pow(condition, n > 1 ? static_cast<double>(j) / (n - 1) : 0);
    for (int k = 0; k < 3 && n > 1; ++k) {
        std::vector<double> v(size);
        double square = 0;
        for (double& vj : v) {
            vj = random.normal();
            square += vj * vj;
        }
        for (int side = 0; side < 2; ++side)
            for (std::size_t i = 0; i < size; ++i) {
                const auto at = [&](std::size_t j) -> double& {
                    return side == 0 ? A[i * size + j] : A[j * size + i];
                };
                double dot = 0;
                for (std::size_t j = 0; j < size; ++j) dot += at(j) * v[j];
                for (std::size_t j = 0; j < size; ++j) at(j) -= 2 / square * dot * v[j];
            }
    }
    for (std::size_t i = 0; i < size; ++i)
        for (std::size_t j = 0; j < i; ++j) A[i * size + j] = A[j * size + i];
    data->b.resize(size);
    BoundedProblem p{"quadratic n=" + std::to_string(n) + " seed=" + std::to_string(seed),
                     make_quadratic<double>(A.data(), data->b.data(), n),
                     {},
                     {},
                     {}};
    p.multipliers.assign(size, 0);
    for (std::size_t j = 0; j < size; ++j) {
        const double x = 2 * random() - 1, width = 0.5 + random();
        const bool is_active = random() < active, at_lower = random() < 0.5, open = random() < 0.3;
        p.solution.push_back(x);
        if (!is_active) {
            p.lower.push_back(open ? -infinity : x - width);
            p.upper.push_back(random() < 0.3 ? infinity : x + width);
        } else {
            p.lower.push_back(at_lower ? x : open ? -infinity : x - width);
            p.upper.push_back(at_lower ? open ? infinity : x + width : x);
            const bool none = degenerate && random() < 0.25;
            const double size_of = 0.1 + random();
            if (!none) p.multipliers[j] = at_lower ? size_of : -size_of;
        }
        p.x0.push_back(3 * random() - 1.5);
    }
    for (std::size_t i = 0; i < size; ++i) {
        long double sum = 0;
        for (std::size_t j = 0; j < size; ++j)
            sum += static_cast<long double>(A[i * size + j]) * p.solution[j];
        data->b[i] = static_cast<double>(sum - p.multipliers[i]);
    }
    p.accuracy = 1e-12 * condition + 1e-10;
    p.on_cuda = true;
    p.data = std::move(data);
    return p;
}

BoundedProblem bounded_logistic(long samples, int n, double l2, unsigned seed) {
    Uniform random(seed);
    const std::size_t size = static_cast<std::size_t>(n);
    auto data = std::make_shared<LogisticData>();
    std::vector<double> truth(size);
    for (std::size_t j = 0; j < size; ++j) truth[j] = random.normal() / std::sqrt(n);
    for (long i = 0; i < samples; ++i) {
        double z = 0;
        for (std::size_t j = 0; j < size; ++j) {
            const double a = random.normal();
            data->features.push_back(a);
            z += 2 * a * truth[j];
        }
        data->targets.push_back(random() < 1 / (1 + std::exp(-z)) ? 1 : 0);
    }
    ProblemOptions options;
    options.l2 = l2;
    BoundedProblem p{
        "logistic n=" + std::to_string(n) + " seed=" + std::to_string(seed),
        make_linear_predictor<double>(
            Logistic{}, Samples<double>{data->features.data(), samples, n, 0, data->targets.data()},
            options),
        std::vector<double>(size, 0),
        {},
        {}};
    for (std::size_t j = 0; j < size; ++j) {
        const bool positive = (truth[j] > 0) == (random() < 0.75);
        p.lower.push_back(positive ? 0 : -infinity);
        p.upper.push_back(positive ? infinity : 0);
    }
    p.on_cuda = true;
    p.data = std::move(data);
    return p;
}

std::vector<BoundedProblem> classical_bounded_problems() {
    using V = std::vector<double>;
    std::vector<BoundedProblem> list;
    const auto add = [&](std::string name, Problem<double> problem, V x0, V lower, V upper,
                         V solution, double accuracy = 1e-7) {
        list.push_back({std::move(name), std::move(problem), std::move(x0), std::move(lower),
                        std::move(upper), std::move(solution)});
        list.back().accuracy = accuracy;
        list.back().convex = false;
    };
    const Problem<double> banana = make_objective<double>(Banana{}, 2);
    const double i = infinity, a = std::sqrt(598.0 / 1200), b = 400 * a * a * a;
    add("HS1", banana, {-2, 1}, {-i, -1.5}, {i, i}, {1, 1});
    // From their start there is a minimum on the way, with x1 < 0.
    add("HS2", banana, {-2, 1}, {-i, 1.5}, {i, i}, {});
    add("HS2, x1 >= 0", banana, {2, 3}, {0, 1.5}, {i, i},
        {2 * a * std::cos(std::acos(1 / b) / 3), 1.5});
    add("HS3", make_objective<double>(Hock3{}, 2), {10, 1}, {-i, 0}, {i, i}, {0, 0});
    add("HS4", make_objective<double>(Hock4{}, 2), {1.125, 0.125}, {1, 0}, {i, i}, {1, 0});
    const double third = std::numbers::pi / 3;
    add("HS5", make_objective<double>(Hock5{}, 2), {0, 0}, {-1.5, -3}, {4, 3},
        {0.5 - third, -0.5 - third});
    const Problem<double> wood = make_objective<double>(Wood{}, 4);
    add("HS38", wood, {-3, -1, -3, -1}, V(4, -10), V(4, 10), V(4, 1));
    add("HS45", make_objective<double>(Hock45{}, 5), V(5, 2), V(5, 0), {1, 2, 3, 4, 5},
        {1, 2, 3, 4, 5});
    add("HS110", make_objective<double>(Hock110{}, 10), V(10, 9), V(10, 2.001), V(10, 9.999),
        V(10, 9.3502658), 1e-6);
    add("Rosenbrock, x1 <= 0.5", banana, {-1.2, 1}, {-i, -i}, {0.5, i}, {0.5, 0.25});
    add("Rosenbrock, x2 <= 0.25", banana, {0.2, 0.2}, {0, -i}, {i, 0.25}, {});
    add("Rosenbrock in a box", banana, {-1.2, 1}, {-2, -2}, {2, 2}, {1, 1});
    add("Rosenbrock, corner", banana, {1.7, 1.5}, {1.5, 1.2}, {2, 2}, {1.5, 2});
    add("Wood, x1 <= 0.7", wood, {-3, -1, -3, -1}, V(4, -10), {0.7, 10, 10, 10}, {});
    add("Wood, x3 >= 1.2", wood, {-3, -1, 3, -1}, {-10, -10, 1.2, -10}, V(4, 10), {});
    for (const int n : {4, 20, 100}) {
        V lower(static_cast<std::size_t>(n), -2), upper(lower.size(), 2), start(lower.size(), -1.2),
            solution(lower.size(), 1);
        for (std::size_t j = 0; j + 1 < lower.size(); j += 4) {
            start[j + 1] = 1;
            upper[j] = 0.5;
            solution[j] = 0.5;
            solution[j + 1] = 0.25;
        }
        add("extended Rosenbrock n=" + std::to_string(n),
            make_objective<double>(ExtendedRosenbrock{}, n), start, lower, upper, solution);
        list.back().on_cuda = true;
    }
    return list;
}

std::vector<BoundedProblem> bounded_problems() {
    std::vector<BoundedProblem> list;
    unsigned seed = 1;
    for (const int n : {1, 2, 5, 10, 30, 60, 120, 200})
        for (const double active : {0.0, 0.2, 0.5, 1.0})
            list.push_back(bounded_quadratic(n, active, 100, false, seed++));
    for (const int n : {5, 20, 60})
        for (const double condition : {1.0, 1e6})
            list.push_back(bounded_quadratic(n, 0.4, condition, false, seed++));
    for (const int n : {4, 15, 50}) list.push_back(bounded_quadratic(n, 0.5, 50, true, seed++));
    for (const int n : {2, 5, 10, 20, 40}) {
        list.push_back(bounded_logistic(400, n, 0, seed++));
        list.push_back(bounded_logistic(300, n, 0.01, seed++));
    }
    for (BoundedProblem& problem : classical_bounded_problems()) list.push_back(std::move(problem));
    return list;
}

}  // namespace cunewton::test
