// BFGS with a dense inverse Hessian (Nocedal and Wright 2006, algorithm 6.1): the first-order
// baseline. Its steps never see a Hessian and depend on the parameters' units.
#include "host/minimize/newton.h"
#include "host/minimize/quasi_newton.h"

namespace cunewton::solver {

namespace {

template <class T>
class DenseInverse final : public InverseHessian<T> {
  public:
    explicit DenseInverse(Minimization<T>& run)
        : run_(run),
          matrix_(run.vectors().allocate(static_cast<std::size_t>(run.n()) * run.n())),
          y_(run.vector()),
          s_(run.vector()),
          By_(run.vector()),
          sy_there_(run.vectors().number()),
          yBy_there_(run.vectors().number()),
          y_norm_there_(run.vectors().number()) {
        restart();
    }
    bool is_fresh() const override { return fresh_; }
    void restart() override {
        set_identity(run_.scales() ? 1 : run_.first_step_length());
        fresh_ = true;
    }
    void direction() override {
        run_.matrices().symv(matrix_.get(), run_.g(), run_.direction(), run_.n());
        run_.vectors().scale(run_.direction(), T(-1), run_.direction(), run_.n());
    }
    typename InverseHessian<T>::Pair measure(double alpha) override {
        Vectors<T>& vectors = run_.vectors();
        const int n = run_.n();
        vectors.add_scaled(y_.get(), run_.trial_g(), T(-1), run_.g(), n);
        vectors.scale(s_.get(), static_cast<T>(alpha), run_.direction(), n);
        run_.matrices().symv(matrix_.get(), y_.get(), By_.get(), n);
        vectors.dot(s_.get(), y_.get(), n, sy_there_);
        vectors.dot(y_.get(), By_.get(), n, yBy_there_);
        vectors.norms({{y_.get(), y_norm_there_}}, n);
        const auto [sy, y_norm, yBy] = read(vectors, sy_there_, y_norm_there_, yBy_there_);
        sy_ = sy;
        yBy_ = yBy;
        y_norm_ = y_norm;
        return {sy, y_norm};
    }
    void update() override {
        // The first step gives the identity's factor, where no Hessian has given the scales.
        if (fresh_ && !run_.scales()) {
            const double scale = sy_ / y_norm_ / y_norm_;
            set_identity(scale);
            run_.vectors().scale(By_.get(), static_cast<T>(scale), y_.get(), run_.n());
            yBy_ = sy_;
        }
        fresh_ = false;
        run_.matrices().rank_two_update(matrix_.get(), static_cast<T>(-1 / sy_), s_.get(),
                                        By_.get(), static_cast<T>((1 + yBy_ / sy_) / sy_),
                                        run_.n());
    }

    void pass(State<T>& state) override { state(fresh_, matrix_); }

  private:
    void set_identity(double factor) {
        run_.matrices().set_identity(matrix_.get(), run_.n(), static_cast<T>(factor),
                                     run_.scales());
    }

    Minimization<T>& run_;
    const Buffer<T> matrix_, y_, s_, By_;
    const Number sy_there_, yBy_there_, y_norm_there_;
    double sy_ = 0, yBy_ = 0, y_norm_ = 0;
    bool fresh_ = true;
};

}  // namespace

template <class T>
Status bfgs(Minimization<T>& run) {
    const int n = run.n();
    DenseInverse<T> inverse(run);
    // The Hessian is looked at where the method takes a point for a minimum, if it is exact and if
    // there is room for it and its factor: by differences it would cost more than all the rest.
    const bool exact = run.derivatives().hessian_is_exact() &&
                       3.0 * n * n * sizeof(T) < run.vectors().free_bytes();
    if (!exact) return quasi_newton<T>(run, inverse, {});
    return quasi_newton<T>(run, inverse, [&] { return Newton<T>(run).confirm(); });
}
template Status bfgs(Minimization<double>&);
template Status bfgs(Minimization<float>&);

}  // namespace cunewton::solver
