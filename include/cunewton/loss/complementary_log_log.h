// Binary regression with the complementary log-log link.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/views.h"

namespace cunewton {

/// The negative log-likelihood of P(y = 1) = 1 - exp(-u) with u = e^z, y in {0, 1}: u for y = 0,
/// -log(1 - exp(-u)) for y = 1 (McCullagh and Nelder 1989, 4.3): of whether a Poisson count is
/// above 0. Convex.
struct ComplementaryLogLog {
    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T z0 = z[0], u = exp(z0);
        // Each form has all digits where it is taken, and is finite where it is not.
        const auto is_small = u < T(0.5);
        const T tiny(1e-30);
        const T some = select(is_small, u, T(0.5)), most = select(is_small, T(0.5), u);
        const T ratio = select(some > tiny, -expm1(-some) / maximum(some, tiny), T(1.0));
        const T occurred = select(is_small, -z0 - log(ratio), -log1p(-exp(-most)));
        return select(y == Y(0.0), u, occurred);
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T u = exp(z[0]);
        g[0] = select(y == Y(0.0), u, -quotient(u));
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T u = exp(z[0]), q = quotient(u);
        // Where the sum would cancel: the series of q with Bernoulli's numbers.
        const T some = minimum(u, T(0.3)), v = some * some;
        const T series =
            some *
            (T(0.5) +
             some * (T(1.0 / 12) +
                     v * (T(-1.0 / 720) +
                          v * (T(1.0 / 30240) + v * (T(-1.0 / 1209600) + v * T(1.0 / 47900160))))));
        const T rest = select(u < T(0.3), series, u + (q - T(1.0)));
        // Both vanish together for large u.
        h(0, 0) = select(y == Y(0.0), u, select(q > T(0.0), q * rest, T(0.0)));
    }
    const char* check_target(double y) const {
        return y == 0 || y == 1 ? nullptr : "complementary log-log regression needs targets 0 or 1";
    }

    // Of the Bernoulli distribution.
    double deviance(const double* z, double y) const {
        return 2 * (*this)(VectorView<const double>{z, 1}, y);
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        return -0.5 * deviance(z, y) * weight / dispersion;
    }
    double mean(double z) const { return -math::expm1(-math::exp(z)); }
    double mean_slope(double z) const { return math::exp(z - math::exp(z)); }
    double variance(double mean) const { return mean * (1 - mean); }

  private:
    /// u / (e^u - 1), 1 at 0.
    template <class T>
    CUNEWTON_HOST_DEVICE static T quotient(const T& u) {
        using namespace math;
        const T some = minimum(maximum(u, T(1e-30)), T(1e6));
        return some / expm1(some);
    }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, ComplementaryLogLog)

}  // namespace cunewton
