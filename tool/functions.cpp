#include "tool/functions.h"

#include "cunewton/error.h"
#include "readers/csv.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

enum Kind : int { rosenbrock, himmelblau, beale, booth, saddle };

/// All of them in one functor, which is compiled once.
struct AnyFunction {
    int kind;
    static constexpr int parameters = 2;

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        const T a = x[0], b = x[1];
        switch (kind) {
            case rosenbrock:
                return T(square(T(1.0 - a)) + 100.0 * square(T(b - a * a)));
            case himmelblau:
                return T(square(T(a * a + b - 11.0)) + square(T(a + b * b - 7.0)));
            case beale:
                return T(square(T(1.5 - a + a * b)) + square(T(2.25 - a + a * b * b)) +
                         square(T(2.625 - a + a * b * b * b)));
            case booth:
                return T(square(T(a + 2.0 * b - 7.0)) + square(T(2.0 * a + b - 5.0)));
            default:
                return T(a * a - b * b + 0.25 * b * b * b * b);
        }
    }
};

const std::vector<TestFunction> functions{
    {"rosenbrock", "(1 - x)^2 + 100 (y - x^2)^2", {-1.2, 1}, {-2, -1}, {2, 3}},
    {"himmelblau", "(x^2 + y - 11)^2 + (x + y^2 - 7)^2", {0, 0}, {-5, -5}, {5, 5}},
    {"beale",
     "(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2",
     {1, 1},
     {-1, -1.5},
     {4, 1.5}},
    {"booth", "(x + 2y - 7)^2 + (2x + y - 5)^2", {0, 0}, {-4, -4}, {6, 7}},
    {"saddle", "x^2 - y^2 + y^4 / 4", {1, 0.1}, {-2, -2.5}, {2, 2.5}},
};

}  // namespace

const TestFunction& function_named(const std::string& name) {
    std::vector<std::string> names;
    for (const TestFunction& function : functions) {
        if (function.name == name) return function;
        names.push_back(function.name);
    }
    const std::string alike = readers::most_alike(name, names);
    throw InvalidArgument(
        "there is no such function ('" + name + "') " +
        (alike.empty() ? "choose among " + list_text(names) : "did you mean '" + alike + "'?"));
}

std::string functions_text() {
    TextTable table({"  function", "formula"}, 2);
    for (const TestFunction& function : functions)
        table.add({"  " + function.name, function.formula});
    return "Functions of x and y:\n" + table.text();
}

template <class T>
Problem<T> make_problem(const TestFunction& function) {
    return make_objective<T>(AnyFunction{static_cast<int>(&function - functions.data())}, 2);
}

template Problem<double> make_problem(const TestFunction&);
template Problem<float> make_problem(const TestFunction&);

}  // namespace cunewton::tool
