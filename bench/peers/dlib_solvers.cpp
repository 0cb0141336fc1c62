#if CUNEWTON_BENCH_HAVE_DLIB
#include <dlib/matrix.h>
#include <dlib/optimization.h>

#include <algorithm>
#include <cmath>

#include "bench/peers/peers.h"
#include "bench/timing.h"

namespace cunewton::bench {
namespace {

using Vector = dlib::matrix<double, 0, 1>;

Vector to_dlib(const std::vector<double>& x) {
    Vector v(static_cast<long>(x.size()));
    std::copy(x.begin(), x.end(), v.begin());
    return v;
}

/// |g|_2 below the tolerance, or a limit reached; keeps score for the caller.
struct Stop {
    const PeerLimits& limits;
    double begin;
    PeerResult& result;

    template <class T>
    bool should_continue_search(const T&, const double f, const Vector& g) {
        if (dlib::length(g) < limits.gradient_tolerance)
            result.status = "converged";
        else if (!std::isfinite(f))
            result.status = "not_finite";
        else if (result.iterations >= limits.max_iterations)
            result.status = "max_iterations";
        else if (wall_seconds() - begin > limits.seconds)
            result.status = "time_limit";
        else {
            ++result.iterations;
            return true;
        }
        return false;
    }
};

struct Model {
    using column_vector = Vector;
    using general_matrix = dlib::matrix<double>;
    Objective& objective;

    double operator()(const Vector& x) const { return objective.value(x.begin()); }
    void get_derivative_and_hessian(const Vector& x, Vector& g, general_matrix& H) const {
        g.set_size(x.size());
        H.set_size(x.size(), x.size());
        objective.value_and_gradient(x.begin(), g.begin());
        objective.hessian(x.begin(), H.begin());
    }
};

}  // namespace

PeerResult minimize_dlib_trust_region(Objective& objective, const std::vector<double>& x0,
                                      const PeerLimits& limits) {
    PeerResult result{{}, 0, "stalled"};
    Vector x = to_dlib(x0);
    dlib::find_min_trust_region(Stop{limits, wall_seconds(), result}, Model{objective}, x);
    result.x.assign(x.begin(), x.end());
    return result;
}

PeerResult minimize_dlib_bfgs(Objective& objective, const std::vector<double>& x0,
                              const PeerLimits& limits) {
    PeerResult result{{}, 0, "stalled"};
    Vector x = to_dlib(x0);
    const auto value = [&](const Vector& at) { return objective.value(at.begin()); };
    const auto gradient = [&](const Vector& at) {
        Vector g(at.size());
        objective.value_and_gradient(at.begin(), g.begin());
        return g;
    };
    dlib::find_min(dlib::bfgs_search_strategy(), Stop{limits, wall_seconds(), result}, value,
                   gradient, x, -1e100);
    result.x.assign(x.begin(), x.end());
    return result;
}

}  // namespace cunewton::bench
#endif
