// One minimisation on one backend: the state that all methods share, what they do with it, and the
// tests that end it. A method is a function `Status method(Run<T>&)`; see methods.h.
#pragma once

#include <chrono>
#include <cmath>
#include <optional>
#include <vector>

#include "cunewton/types.h"
#include "host/backend/backend.h"

namespace cunewton::solver {

/// What of a minimisation survives a change of the backend.
template <class T>
struct Progress {
    std::vector<T> x;  ///< last accepted iterate
    int iterations = 0;
    Counts counts;
    PhaseTimes seconds;
    std::vector<IterationRecord> trace;
    double first_gradient_norm = -1;  ///< negative until known
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

    double elapsed() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
};

/// A trial point's scalars.
struct Trial {
    double alpha;
    double f;
    double slope;  ///< derivative along the direction
    double gradient_norm;
    double x_norm;
    double step_norm;  ///< of the whole step, alpha |p|

    bool finite() const { return std::isfinite(f) && std::isfinite(gradient_norm); }
};

template <class T>
class Run {
   public:
    Run(Session<T>& session, int n, const ResolvedDerivatives& derivatives, const Options& options,
        Progress<T>& progress);

    // Set-up: uploads the iterate and evaluates it. Returns a status if that already ends the run.
    std::optional<Status> begin();

    // ---- the current iterate
    double f() const { return f_; }
    double gradient_norm() const { return gradient_norm_; }
    double x_norm() const { return x_norm_; }
    T* x() { return x_.get(); }
    T* g() { return g_.get(); }
    T* direction() { return p_.get(); }
    T* trial_g() { return trial_g_.get(); }
    T* matrix() { return H_.get(); }
    T* factor() { return L_.get(); }
    int n() const { return n_; }
    Backend<T>& backend() { return backend_; }
    const Options& options() const { return options_; }
    /// A vector for a method's own use, allocated once.
    Buffer<T> vector() { return backend_.allocate(n_); }

    // ---- evaluations
    /// matrix() = Hessian at x, with its bounds queued.
    void hessian();
    /// factor() from matrix() + shift I; the outcome is in Slot::factor_info.
    void factorize(double shift);
    /// x + alpha p, its loss and gradient.
    Trial try_step(double alpha);
    /// The same without the gradient; slope and gradient_norm are not set.
    Trial try_value(double alpha);
    /// The trial becomes the iterate.
    void accept(const Trial& trial);

    /// Differences of losses below this are rounding: 10 eps |f|.
    double noise() const;
    /// Estimated 2-norm of the error of the gradient by differences; 0 if it is exact.
    double gradient_error() const;
    double gradient_tolerance() const;

    /// Everything that ends an iteration: record, callback, stopping tests. Call once after each
    /// accepted step. Returns a status if the run is over, except the gradient test: that is
    /// gradient_small().
    std::optional<Status> end_iteration(const Trial& trial, double previous_f, double step_length,
                                        double shift);
    bool gradient_small() const;
    /// converged or derivative_accuracy, for a small gradient.
    Status small_gradient_status() const;
    /// What to say when no step makes progress any more.
    Status stuck_status() const;
    bool out_of_evaluations() const;
    /// Whether iterations, evaluations or time are used up.
    bool at_limit() const;
    /// Tells gradient_error() how large the second derivatives are.
    void note_curvature(double hessian_norm) { hessian_norm_ = hessian_norm; }

    /// Fetches the iterate into progress (also after an exception of the backend).
    void save_iterate();
    /// The last factor; empty if there is none.
    std::vector<T> download_factor();
    double factor_shift() const { return factor_shift_; }

   private:
    class Timer {
       public:
        Timer(double& total) : total_(total), start_(std::chrono::steady_clock::now()) {}
        ~Timer() {
            total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
        }
        Timer(const Timer&) = delete;
        Timer& operator=(const Timer&) = delete;

       private:
        double& total_;
        std::chrono::steady_clock::time_point start_;
    };

    Backend<T>& backend_;
    Evaluator<T>& evaluator_;
    const int n_;
    const ResolvedDerivatives derivatives_;
    const Options& options_;
    Progress<T>& progress_;
    Buffer<T> x_, g_, p_, trial_x_, trial_g_, H_, L_;
    double f_ = 0, gradient_norm_ = 0, x_norm_ = 0;
    double hessian_norm_ = 0, factor_shift_ = 0;
};

}  // namespace cunewton::solver
