// Whether a loss is convex: a search for points that deny it, and what is known without one.
#include <array>
#include <cmath>
#include <cstdio>
#include <tuple>

#include "cunewton/curvature.h"
#include "cunewton/loss/complementary_log_log.h"
#include "cunewton/loss/gamma.h"
#include "cunewton/loss/huber.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/negative_binomial.h"
#include "cunewton/loss/poisson.h"
#include "cunewton/loss/probit.h"
#include "cunewton/loss/pseudo_huber.h"
#include "cunewton/loss/quadratic.h"
#include "cunewton/loss/quantile.h"
#include "cunewton/loss/softmax.h"
#include "host/backend/random.h"
#include "host/curvature/accuracy.h"
#include "host/curvature/call.h"
#include "host/curvature/eigen.h"

namespace cunewton {

namespace {

template <class T>
bool is_box(const Region<T>& region) {
    return !region.lower.empty() || !region.upper.empty();
}

template <class T>
void check_region(const Region<T>& region, std::size_t n, const ConvexityOptions& options) {
    const auto check_numbers = [&](const std::vector<T>& numbers, const char* name) {
        if (numbers.size() != n)
            throw InvalidArgument(std::string(name) + " of the region has the wrong size (" +
                                  std::to_string(numbers.size()) + " for " + std::to_string(n) +
                                  " parameters) pass one number for each");
        for (std::size_t j = 0; j < n; ++j)
            if (!std::isfinite(numbers[j]))
                throw InvalidArgument(std::string(name) + " of the region is not finite (number " +
                                      std::to_string(j) + ") pass finite numbers");
    };
    if (is_box(region)) {
        check_numbers(region.lower, "the lower end");
        check_numbers(region.upper, "the upper end");
        bool wide = false;
        for (std::size_t j = 0; j < n; ++j) {
            if (region.lower[j] > region.upper[j])
                throw InvalidArgument("the region is empty (parameter " + std::to_string(j) +
                                      " is from " + std::to_string(region.lower[j]) + " to " +
                                      std::to_string(region.upper[j]) + ") swap the two");
            wide = wide || region.lower[j] < region.upper[j];
        }
        if (!wide)
            throw InvalidArgument(
                "the region is a single point (its lower end is its upper end) give it an extent");
    } else {
        check_numbers(region.centre, "the centre");
        if (!(region.radius > 0) || !std::isfinite(region.radius))
            throw InvalidArgument("the radius of the region is out of range (" +
                                  std::to_string(region.radius) + ") pass a positive number");
    }
    if (options.triples < 0 || options.curvatures < 0 || options.max_products < 1)
        throw InvalidArgument("triples, curvatures or max_products are out of range (" +
                              std::to_string(options.triples) + ", " +
                              std::to_string(options.curvatures) + ", " +
                              std::to_string(options.max_products) +
                              ") pass 0 or more of the first two and at least one product");
}

template <class T>
std::vector<T> centre_of(const Region<T>& region) {
    if (!is_box(region)) return region.centre;
    std::vector<T> centre(std::min(region.lower.size(), region.upper.size()));
    for (std::size_t j = 0; j < centre.size(); ++j)
        centre[j] = region.lower[j] / 2 + region.upper[j] / 2;
    return centre;
}

/// Uniformly distributed in the region: of a ball a normal vector's direction, and a radius whose
/// n-th power is uniform.
template <class T>
void draw(const Region<T>& region, Generator& generator, T* x) {
    if (is_box(region)) {
        for (std::size_t j = 0; j < region.lower.size(); ++j) {
            const double low = static_cast<double>(region.lower[j]),
                         high = static_cast<double>(region.upper[j]), u = generator.uniform();
            x[j] = std::clamp(static_cast<T>((1 - u) * low + u * high), region.lower[j],
                              region.upper[j]);
        }
        return;
    }
    const std::size_t n = region.centre.size();
    std::vector<double> direction(n);
    double square = 0;
    do {
        square = 0;
        for (double& entry : direction) {
            entry = generator.normal();
            square += entry * entry;
        }
    } while (square == 0);
    const double length = region.radius *
                          std::pow(generator.uniform(), 1 / static_cast<double>(n)) /
                          std::sqrt(square);
    for (std::size_t j = 0; j < n; ++j)
        x[j] = static_cast<T>(static_cast<double>(region.centre[j]) + length * direction[j]);
}

/// The length of its longest chord.
template <class T>
double extent(const Region<T>& region) {
    double square = 0;
    for (std::size_t j = 0; j < region.lower.size(); ++j)
        square += std::pow(
            static_cast<double>(region.upper[j]) - static_cast<double>(region.lower[j]), 2);
    return is_box(region) ? std::sqrt(square) : 2 * region.radius;
}

/// How far c + t v and c - t v stay in the region, for c in it and |v| = 1.
template <class T>
double reach(const Region<T>& region, const std::vector<T>& c, const std::vector<T>& v) {
    if (is_box(region)) {
        double reach = std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < c.size(); ++j)
            if (v[j] != 0)
                reach = std::min(
                    reach,
                    std::min(static_cast<double>(region.upper[j]) - static_cast<double>(c[j]),
                             static_cast<double>(c[j]) - static_cast<double>(region.lower[j])) /
                        std::abs(static_cast<double>(v[j])));
        return reach;
    }
    double off = 0, along = 0;
    for (std::size_t j = 0; j < c.size(); ++j) {
        const double d = static_cast<double>(c[j]) - static_cast<double>(region.centre[j]);
        off += d * d;
        along += d * static_cast<double>(v[j]);
    }
    const double left = std::max(region.radius * region.radius - off, 0.0);
    return left / (std::abs(along) + std::sqrt(along * along + left));
}

/// The share of all cases below which, with 95 % confidence, what was met `met` times in `count`
/// cases is (Clopper and Pearson 1934): where the chance of so few falls to 0.05.
double share_at_most(long met, long count) {
    if (met >= count) return 1;
    const double n = static_cast<double>(count), m = static_cast<double>(met);
    if (met == 0) return -std::expm1(std::log(0.05) / n);
    const double choices = std::lgamma(n + 1) - std::lgamma(m + 1) - std::lgamma(n - m + 1);
    double low = m / n, high = 1;
    for (int halving = 0; halving < 60; ++halving) {
        const double p = low + (high - low) / 2;
        double chance = 0, term = std::exp(choices + m * std::log(p) + (n - m) * std::log1p(-p));
        for (double k = m; k >= 0 && term > 1e-17 * chance; --k) {
            chance += term;
            term *= k / (n - k + 1) * (1 - p) / p;
        }
        (chance > 0.05 ? low : high) = p;
    }
    return high;
}

template <class T>
class Search {
  public:
    Search(Point<T>& point, const Region<T>& region, const ConvexityOptions& options)
        : point_(point),
          region_(region),
          options_(options),
          n_(point.n()),
          generator_(options.seed) {
        static_cast<RanOn&>(result_) = point.ran_on();
    }

    ConvexityCheck<T> run() {
        try_chords();
        if (!result_.counter_example) try_curvatures();
        result_.missed_at_most = result_.counter_example || result_.triples == 0
                                     ? 1
                                     : share_at_most(result_.unconfirmed, result_.triples);
        describe();
        return std::move(result_);
    }

  private:
    std::vector<T> values(const std::vector<T>& points) {
        std::vector<T> losses(points.size() / n_);
        point_.evaluator().values(points.data(), static_cast<int>(losses.size()), losses.data());
        return losses;
    }
    static double eps() { return static_cast<double>(std::numeric_limits<T>::epsilon()); }

    /// A failure at points whose losses have been taken.
    struct Suspect {
        std::vector<T> x, y;
        double l = 0.5, gap = 0, size = 0;
        double ratio() const { return size > 0 ? gap / size : gap > 0 ? HUGE_VAL : 0; }
    };

    void try_chords() {
        const std::size_t most =
            std::clamp<std::size_t>(point_.memory_budget() / (16 * n_ * sizeof(T)), 1, 1024);
        while (result_.triples + result_.not_finite < options_.triples &&
               !result_.counter_example) {
            const std::size_t count = static_cast<std::size_t>(std::min<long>(
                static_cast<long>(most), options_.triples - result_.triples - result_.not_finite));
            std::vector<T> points(3 * n_ * count);
            std::vector<double> l(count);
            for (std::size_t c = 0; c < count; ++c) {
                T* const x = points.data() + 3 * n_ * c;
                draw(region_, generator_, x);
                draw(region_, generator_, x + n_);
                l[c] = generator_.uniform();
                for (std::size_t j = 0; j < n_; ++j)
                    x[2 * n_ + j] = static_cast<T>(l[c] * static_cast<double>(x[j]) +
                                                   (1 - l[c]) * static_cast<double>(x[n_ + j]));
            }
            const std::vector<T> f = values(points);
            std::vector<Suspect> suspects;
            for (std::size_t c = 0; c < count; ++c) {
                const double fx = static_cast<double>(f[3 * c]),
                             fy = static_cast<double>(f[3 * c + 1]),
                             fm = static_cast<double>(f[3 * c + 2]);
                if (!std::isfinite(fx + fy + fm)) {
                    ++result_.not_finite;
                    continue;
                }
                ++result_.triples;
                Suspect suspect;
                suspect.l = l[c];
                suspect.gap = fm - (l[c] * fx + (1 - l[c]) * fy);
                suspect.size = eps() * (std::abs(fx) + std::abs(fy) + std::abs(fm));
                if (!(suspect.gap > 16 * suspect.size)) continue;
                const auto at = [&](std::size_t which) {
                    const auto begin =
                        points.begin() + static_cast<std::ptrdiff_t>((3 * c + which) * n_);
                    return std::vector<T>(begin, begin + static_cast<std::ptrdiff_t>(n_));
                };
                suspect.x = at(0);
                suspect.y = at(1);
                suspects.push_back(std::move(suspect));
            }
            std::ranges::sort(
                suspects, [](const Suspect& a, const Suspect& b) { return a.ratio() > b.ratio(); });
            // The clearest ones: the others fail by less.
            for (std::size_t s = 0; s < std::min<std::size_t>(suspects.size(), 4); ++s)
                if (confirm(suspects[s])) break;
            if (!result_.counter_example) result_.unconfirmed += static_cast<long>(suspects.size());
        }
    }

    /// The scatter of the loss near a point of a chord, x + at (y - x), by differences of order 4
    /// to 6 of seven values on the chord (More and Wild 2011, "Estimating computational noise",
    /// section 3). What they leave of a smooth function falls with the spacing, so the least over
    /// spacings is the scatter: from epsilon^(1/4) of the region's extent down to where rounding
    /// repeats itself. Where it does from the beginning it is the first step of the staircase. The
    /// points' own rounding is in it.
    double noise(const Suspect& chord, double at) {
        double length = 0, size = 0;
        for (std::size_t j = 0; j < n_; ++j) {
            const double x = static_cast<double>(chord.x[j]), y = static_cast<double>(chord.y[j]);
            length = std::hypot(length, y - x);
            size = std::hypot(size, std::max(std::abs(x), std::abs(y)));
        }
        if (length == 0) return 0;
        constexpr double shrink = 0.25;
        double spacing = std::min(0.7 * std::sqrt(std::sqrt(eps())) * extent(region_) / length,
                                  1.0 / (values_taken - 1));
        double least = std::numeric_limits<double>::infinity();
        bool first = true;
        for (; first || spacing * length > 16 * eps() * size; spacing *= shrink) {
            // Of three spacings the most: at one alone rounding may be a straight line by chance.
            double most = 0;
            for (const double part : {1.0, 0.83, 0.71}) {
                const auto [found, repeats] = differences(chord, at, part * spacing);
                if (repeats) return first ? first_step(chord, at) : least;
                most = std::max(most, found);
            }
            least = std::min(least, most);
            first = false;
        }
        return least;
    }

    static void append_point(const Suspect& chord, double at, std::vector<T>& points) {
        for (std::size_t j = 0; j < chord.x.size(); ++j) {
            const double x = static_cast<double>(chord.x[j]), y = static_cast<double>(chord.y[j]);
            points.push_back(std::clamp(static_cast<T>(x + at * (y - x)),
                                        std::min(chord.x[j], chord.y[j]),
                                        std::max(chord.x[j], chord.y[j])));
        }
    }

    /// How much a loss that is constant near a point changes at once where it does: what rounding
    /// within it cannot tell apart, and nothing of one that only becomes flat there.
    double first_step(const Suspect& chord, double at) {
        const auto loss = [&](double t) {
            std::vector<T> point;
            append_point(chord, t, point);
            return static_cast<double>(values(point)[0]);
        };
        const double here = loss(at);
        double same = at, other = at, there = here;
        for (const double t : {0.0, 1 - chord.l, 1.0})
            if (const double f = loss(t); f != here) {
                other = t;
                there = f;
            }
        while (std::abs(other - same) > eps()) {
            const double middle = same + (other - same) / 2, f = loss(middle);
            if (f == here) {
                same = middle;
            } else {
                other = middle;
                there = f;
            }
        }
        return std::isfinite(there) ? std::abs(there - here)
                                    : std::numeric_limits<double>::infinity();
    }

    static constexpr int values_taken = 7;
    /// noise() at one spacing, in units of the chord; and whether half of the values are those next
    /// to them.
    std::pair<double, bool> differences(const Suspect& chord, double at, double spacing) {
        constexpr int before = values_taken / 2;
        const double begin =
            std::clamp(at - spacing * before, 0.0, std::max(1 - spacing * (values_taken - 1), 0.0));
        std::vector<T> points;
        for (int k = 0; k < values_taken; ++k) append_point(chord, begin + spacing * k, points);
        std::array<double, values_taken> table{};
        std::ranges::copy(values(points), table.begin());
        int same = 0;
        for (std::size_t k = 1; k < table.size(); ++k) same += table[k] == table[k - 1];
        const bool finite =
            std::ranges::all_of(table, [](double value) { return std::isfinite(value); });
        double noise = 0, gamma = 1;
        for (int order = 1; order < values_taken; ++order) {
            double sum = 0;
            for (std::size_t k = 0; k + static_cast<std::size_t>(order) < table.size(); ++k) {
                table[k] = table[k + 1] - table[k];
                sum += table[k] * table[k];
            }
            gamma *= 0.5 * order / (2 * order - 1);  // (order!)^2 / (2 order)!
            if (order >= 4)
                noise = std::max(noise, std::sqrt(gamma * sum / (values_taken - order)));
        }
        return {finite ? noise : std::numeric_limits<double>::infinity(),
                2 * same >= values_taken - 1};
    }

    /// Whether it fails beyond rounding; it is the result then.
    bool confirm(Suspect& suspect) {
        const double rounding = 16 * suspect.size + 20 * (noise(suspect, 1 - suspect.l) +
                                                          noise(suspect, 0) + noise(suspect, 1));
        if (!(suspect.gap > rounding)) return false;
        result_.counter_example = true;
        result_.x = std::move(suspect.x);
        result_.y = std::move(suspect.y);
        result_.l = suspect.l;
        result_.gap = suspect.gap;
        result_.rounding = rounding;
        return true;
    }

    void try_curvatures() {
        lanczos::Wanted wanted;
        wanted.largest = 0;
        wanted.smallest = 1;
        wanted.tolerance = 1e-3;
        wanted.max_products = options_.max_products;
        wanted.max_vectors = static_cast<int>(std::min<long>(options_.max_products, 60));
        Vectors<T>& vectors = point_.vectors();
        const Buffer<T> there = vectors.allocate(n_);
        std::vector<T> c(n_), v(n_);
        for (int i = 0; i < options_.curvatures && !result_.counter_example; ++i) {
            draw(region_, generator_, c.data());
            if (!std::isfinite(values(c)[0])) continue;
            vectors.upload(there.get(), c.data(), n_);
            point_.curvature().update(there.get());
            wanted.seed = generator_.bits();
            try {
                const lanczos::Found<T> found = lanczos::find_extremes<T>(
                    vectors, point_.matrices(), point_.curvature(), n_, wanted);
                ++result_.curvatures;
                result_.least_curvature =
                    std::min(result_.least_curvature, found.smallest[0].value);
                if (!(found.smallest[0].value < 0)) continue;
                vectors.download(v.data(), found.vectors.get(), n_);
            } catch (const lanczos::NotFinite&) {
                continue;
            }
            follow(c, v);
        }
        result_.by_curvature = result_.counter_example;
    }

    /// Looks along c + t v and c - t v, for t from the end of the region on down.
    void follow(const std::vector<T>& c, const std::vector<T>& v) {
        const double end = reach(region_, c, v);
        if (!(end > 0)) return;
        constexpr int lengths = 24;
        std::vector<T> points = c;
        for (int k = 0; k < lengths; ++k)
            for (const double sign : {1.0, -1.0})
                for (std::size_t j = 0; j < n_; ++j)
                    points.push_back(
                        static_cast<T>(static_cast<double>(c[j]) +
                                       sign * std::ldexp(end, -k) * static_cast<double>(v[j])));
        const std::vector<T> f = values(points);
        const double fm = static_cast<double>(f[0]);
        Suspect best;
        for (int k = 0; k < lengths; ++k) {
            const double fx = static_cast<double>(f[1 + 2 * k]),
                         fy = static_cast<double>(f[2 + 2 * k]);
            Suspect suspect;
            suspect.gap = fm - (fx + fy) / 2;
            suspect.size = eps() * (std::abs(fx) + std::abs(fy) + std::abs(fm));
            if (!std::isfinite(suspect.gap) || !(suspect.ratio() > best.ratio())) continue;
            const auto x = points.begin() + static_cast<std::ptrdiff_t>((1 + 2 * k) * n_);
            suspect.x.assign(x, x + static_cast<std::ptrdiff_t>(n_));
            suspect.y.assign(x + static_cast<std::ptrdiff_t>(n_),
                             x + static_cast<std::ptrdiff_t>(2 * n_));
            best = std::move(suspect);
        }
        if (best.gap > 16 * best.size) confirm(best);
    }

    void describe() {
        char text[400];
        if (result_.counter_example) {
            std::snprintf(text, sizeof(text),
                          "not convex: at l = %.3g between x and y the loss is %.3g above the "
                          "chord, of which rounding may be %.1g%s",
                          result_.l, result_.gap, result_.rounding,
                          result_.by_curvature ? " (found by negative curvature)" : "");
        } else {
            const std::string open = result_.unconfirmed > 0
                                         ? ", of which " + std::to_string(result_.unconfirmed) +
                                               " lie above their chord by what may be rounding"
                                         : "";
            std::snprintf(text, sizeof(text),
                          "no counter-example in %ld triples%s (with 95%% confidence at most a "
                          "share %.2g of all triples is one) and at %d points' smallest curvature; "
                          "that is no proof",
                          result_.triples, open.c_str(), result_.missed_at_most,
                          result_.curvatures);
        }
        result_.message = text;
    }

    Point<T>& point_;
    const Region<T>& region_;
    const ConvexityOptions& options_;
    const std::size_t n_;
    Generator generator_;
    ConvexityCheck<T> result_;
};

}  // namespace

template <class T>
ConvexityCheck<T> check_convexity(const Problem<T>& problem, const Region<T>& region,
                                  const ConvexityOptions& options) {
    const std::size_t n = static_cast<std::size_t>(problem.dimension());
    in_step(communicator_of(problem.parts().ranks.get()),
            [&] { check_region(region, n, options); });
    const auto numbers = [](const std::vector<T>& list) {
        return hash(list.data(), list.size() * sizeof(T));
    };
    const std::vector<Common> agreed{
        {"lower end", numbers(region.lower)},
        {"upper end", numbers(region.upper)},
        {"radius", bits(region.radius)},
        {"triples", static_cast<std::uint64_t>(options.triples)},
        {"curvatures", static_cast<std::uint64_t>(options.curvatures)},
        {"max_products", static_cast<std::uint64_t>(options.max_products)},
        {"seed", options.seed}};
    return call_at_point(
        problem, centre_of(region), options, [] {}, agreed,
        [&](Point<T>& point) { return Search<T>(point, region, options).run(); });
}
template ConvexityCheck<double> check_convexity(const Problem<double>&, const Region<double>&,
                                                const ConvexityOptions&);
template ConvexityCheck<float> check_convexity(const Problem<float>&, const Region<float>&,
                                               const ConvexityOptions&);

namespace {

/// What is said of a loss whose Hessian by the predictors is positive semidefinite; null: nothing
/// is known of it.
const char* why_convex(const std::any& functor) {
    if (std::any_cast<LinearRegression>(&functor)) return "squares of linear predictors";
    if (const Huber* const huber = std::any_cast<Huber>(&functor); huber && huber->delta > 0)
        return "Huber's loss of linear predictors";
    if (std::any_cast<Logistic>(&functor)) return "log(1 + e^z) of linear predictors";
    if (std::any_cast<Softmax>(&functor)) return "the log of a sum of e^z of linear predictors";
    if (std::any_cast<Poisson>(&functor)) return "e^z of linear predictors";
    // Whose members were checked with the problem.
    if (std::any_cast<Gamma>(&functor)) return "z + y e^-z of linear predictors";
    if (std::any_cast<Probit>(&functor))
        return "the negative log of the normal distribution function of linear predictors";
    if (std::any_cast<ComplementaryLogLog>(&functor))
        return "e^z or -log(1 - exp(-e^z)) of linear predictors";
    if (std::any_cast<NegativeBinomial>(&functor))
        return "log(1 + alpha e^z) less a multiple of z of linear predictors";
    if (std::any_cast<SmoothQuantile>(&functor))
        return "a smoothed check loss of linear predictors";
    if (std::any_cast<PseudoHuber>(&functor)) return "pseudo-Huber's loss of linear predictors";
    return nullptr;
}

template <class T>
ConvexityCertificate of_quadratic(const Problem<T>& problem, EvaluationOptions options) {
    // Its Hessian is the same everywhere, and known.
    options.derivatives.hessian = HessianBy::automatic;
    const std::vector<T> anywhere(static_cast<std::size_t>(problem.dimension()), T(0));
    const Spectrum<T> all = spectrum(problem, anywhere, {{options}, false});
    const double least = static_cast<double>(all.eigenvalues.front());
    char text[200];
    ConvexityCertificate certificate;
    // A matrix of zeros has no rounding.
    certificate.convex = least > all.rounding || (least == 0 && all.rounding == 0);
    certificate.within_rounding = !certificate.convex && least >= -all.rounding;
    certificate.strong_convexity = std::max(least - all.rounding, 0.0);
    std::snprintf(text, sizeof(text),
                  "a quadratic whose smallest eigenvalue is %.6g, with a rounding of %.2g%s", least,
                  all.rounding,
                  certificate.within_rounding ? ", which may hide a negative one" : "");
    certificate.reason = text;
    return certificate;
}

}  // namespace

template <class T>
ConvexityCertificate convexity_certificate(const Problem<T>& problem,
                                           const EvaluationOptions& options) {
    const ProblemParts<T>& parts = problem.parts();
    const char* why = nullptr;
    if (const auto* const sum = std::get_if<SampleSum<T>>(&parts.form)) {
        if (std::any_cast<QuadraticRow>(&sum->code.functor)) return of_quadratic(problem, options);
    } else if (const auto* const predictor = std::get_if<LinearPredictor<T>>(&parts.form)) {
        why = why_convex(predictor->code.functor);
    } else if (const auto* const network = std::get_if<PerceptronSum<T>>(&parts.form)) {
        if (network->perceptron.widths.size() == 2)
            why = network->perceptron.loss == PerceptronLoss::softmax_cross_entropy
                      ? "the log of a sum of e^z of linear predictors"
                      : "squares of linear predictors";
    }
    ConvexityCertificate certificate;
    if (!why) {
        certificate.reason =
            "nothing is known of this loss: check_convexity() looks for points that deny it";
        return certificate;
    }
    certificate.convex = true;
    certificate.strong_convexity = parts.penalty.l2;
    for (int j = 0; j < parts.dimension && certificate.strong_convexity > 0; ++j)
        certificate.strong_convexity = std::min(certificate.strong_convexity, parts.penalty.at(j));
    certificate.reason = std::string("a sum, with weights that are not negative, of ") + why +
                         (parts.penalty.l2 > 0 ? ", and a penalty" : "");
    return certificate;
}
template ConvexityCertificate convexity_certificate(const Problem<double>&,
                                                    const EvaluationOptions&);
template ConvexityCertificate convexity_certificate(const Problem<float>&,
                                                    const EvaluationOptions&);

}  // namespace cunewton
