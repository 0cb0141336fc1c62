#if CUNEWTON_BENCH_HAVE_DLIB
#include <dlib/matrix.h>
#include <dlib/optimization.h>

#include <algorithm>

#include "bench/peers/rosenbrock_peers.h"

namespace cunewton::bench {
namespace {

template <int n>
using Vector = dlib::matrix<double, n, 1>;
template <int n>
using Square = dlib::matrix<double, n, n>;

template <int n>
double value(const Vector<n>& x) {
    return rosenbrock(n, x.begin(), nullptr);
}
template <int n>
Vector<n> gradient(const Vector<n>& x) {
    Vector<n> g;
    rosenbrock(n, x.begin(), g.begin());
    return g;
}
template <int n>
Square<n> hessian(const Vector<n>& x) {
    Square<n> H;
    H = 0;
    for (int j = 0; j < n; j += 2) {
        H(j, j) = 1200 * x(j) * x(j) - 400 * x(j + 1) + 2;
        H(j + 1, j) = H(j, j + 1) = -400 * x(j);
        H(j + 1, j + 1) = 200;
    }
    return H;
}

template <int n>
struct Function {
    using column_vector = Vector<n>;
    using general_matrix = Square<n>;
    double operator()(const Vector<n>& x) const { return value<n>(x); }
    void get_derivative_and_hessian(const Vector<n>& x, Vector<n>& g, Square<n>& H) const {
        g = gradient<n>(x);
        H = hessian<n>(x);
    }
};

struct Stop {
    double tolerance;
    long* iterations;
    int left = 1000;

    template <class Gradient>
    bool should_continue_search(const Gradient&, double, const Gradient& g) {
        double largest = 0;
        for (const double gj : g) largest = std::max(largest, std::abs(gj));
        if (largest <= tolerance || --left == 0) return false;
        ++*iterations;
        return true;
    }
};

template <int n, class Minimize>
void each_start(const RosenbrockStarts& job, const Minimize& minimize) {
    for (long i = 0; i < job.problems; ++i) {
        Vector<n> x;
        std::copy_n(job.start + i * n, n, x.begin());
        minimize(x);
        std::copy_n(x.begin(), n, job.parameters + i * n);
    }
}

}  // namespace

void minimize_with_dlib_trust_region(const RosenbrockStarts& job) {
    for_known_n(job.n, [&]<int n>() {
        each_start<n>(job, [&](Vector<n>& x) {
            dlib::find_min_trust_region(Stop{job.gradient_tolerance, job.iterations}, Function<n>(),
                                        x);
        });
    });
}

void minimize_with_dlib_newton(const RosenbrockStarts& job) {
    for_known_n(job.n, [&]<int n>() {
        each_start<n>(job, [&](Vector<n>& x) {
            dlib::find_min(dlib::newton_search_strategy(hessian<n>),
                           Stop{job.gradient_tolerance, job.iterations}, value<n>, gradient<n>, x,
                           -1.0);
        });
    });
}

}  // namespace cunewton::bench
#endif
