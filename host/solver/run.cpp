#include "host/solver/run.h"

#include <algorithm>
#include <limits>

namespace cunewton::solver {

template <class T>
Run<T>::Run(Session<T>& session, int n, const ResolvedDerivatives& derivatives,
            const Options& options, Progress<T>& progress)
    : backend_(*session.backend),
      evaluator_(*session.evaluator),
      n_(n),
      derivatives_(derivatives),
      options_(options),
      progress_(progress) {
    for (Buffer<T>* buffer : {&x_, &g_, &p_, &trial_x_, &trial_g_}) *buffer = backend_.allocate(n);
    backend_.upload(x_.get(), progress.x.data(), n);
}

template <class T>
std::optional<Status> Run<T>::begin() {
    {
        const Timer timer(progress_.seconds.evaluate);
        evaluator_.value_and_gradient(x_.get(), g_.get());
        backend_.dot(g_.get(), g_.get(), n_, Slot::gradient_sq);
        backend_.dot(x_.get(), x_.get(), n_, Slot::x_sq);
        const double* s = backend_.scalars();
        f_ = s[static_cast<int>(Slot::f)];
        gradient_norm_ = std::sqrt(s[static_cast<int>(Slot::gradient_sq)]);
        x_norm_ = std::sqrt(s[static_cast<int>(Slot::x_sq)]);
    }
    ++progress_.counts.evaluations;
    ++progress_.counts.gradients;
    if (!std::isfinite(f_) || !std::isfinite(gradient_norm_)) return Status::not_finite;
    if (progress_.first_gradient_norm >= 0) return std::nullopt;  // continued from another backend
    progress_.first_gradient_norm = gradient_norm_;
    const IterationRecord record{0, f_, gradient_norm_, 0, 0, 0, progress_.elapsed()};
    if (options_.keep_trace) progress_.trace.push_back(record);
    if (options_.callback && !options_.callback(record)) return Status::cancelled;
    if (f_ < options_.unbounded_below) return Status::unbounded;
    if (out_of_evaluations() && !gradient_small()) return Status::max_evaluations;
    return std::nullopt;
}

template <class T>
void Run<T>::hessian() {
    const Timer timer(progress_.seconds.hessian);
    const std::size_t size = static_cast<std::size_t>(n_) * n_;
    if (!H_) H_ = backend_.allocate(size);
    evaluator_.hessian(x_.get(), H_.get());
    backend_.matrix_bounds(H_.get(), n_);
    ++progress_.counts.hessians;
}

template <class T>
void Run<T>::factorize(double shift) {
    const Timer timer(progress_.seconds.factorize);
    if (!L_) L_ = backend_.allocate(static_cast<std::size_t>(n_) * n_);
    backend_.factorize(H_.get(), static_cast<T>(shift), L_.get(), n_);
    factor_shift_ = shift;
    ++progress_.counts.factorizations;
}

template <class T>
Trial Run<T>::try_step(double alpha) {
    const Timer timer(progress_.seconds.evaluate);
    backend_.add_scaled(trial_x_.get(), x_.get(), static_cast<T>(alpha), p_.get(), n_);
    evaluator_.value_and_gradient(trial_x_.get(), trial_g_.get());
    backend_.dot(trial_g_.get(), p_.get(), n_, Slot::slope);
    backend_.dot(trial_g_.get(), trial_g_.get(), n_, Slot::gradient_sq);
    backend_.dot(trial_x_.get(), trial_x_.get(), n_, Slot::x_sq);
    backend_.dot(p_.get(), p_.get(), n_, Slot::step_sq);
    const double* s = backend_.scalars();
    const auto slot = [&](Slot which) { return s[static_cast<int>(which)]; };
    hessian_norm_ = slot(Slot::norm);
    ++progress_.counts.evaluations;
    ++progress_.counts.gradients;
    return {alpha,
            slot(Slot::f),
            slot(Slot::slope),
            std::sqrt(slot(Slot::gradient_sq)),
            std::sqrt(slot(Slot::x_sq)),
            std::abs(alpha) * std::sqrt(slot(Slot::step_sq))};
}

template <class T>
Trial Run<T>::try_value(double alpha) {
    const Timer timer(progress_.seconds.evaluate);
    backend_.add_scaled(trial_x_.get(), x_.get(), static_cast<T>(alpha), p_.get(), n_);
    evaluator_.value(trial_x_.get());
    ++progress_.counts.evaluations;
    return {alpha, backend_.scalar(Slot::f), 0, 0, 0, 0};
}

template <class T>
void Run<T>::accept(const Trial& trial) {
    std::swap(x_, trial_x_);
    std::swap(g_, trial_g_);
    f_ = trial.f;
    gradient_norm_ = trial.gradient_norm;
    x_norm_ = trial.x_norm;
    ++progress_.iterations;
}

template <class T>
double Run<T>::noise() const {
    return 10 * static_cast<double>(std::numeric_limits<T>::epsilon()) *
           std::max(std::abs(f_), static_cast<double>(std::numeric_limits<T>::min()));
}

template <class T>
double Run<T>::gradient_error() const {
    if (derivatives_.gradient_step == 0) return 0;
    const std::vector<double>& typical = options_.derivatives.typical_x;
    double smallest = 1, largest = 1;
    if (!typical.empty()) {
        const auto [low, high] = std::minmax_element(typical.begin(), typical.end());
        smallest = *low;
        largest = *high;
    }
    // Rounding: every component carries about eps |f| / h.
    const double eps = std::numeric_limits<T>::epsilon();
    const double h = derivatives_.gradient_step;
    const double size = 2 * eps * std::abs(f_) * std::sqrt(static_cast<double>(n_)) / smallest;
    const double rounding = size / h;
    // Truncation: h/2 times the curvature forward; central h^2/6 times a third derivative, which is
    // taken to be as large as makes the formula's step the best one.
    if (derivatives_.gradient == GradientBy::forward_differences)
        return rounding + 0.5 * h * std::max(largest, x_norm_) * hessian_norm_;
    return rounding + size * h * h / eps;
}

template <class T>
double Run<T>::gradient_tolerance() const {
    const double absolute = options_.gradient_tolerance.value_or(
        std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon())));
    return std::max(absolute,
                    options_.relative_gradient_tolerance * progress_.first_gradient_norm);
}

template <class T>
bool Run<T>::gradient_small() const {
    return gradient_norm_ <= std::max(gradient_tolerance(), gradient_error());
}

template <class T>
Status Run<T>::small_gradient_status() const {
    return gradient_error() <= gradient_tolerance() ? Status::converged
                                                    : Status::derivative_accuracy;
}

template <class T>
Status Run<T>::stuck_status() const {
    return derivatives_.gradient_step > 0 && gradient_norm_ <= 100 * gradient_error()
               ? Status::derivative_accuracy
               : Status::precision_limit;
}

template <class T>
bool Run<T>::out_of_evaluations() const {
    return progress_.counts.evaluations >= options_.max_evaluations;
}

template <class T>
bool Run<T>::at_limit() const {
    return progress_.iterations >= options_.max_iterations || out_of_evaluations() ||
           progress_.elapsed() >= options_.time_limit;
}

template <class T>
std::optional<Status> Run<T>::end_iteration(const Trial& trial, double previous_f,
                                            double step_length, double shift) {
    const IterationRecord record{progress_.iterations, f_,          gradient_norm_,
                                 trial.step_norm,      step_length, shift,
                                 progress_.elapsed()};
    if (options_.keep_trace) progress_.trace.push_back(record);
    if (options_.callback && !options_.callback(record)) return Status::cancelled;
    if (f_ < options_.unbounded_below) return Status::unbounded;
    if (gradient_small()) return std::nullopt;
    if (options_.step_tolerance > 0 && trial.step_norm <= options_.step_tolerance * (1 + x_norm_))
        return Status::small_step;
    if (options_.change_tolerance > 0 &&
        std::abs(previous_f - f_) <= options_.change_tolerance * (1 + std::abs(f_)))
        return Status::small_change;
    if (progress_.iterations >= options_.max_iterations) return Status::max_iterations;
    if (out_of_evaluations()) return Status::max_evaluations;
    if (progress_.elapsed() >= options_.time_limit) return Status::time_limit;
    return std::nullopt;
}

template <class T>
void Run<T>::save_iterate() {
    backend_.download(progress_.x.data(), x_.get(), n_);
}

template <class T>
std::vector<T> Run<T>::download_factor() {
    if (!L_ || backend_.scalar(Slot::factor_info) != 0) return {};
    std::vector<T> factor(static_cast<std::size_t>(n_) * n_);
    backend_.download(factor.data(), L_.get(), factor.size());
    return factor;
}

template class Run<double>;
template class Run<float>;

}  // namespace cunewton::solver
