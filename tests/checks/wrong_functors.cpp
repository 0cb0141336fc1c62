// Functors with the mistakes that users make, one for each CASE: see messages.py, which compiles
// them.
#include <cunewton/cunewton.h>

#include <algorithm>
#include <cmath>

using namespace cunewton;

#define OBJECTIVE make_objective<double>(Wrong{}, 3)
#define SAMPLE_SUM make_sample_sum<double>(Wrong{}, {}, 3)
#define PREDICTOR make_linear_predictor<double>(Wrong{}, {})
#define FIT make_fit_model(Wrong{})
#define SMALL make_small_objective(Wrong{})

struct Wrong {
    static constexpr int parameters = 2, coordinates = 1;
    int outputs() const { return 1; }

#if CASE == 1  // number: the sum is a double
#define MAKE OBJECTIVE
    template <class X>
    auto operator()(const X& x) const {
        double s = 0;
        for (int i = 0; i < x.size(); ++i) s += x[i] * x[i];
        return s;
    }
#elif CASE == 2  // number: std::pow
#define MAKE OBJECTIVE
    template <class X>
    auto operator()(const X& x) const {
        return x[0] * x[0] + std::pow(x[0], 2.0);
    }
#elif CASE == 3  // number: a declared type of result
#define MAKE OBJECTIVE
    template <class X>
    scalar_t<X> operator()(const X& x) const {
        return std::pow(x[0], 2);
    }
#elif CASE == 4  // number: in the gradient
#define MAKE OBJECTIVE
    template <class X>
    auto operator()(const X& x) const {
        return x[0] * x[0];
    }
    template <class X, class G>
    void gradient(const X& x, G& g) const {
        const double slope = 2 * x[0];
        g[0] += slope;
    }
#elif CASE == 5  // number: std::exp, and the target is a double
#define MAKE SAMPLE_SUM
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        const double y = s.target();
        return std::exp(x[0] * s[0]) - y * x[0];
    }
#elif CASE == 6  // number: the residual is a double
#define MAKE PREDICTOR
    template <class Z, class Y>
    auto operator()(const Z& z, const Y& y) const {
        const double r = z[0] - y;
        return r * r;
    }
#elif CASE == 7  // number: std::exp
#define MAKE FIT
    template <class P, class X>
    auto operator()(const P& p, const X& x) const {
        return p[0] * std::exp(-p[1] * x[0]);
    }
#elif CASE == 8  // number: with names for the parameters
#define MAKE SMALL
    template <class P, class X>
    auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [a, b] = p;
        const float e = exp(-b * x[0]);
        return a * e;
    }
#elif CASE == 9  // branch: if
#define MAKE SAMPLE_SUM
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        scalar_t<X> f = x[0];
        if (x[0] > 0.0) f += x[1] * s[0];
        return f;
    }
#elif CASE == 10  // branch: std::max
#define MAKE OBJECTIVE
    template <class X>
    auto operator()(const X& x) const {
        return std::max(x[0], scalar_t<X>(0.0));
    }
#elif CASE == 11  // result: no return
#define MAKE OBJECTIVE
    template <class X>
    auto operator()(const X& x) const {
        scalar_t<X> f = x[0];
        f *= f;
    }
#elif CASE == 12  // result: an integer
#define MAKE FIT
    template <class P, class X>
    int operator()(const P&, const X&) const {
        return 1;
    }
#elif CASE == 13  // call: not const
#define MAKE OBJECTIVE
    template <class X>
    auto operator()(const X& x) {
        return x[0] * x[0];
    }
#elif CASE == 14  // call: takes numbers alone
#define MAKE OBJECTIVE
    double operator()(const std::vector<double>& x) const {
        return x[0] * x[0];
    }
#endif
};

int main() {
    MAKE;
}
