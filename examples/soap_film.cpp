// The soap film in a wire frame: of all surfaces with this boundary the one with the least area, by
// linear pieces over triangles. The area is a sum of functions of at most three heights each, and
// is told as such: Newton's method then holds a sparse Hessian.
//
//     soap_film [heights on each side, 300 if left out]
#include <cunewton/cunewton.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

/// The area over one triangle of side h. Both slopes of its plane are linear in the heights that
/// are not held by the frame, `free` of them: s has a constant for each slope, which the frame's
/// heights make, and what it takes of the others.
template <int free>
struct Triangle {
    static constexpr int parameters = free;
    double h;

    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        using namespace cunewton::math;
        using T = cunewton::scalar_t<X>;
        T a(s[0]), b(s[free + 1]);
        for (int j = 0; j < free; ++j) {
            a += s[1 + j] * x[j];
            b += s[free + 2 + j] * x[j];
        }
        return T(0.5 * h * h) * sqrt(T(1.0) + a * a + b * b);
    }
};

/// The triangles that have so many free heights.
struct Kind {
    std::vector<int> indices;
    std::vector<double> slopes;
    template <int free>
    cunewton::Elements<double> elements(double h) const {
        const long count = static_cast<long>(indices.size()) / free;
        return cunewton::make_elements<double>(
            Triangle<free>{h}, indices,
            cunewton::Samples<double>::of({slopes.data(), count, 2 * (free + 1)}));
    }
};

/// Scherk's surface, which is the answer.
double scherk(double s, double t) {
    return std::log(std::cos(t) / std::cos(s));
}

}  // namespace

int main(int count, char** arguments) {
    const int side = count > 1 ? std::atoi(arguments[1]) : 300;
    if (side < 2 || side > 10000) {
        std::fprintf(stderr, "soap_film: pass a number from 2 to 10000\n");
        return 2;
    }
    const double h = 2.0 / (side + 1);
    const auto place = [&](int k) { return h * (k + 1) - 1; };
    std::vector<Kind> kinds(4);         // by their free heights
    using Corner = std::array<int, 2>;  // row and column, on the frame -1 and side
    const auto add = [&](const std::array<Corner, 3>& corners) {  // the right angle's first
        Kind kind;
        std::vector<double> a{0}, b{0};
        for (int c = 0; c < 3; ++c) {
            const auto [row, column] = corners[c];
            const double to_a = c == 0   ? -1 / h
                                : c == 1 ? 1 / h
                                         : 0,
                         to_b = c == 0   ? -1 / h
                                : c == 2 ? 1 / h
                                         : 0;
            if (row >= 0 && row < side && column >= 0 && column < side) {
                kind.indices.push_back(row * side + column);
                a.push_back(to_a);
                b.push_back(to_b);
            } else {
                a[0] += to_a * scherk(place(column), place(row));
                b[0] += to_b * scherk(place(column), place(row));
            }
        }
        if (kind.indices.empty()) {  // of the frame alone: takes nothing of any height
            kind.indices.push_back(0);
            a.push_back(0);
            b.push_back(0);
        }
        Kind& to = kinds[kind.indices.size()];
        to.indices.insert(to.indices.end(), kind.indices.begin(), kind.indices.end());
        to.slopes.insert(to.slopes.end(), a.begin(), a.end());
        to.slopes.insert(to.slopes.end(), b.begin(), b.end());
    };
    for (int r = -1; r < side; ++r)
        for (int c = -1; c < side; ++c) {
            add({{{r, c}, {r, c + 1}, {r + 1, c}}});
            add({{{r + 1, c + 1}, {r + 1, c}, {r, c + 1}}});
        }

    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    const long n = static_cast<long>(side) * side;
    const auto problem = cunewton::make_element_sum<double>(
        {kinds[1].elements<1>(h), kinds[2].elements<2>(h), kinds[3].elements<3>(h)}, n);
    const auto result = cunewton::minimize(problem, std::vector<double>(n, 0.0));
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

    double error = 0;
    for (int r = 0; r < side; ++r)
        for (int c = 0; c < side; ++c)
            error = std::fmax(error, std::fabs(result.x[static_cast<std::size_t>(r) * side + c] -
                                               scherk(place(c), place(r))));
    std::printf(
        "%s: %ld heights, %d iterations of %s in %.2f s, area %.8f, %.1e off Scherk's surface\n",
        to_string(result.status), n, result.iterations, to_string(result.method), seconds, result.f,
        error);
    return result.converged() ? 0 : 1;
}
