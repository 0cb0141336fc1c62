#include "tests/unconstrained/cases.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace cunewton::test {
namespace {

using Vector = std::vector<double>;

Vector constant(int n, double value) {
    return Vector(static_cast<std::size_t>(n), value);
}

Vector repeated(int n, const Vector& pattern) {
    Vector x;
    for (int j = 0; j < n; ++j) x.push_back(pattern[static_cast<std::size_t>(j) % pattern.size()]);
    return x;
}

// t_j (t_j - 1), t_j = j/(n+1), rounded once
Vector boundary_start(int n) {
    Vector x;
    for (int j = 1; j <= n; ++j) x.push_back(-double(j * (n + 1 - j)) / ((n + 1) * (n + 1)));
    return x;
}

// The root of MGH28, which is that of MGH29 too, for n = 10.
Vector boundary_solution() {
    return {-0.043164982518764870577, -0.081577156535386881534, -0.11448571438052928724,
            -0.14097357686259667963,  -0.15990869618198312233,  -0.16987720231277491898,
            -0.16908998378120835184,  -0.15524953522183182195,  -0.1253558916789349894,
            -0.075416533685892083955};
}

Vector unit(int n, int entry, double value) {
    Vector x = constant(n, 0.0);
    x[static_cast<std::size_t>(entry)] = value;
    return x;
}

struct Known {
    Vector x0;
    double f_x0;
    double f_min;
    std::vector<Vector> minimisers = {};
    Vector other_minima_f = {};
    AcceptRule rule = AcceptRule::standard;
    double limit = 0.0;
    std::string start_label = "";
};

std::vector<UnconstrainedCase> cases(const char* id, const char* name,
                                     const std::vector<Known>& sizes) {
    std::vector<UnconstrainedCase> result;
    for (const Known& known : sizes) {
        UnconstrainedCase c;
        c.id = id;
        c.name = name;
        c.n = static_cast<int>(known.x0.size());
        c.size_label = "n=" + std::to_string(c.n) + known.start_label;
        c.x0 = known.x0;
        c.f_x0 = known.f_x0;
        c.f_min = known.f_min;
        c.minimisers = known.minimisers;
        c.other_minima_f = known.other_minima_f;
        c.rule = known.rule;
        c.limit = known.limit;
        result.push_back(std::move(c));
    }
    return result;
}

std::vector<UnconstrainedCase> allowing_saddle_report(std::vector<UnconstrainedCase> list) {
    for (UnconstrainedCase& c : list) c.saddle_report_allowed = true;
    return list;
}

// Other local minima, here and below: found by minimising from x0 with several solvers, polished by
// Newton's method, and their Hessians seen to be positive definite.
std::vector<UnconstrainedCase> more_garbow_hillstrom(std::string_view id) {
    if (id == "MGH01")
        return cases("MGH01", "Rosenbrock", {{{-1.2, 1.0}, 24.2, 0.0, {{1.0, 1.0}}}});
    if (id == "MGH03") {
        const double a = 0.0000109815932969981746;
        const double b = 9.10614673986652401;
        return cases("MGH03", "Powell badly scaled",
                     {{{0.0, 1.0}, 1.1352617173483784034, 0.0, {{a, b}, {b, a}}}});
    }
    if (id == "MGH04") {
        return cases("MGH04", "Brown badly scaled",
                     {{{1.0, 1.0}, 999998000002.999996, 0.0, {{1.0e6, 2.0e-6}}}});
    }
    if (id == "MGH05") return cases("MGH05", "Beale", {{{1.0, 1.0}, 14.203125, 0.0, {{3.0, 0.5}}}});
    if (id == "MGH06") {
        const double a = 0.25782521367036407685;
        return cases("MGH06", "Jennrich and Sampson",
                     {{{0.3, 0.4}, 4171.306161960493049, 124.36218235561485351, {{a, a}}}});
    }
    if (id == "MGH08") {
        // A second stationary value, 17.4286, lies at infinity and does not count.
        return cases("MGH08", "Bard",
                     {{constant(3, 1.0),
                       41.681695861678004535,
                       0.008214877306578974752,
                       {{0.082410559749788932414, 1.1330360920297215621, 2.3436951786425371401}}}});
    }
    if (id == "MGH09") {
        return cases("MGH09", "Gaussian",
                     {{{0.4, 1.0, 0.0},
                       3.8881069911666614876e-6,
                       1.1279327696186480327e-8,
                       {{0.39895613783875668025, 1.0000190844878056965, 0.0}}}});
    }
    if (id == "MGH10") {
        return cases("MGH10", "Meyer",
                     {{{0.02, 4000.0, 250.0},
                       1693607809.4361459375,
                       87.945855170851120897,
                       {{0.0056096364710280525353, 6181.3463462863722794, 345.2236346241364959}}}});
    }
    if (id == "MGH12") {
        // f = 0 also on the line x1 = x2, x3 = 0.
        return cases("MGH12", "Box three-dimensional",
                     {{{0.0, 10.0, 20.0},
                       1031.1538106093983491,
                       0.0,
                       {{1.0, 10.0, 1.0}, {10.0, 1.0, -1.0}, {2.0, 2.0, 0.0}},
                       {},
                       AcceptRule::below_limit,
                       1.0e-16}});
    }
    if (id == "MGH13") {
        return cases("MGH13", "Powell singular",
                     {{{3.0, -1.0, 0.0, 1.0},
                       215.0,
                       0.0,
                       {constant(4, 0.0)},
                       {},
                       AcceptRule::below_limit,
                       1.0e-12}});
    }
    if (id == "MGH14") {
        return cases("MGH14", "Wood",
                     {{{-3.0, -1.0, -3.0, -1.0}, 19192.0, 0.0, {constant(4, 1.0)}}});
    }
    if (id == "MGH15") {
        // A second stationary value, 1.02734e-3, lies at infinity and does not count.
        return cases("MGH15", "Kowalik and Osborne",
                     {{{0.25, 0.39, 0.415, 0.39},
                       0.0053131722721085421606,
                       0.00030750560384923742741,
                       {{0.19280693457903785444, 0.19128232873436695864, 0.123056506926320653,
                         0.13606233068379483665}}}});
    }
    if (id == "MGH17") {
        return cases("MGH17", "Osborne 1",
                     {{{0.5, 1.5, -1.0, 0.01, 0.02},
                       0.87902629354464049333,
                       0.000054648946974829064159,
                       {{0.37541005210695204221, 1.935846912712367362, -1.4646871366134231239,
                         0.012867534640057288739, 0.022122699661672611065}}}});
    }
    if (id == "MGH19") {
        return cases("MGH19", "Osborne 2",
                     {{{1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5},
                       2.0934195142120636759,
                       0.040137736293547737633,
                       {{1.3099771546273005345, 0.4315537946029889156, 0.63366169896072399562,
                         0.59943053478591630256, 0.75418322632801127697, 0.90428857985963365777,
                         1.3658118352370285205, 4.8236988172271555816, 2.3986848661317545513,
                         4.5688745976676715843, 5.6753414705806411835}}}});
    }
    if (id == "MGH21") {
        return cases("MGH21", "Extended Rosenbrock",
                     {{repeated(10, {-1.2, 1.0}), 121.0, 0.0, {constant(10, 1.0)}},
                      {repeated(1000, {-1.2, 1.0}), 12100.0, 0.0, {constant(1000, 1.0)}}});
    }
    if (id == "MGH22") {
        const Vector block = {3.0, -1.0, 0.0, 1.0};
        return cases("MGH22", "Extended Powell singular",
                     {{repeated(12, block),
                       645.0,
                       0.0,
                       {constant(12, 0.0)},
                       {},
                       AcceptRule::below_limit,
                       1.0e-10},
                      {repeated(1000, block),
                       53750.0,
                       0.0,
                       {constant(1000, 0.0)},
                       {},
                       AcceptRule::below_limit,
                       1.0e-10}});
    }
    if (id == "MGH23") {
        const auto counting = [](int n) {
            Vector x;
            for (int j = 1; j <= n; ++j) x.push_back(j);
            return x;
        };
        return cases("MGH23", "Penalty I",
                     {{counting(4),
                       885.06264,
                       0.000022499775008999370057,
                       {constant(4, 0.25000749958753787075)}},
                      {counting(10),
                       148032.56535,
                       0.000070876514670903694431,
                       {constant(10, 0.15812230111311635501)}},
                      {counting(100), 114480553328.346, 0.000902490976804296409}});
    }
    if (id == "MGH25") {
        const auto start = [](int n) {
            Vector x;
            for (int j = 1; j <= n; ++j) x.push_back(double(n - j) / n);
            return x;
        };
        return cases("MGH25", "Variably dimensioned",
                     {{start(10), 2198551.1625, 0.0, {constant(10, 1.0)}},
                      {start(100), 131058369689326.1475, 0.0, {constant(100, 1.0)}}});
    }
    if (id == "MGH26") {
        return cases(
            "MGH26", "Trigonometric",
            {{constant(10, 0.1),
              0.0070757594662222023467,
              0.0,
              {constant(10, 0.0)},
              {0.000027950561218794562828},
              AcceptRule::up_to_largest},
             {constant(50, 0.02),
              0.0016165655783877833415,
              0.0,
              {constant(50, 0.0)},
              {2.2367992609321192745e-7, 2.8930429352175856469e-6, 5.4517157016090789751e-6},
              AcceptRule::up_to_largest}});
    }
    if (id == "MGH27") {
        return cases("MGH27", "Brown almost-linear",
                     {{constant(10, 0.5), 273.24804782867431641, 0.0, {constant(10, 1.0)}}});
    }
    if (id == "MGH28") {
        return cases("MGH28", "Discrete boundary value",
                     {{boundary_start(10), 0.00078851910126482151246, 0.0, {boundary_solution()}},
                      {boundary_start(100), 1.232925121372630106e-6, 0.0}});
    }
    if (id == "MGH29") {
        return cases("MGH29", "Discrete integral equation",
                     {{boundary_start(10), 0.063416841579452641025, 0.0, {boundary_solution()}},
                      {boundary_start(50), 0.28952603055054418076, 0.0}});
    }
    if (id == "MGH30") {
        return cases("MGH30", "Broyden tridiagonal",
                     {{constant(10, -1.0),
                       21.0,
                       0.0,
                       {{-0.57072213201122479366, -0.68180694998427509083, -0.7022100760176600347,
                         -0.70551062989508039126, -0.70490615572874367102, -0.70149660702985113468,
                         -0.69188932235479825491, -0.66579651440585374721, -0.59603510902636570971,
                         -0.41641225752869334927}}},
                      {constant(1000, -1.0), 1011.0, 0.0, {}, {0.71252790958608273}}});
    }
    if (id == "MGH31") {
        // Files under this name with x0 = +1 and no constant term are another problem.
        return cases("MGH31", "Broyden banded",
                     {{constant(10, -1.0),
                       360.0,
                       0.0,
                       {{-0.4283028635872502737, -0.47659642435629024179, -0.5196524636468617255,
                         -0.5580993248321808956, -0.59250615682945734876, -0.62450368219946792061,
                         -0.62323947144059109141, -0.62139384179657349861, -0.6204535966590873594,
                         -0.58646927072043506955}}},
                      {constant(1000, -1.0), 36000.0, 0.0}});
    }
    // The three linear problems have m = 20 residuals, the functors' default.
    if (id == "MGH32") {
        return cases("MGH32", "Linear, full rank",
                     {{constant(10, 1.0), 50.0, 10.0, {constant(10, -1.0)}}});
    }
    if (id == "MGH33") {
        // Every point with sum_j j x_j = 3/(2m+1) is a minimiser.
        return cases("MGH33", "Linear, rank 1",
                     {{constant(10, 1.0), 8658670.0, 190.0 / 41.0, {unit(10, 0, 3.0 / 41.0)}}});
    }
    if (id == "MGH34") {
        // Every point with sum_{j=2}^{n-1} j x_j = 3/(2m-3) is a minimiser.
        return cases("MGH34", "Linear, rank 1, zero columns and rows",
                     {{constant(10, 1.0), 4067996.0, 227.0 / 37.0, {unit(10, 1, 1.5 / 37.0)}}});
    }
    return {};
}

std::vector<UnconstrainedCase> larger_or_harder(std::string_view id) {
    if (id == "L01") {
        // From this x0 trust-region Newton stops at the minimum near x1 = -1. Its value is the same
        // for both n to 25 digits: 1 - x_j halves from each j to the next.
        const double other = 3.986623854300933742;
        return cases(
            "L01", "Chained Rosenbrock",
            {{repeated(100, {-1.2, 1.0}), 24926.0, 0.0, {constant(100, 1.0)}, {other}},
             {repeated(1000, {-1.2, 1.0}), 253616.0, 0.0, {constant(1000, 1.0)}, {other}}});
    }
    if (id == "L02") {
        std::vector<Known> sizes;
        for (const int n : {100, 1000}) {
            Vector minimiser = constant(n, 1.0);
            minimiser.back() = 0.0;
            // f = 0 arises by cancellation of n numbers of order 1.
            sizes.push_back({constant(n, 1.0),
                             3.0 * (n - 1),
                             0.0,
                             {minimiser},
                             {},
                             AcceptRule::with_cancellation,
                             1.0e-15 * n});
        }
        return cases("L02", "ARWHEAD", sizes);
    }
    if (id == "L03") {
        return cases("L03", "BDQRTIC",
                     {{constant(100, 1.0), 21696.0, 378.769191808684215},
                      {constant(1000, 1.0), 225096.0, 3983.81795057653433}});
    }
    if (id == "L04") {
        return cases("L04", "EDENSCH",
                     {{constant(36, 8.0), 128851.0, 219.28459202076464608},
                      {constant(2000, 8.0), 7358335.0, 12003.2845920207646}});
    }
    if (id == "L05") {
        return cases("L05", "LIARWHD",
                     {{constant(1000, 4.0), 585000.0, 0.0, {constant(1000, 1.0)}}});
    }
    if (id == "L06") {
        return cases("L06", "DIXMAANB", {{constant(300, 2.0), 4717.0, 1.0, {constant(300, 0.0)}}});
    }
    if (id == "L07") {
        return cases(
            "L07", "WOODS",
            {{repeated(1000, {-3.0, -1.0, -3.0, -1.0}), 4798000.0, 0.0, {constant(1000, 1.0)}}});
    }
    if (id == "L08") {
        return cases("L08", "TQUARTIC", {{constant(1000, 0.1), 0.81, 0.0, {constant(1000, 1.0)}}});
    }
    if (id == "L09") {
        return cases("L09", "Himmelblau",
                     {{{0.0, 0.0},
                       170.0,
                       0.0,
                       {{3.0, 2.0},
                        {-2.80511808695274485, 3.13131251825057297},
                        {-3.77931025337774689, -3.28318599128616941},
                        {3.58442834033049174, -1.84812652696440355}}}});
    }
    if (id == "L10") {
        const double a = 0.707106781186547524;
        return allowing_saddle_report(cases("L10", "Double well with saddle",
                                            {{{0.0, 1.0}, 1.0, -0.25, {{a, 0.0}, {-a, 0.0}}}}));
    }
    if (id == "L11") {
        const std::vector<Vector> minimisers = {constant(100, 1.0), constant(100, -1.0)};
        auto list = allowing_saddle_report(
            cases("L11", "Coupled double wells", {{constant(100, 0.0), 0.0, -25.0, minimisers}}));
        // Off the saddle a solver may also end at a strict minimum with one kink between the wells.
        for (UnconstrainedCase& c : cases("L11", "Coupled double wells",
                                          {{repeated(100, {-1.0e-3, 1.0e-3}),
                                            1.48000025e-4,
                                            -25.0,
                                            minimisers,
                                            {-24.0751299326},
                                            AcceptRule::standard,
                                            0.0,
                                            ", off the saddle"}})) {
            list.push_back(std::move(c));
        }
        return list;
    }
    return {};
}

}  // namespace

std::vector<UnconstrainedCase> unconstrained_cases(std::string_view id) {
    auto list = id.substr(0, 3) == "MGH" ? more_garbow_hillstrom(id) : larger_or_harder(id);
    if (list.empty()) {
        throw std::invalid_argument("unknown test problem '" + std::string(id) +
                                    "' (add it to cases.cpp)");
    }
    return list;
}

double minimum_tolerance(double reference) {
    const double magnitude = std::fabs(reference);
    if (magnitude == 0.0) return 1.0e-12;
    if (magnitude < 1.0e-3) return 1.0e-6 * magnitude;
    return 1.0e-8 * std::max(1.0, magnitude);
}

bool accepts(const UnconstrainedCase& problem, double f_final) {
    if (!std::isfinite(f_final)) return false;
    double largest = problem.f_min;
    for (const double f : problem.other_minima_f) {
        if (std::fabs(f_final - f) <= minimum_tolerance(f)) return true;
        largest = std::max(largest, f);
    }
    const double error = f_final - problem.f_min;
    const double tolerance = minimum_tolerance(problem.f_min);
    switch (problem.rule) {
        case AcceptRule::standard:
            return std::fabs(error) <= tolerance;
        case AcceptRule::below_limit:
            return std::fabs(f_final) < problem.limit;
        case AcceptRule::up_to_largest:
            return error >= -tolerance && f_final <= largest;
        case AcceptRule::with_cancellation:
            return std::fabs(error) <= tolerance + problem.limit;
    }
    return false;
}

}  // namespace cunewton::test
