#include "tests/support/perceptron_oracle.h"

#include <cmath>
#include <numbers>

namespace cunewton::test {

namespace {

/// f, its derivatives along two directions, and the second one along both.
struct Number {
    long double f, a, b, ab;
    Number(long double value = 0, long double along_a = 0, long double along_b = 0,
           long double along_both = 0)
        : f(value), a(along_a), b(along_b), ab(along_both) {}
};
Number operator+(const Number& x, const Number& y) {
    return {x.f + y.f, x.a + y.a, x.b + y.b, x.ab + y.ab};
}
Number operator-(const Number& x, const Number& y) {
    return {x.f - y.f, x.a - y.a, x.b - y.b, x.ab - y.ab};
}
Number operator*(const Number& x, const Number& y) {
    return {x.f * y.f, x.f * y.a + x.a * y.f, x.f * y.b + x.b * y.f,
            x.f * y.ab + x.a * y.b + x.b * y.a + x.ab * y.f};
}
/// g(x) from g, g' and g'' at x.f.
Number chain(const Number& x, long double g, long double g1, long double g2) {
    return {g, g1 * x.a, g1 * x.b, g1 * x.ab + g2 * x.a * x.b};
}

Number activation(OracleActivation kind, const Number& z) {
    const long double e = std::exp(-z.f);
    switch (kind) {
        case OracleActivation::relu:
            return z.f > 0 ? z : Number();
        case OracleActivation::tanh: {
            const long double t = std::tanh(z.f), s = 1 - t * t;
            return chain(z, t, s, -2 * t * s);
        }
        case OracleActivation::softplus:
            return chain(z, std::log(1 + std::exp(z.f)), 1 / (1 + e), e / ((1 + e) * (1 + e)));
        case OracleActivation::gelu: {
            const long double distribution =
                (1 + std::erf(z.f / std::numbers::sqrt2_v<long double>)) / 2;
            const long double density = std::exp(-z.f * z.f / 2) *
                                        std::numbers::inv_sqrtpi_v<long double> /
                                        std::numbers::sqrt2_v<long double>;
            return chain(z, z.f * distribution, distribution + z.f * density,
                         (2 - z.f * z.f) * density);
        }
    }
    return {};
}

std::vector<Number> outputs(const OracleNetwork& network, const OracleData& data, int sample,
                            const std::vector<Number>& x) {
    std::vector<Number> units;
    for (int j = 0; j < data.features; ++j)
        units.push_back(data.X[static_cast<std::size_t>(sample) * data.features + j]);
    std::size_t at = 0;
    for (std::size_t l = 1; l < network.widths.size(); ++l) {
        const std::size_t inputs = network.widths[l - 1], count = network.widths[l];
        std::vector<Number> next;
        for (std::size_t k = 0; k < count; ++k) {
            Number z = x[at + count * inputs + k];
            for (std::size_t j = 0; j < inputs; ++j) z = z + x[at + k * inputs + j] * units[j];
            next.push_back(l + 1 < network.widths.size() ? activation(network.activation, z) : z);
        }
        units = next;
        at += count * (inputs + 1);
    }
    return units;
}

long double weight(const OracleData& data, int sample) {
    return data.w.empty() ? 1 : data.w[sample];
}
long double scale(const OracleData& data) {
    if (!data.mean) return 1;
    long double sum = 0;
    for (int i = 0; i < data.samples; ++i) sum += weight(data, i);
    return 1 / sum;
}

/// l2 for each parameter that it goes for.
std::vector<long double> penalties(const OracleNetwork& network, const OracleData& data) {
    std::vector<long double> list;
    for (std::size_t l = 1; l < network.widths.size(); ++l) {
        list.insert(list.end(), static_cast<std::size_t>(network.widths[l - 1]) * network.widths[l],
                    data.l2);
        list.insert(list.end(), network.widths[l], data.penalize_intercept ? data.l2 : 0);
    }
    return list;
}

/// The loss at x along directions a and b, which may be empty.
Number evaluate(const OracleNetwork& network, const OracleData& data,
                const std::vector<long double>& x, const std::vector<long double>& a,
                const std::vector<long double>& b) {
    std::vector<Number> at;
    for (std::size_t j = 0; j < x.size(); ++j)
        at.push_back({x[j], a.empty() ? 0 : a[j], b.empty() ? 0 : b[j]});
    Number sum;
    for (int i = 0; i < data.samples; ++i) {
        const std::vector<Number> z = outputs(network, data, i, at);
        Number loss;
        if (network.softmax) {
            Number exponentials;
            for (const Number& zk : z) {
                const long double e = std::exp(zk.f);
                exponentials = exponentials + chain(zk, e, e, e);
            }
            const long double s = exponentials.f;
            loss = chain(exponentials, std::log(s), 1 / s, -1 / (s * s)) -
                   z[static_cast<std::size_t>(data.y[i])];
        } else {
            const std::size_t K = z.size(), samples = static_cast<std::size_t>(data.samples);
            const bool labels = data.y.size() != samples * K;
            for (std::size_t k = 0; k < K; ++k) {
                const long double y =
                    labels ? (data.y[i] == static_cast<double>(k) ? 1 : 0) : data.y[i * K + k];
                const Number r = z[k] - y;
                loss = loss + Number(0.5L) * r * r;
            }
        }
        sum = sum + Number(weight(data, i)) * loss;
    }
    sum = Number(scale(data)) * sum;
    const std::vector<long double> l2 = penalties(network, data);
    for (std::size_t j = 0; j < x.size(); ++j) sum = sum + Number(l2[j] / 2) * at[j] * at[j];
    return sum;
}

std::vector<long double> unit(std::size_t n, std::size_t j) {
    std::vector<long double> v(n, 0);
    v[j] = 1;
    return v;
}

}  // namespace

long double oracle_network_value(const OracleNetwork& network, const OracleData& data,
                                 const std::vector<long double>& x) {
    return evaluate(network, data, x, {}, {}).f;
}

std::vector<long double> oracle_network_gradient(const OracleNetwork& network,
                                                 const OracleData& data,
                                                 const std::vector<long double>& x) {
    std::vector<long double> g;
    for (std::size_t j = 0; j < x.size(); ++j)
        g.push_back(evaluate(network, data, x, unit(x.size(), j), {}).a);
    return g;
}

std::vector<long double> oracle_network_product(const OracleNetwork& network,
                                                const OracleData& data,
                                                const std::vector<long double>& x,
                                                const std::vector<long double>& v) {
    std::vector<long double> Hv;
    for (std::size_t j = 0; j < x.size(); ++j)
        Hv.push_back(evaluate(network, data, x, v, unit(x.size(), j)).ab);
    return Hv;
}

std::vector<long double> oracle_network_hessian(const OracleNetwork& network,
                                                const OracleData& data,
                                                const std::vector<long double>& x) {
    const std::size_t n = x.size();
    std::vector<long double> H(n * n);
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = 0; i <= j; ++i)
            H[i * n + j] = H[j * n + i] = evaluate(network, data, x, unit(n, i), unit(n, j)).ab;
    return H;
}

std::vector<long double> oracle_network_gauss_newton(const OracleNetwork& network,
                                                     const OracleData& data,
                                                     const std::vector<long double>& x) {
    const std::size_t n = x.size(), K = network.widths.back();
    std::vector<long double> G(n * n, 0);
    for (int i = 0; i < data.samples; ++i) {
        std::vector<std::vector<long double>> J(K, std::vector<long double>(n));
        std::vector<long double> p(K);
        for (std::size_t j = 0; j < n; ++j) {
            std::vector<Number> at(x.begin(), x.end());
            at[j].a = 1;
            const std::vector<Number> z = outputs(network, data, i, at);
            long double sum = 0;
            for (const Number& zk : z) sum += std::exp(zk.f);
            for (std::size_t k = 0; k < K; ++k) {
                J[k][j] = z[k].a;
                p[k] = std::exp(z[k].f) / sum;
            }
        }
        for (std::size_t k = 0; k < K; ++k)
            for (std::size_t l = 0; l < K; ++l) {
                const long double h =
                    !network.softmax ? (k == l ? 1 : 0) : p[k] * ((k == l ? 1 : 0) - p[l]);
                for (std::size_t r = 0; r < n; ++r)
                    for (std::size_t c = 0; c < n; ++c)
                        G[c * n + r] += scale(data) * weight(data, i) * J[k][r] * h * J[l][c];
            }
    }
    const std::vector<long double> l2 = penalties(network, data);
    for (std::size_t j = 0; j < n; ++j) G[j * n + j] += l2[j];
    return G;
}

}  // namespace cunewton::test
