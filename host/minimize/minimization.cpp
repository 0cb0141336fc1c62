#include "host/minimize/minimization.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "host/sparse/sparse_curvature.h"

namespace cunewton::solver {

template <class T>
Minimization<T>::Minimization(Session<T>& session, int n, const Options& options,
                              Progress<T>& progress, int alike, const Ranks* ranks,
                              const SparsityPattern* sparsity, bool checks_sparsity)
    : session_(session),
      vectors_(*session.vectors),
      matrices_(*session.matrices),
      evaluator_(*session.evaluator),
      n_(n),
      derivatives_(session.derivatives),
      options_(options),
      progress_(progress),
      alike_(alike),
      ranks_(ranks),
      sparsity_(sparsity),
      checks_sparsity_(checks_sparsity),
      calls_back_([&] {
          const bool here = options.callback || progress.callback;
          return ranks ? ranks->any(here) : here;
      }()),
      numbers_(*session.vectors) {
    for (Buffer<T>* buffer : {&x_, &g_, &p_, &trial_x_, &trial_g_}) *buffer = vectors_.allocate(n);
    vectors_.upload(x_.get(), progress.x.data(), n);
    if (!bounded()) return;
    for (Buffer<T>* buffer : {&lower_, &upper_, &free_, &projected_})
        *buffer = vectors_.allocate(n);
    vectors_.upload(lower_.get(), progress.bounds.lower.data(), n);
    vectors_.upload(upper_.get(), progress.bounds.upper.data(), n);
}

template <class T>
const T* Minimization<T>::projected(const T* x, const T* g) {
    if (!bounded()) return g;
    vectors_.find_free(free_.get(), x, g, lower_.get(), upper_.get(), n_);
    vectors_.select(projected_.get(), free_.get(), g, n_);
    return projected_.get();
}

template <class T>
std::optional<Status> Minimization<T>::begin() {
    if (!progress_.state.empty()) return resume();
    {
        const Timer timer(progress_.seconds.evaluate);
        evaluator_.value_and_gradient(x_.get(), g_.get(), numbers_.f);
        vectors_.norms(
            {{projected_gradient(), numbers_.gradient_norm}, {x_.get(), numbers_.x_norm}}, n_);
        f_ = read(numbers_.f);
        gradient_norm_ = gradient_size_ = read(numbers_.gradient_norm);
        x_norm_ = x_size_ = read(numbers_.x_norm);
    }
    ++progress_.counts.evaluations;
    ++progress_.counts.gradients;
    if (!std::isfinite(f_) || !std::isfinite(gradient_norm_)) return Status::not_finite;
    if (progress_.first_gradient_norm >= 0) return std::nullopt;  // continued from another backend
    progress_.first_f = f_;
    progress_.first_gradient_norm = gradient_norm_;
    if (!report(0, 0, 0)) return Status::cancelled;
    if (f_ < options_.unbounded_below) return Status::unbounded;
    if (out_of_evaluations() && !gradient_small()) return Status::max_evaluations;
    return std::nullopt;
}

template <class T>
std::optional<Status> Minimization<T>::resume() {
    resumed_.emplace(&vectors_, progress_.state, progress_.file->name());
    pass(*resumed_);
    progress_.x = download(x_);
    saved_at_ = progress_.iterations;
    if (!call_back()) return Status::cancelled;
    if (f_ < options_.unbounded_below) return Status::unbounded;
    // Limits may be others now.
    if (gradient_small()) return std::nullopt;
    if (progress_.iterations >= options_.max_iterations) return Status::max_iterations;
    if (out_of_evaluations()) return Status::max_evaluations;
    if (out_of_time()) return Status::time_limit;
    return std::nullopt;
}

template <class T>
void Minimization<T>::save_or_resume(const std::function<void(State<T>&)>& pass_method) {
    if (resumed_) {
        pass_method(*resumed_);
        if (!resumed_->left().empty())
            throw FileError("the checkpoint does not fit this run ('" + progress_.file->name() +
                            "': it goes on after the method's state) pass the problem and options "
                            "that it was made with");
        resumed_.reset();
        progress_.state = {};
        return;
    }
    // Where evaluations are used up the run is about to end.
    if (progress_.iterations < saved_at_ + progress_.file->every() || out_of_evaluations()) return;
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    Checkpoint<T> at;
    at.x0 = progress_.given;
    at.x = progress_.full ? progress_.full(download(x_)) : download(x_);
    at.f = f_;
    at.first_f = progress_.first_f;
    at.gradient_norm = gradient_norm_;
    at.first_gradient_norm = progress_.first_gradient_norm;
    at.radius = progress_.radius;
    at.iterations = progress_.iterations;
    at.counts = progress_.counts;
    at.seconds = progress_.seconds;
    at.seconds.total = progress_.elapsed();
    at.trace = progress_.trace;
    State<T> state(&vectors_);
    pass(state);
    pass_method(state);
    progress_.file->save(std::move(at), state.bytes());
    saved_at_ = progress_.iterations;
    progress_.start += Clock::now() - begin;
}

template <class T>
void Minimization<T>::pass(State<T>& state) {
    state(x_, g_, p_, S_, largest_scales_, hessian_x_, hessian_g_);
    state(f_, gradient_norm_, gradient_size_, x_norm_, x_size_, watched_slope_, step_slope_,
          largest_size_, watched_decrement_, growth_, watched_, streak_, ascent_, hessian_norm_,
          factor_shift_, undetermined_, stage_, factorized_);
    state.length(progress_.last);
    for (IterationRecord& record : progress_.last) pass_record(state, record);
    enum class Known { nothing, products, matrix } known = Known::nothing;
    if (curvature_) known = factorable_ ? Known::matrix : Known::products;
    state(known);
    if (!state.reads()) return;
    if (known == Known::products) curvature_ = evaluator_.curvature(CurvatureKind::product);
    if (known == Known::matrix) remake_hessian();
}

template <class T>
void Minimization<T>::remake_hessian() {
    make_factorable(false);
    factorable_->update(hessian_x_.get());
    if (alike_ > 1) factorable_->determine_common_shifts(alike_);
    queue_bounds(hessian_x_.get(), hessian_g_.get());
    if (factorized_)
        factorable_->factorize(static_cast<T>(factor_shift_), S_.get(), numbers_.factor_info,
                               numbers_.least_pivot);
}

template <class T>
double Minimization<T>::size() {
    const double size = std::abs(f_);
    const double root = size > 0 ? root_power_of_two<double>(size, parity()) : 0;
    largest_size_ = std::max({largest_size_, x_size_, root});
    return largest_size_ > 0 ? largest_size_ : 1;
}

template <class T>
double Minimization<T>::first_step_length() const {
    const double g = gradient_norm_;
    const double linear = std::abs(f_) / g / g, as_long_as_x = x_norm_ / g;
    if (linear > 0 && as_long_as_x > 0) return std::min(linear, as_long_as_x);
    const double either = std::max(linear, as_long_as_x);
    return either > 0 ? either : 1 / g;
}

template <class T>
bool Minimization<T>::make_factorable(bool check) {
    if (sparsity_) {
        auto sparse =
            std::make_unique<SparseCurvature<T>>(session_, *sparsity_, options_.derivatives);
        if (check) {
            sparse->update(x_.get());
            sparse->require_complete(x_.get(), progress_.counts.products);
        }
        curvature_ = std::move(sparse);
    } else {
        curvature_ = evaluator_.curvature(CurvatureKind::dense);
    }
    factorable_ = curvature_->factorable();
    return sparsity_ && check;
}

template <class T>
void Minimization<T>::queue_bounds(const T* x, const T* g) {
    factorable_->bounds(S_.get(), numbers_.norm, numbers_.least_diagonal);
    // The iterate's sizes in the metric that holds from here on, read together with what follows.
    vectors_.norms({{x, numbers_.x_size, S_.get(), false},
                    {projected(x, g), numbers_.gradient_size, S_.get(), true}},
                   n_);
}

template <class T>
void Minimization<T>::hessian() {
    const Timer timer(progress_.seconds.hessian);
    bool updated = false;
    if (!curvature_) {
        updated = make_factorable(checks_sparsity_);
        S_ = vectors_.allocate(n_);
        largest_scales_ = vectors_.allocate(n_);
        vectors_.upload(largest_scales_.get(), std::vector<T>(n_, T(0)).data(), n_);
    }
    if (!updated) factorable_->update(x_.get());
    if (alike_ > 1) factorable_->determine_common_shifts(alike_);
    factorable_->raise_scales(g_.get(), f_, parity(), largest_scales_.get(), S_.get());
    queue_bounds(x_.get(), g_.get());
    if (progress_.file) {
        if (!hessian_x_) hessian_x_ = vector();
        if (!hessian_g_) hessian_g_ = vector();
        vectors_.copy(hessian_x_.get(), x_.get(), n_);
        vectors_.copy(hessian_g_.get(), g_.get(), n_);
    }
    ++progress_.counts.hessians;
}

template <class T>
void Minimization<T>::prepare_products() {
    const Timer timer(progress_.seconds.hessian);
    if (!curvature_) curvature_ = evaluator_.curvature(CurvatureKind::product);
    curvature_->update(x_.get());
    ++progress_.counts.hessians;
}

template <class T>
void Minimization<T>::factorize(double shift) {
    const Timer timer(progress_.seconds.factorize);
    factorable_->factorize(static_cast<T>(shift), S_.get(), numbers_.factor_info,
                           numbers_.least_pivot);
    factor_shift_ = shift;
    factorized_ = true;
    ++progress_.counts.factorizations;
}

template <class T>
bool Minimization<T>::factorize_restricted(const T* free, double shift) {
    const Timer timer(progress_.seconds.factorize);
    if (!factorable_->factorize_restricted(free, static_cast<T>(shift), S_.get(),
                                           numbers_.factor_info, numbers_.least_pivot))
        return false;
    factor_shift_ = shift;
    ++progress_.counts.factorizations;
    return true;
}

template <class T>
void Minimization<T>::newton_direction() {
    const Timer timer(progress_.seconds.factorize);
    vectors_.scale(p_.get(), T(-1), g_.get(), n_);
    factorable_->solve(p_.get());
    vectors_.dot(g_.get(), p_.get(), n_, numbers_.decrease);
}

template <class T>
void Minimization<T>::fetch_sizes() {
    x_size_ = read(numbers_.x_size);
    gradient_size_ = read(numbers_.gradient_size);
}

template <class T>
Trial Minimization<T>::try_step(double alpha) {
    vectors_.add_scaled(trial_x_.get(), x_.get(), static_cast<T>(alpha), p_.get(), n_);
    project(trial_x_.get());
    return evaluate_trial(alpha);
}

template <class T>
Trial Minimization<T>::try_point(const T* point) {
    vectors_.copy(trial_x_.get(), point, n_);
    vectors_.add_scaled(p_.get(), point, T(-1), x_.get(), n_);
    return evaluate_trial(1);
}

template <class T>
Trial Minimization<T>::evaluate_trial(double alpha) {
    const Timer timer(progress_.seconds.evaluate);
    evaluator_.value_and_gradient(trial_x_.get(), trial_g_.get(), numbers_.f);
    vectors_.dot(trial_g_.get(), p_.get(), n_, numbers_.slope);
    const T* const gradient = projected(trial_x_.get(), trial_g_.get());
    vectors_.norms({{gradient, numbers_.gradient_norm},
                    {trial_x_.get(), numbers_.x_norm},
                    {p_.get(), numbers_.step_norm}},
                   n_);
    if (S_)
        vectors_.norms({{gradient, numbers_.trial_gradient_size, S_.get(), true},
                        {trial_x_.get(), numbers_.trial_x_size, S_.get(), false},
                        {p_.get(), numbers_.step_size, S_.get(), false}},
                       n_);
    ++progress_.counts.evaluations;
    ++progress_.counts.gradients;
    const Numbers& n = numbers_;
    const auto [f, slope, gradient_norm, x_norm, step_norm] =
        cunewton::read(vectors_, n.f, n.slope, n.gradient_norm, n.x_norm, n.step_norm);
    double gradient_size = gradient_norm, x_size = x_norm, step_size = step_norm;
    if (S_) {
        fetch_sizes();
        gradient_size = read(n.trial_gradient_size);
        x_size = read(n.trial_x_size);
        step_size = read(n.step_size);
    }
    const double length = std::abs(alpha);
    return {alpha,
            f,
            slope,
            gradient_norm,
            gradient_size,
            x_norm,
            x_size,
            length * step_norm,
            length * step_size};
}

template <class T>
Trial Minimization<T>::try_value(double alpha) {
    const Timer timer(progress_.seconds.evaluate);
    vectors_.add_scaled(trial_x_.get(), x_.get(), static_cast<T>(alpha), p_.get(), n_);
    project(trial_x_.get());
    evaluator_.value(trial_x_.get(), numbers_.f);
    ++progress_.counts.evaluations;
    Trial trial{};
    trial.alpha = alpha;
    trial.f = read(numbers_.f);
    return trial;
}

template <class T>
void Minimization<T>::accept(const Trial& trial, bool full) {
    // A step whose promise is not kept is no step of a falling loss: rounding, along directions
    // without curvature.
    full = full && f_ - trial.f >= 0.1 * watched_decrement_;
    std::swap(x_, trial_x_);
    std::swap(g_, trial_g_);
    f_ = trial.f;
    gradient_norm_ = trial.gradient_norm;
    gradient_size_ = trial.gradient_size;
    x_norm_ = trial.x_norm;
    x_size_ = trial.x_size;
    step_slope_ = full ? trial.alpha * trial.slope : 0;
    if (!full) streak_ = 0;
    ++progress_.iterations;
}

template <class T>
void Minimization<T>::keep(Kept& to) {
    if (!to.x) to.x = vector();
    if (!to.g) to.g = vector();
    vectors_.copy(to.x.get(), x_.get(), n_);
    vectors_.copy(to.g.get(), g_.get(), n_);
    to.f = f_;
    to.gradient_norm = gradient_norm_;
    to.gradient_size = gradient_size_;
    to.x_norm = x_norm_;
    to.x_size = x_size_;
}

template <class T>
void Minimization<T>::go_back(const Kept& to) {
    vectors_.copy(x_.get(), to.x.get(), n_);
    vectors_.copy(g_.get(), to.g.get(), n_);
    f_ = to.f;
    gradient_norm_ = to.gradient_norm;
    gradient_size_ = to.gradient_size;
    x_norm_ = to.x_norm;
    x_size_ = to.x_size;
    step_slope_ = 0;
    streak_ = 0;
}

template <class T>
double Minimization<T>::factor_rounding() const {
    const double eps = std::numeric_limits<T>::epsilon();
    return eps * (sparsity_ ? std::sqrt(static_cast<double>(n_)) : n_);
}

template <class T>
double Minimization<T>::rounding_shift() {
    return 10 * (hessian_accuracy() + factor_rounding()) * read(numbers_.norm) +
           1e4 * static_cast<double>(std::numeric_limits<T>::min());
}

template <class T>
double Minimization<T>::hessian_accuracy() const {
    const double eps = std::numeric_limits<T>::epsilon();
    // Products are differences of gradients, which may be differences themselves; as are the
    // entries of a sparse Hessian that the evaluator does not know.
    const bool by_gradients = !factorable_ || (sparsity_ && !evaluator_.knows_sparse_hessian());
    const bool by_values = derivatives_.hessian == HessianBy::value_differences;
    if (derivatives_.hessian == HessianBy::gradient_differences ||
        (by_gradients && by_values && derivatives_.gradient_step > 0))
        return by_gradients ? accuracy_of_differences<T>(derivatives_) : std::pow(eps, 2.0 / 3);
    if (by_values) return std::sqrt(eps);
    return derivatives_.precision == HessianPrecision::single
               ? static_cast<double>(std::numeric_limits<float>::epsilon())
               : eps;
}

template <class T>
bool Minimization<T>::factor_is_regular() {
    return factor_shift_ == 0 && read(numbers_.factor_info) == 0 &&
           read(numbers_.least_pivot) > 10 * (hessian_accuracy() + factor_rounding());
}

template <class T>
double Minimization<T>::noise() const {
    return 10 * static_cast<double>(std::numeric_limits<T>::epsilon()) *
           std::max(std::abs(f_), static_cast<double>(std::numeric_limits<T>::min()));
}

template <class T>
double Minimization<T>::decrease(const Trial& trial, double slope) const {
    const double by_values = f_ - trial.f;
    const double alike = std::pow(std::numeric_limits<T>::epsilon(), 2.0 / 3) * std::abs(f_);
    if (!slopes_tell() || !(std::abs(by_values) <= alike)) return by_values;
    return -0.5 * trial.alpha * (slope + trial.slope);
}

template <class T>
std::vector<double> Minimization<T>::gradient_errors(const std::vector<T>& scales) {
    const std::vector<T> x = download(x_);
    const std::vector<double>& typical = options_.derivatives.typical_x;
    const double eps = std::numeric_limits<T>::epsilon(), h = derivatives_.gradient_step;
    std::vector<double> errors(x.size());
    for (std::size_t j = 0; j < x.size(); ++j) {
        const double size = std::max<double>(std::abs(x[j]), typical.empty() ? 1 : typical[j]);
        const double curvature =
            scales.empty() ? std::abs(hessian_norm_) : static_cast<double>(scales[j]) * scales[j];
        // Rounding, and truncation: h/2 times the curvature forward; central h^2/6 times a third
        // derivative, which is taken to be as large as makes the formula's step the best one.
        errors[j] = 2 * eps * std::abs(f_) / (h * size) +
                    (derivatives_.gradient == GradientBy::forward_differences
                         ? 0.5 * h * size * curvature
                         : 2 * h * h * std::abs(f_) / size);
    }
    return errors;
}

template <class T>
double Minimization<T>::gradient_error() {
    if (derivatives_.gradient_step == 0) return 0;
    double square = 0;
    for (const double error : gradient_errors(download(S_))) square += error * error;
    return std::sqrt(square);
}

template <class T>
double Minimization<T>::decrement_error(double decrement) {
    if (derivatives_.gradient_step == 0) return 0;
    const std::vector<T> scales = download(S_);
    const std::vector<double> errors = gradient_errors(scales);
    double square = 0;
    if (scales.empty()) {
        for (const double error : errors) square += error * error;
        const double norm = gradient_norm_ * gradient_norm_;
        return norm > 0 ? square / norm * decrement : 0;
    }
    for (std::size_t j = 0; j < errors.size(); ++j) {
        const double error = errors[j] / scales[j];
        square += error * error;
    }
    return square;
}

template <class T>
bool Minimization<T>::tests_gradient() const {
    return options_.gradient_tolerance || options_.relative_gradient_tolerance > 0;
}

template <class T>
bool Minimization<T>::gradient_small() {
    if (gradient_norm_ == 0) return true;
    return tests_gradient() &&
           (gradient_norm_ <= gradient_goal() || gradient_norm_ <= gradient_error());
}

template <class T>
bool Minimization<T>::negligible(double decrement, double step_size) {
    constexpr double eps = std::numeric_limits<T>::epsilon();
    if (decrement <= eps * std::abs(f_)) return true;
    const double fallen = progress_.first_f - f_;
    if (!(decrement <= eps * fallen)) return false;
    return step_size <= std::sqrt(eps) * x_size_ ||
           (decrement <= eps * eps * fallen && step_size <= std::sqrt(eps) * start_size());
}

template <class T>
double Minimization<T>::start_size() {
    if (!x0_) {
        x0_ = vector();
        vectors_.upload(x0_.get(), progress_.x0.data(), n_);
    }
    const Number start_size = vectors_.number();
    vectors_.norms({{x0_.get(), start_size, S_.get(), false}}, n_);
    return read(start_size);
}

template <class T>
bool Minimization<T>::arrived(double decrement, double step_size) {
    if (tests_gradient()) return gradient_small();
    // By a singular matrix, shifted by its rounding, the step leaves slopes where there is next to
    // no curvature: what it promises counts if it is rounding beside the loss, or if those are a
    // small part of the gradient.
    const bool singular = factor_shift_ > 0 && factor_shift_ <= 1.5 * rounding_shift();
    const bool solved = !singular || factor_shift_ * step_size <= 1e-3 * gradient_size_;
    if (!solved && gradient_norm_ > 0) {
        constexpr double eps = std::numeric_limits<T>::epsilon();
        return decrement <= eps * std::abs(f_);
    }
    if (gradient_norm_ == 0 || negligible(decrement, step_size)) return true;
    // Steps by differences end where the gradient's error begins.
    return derivatives_.gradient_step > 0 && decrement <= 1e-3 * std::abs(f_) &&
           decrement <= 4 * decrement_error(decrement);
}

template <class T>
bool Minimization<T>::contradicts(const Trial& trial, double slope) {
    const double promised = -trial.alpha * slope;
    const bool found = trial.finite() && trial.step_norm > 0 && promised > 100 * noise() &&
                       trial.slope <= 0.5 * slope && trial.f - f_ > 0.1 * promised;
    ascent_ = ascent_ || found;
    return found;
}

template <class T>
void Minimization<T>::watch(double decrement) {
    // The last step in units of the next one, in the metric of the Hessian here.
    watched_decrement_ = decrement;
    if (step_slope_ == 0) return;
    const double ratio = -step_slope_ / decrement;
    watched_slope_ = std::exchange(step_slope_, 0);
    watched_ = true;
    if (ratio >= 0.3 && ratio <= 1.05) {
        ++streak_;
        growth_ /= ratio;
    } else {
        streak_ = 0;
        growth_ = 1;
    }
}

template <class T>
bool Minimization<T>::nearly_flat(double decrement) const {
    // Of the loss itself a little more than rounding, which will soon disturb the steps.
    constexpr double eps = std::numeric_limits<T>::epsilon();
    return decrement <= std::pow(eps, 2.0 / 3) * std::abs(f_) ||
           decrement <= eps * (progress_.first_f - f_);
}

template <class T>
bool Minimization<T>::runs_away(double decrement) {
    return streak_ >= 8 && (growth_ >= 1e8 || nearly_flat(decrement)) && has_run_away();
}

template <class T>
bool Minimization<T>::has_run_away() {
    return streak_ >= 8 && x_size_ >= 2 * start_size();
}

template <class T>
Status Minimization<T>::arrived_status(double decrement) {
    if (derivatives_.gradient_step == 0) return Status::converged;
    const bool supported = tests_gradient() ? gradient_error() <= gradient_goal()
                                            : negligible(decrement_error(decrement), 0);
    return supported ? Status::converged : Status::derivative_accuracy;
}

template <class T>
Status Minimization<T>::stuck_status(double decrement) {
    if (ascent_ && derivatives_.gradient_step == 0) return Status::no_descent;
    if (derivatives_.gradient_step > 0 &&
        (tests_gradient() ? gradient_norm_ <= 100 * gradient_error()
                          : decrement <= 1e4 * decrement_error(decrement)))
        return Status::derivative_accuracy;
    // A full step would change the loss by no more than its rounding.
    if (!tests_gradient() && decrement <= noise()) return Status::converged;
    return Status::precision_limit;
}

template <class T>
bool Minimization<T>::out_of_time() const {
    if (std::isinf(options_.time_limit)) return false;
    const bool here = progress_.elapsed() >= options_.time_limit;
    return ranks_ ? ranks_->any(here) : here;
}

template <class T>
bool Minimization<T>::at_limit() const {
    return progress_.iterations >= options_.max_iterations || out_of_evaluations() || out_of_time();
}

template <class T>
bool Minimization<T>::report(double step_norm, double step_length, double shift) {
    const IterationRecord record{
        progress_.iterations, f_,    gradient_norm_,      step_norm,
        step_length,          shift, progress_.elapsed(), progress_.counts};
    if (options_.keep_trace) progress_.trace.push_back(record);
    constexpr std::size_t kept = 10;
    if (progress_.last.size() == kept) progress_.last.erase(progress_.last.begin());
    progress_.last.push_back(record);
    return call_back();
}

template <class T>
bool Minimization<T>::call_back() {
    using Clock = std::chrono::steady_clock;
    const IterationRecord& record = progress_.last.back();
    const auto goes_on = [&] {
        if (options_.callback && !options_.callback(record)) return false;
        return !progress_.callback || progress_.callback({record, [this] { return download(x_); },
                                                          [this] { return download(g_); }});
    };
    if (!calls_back_) return true;
    const Clock::time_point called = Clock::now();
    const bool here = goes_on(), on = ranks_ ? !ranks_->any(!here) : here;
    progress_.start += Clock::now() - called;
    return on;
}

template <class T>
std::optional<Status> Minimization<T>::end_iteration(const Trial& trial, double previous_f,
                                                     double step_length, double shift) {
    if (!report(trial.step_norm, step_length, shift)) return Status::cancelled;
    if (f_ < options_.unbounded_below) return Status::unbounded;
    if (gradient_small()) return std::nullopt;
    if (options_.step_tolerance > 0 && trial.step_norm <= options_.step_tolerance * (1 + x_norm_))
        return Status::small_step;
    if (options_.change_tolerance > 0 &&
        std::abs(previous_f - f_) <= options_.change_tolerance * (1 + std::abs(f_)))
        return Status::small_change;
    if (progress_.iterations >= options_.max_iterations) return Status::max_iterations;
    if (out_of_evaluations()) return Status::max_evaluations;
    if (out_of_time()) return Status::time_limit;
    return std::nullopt;
}

template <class T>
void Minimization<T>::note_null_direction() {
    null_direction_ = download(p_);
    const std::vector<T>& direction = null_direction_;
    double largest = 0;
    for (const T d : direction) largest = std::max<double>(largest, std::abs(d));
    // Beyond what conjugate gradients leave of other directions; in other units a parameter may
    // have a small part.
    const double least = std::pow(std::numeric_limits<T>::epsilon(), 0.75) * largest;
    undetermined_.clear();
    for (int j = 0; j < n_; ++j)
        if (std::abs(direction[static_cast<std::size_t>(j)]) > least) undetermined_.push_back(j);
}

template <class T>
void Minimization<T>::note_null_space() {
    const std::vector<T> direction = download(p_), scales = download(S_);
    const auto part = [&](std::size_t j) {
        return std::abs(static_cast<double>(direction[j]) * scales[j]);
    };
    double largest = 0;
    for (std::size_t j = 0; j < direction.size(); ++j) largest = std::max(largest, part(j));
    // As solver::undetermined() does: beyond the rounding of an inverse that is only just regular.
    const double least = std::sqrt(10 * (hessian_accuracy() + factor_rounding())) * largest;
    undetermined_.clear();
    for (std::size_t j = 0; j < direction.size(); ++j)
        if (part(j) > least) undetermined_.push_back(static_cast<int>(j));
}

template <class T>
void Minimization<T>::save_iterate() {
    vectors_.download(progress_.x.data(), x_.get(), n_);
}

template <class T>
std::vector<T> Minimization<T>::download(const Buffer<T>& buffer) {
    std::vector<T> host(buffer.size());
    if (buffer) vectors_.download(host.data(), buffer.get(), host.size());
    return host;
}
template <class T>
std::vector<double> Minimization<T>::download_matrix() {
    const DenseCurvature<T>* dense = factorable_ ? factorable_->dense() : nullptr;
    if (!dense) return {};
    if constexpr (std::is_same_v<T, double>) {
        return download(dense->matrix());
    } else {
        // Column by column: a copy of the matrix as it is may be one too many.
        const std::size_t n = static_cast<std::size_t>(n_);
        std::vector<double> H(dense->matrix().size());
        std::vector<T> column(n);
        for (std::size_t begin = 0; begin < H.size(); begin += n) {
            vectors_.download(column.data(), dense->matrix().get() + begin, n);
            std::copy(column.begin(), column.end(), H.data() + begin);
        }
        return H;
    }
}
template <class T>
std::vector<T> Minimization<T>::download_factor() {
    const DenseCurvature<T>* dense = factorable_ ? factorable_->dense() : nullptr;
    if (!dense || !dense->factor() || read(numbers_.factor_info) != 0) return {};
    return download(dense->factor());
}

template class Minimization<double>;
template class Minimization<float>;

}  // namespace cunewton::solver
