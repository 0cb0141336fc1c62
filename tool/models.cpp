#include "tool/models.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cunewton/error.h"
#include "cunewton/model/curves.h"
#include "cunewton/model/decay.h"
#include "cunewton/model/diffusion.h"
#include "cunewton/model/gaussian.h"
#include "cunewton/model/growth.h"
#include "cunewton/model/peaks.h"
#include "cunewton/scalar/parameters.h"
#include "readers/csv.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

using Numbers = std::vector<double>;

/// The points in the order of their only coordinate.
struct Curve {
    Numbers x, y;
    double low = 0, high = 0, range = 1;  // of y; range: of x, never 0

    explicit Curve(const Points& points) {
        std::vector<std::size_t> order(points.y.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return points.x[a] < points.x[b]; });
        for (const std::size_t i : order) {
            x.push_back(points.x[i]);
            y.push_back(points.y[i]);
        }
        if (y.empty()) return;
        const auto [least, most] = std::minmax_element(y.begin(), y.end());
        low = *least;
        high = *most;
        range = x.back() > x.front() ? x.back() - x.front() : 1;
    }
    std::size_t size() const { return y.size(); }
    /// By the trapezium rule, of y - offset.
    double area(double offset) const {
        double sum = 0;
        for (std::size_t i = 1; i < size(); ++i)
            sum += 0.5 * (y[i] + y[i - 1] - 2 * offset) * (x[i] - x[i - 1]);
        return sum;
    }
    /// Where the curve first crosses a height; the middle if it does not.
    double crossing(double height) const {
        for (std::size_t i = 1; i < size(); ++i)
            if ((y[i - 1] - height) * (y[i] - height) <= 0 && y[i] != y[i - 1])
                return x[i - 1] + (x[i] - x[i - 1]) * (height - y[i - 1]) / (y[i] - y[i - 1]);
        return x.empty() ? 0 : x[size() / 2];
    }
};

double quantile(Numbers values, double share) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at),
                     values.end());
    return values[at];
}

/// Of a peak or a dip: offset from the quarter of points that lies opposite to it, height and place
/// from the outermost point, width from the area, which is `shape` times height and width.
Numbers guess_peak(const Points& points, double shape) {
    const Curve curve(points);
    if (curve.size() == 0) return {1, 0, 1, 0};
    const double middle = quantile(curve.y, 0.5);
    const bool is_dip = middle - curve.low > curve.high - middle;
    const double offset = quantile(curve.y, is_dip ? 0.85 : 0.15);
    const double outermost = is_dip ? curve.low : curve.high;
    const auto at = std::find(curve.y.begin(), curve.y.end(), outermost) - curve.y.begin();
    double height = outermost - offset;
    if (height == 0) height = 1;
    const double step =
        curve.range / static_cast<double>(std::max<std::size_t>(curve.size(), 2) - 1);
    const double width =
        std::clamp(std::abs(curve.area(offset) / (height * shape)), 0.5 * step, 0.5 * curve.range);
    return {height, curve.x[static_cast<std::size_t>(at)], width, offset};
}

/// a exp(-k x) + b: b from the last tenth of the points, k from the area below.
Numbers guess_decay(const Points& points) {
    const Curve curve(points);
    if (curve.size() == 0) return {1, 1, 0};
    const std::size_t some = std::max<std::size_t>(1, curve.size() / 10);
    double end = 0;
    for (std::size_t i = curve.size() - some; i < curve.size(); ++i) end += curve.y[i];
    end /= static_cast<double>(some);
    double height = curve.y[0] - end;
    const double area = curve.area(end);
    double rate = height * area > 0 ? height / area : 2 / curve.range;
    rate =
        std::clamp(rate, 0.1 / curve.range, 10 * static_cast<double>(curve.size()) / curve.range);
    if (height == 0) height = curve.high > curve.low ? curve.high - curve.low : 1;
    return {height * std::exp(rate * curve.x[0]), rate, end};
}

/// Several rates around the one of a single decay, whose height is shared out among them.
Numbers guess_decays(const Points& points, int terms) {
    const Numbers one = guess_decay(points);
    Numbers starts;
    for (const double spread : {3.0, 8.0, 1.7}) {
        for (int k = 0; k < terms; ++k) {
            const double power = 0.5 * (terms - 1) - k;
            starts.push_back(one[0] / terms);
            starts.push_back(one[1] * std::pow(spread, power));
        }
        starts.push_back(one[2]);
    }
    return starts;
}

/// c / (1 + exp(-k (x - m))): the capacity a little beyond the highest point, the others from where
/// the curve crosses a quarter, a half and three quarters of it.
Numbers guess_growth(const Points& points) {
    const Curve curve(points);
    if (curve.size() == 0) return {1, 1, 0};
    double capacity =
        std::abs(curve.low) > std::abs(curve.high) ? 1.05 * curve.low : 1.05 * curve.high;
    if (capacity == 0) capacity = 1;
    const double early = curve.crossing(0.25 * capacity), late = curve.crossing(0.75 * capacity);
    double rate =
        std::abs(late - early) > 1e-6 * curve.range ? 2.197 / (late - early) : 4 / curve.range;
    if (std::abs(curve.y[0]) > std::abs(curve.y.back())) rate = -std::abs(rate);
    return {capacity, rate, curve.crossing(0.5 * capacity)};
}

/// v x / (k + x): by the line x / y = x / v + k / v (Hanes and Woolf).
Numbers guess_michaelis_menten(const Points& points) {
    double n = 0, sx = 0, sz = 0, sxx = 0, sxz = 0, top = 0;
    for (std::size_t i = 0; i < points.y.size(); ++i) {
        top = std::max(top, points.y[i]);
        if (points.x[i] <= 0 || points.y[i] <= 0) continue;
        const double z = points.x[i] / points.y[i];
        n += 1;
        sx += points.x[i];
        sz += z;
        sxx += points.x[i] * points.x[i];
        sxz += points.x[i] * z;
    }
    const double determinant = n * sxx - sx * sx;
    if (determinant > 0) {
        const double slope = (n * sxz - sx * sz) / determinant, intercept = (sz - slope * sx) / n;
        if (slope > 0 && intercept > 0) return {1 / slope, intercept / slope};
    }
    return {top > 0 ? 1.2 * top : 1, n > 0 ? sx / n : 1};
}

/// v x^h / (k^h + x^h), from several exponents.
Numbers guess_hill(const Points& points) {
    const Curve curve(points);
    const double top = curve.high > 0 ? 1.1 * curve.high : 1;
    double half = curve.crossing(0.5 * top);
    if (!(half > 0)) half = curve.size() && curve.x.back() > 0 ? 0.5 * curve.x.back() : 1;
    Numbers starts;
    for (const double exponent : {1.0, 2.0, 4.0})
        starts.insert(starts.end(), {top, half, exponent});
    return starts;
}

/// a x^b + c with c = 0, by the line of the logarithms; else with c below the lowest point.
Numbers guess_power(const Points& points) {
    const Curve curve(points);
    Numbers starts;
    for (const bool has_offset : {false, true}) {
        const double offset =
            has_offset ? curve.low - 0.01 * std::max(curve.high - curve.low, 1e-300) : 0;
        double n = 0, su = 0, sv = 0, suu = 0, suv = 0;
        for (std::size_t i = 0; i < curve.size(); ++i) {
            if (curve.x[i] <= 0 || curve.y[i] - offset <= 0) continue;
            const double u = std::log(curve.x[i]), v = std::log(curve.y[i] - offset);
            n += 1;
            su += u;
            sv += v;
            suu += u * u;
            suv += u * v;
        }
        const double determinant = n * suu - su * su;
        const double power = determinant > 0 ? (n * suv - su * sv) / determinant : 1;
        const double factor = n > 0 ? std::exp((sv - power * su) / n) : 1;
        starts.insert(starts.end(), {factor, power, offset});
    }
    return starts;
}

/// a sin(w x + phi) + b: the four best frequencies of a periodogram (Lomb 1976).
Numbers guess_sine(const Points& points) {
    constexpr int kept = 4;
    const Curve curve(points);
    const std::size_t n = curve.size();
    const double mean =
        n ? std::accumulate(curve.y.begin(), curve.y.end(), 0.0) / static_cast<double>(n) : 0;
    struct Peak {
        double power, frequency, cosine, sine;
    };
    std::vector<Peak> peaks;
    const std::size_t most = std::min<std::size_t>(n / 2, 500) * 4;
    for (std::size_t k = 1; k <= std::max<std::size_t>(most, 4); ++k) {
        const double w = M_PI / 2 * static_cast<double>(k) / curve.range;
        double cc = 0, ss = 0, cs = 0, yc = 0, ys = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const double c = std::cos(w * curve.x[i]), s = std::sin(w * curve.x[i]);
            cc += c * c;
            ss += s * s;
            cs += c * s;
            yc += c * (curve.y[i] - mean);
            ys += s * (curve.y[i] - mean);
        }
        const double determinant = cc * ss - cs * cs;
        if (!(determinant > 1e-12 * cc * ss)) continue;
        const double a = (yc * ss - ys * cs) / determinant, b = (ys * cc - yc * cs) / determinant;
        peaks.push_back({a * yc + b * ys, w, a, b});
    }
    std::sort(peaks.begin(), peaks.end(),
              [](const Peak& a, const Peak& b) { return a.power > b.power; });
    Numbers starts;
    for (std::size_t k = 0; k < kept; ++k) {
        Peak peak{0, (static_cast<double>(k) + 1) * 2 * M_PI / curve.range, 0, 1};
        if (!peaks.empty()) peak = peaks[std::min(k, peaks.size() - 1)];
        // a sin(wx + phi) = a sin(phi) cos(wx) + a cos(phi) sin(wx)
        starts.insert(starts.end(), {std::hypot(peak.cosine, peak.sine), peak.frequency,
                                     std::atan2(peak.cosine, peak.sine), mean});
    }
    return starts;
}

/// S0 from the largest signal, the same diffusivity in all directions from the mean attenuation.
Numbers guess_diffusion(const Points& points) {
    double top = 0, attenuation = 0, b_sum = 0;
    for (const double y : points.y) top = std::max(top, y);
    for (std::size_t i = 0; i < points.y.size(); ++i)
        if (const double b = points.x[4 * i]; b > 0 && points.y[i] > 0) {
            attenuation += std::log(top / points.y[i]);
            b_sum += b;
        }
    const double d = b_sum > 0 && attenuation > 0 ? attenuation / b_sum : 1;
    return {top > 0 ? top : 1, d, 0, 0, d, 0, d};
}

/// Of a peak in the plane: offset and height as in one dimension, place and widths from the points
/// above half of the height.
struct PlanePeak {
    double height, x, y, width_x, width_y, offset;
};
PlanePeak guess_plane(const Points& points) {
    if (points.y.empty()) return {1, 0, 0, 1, 1, 0};
    const auto [least, most] = std::minmax_element(points.y.begin(), points.y.end());
    const double offset = quantile(points.y, 0.2);
    double height = *most - offset;
    if (height == 0) height = 1;
    double sum = 0, sx = 0, sy = 0, sxx = 0, syy = 0, range = 0;
    double low = points.x[0], high = points.x[0];
    for (std::size_t i = 0; i < points.y.size(); ++i) {
        low = std::min(low, points.x[2 * i]);
        high = std::max(high, points.x[2 * i]);
        const double w = points.y[i] - offset - 0.5 * height;
        if (w <= 0) continue;
        sum += w;
        sx += w * points.x[2 * i];
        sy += w * points.x[2 * i + 1];
    }
    range = high > low ? high - low : 1;
    if (!(sum > 0)) return {height, 0.5 * (low + high), points.x[1], range / 4, range / 4, offset};
    const double cx = sx / sum, cy = sy / sum;
    for (std::size_t i = 0; i < points.y.size(); ++i) {
        const double w = points.y[i] - offset - 0.5 * height;
        if (w <= 0) continue;
        sxx += w * (points.x[2 * i] - cx) * (points.x[2 * i] - cx);
        syy += w * (points.x[2 * i + 1] - cy) * (points.x[2 * i + 1] - cy);
    }
    // The second moment of what is above half of the height is 0.386 of the whole's square width.
    const auto width = [&](double moment) {
        return std::clamp(std::sqrt(moment / sum / 0.386), 1e-3 * range, range);
    };
    return {height, cx, cy, width(sxx), width(syy), offset};
}

/// parameters: "name:unit", and "|name|:unit" where the sign does not matter.
template <class Functor>
Model make(const std::string& name, const std::string& formula,
           const std::vector<std::string>& parameters, int starts,
           std::function<Numbers(const Points&)> guess) {
    Model model{name,
                formula,
                {},
                {},
                Functor::coordinates,
                make_fit_model(Functor{}),
                starts,
                std::move(guess),
                [](const double* p, const double* x) {
                    return Functor{}(Parameters<double, Functor::parameters>{p}, x);
                },
                {}};
    for (const std::string& parameter : parameters) {
        const std::size_t colon = parameter.find(':');
        std::string parameter_name = parameter.substr(0, colon);
        if (parameter_name.starts_with('|')) {
            model.without_sign.push_back(static_cast<int>(model.parameters.size()));
            parameter_name = parameter_name.substr(1, parameter_name.size() - 2);
        }
        model.parameters.push_back(parameter_name);
        model.units.push_back(parameter.substr(colon + 1));
    }
    return model;
}

std::vector<Model> make_models() {
    const double gauss = std::sqrt(2 * M_PI);
    const auto peak = [](double shape) {
        return [shape](const Points& points) { return guess_peak(points, shape); };
    };
    const auto zeros = [](int n) {
        return [n](const Points&) { return Numbers(static_cast<std::size_t>(n), 0.0); };
    };
    const auto decays = [](int terms) {
        return [terms](const Points& points) { return guess_decays(points, terms); };
    };
    std::vector<Model> all;
    all.push_back(make<Gaussian1D>("gaussian1d", "a exp(-(x-c)^2 / 2w^2) + b",
                                   {"a:y", "c:x", "|w|:x", "b:y"}, 1, peak(gauss)));
    all.push_back(make<Lorentzian>("lorentzian", "a / (1 + ((x-c)/w)^2) + b",
                                   {"a:y", "c:x", "|w|:x", "b:y"}, 1, peak(0.8 * M_PI)));
    all.push_back(
        make<PseudoVoigt>("pseudo_voigt", "a (eta L + (1 - eta) G) + b, both of half width w",
                          {"a:y", "c:x", "|w|:x", "eta:", "b:y"}, 1, [](const Points& points) {
                              const Numbers p = guess_peak(points, 2.5);
                              return Numbers{p[0], p[1], p[2], 0.5, p[3]};
                          }));
    all.push_back(make<ExponentialDecay<1>>("decay", "a exp(-k x) + b", {"a:y", "k:1/x", "b:y"}, 1,
                                            guess_decay));
    all.push_back(make<ExponentialDecay<2>>("decay2", "a1 exp(-k1 x) + a2 exp(-k2 x) + b",
                                            {"a1:y", "k1:1/x", "a2:y", "k2:1/x", "b:y"}, 3,
                                            decays(2)));
    all.push_back(make<ExponentialDecay<3>>(
        "decay3", "three such terms + b",
        {"a1:y", "k1:1/x", "a2:y", "k2:1/x", "a3:y", "k3:1/x", "b:y"}, 3, decays(3)));
    all.push_back(make<LogisticGrowth>("logistic_growth", "c / (1 + exp(-k (x-m)))",
                                       {"c:y", "k:1/x", "m:x"}, 1, guess_growth));
    all.push_back(make<MichaelisMenten>("michaelis_menten", "v x / (k + x)", {"v:y", "k:x"}, 1,
                                        guess_michaelis_menten));
    all.push_back(make<Hill>("hill", "v x^h / (k^h + x^h)", {"v:y", "k:x", "h:"}, 3, guess_hill));
    all.push_back(
        make<PowerLaw>("power_law", "a x^b + c", {"a:y/x^b", "b:", "c:y"}, 2, guess_power));
    all.push_back(make<Sine>("sine", "a sin(omega x + phi) + b",
                             {"a:y", "omega:rad/x", "phi:rad", "b:y"}, 4, guess_sine));
    all.push_back(make<Polynomial<1>>("polynomial1", "p0 + p1 x", {"p0:y", "p1:y/x"}, 1, zeros(2)));
    all.push_back(make<Polynomial<2>>("polynomial2", "... + p2 x^2", {"p0:y", "p1:y/x", "p2:y/x^2"},
                                      1, zeros(3)));
    all.push_back(make<Polynomial<3>>("polynomial3", "... + p3 x^3",
                                      {"p0:y", "p1:y/x", "p2:y/x^2", "p3:y/x^3"}, 1, zeros(4)));
    all.push_back(make<Polynomial<4>>("polynomial4", "... + p4 x^4",
                                      {"p0:y", "p1:y/x", "p2:y/x^2", "p3:y/x^3", "p4:y/x^4"}, 1,
                                      zeros(5)));
    all.push_back(make<Gaussian2D>(
        "gaussian2d", "a exp(-((x-cx)^2 + (y-cy)^2) / 2w^2) + b",
        {"a:y", "cx:x", "cy:x", "|w|:x", "b:y"}, 1, [](const Points& points) {
            const PlanePeak p = guess_plane(points);
            return Numbers{p.height, p.x, p.y, 0.5 * (p.width_x + p.width_y), p.offset};
        }));
    all.push_back(make<Gaussian2DElliptic>(
        "gaussian2d_elliptic", "the same with two widths",
        {"a:y", "cx:x", "cy:x", "|wx|:x", "|wy|:x", "b:y"}, 1, [](const Points& points) {
            const PlanePeak p = guess_plane(points);
            return Numbers{p.height, p.x, p.y, p.width_x, p.width_y, p.offset};
        }));
    all.push_back(make<Gaussian2DRotated>(
        "gaussian2d_rotated", "two widths along rotated axes",
        {"a:y", "cx:x", "cy:x", "|wu|:x", "|wv|:x", "angle:rad", "b:y"}, 2,
        [](const Points& points) {
            const PlanePeak p = guess_plane(points);
            const double mean = 0.5 * (p.width_x + p.width_y);
            return Numbers{p.height, p.x, p.y, 1.2 * mean, mean / 1.2, M_PI / 4,  p.offset,
                           p.height, p.x, p.y, 1.2 * mean, mean / 1.2, -M_PI / 4, p.offset};
        }));
    all.push_back(make<DiffusionTensor>(
        "diffusion_tensor", "S0 exp(-b g'Dg); x: b, gx, gy, gz",
        {"S0:y", "Dxx:1/x", "Dxy:1/x", "Dxz:1/x", "Dyy:1/x", "Dyz:1/x", "Dzz:1/x"}, 1,
        guess_diffusion));
    return all;
}

}  // namespace

const std::vector<Model>& models() {
    static const std::vector<Model> all = make_models();
    return all;
}

const Model& model_named(const std::string& name) {
    std::vector<std::string> names;
    for (const Model& model : models()) {
        if (model.name == name) return model;
        names.push_back(model.name);
    }
    const std::string alike = readers::most_alike(name, names);
    throw InvalidArgument(
        "there is no such model ('" + name + "') " +
        (alike.empty() ? "choose among " + list_text(names, 99) : "did you mean '" + alike + "'?"));
}

std::string models_text() {
    TextTable table({"  model", "parameters", "formula"}, 3);
    for (const Model& model : models())
        table.add({"  " + model.name, list_text(model.parameters), model.formula});
    return "Models:\n" + table.text();
}

}  // namespace cunewton::tool
