#include "tests/unconstrained/problems.h"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "cunewton/scalar/dual.h"
#include "tests/unconstrained/functors.h"

namespace cunewton::test {

namespace {

/// x in long double, differentiated along axis i.
struct DualPoint {
    using value_type = Dual<long double>;
    const std::vector<double>* x;
    int i;
    value_type operator[](int j) const {
        return {static_cast<long double>((*x)[j]), j == i ? 1.0L : 0.0L};
    }
    int size() const { return static_cast<int>(x->size()); }
};

/// Calls use(functor) with the functor that is called `id`.
template <class Use>
auto with_functor(const std::string& id, const Use& use) {
#define CUNEWTON_TEST_USE(Functor) \
    if (id == Functor::id) return use(Functor{});
    CUNEWTON_TEST_UNCONSTRAINED(CUNEWTON_TEST_USE)
#undef CUNEWTON_TEST_USE
    throw std::invalid_argument("no test problem is called " + id);
}

}  // namespace

Problem<double> unconstrained_problem(const UnconstrainedCase& of) {
    Problem<double> problem = with_functor(
        of.id, [&](const auto& functor) { return make_objective<double>(functor, of.n); });
#if CUNEWTON_WITH_CUDA
    add_unconstrained_device_code(problem, of.id);
#endif
    return problem;
}

double exact_gradient_norm(const UnconstrainedCase& of, const std::vector<double>& x) {
    return with_functor(of.id, [&](const auto& functor) {
        long double sum = 0;
        for (int i = 0; i < static_cast<int>(x.size()); ++i) {
            const long double d = functor(DualPoint{&x, i}).d;
            sum += d * d;
        }
        return static_cast<double>(std::sqrt(sum));
    });
}

std::vector<UnconstrainedCase> unconstrained_cases() {
    std::vector<UnconstrainedCase> all;
#define CUNEWTON_TEST_ADD(Functor) \
    for (UnconstrainedCase & one : unconstrained_cases(Functor::id)) all.push_back(std::move(one));
    CUNEWTON_TEST_UNCONSTRAINED(CUNEWTON_TEST_ADD)
#undef CUNEWTON_TEST_ADD
    return all;
}

}  // namespace cunewton::test
