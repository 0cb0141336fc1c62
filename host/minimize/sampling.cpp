#include "host/minimize/sampling.h"

#include <algorithm>
#include <cmath>

#include "host/minimize/newton_cg.h"

namespace cunewton::solver {

template <class T>
long sample_size(Minimization<T>& run, long otherwise) {
    const long asked = run.options().sampling.size;
    return std::clamp(asked > 0 ? asked : otherwise, 1L, run.evaluator().samples());
}

template <class T>
bool sampled_gradient(Minimization<T>& run, std::span<const long> samples, const T* x, T* g,
                      Scalar f) {
    Evaluator<T>& evaluator = run.evaluator();
    run.count_sampled(static_cast<double>(samples.size()) / evaluator.samples());
    run.sample([&] {
        select(evaluator, samples);
        evaluator.value_and_gradient(x, g, f);
    });
    return !run.vectors().scalars_are_local() || std::isfinite(run.read(f));
}

namespace {

/// What all samples say where the test is met, if they can.
template <class T>
std::optional<Status> examine(Minimization<T>& run) {
    if (run.bounded()) return confirm_bounded(run);
    if (!run.derivatives().hessian_is_exact() &&
        run.derivatives().hessian != HessianBy::gauss_newton)
        return std::nullopt;
    return NewtonCg<T>(run).confirm();
}

template <class T>
class Passes {
  public:
    Passes(Minimization<T>& run, SampledMethod<T>& method, const std::function<bool()>& until)
        : run_(run),
          method_(method),
          until_(until),
          samples_(run.evaluator().samples()),
          order_(samples_, run.options().seed),
          x_(run.vector()) {}

    std::optional<Status> run() {
        run_.keep(best_);
        const std::optional<Status> status = loop();
        // What was examined is the iterate.
        if (best_.f < run_.f() && !examined_) run_.go_back(best_);
        return status;
    }

  private:
    // Setbacks in a row before no shorter step is believed to help.
    static constexpr int most_setbacks = 20;

    bool over() const { return until_ && until_(); }
    std::optional<Status> examine() {
        const std::optional<Status> status = solver::examine(run_);
        examined_ = status.has_value();
        return status;
    }
    std::optional<Status> loop();
    /// A pass from the iterate to x_. False if something is not finite.
    bool pass();

    Minimization<T>& run_;
    SampledMethod<T>& method_;
    const std::function<bool()>& until_;
    const long samples_;
    SampleOrder order_;
    const Buffer<T> x_;
    typename Minimization<T>::Kept best_;
    bool examined_ = false;  ///< and the run is over
};

template <class T>
bool Passes<T>::pass() {
    run_.vectors().copy(x_.get(), run_.x(), run_.n());
    bool finite = true;
    for (long taken = 0; finite && taken < samples_ && !run_.out_of_time();) {
        const std::span<const long> next = order_.next(std::min(method_.size(), samples_));
        finite = method_.step(next, x_.get());
        run_.project(x_.get());
        taken += static_cast<long>(next.size());
        if (over()) break;
    }
    run_.evaluator().select_all();
    return finite;
}

template <class T>
std::optional<Status> Passes<T>::loop() {
    for (int worse = 0, setbacks = 0;;) {
        run_.at_iteration([&](State<T>& state) { state(worse, setbacks, best_, order_, method_); });
        if (over()) return std::nullopt;
        if (run_.f() <= best_.f && run_.gradient_small()) {
            const int before = run_.iterations();
            if (const auto status = examine()) return status;
            if (run_.iterations() == before) return run_.arrived_status(0);
            if (run_.f() < best_.f) run_.keep(best_);
            continue;
        }
        if (run_.options().max_iterations == 0) return Status::max_iterations;
        std::optional<Trial> trial;
        if (pass()) {
            Vectors<T>& vectors = run_.vectors();
            vectors.add_scaled(run_.direction(), x_.get(), T(-1), run_.x(), run_.n());
            trial = run_.try_step(1);
        }
        const bool finite = trial && trial->finite(), lower = finite && trial->f < best_.f;
        if (lower || (finite && worse < method_.patience())) {
            worse = lower ? 0 : worse + 1;
            const double previous = run_.f();
            run_.accept(*trial, false);
            if (lower) {
                run_.keep(best_);
                setbacks = 0;
            }
            if (const auto status =
                    run_.end_iteration(*trial, previous, method_.step_length(), method_.shift()))
                return status;
            continue;
        }
        if (run_.out_of_evaluations()) return Status::max_evaluations;
        if (run_.out_of_time()) return Status::time_limit;
        worse = 0;
        run_.go_back(best_);
        method_.slow_down();
        if (++setbacks < most_setbacks) continue;
        if (!finite) return Status::not_finite;
        if (const auto status = examine()) return status;
        return Status::precision_limit;
    }
}

}  // namespace

template <class T>
std::optional<Status> run_passes(Minimization<T>& run, SampledMethod<T>& method,
                                 const std::function<bool()>& until) {
    return Passes<T>(run, method, until).run();
}

#define CUNEWTON_INSTANTIATE(T)                                                                    \
    template long sample_size(Minimization<T>&, long);                                             \
    template bool sampled_gradient(Minimization<T>&, std::span<const long>, const T*, T*, Scalar); \
    template std::optional<Status> run_passes(Minimization<T>&, SampledMethod<T>&,                 \
                                              const std::function<bool()>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
