// One minimisation on one backend: the state that all methods share, what they do with it, and the
// tests that end it. A method is a function `Status method(Minimization<T>&)`; see methods.h.
//
// Sizes are measured in the metric of a diagonal S whose entries are the roots of the largest
// curvatures seen so far, H_jj, rounded to powers of two: |S x|, |S p| and |S^-1 g| have the unit
// of sqrt(f), so that no decision depends on the units of parameters and loss. Methods that never
// look at a Hessian have S = I.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cunewton/math/curvature_scale.h"
#include "cunewton/minimize.h"
#include "host/backend/evaluator.h"
#include "host/backend/state.h"
#include "host/minimize/bounds.h"
#include "host/minimize/checkpoint_file.h"

namespace cunewton::solver {

/// What of a minimisation survives a change of the backend.
template <class T>
struct Progress {
    std::vector<T> x;   ///< last accepted iterate
    std::vector<T> x0;  ///< start
    /// For states of a run: the start as the caller gave it, and the caller's parameters at x;
    /// empty: they are x.
    std::vector<T> given;
    std::function<std::vector<T>(const std::vector<T>&)> full{};
    Bounds<T> bounds{};
    IterateCallback<T> callback{};
    int iterations = 0;
    Counts counts;
    PhaseTimes seconds;
    std::vector<IterationRecord> trace;
    std::vector<IterationRecord> last;  ///< Result::last_iterations; callbacks saw its end last
    double radius = 0;                  ///< Result::radius
    double first_f = 0;
    double first_gradient_norm = -1;          ///< negative until known, as is first_f
    const CheckpointFile<T>* file = nullptr;  ///< null: states are not saved
    /// Of a run that is resumed, until its method has read it: what Minimization and it keep.
    std::string state{};
    /// Later by what callbacks have taken.
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

    double elapsed() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
};

/// A trial point's scalars. With bounds gradients are projected: see
/// Minimization::projected_gradient().
struct Trial {
    double alpha;
    double f;
    double slope;  ///< derivative along the direction
    double gradient_norm;
    double gradient_size;  ///< |S^-1 g|
    double x_norm;
    double x_size;     ///< |S x|
    double step_norm;  ///< of the whole step, alpha |p|
    double step_size;  ///< alpha |S p|

    bool finite() const { return std::isfinite(f) && std::isfinite(gradient_norm); }
};

/// The numbers of a minimisation on its machine.
struct Numbers {
    template <class T>
    explicit Numbers(Vectors<T>& v)
        : f(v.number()),
          slope(v.number()),
          gradient_norm(v.number()),
          x_norm(v.number()),
          step_norm(v.number()),
          gradient_size(v.number()),
          x_size(v.number()),
          trial_gradient_size(v.number()),
          trial_x_size(v.number()),
          step_size(v.number()),
          decrease(v.number()),
          factor_info(v.number()),
          least_pivot(v.number()),
          norm(v.number()),
          least_diagonal(v.number()) {}

    Number f;              ///< loss at the trial point
    Number slope;          ///< directional derivative at the trial point
    Number gradient_norm;  ///< 2-norms, at the trial point
    Number x_norm;
    Number step_norm;
    Number gradient_size;  ///< |S^-1 g| at the current point
    Number x_size;         ///< |S x|
    Number trial_gradient_size;
    Number trial_x_size;
    Number step_size;       ///< |S p|
    Number decrease;        ///< g'p at the current point
    Number factor_info;     ///< 0: factorised
    Number least_pivot;     ///< of the factor; DenseMatrices::factorize()
    Number norm;            ///< largest row sum of |S^-1 H S^-1|
    Number least_diagonal;  ///< smallest entry of its diagonal
};

template <class T>
class Minimization {
  public:
    /// alike: the number of blocks of parameters whose common shift does not change the loss; 0:
    /// none. ranks: that take the same steps; null: there are none. sparsity: the pattern that
    /// hessian() keeps to; null: it is dense. checks_sparsity: the first one is held against it.
    Minimization(Session<T>& session, int n, const Options& options, Progress<T>& progress,
                 int alike, const Ranks* ranks, const SparsityPattern* sparsity,
                 bool checks_sparsity);

    // Set-up: uploads the iterate and evaluates it. Returns a status if that already ends the run.
    std::optional<Status> begin();

    /// At the top of a method's loop: pass(state) writes or reads all that the method keeps from
    /// one iteration to the next. Where the run is resumed that is read, at the first call;
    /// otherwise the state is saved where it is time.
    template <class Pass>
    void at_iteration(const Pass& pass) {
        if (progress_.file) save_or_resume(pass);
    }
    /// Of a method that is several loops: the one that it is in, 0 at first.
    int stage() const { return stage_; }
    void set_stage(int stage) { stage_ = stage; }

    // ---- the current iterate
    double f() const { return f_; }
    double gradient_norm() const { return gradient_norm_; }
    double gradient_size() const { return gradient_size_; }
    double x_norm() const { return x_norm_; }
    double x_size() const { return x_size_; }
    T* x() { return x_.get(); }
    T* g() { return g_.get(); }
    /// The gradient of what may move: g() without the entries of parameters at a bound across which
    /// the loss falls, or that are fixed. Without bounds it is g(); its norms are those below.
    const T* projected_gradient() { return projected(x_.get(), g_.get()); }
    /// With bounds: as Vectors::find_free() says at x, after projected_gradient().
    const T* free() const { return free_.get(); }
    bool bounded() const { return progress_.bounds.any(); }
    bool nothing_is_free() const { return progress_.bounds.fix_all(); }
    const T* lower() const { return lower_.get(); }
    const T* upper() const { return upper_.get(); }
    /// point = that of the box that is nearest to it.
    void project(T* point) {
        if (bounded()) vectors_.clamp(point, point, lower_.get(), upper_.get(), n_);
    }
    T* direction() { return p_.get(); }
    T* trial_g() { return trial_g_.get(); }
    /// The Hessian of the last hessian(), which also makes it.
    Factorable<T>& curvature() { return *factorable_; }
    /// The loss itself, for methods that evaluate it on samples.
    Evaluator<T>& evaluator() { return evaluator_; }
    /// work(), which evaluates it so.
    template <class Work>
    auto sample(const Work& work) {
        const Timer timer(progress_.seconds.evaluate);
        return work();
    }
    /// Gradients and products there, in passes over all samples.
    void count_sampled(double passes) { progress_.counts.sampled_passes += passes; }
    /// Products with the Hessian at the point of the last prepare_products().
    Curvature<T>& products() { return *curvature_; }
    /// S; null is the identity.
    const T* scales() const { return S_.get(); }
    int n() const { return n_; }
    /// The number of blocks of parameters whose common shift does not change the loss; 0: none.
    int alike() const { return alike_; }
    int iterations() const { return progress_.iterations; }
    Vectors<T>& vectors() { return vectors_; }
    DenseMatrices<T>& matrices() { return matrices_; }
    const Numbers& numbers() const { return numbers_; }
    /// Waits for the machine unless nothing was queued since the last read.
    double read(Scalar number) { return vectors_.read(number); }
    const Options& options() const { return options_; }
    /// A vector for a method's own use, allocated once.
    Buffer<T> vector() { return vectors_.allocate(n_); }
    /// A length in the metric of S that is typical of the problem: the largest of |S x| and about
    /// sqrt|f| at the points where it was asked for; 1 where all are 0.
    double size();
    const ResolvedDerivatives& derivatives() const { return derivatives_; }
    /// A length along -g where nothing is known of curvature: what would lower the loss to zero if
    /// it were linear, by no more than |x|; where f = 0, |x| or 1.
    double first_step_length() const;

    // ---- evaluations
    /// curvature() is that at x; S is raised to its diagonal, and its bounds are queued.
    void hessian();
    /// products() is that at x, for methods that form no Hessian.
    void prepare_products();
    /// work(), which takes products.
    template <class Work>
    auto take_products(const Work& work) {
        const Timer timer(progress_.seconds.hessian);
        return work();
    }
    void count_products(long taken) { progress_.counts.products += taken; }
    long products_taken() const { return progress_.counts.products; }
    /// The factor of curvature() + shift S^2; the outcome is in numbers().factor_info.
    void factorize(double shift);
    /// The same of Factorable::factorize_restricted().
    bool factorize_restricted(const T* free, double shift);
    /// Whether the last factorisation worked.
    bool factored() { return read(numbers_.factor_info) == 0; }
    /// Sizes of the iterate in the metric of the new Hessian; try_step() does it too.
    void fetch_sizes();
    /// direction() = -(L L')^-1 g with the last factor, and g'direction() is queued into
    /// numbers().decrease.
    void newton_direction();
    /// x + alpha p, its loss and gradient.
    Trial try_step(double alpha);
    /// The same at a point of the box; direction() becomes the way there.
    Trial try_point(const T* point);
    /// The same without the gradient; slope and norms are not set.
    Trial try_value(double alpha);
    /// The trial becomes the iterate. full: it is at least the whole step of a quadratic model.
    void accept(const Trial& trial, bool full);
    /// An iterate to come back to.
    struct Kept {
        Buffer<T> x{}, g{};
        double f, gradient_norm, gradient_size, x_norm, x_size;
        void pass(State<T>& state) { state(x, g, f, gradient_norm, gradient_size, x_norm, x_size); }
    };
    void keep(Kept& to);
    void go_back(const Kept& to);
    /// Relative error of the Hessian's entries, or of products with it.
    double hessian_accuracy() const;
    /// Relative error of a factorisation: a bound of dense ones; the rows of sparse factors are
    /// short, and errors that are as good as random add up to the root of n at most (Higham and
    /// Mary 2019, "A new approach to probabilistic rounding error analysis").
    double factor_rounding() const;
    /// Whether the last factorisation was of a matrix that is regular in working precision.
    bool factor_is_regular();
    /// The multiple of S^2 that covers rounding in a factorisation of curvature().
    double rounding_shift();

    /// Differences of losses below this are rounding: 10 eps |f|.
    double noise() const;
    /// Values of a sum of residuals have the rounding of its data, which may be many times that of
    /// the sum. Where they are alike exact slopes at both ends tell what a step has lowered it by
    /// (Hager and Zhang 2005).
    bool slopes_tell() const {
        return derivatives_.hessian == HessianBy::gauss_newton && derivatives_.gradient_step == 0;
    }
    /// What the trial has lowered the loss by, by its values or so. `slope` is the derivative along
    /// direction() at x.
    double decrease(const Trial& trial, double slope) const;
    /// Estimated 2-norm of the error of the gradient by differences; 0 if it is exact.
    double gradient_error();

    // ---- what ends a run
    /// The decrement g' H^-1 g, twice what a Newton step would lower the loss by, is negligible:
    /// within eps |f|; or, where the loss is itself next to nothing, within eps of what it has
    /// fallen by while the step, of this size, is within sqrt(eps) of x, or within eps^2 while the
    /// step is within sqrt(eps) of x0 (towards the origin no step is small beside x). Independent
    /// of units.
    bool negligible(double decrement, double step_size);
    /// The caller has set a tolerance for the gradient's norm, which then is the test.
    bool tests_gradient() const;
    /// The norm of the gradient that the caller wants to reach; 0 where none is set.
    double gradient_goal() const {
        return std::max(options_.gradient_tolerance.value_or(0),
                        options_.relative_gradient_tolerance * progress_.first_gradient_norm);
    }
    bool gradient_small();
    /// The test in force, for the decrement at x.
    bool arrived(double decrement, double step_size);

    /// Takes note of the decrement at x, which the last step led to. A loss that falls towards
    /// infinity has Newton steps that keep their direction and their length or grow, while those
    /// towards a minimum shrink: by (p - 2) / (p - 1) each for x^p. And it goes away from the
    /// start; a loss that comes down an exponential slope to a minimum takes such steps as well.
    void watch(double decrement);
    bool runs_away(double decrement);
    /// The last step is to be judged again, by another decrement.
    void watch_again() {
        step_slope_ = watched_slope_;
        --streak_;
    }
    /// At a point where the test is met: there were enough such steps.
    bool has_run_away();
    /// The loss has come down to within rounding of where the decrement says that it is going, or
    /// of what it has fallen by.
    bool nearly_flat(double decrement) const;
    /// Steps so far do not speak against it: the last one kept its length, or there was none.
    bool may_run_away() const { return streak_ > 0 || !watched_; }

    /// What another run from here should begin with; 0: nothing.
    void note_radius(double radius) { progress_.radius = radius; }

    /// Everything that ends an iteration: record, callback, stopping tests but that for the
    /// minimum. Call once after each accepted step. Returns a status if the run is over.
    std::optional<Status> end_iteration(const Trial& trial, double previous_f, double step_length,
                                        double shift);
    /// converged or derivative_accuracy, where arrived().
    Status arrived_status(double decrement);
    /// What to say when no step makes progress any more. `decrement`: predicted for a full step.
    Status stuck_status(double decrement);
    /// Evaluations of the loss that are allowed still.
    long evaluations_left() const {
        return options_.max_evaluations - progress_.counts.evaluations;
    }
    bool out_of_evaluations() const { return evaluations_left() <= 0; }
    /// Whether the time is up, on any of the ranks.
    bool out_of_time() const;
    /// Whether iterations, evaluations or time are used up.
    bool at_limit() const;
    /// Tells gradient_error() how large the second derivatives are.
    void note_curvature(double hessian_norm) { hessian_norm_ = hessian_norm; }
    /// By its gradients at both ends the loss falls along the whole step, and yet it rose: one of
    /// them is wrong. `slope` is the derivative along direction() at x. Where that is found it is
    /// noted for stuck_status().
    bool contradicts(const Trial& trial, double slope);

    /// Takes note of direction() as one along which the loss does not change.
    void note_null_direction();
    /// The same of one that is a sum over all such directions, by a factor: in the metric of S.
    void note_null_space();
    /// The parameters that the direction of note_null_direction() has a part in; none without one.
    const std::vector<int>& undetermined() const { return undetermined_; }
    /// That direction; empty without one.
    const std::vector<T>& null_direction() const { return null_direction_; }
    /// Fetches the iterate into progress (also after an exception of the backend).
    void save_iterate();
    /// The last factor and the S it was shifted by; empty if there is none.
    std::vector<T> download_factor();
    std::vector<T> download_scales() { return download(S_); }
    double factor_shift() const { return factor_shift_; }
    /// Hessian at x (lower triangle, column-major) and gradient, on the host.
    std::vector<double> download_matrix();
    std::vector<T> download_gradient() { return download(g_); }

  private:
    class Timer {
      public:
        Timer(double& total) : total_(total), start_(std::chrono::steady_clock::now()) {}
        ~Timer() {
            total_ +=
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
        }
        Timer(const Timer&) = delete;
        Timer& operator=(const Timer&) = delete;

      private:
        double& total_;
        std::chrono::steady_clock::time_point start_;
    };

    std::vector<T> download(const Buffer<T>& buffer);
    const T* projected(const T* x, const T* g);
    /// At trial_x_, x + alpha p.
    Trial evaluate_trial(double alpha);
    void save_or_resume(const std::function<void(State<T>&)>& pass_method);
    /// begin() from progress.state.
    std::optional<Status> resume();
    /// Writes or reads what it keeps itself.
    void pass(State<T>& state);
    /// curvature() as an object; returns whether it is that at x already. check: of its pattern.
    bool make_factorable(bool check);
    /// Of S, curvature(), and the sizes of x and g, where it is.
    void queue_bounds(const T* x, const T* g);
    /// curvature(), its factor and numbers() as hessian() and factorize() had left them.
    void remake_hessian();
    /// Callbacks; whether these let the run go on, on all ranks.
    bool call_back();
    /// Trace and callbacks; whether these let the run go on, on all ranks.
    bool report(double step_norm, double step_length, double shift);
    int parity() const { return binary_parity(progress_.first_f); }
    /// |S x0|
    double start_size();
    /// Estimated error of each component of a gradient by differences. scales: S, or empty.
    std::vector<double> gradient_errors(const std::vector<T>& scales);
    /// The decrement that errors of differences in the gradient pass for; 0 if it is exact.
    double decrement_error(double decrement);

    Session<T>& session_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    Evaluator<T>& evaluator_;
    const int n_;
    const ResolvedDerivatives derivatives_;
    const Options& options_;
    Progress<T>& progress_;
    const int alike_;
    const Ranks* const ranks_;
    const SparsityPattern* const sparsity_;
    const bool checks_sparsity_;
    const bool calls_back_;
    Numbers numbers_;
    Buffer<T> x_, g_, p_, trial_x_, trial_g_, S_, largest_scales_, x0_;
    Buffer<T> lower_, upper_, free_, projected_;  // with bounds
    std::unique_ptr<Curvature<T>> curvature_;
    Factorable<T>* factorable_ = nullptr;  // *curvature_
    double f_ = 0, gradient_norm_ = 0, gradient_size_ = 0, x_norm_ = 0, x_size_ = 0;
    double watched_slope_ = 0;  ///< the last of these that was watched
    double step_slope_ = 0;     ///< g's for the gradient here and the step that led here
    double largest_size_ = 0, watched_decrement_ = 0;
    double growth_ = 1;     ///< of the steps of the present streak
    bool watched_ = false;  ///< a step has been judged
    int streak_ = 0;        ///< steps in a row that kept direction and length, or grew
    bool ascent_ = false;
    double hessian_norm_ = 0, factor_shift_ = 0;
    std::vector<int> undetermined_;
    std::vector<T> null_direction_;
    // Where states are saved:
    std::optional<State<T>> resumed_;  // that progress.state is read by
    int stage_ = 0, saved_at_ = 0;     // the iteration of the last state
    Buffer<T> hessian_x_, hessian_g_;  // where the last hessian() was
    bool factorized_ = false;
};

}  // namespace cunewton::solver
