#if CUNEWTON_BENCH_HAVE_EIGEN
#include <Eigen/Dense>
#include <unsupported/Eigen/NonLinearOptimization>

#include "bench/peers/native_models.h"

namespace cunewton::bench {
namespace {

template <class T, class Model>
struct Functor {
    using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
    Model& model;
    const T* y;
    int rows;
    Vector unused = Vector(rows);

    int values() const { return rows; }
    int operator()(const Vector& p, Vector& r) {
        model(p.data(), y, r.data(), nullptr);
        return 0;
    }
    int df(const Vector& p, Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>& jacobian) {
        model(p.data(), y, unused.data(), jacobian.data());
        return 0;
    }
};

template <class T, class Model>
void fit_all(const SmallFits<T>& fits, Model model) {
    constexpr int n = Model::parameters;
    Functor<T, Model> functor{model, nullptr, fits.points};
    Eigen::LevenbergMarquardt<Functor<T, Model>, T> solver(functor);
    solver.parameters.ftol = static_cast<T>(fits.change_tolerance);
    solver.parameters.xtol = 0;
    Eigen::Matrix<T, Eigen::Dynamic, 1> p(n);
    for (long i = 0; i < fits.problems; ++i) {
        functor.y = fits.y + i * fits.points;
        p = Eigen::Map<const Eigen::Matrix<T, n, 1>>(fits.start + i * n);
        solver.minimize(p);
        *fits.iterations += solver.nfev - 1;
        Eigen::Map<Eigen::Matrix<T, n, 1>>(fits.parameters + i * n) = p;
    }
}

}  // namespace

template <class T>
void fit_with_eigen(const SmallFits<T>& fits) {
    with_native_model(fits, [&](auto model) { fit_all(fits, std::move(model)); });
}
template void fit_with_eigen(const SmallFits<double>&);
template void fit_with_eigen(const SmallFits<float>&);

namespace {
template <class Model>
class ResidualsOf final : public NativeResiduals {
  public:
    ResidualsOf(Model model, const SmallFits<double>& fits)
        : model_(std::move(model)), fits_(fits) {}
    void evaluate(long i, const double* p, double* r, double* jacobian) override {
        model_(p, fits_.y + i * fits_.points, r, jacobian);
    }

  private:
    Model model_;
    const SmallFits<double>& fits_;
};
}  // namespace

NativeResiduals* make_native_residuals(const SmallFits<double>& fits) {
    NativeResiduals* made = nullptr;
    with_native_model(
        fits, [&](auto model) { made = new ResidualsOf<decltype(model)>(std::move(model), fits); });
    return made;
}

}  // namespace cunewton::bench
#endif
