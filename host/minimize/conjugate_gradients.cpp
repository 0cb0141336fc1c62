#include "host/minimize/conjugate_gradients.h"

#include <cmath>
#include <utility>

namespace cunewton::solver {

template <class T>
ConjugateGradientsResult conjugate_gradients(Vectors<T>& vectors, Curvature<T>& curvature,
                                             const T* b, T* x, long n,
                                             const ConjugateGradientsOptions& options) {
    const Buffer<T> r = vectors.allocate(n), p = vectors.allocate(n), Hp = vectors.allocate(n);
    const Number squares[] = {vectors.number(), vectors.number()}, pHp = vectors.number();
    Scalar square = squares[0], next = squares[1];  // r'r, before and after a step
    vectors.scale(x, T(0), b, n);
    vectors.copy(r.get(), b, n);
    vectors.copy(p.get(), b, n);
    vectors.dot(b, b, n, square);
    const double first = vectors.read(square);
    const double wanted = options.tolerance * options.tolerance * first;
    ConjugateGradientsResult result;
    result.residual = std::sqrt(first);
    result.converged = first == 0;
    const int between = vectors.scalars_are_local() ? 1 : options.check_every;
    while (!result.converged && result.iterations < options.max_iterations) {
        curvature.apply(p.get(), 1, Hp.get());
        vectors.dot(p.get(), Hp.get(), n, pHp);
        vectors.add_scaled(x, x, Ratio{square, pHp}, p.get(), n);
        vectors.add_scaled(r.get(), r.get(), Ratio{square, pHp, -1}, Hp.get(), n);
        vectors.dot(r.get(), r.get(), n, next);
        vectors.add_scaled(p.get(), r.get(), Ratio{next, square}, p.get(), n);
        std::swap(square, next);
        ++result.iterations;
        if (result.iterations % between != 0 && result.iterations < options.max_iterations)
            continue;
        const auto [left, bend] = read(vectors, square, pHp);
        result.residual = std::sqrt(left);
        // 0 only where there was nothing left to do.
        result.indefinite = bend < 0 || (!(bend > 0) && left != 0);
        result.converged = left <= wanted && !result.indefinite;
        if (result.indefinite || !std::isfinite(left)) break;
    }
    return result;
}
template ConjugateGradientsResult conjugate_gradients(Vectors<double>&, Curvature<double>&,
                                                      const double*, double*, long,
                                                      const ConjugateGradientsOptions&);
template ConjugateGradientsResult conjugate_gradients(Vectors<float>&, Curvature<float>&,
                                                      const float*, float*, long,
                                                      const ConjugateGradientsOptions&);

}  // namespace cunewton::solver
