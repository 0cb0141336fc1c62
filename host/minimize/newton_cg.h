// One iteration of Newton's method on products with the Hessian, and what it finds where the test
// for a minimum is met: shared by the method itself and by those that only confirm their end by it.
#pragma once

#include <limits>
#include <memory>
#include <optional>

#include "host/minimize/bounded.h"
#include "host/minimize/conjugate_gradients.h"
#include "host/minimize/methods.h"
#include "host/minimize/preconditioners.h"

namespace cunewton::solver {

template <class T>
class NewtonCg {
  public:
    /// radius: of the first trust region; negative: by the run's options or its first product.
    explicit NewtonCg(Minimization<T>& run, double radius = -1)
        : run_(run),
          cg_(run.vectors(), run.n(), lanczos_vectors(run.options())),
          radius_(radius),
          forcing_(largest_forcing),
          planned_(run) {}

    Status minimize() {
        for (;;) {
            run_.at_iteration([&](State<T>& state) { pass(state); });
            if (const std::optional<Status> status = iterate(true)) return *status;
        }
    }
    /// As Newton::confirm(), by products.
    std::optional<Status> confirm();
    void pass(State<T>& state) {
        state(radius_, forcing_, last_gradient_norm_, decrement_, last_size_, last_radius_,
              solved_last_, confirmations_, plateaus_, planned_);
    }

  private:
    static constexpr double largest_forcing = 0.5;  // of the residual, relative to |g|
    using End = ConjugateGradientsEnd;
    /// The Hessian as far as conjugate gradients from a fixed vector see it.
    struct Examined {
        Definiteness found;
        bool large;  ///< negative curvature is beyond sqrt(epsilon) of the largest
    };

    /// One step, or, without `steps`, only where the test is met: left_ tells otherwise.
    std::optional<Status> iterate(bool steps);
    /// As Newton::settle(); without a trial where there is no slope. seen: of the Hessian, where
    /// more need not be looked at.
    std::optional<Status> settle(double decrement, const std::optional<Trial>& trial,
                                 std::optional<Examined> seen = {});
    Examined examine();
    /// What a run of conjugate gradients has seen of H. Where that is not positive definite
    /// direction() becomes `flattest`, of unit length.
    Examined judge(const ConjugateGradientsResult& result, const T* flattest);
    /// What the unit of lengths inside conjugate gradients is: a gradient of unit length cannot
    /// leave the range of numbers when it is squared.
    double unit() const {
        return std::max(run_.gradient_norm(), static_cast<double>(std::numeric_limits<T>::min()));
    }
    /// Of d'Hd, relative to the largest curvature: it is summed in double.
    double rounding() const {
        return 10 *
               (run_.hessian_accuracy() + static_cast<double>(std::numeric_limits<T>::epsilon()));
    }
    /// Makes a preconditioner, or makes it anew, when products have cost as much as that does.
    void update_preconditioner();
    void start(double factor, const T* rhs, T* x) {
        cg_.start(run_.products(), static_cast<T>(factor), rhs, x, preconditioner());
        counted_ = 0;
    }
    Preconditioner<T>* preconditioner() const { return planned_.get(); }
    ConjugateGradientsResult solve(const ConjugateGradientsOptions& options) {
        const auto result = run_.take_products([&] { return cg_.run(options); });
        run_.count_products(result.products - counted_);
        planned_.count(result.products - counted_);
        counted_ = result.products;
        return result;
    }
    /// Of the first trust region: ten times the way to the minimum along -g. Nothing if the Hessian
    /// is not finite.
    std::optional<double> first_radius();
    /// direction() by what conjugate gradients have found, and the trial there.
    Trial take_step(double unit);
    std::optional<Status> accept(const Trial& trial, bool full);
    void adapt_radius(const Trial& trial, double decrease, double size);

    Minimization<T>& run_;
    ConjugateGradients<T> cg_;
    double radius_, forcing_, last_gradient_norm_ = 0;
    double decrement_ = -1;
    bool left_ = false;  ///< not at a minimum
    PlannedPreconditioner<T> planned_;
    long counted_ = 0;          // of the products since start()
    double last_size_ = 0;      // of direction() in the metric of the radius; 0: it is another's
    double last_radius_ = 0;    // that of the last step, for its record
    bool solved_last_ = false;  // the last step was Newton's, as good as whole
    int confirmations_ = 0, plateaus_ = 0;
};

/// Confirms the ends of a method that sees the Hessian by products, too few to judge by.
template <class T>
class EndByProducts {
  public:
    explicit EndByProducts(Minimization<T>& run) : run_(run) {}

    /// For what the method's step promises to lower the loss by, no more than Newton's: the run's
    /// status where the test for a minimum is met. Nothing where the run goes on: from another
    /// point if moved().
    std::optional<Status> look(double promised) {
        moved_ = false;
        if (!run_.gradient_small() &&
            (run_.tests_gradient() || !run_.negligible(promised, 0) || promised > worth_a_look_))
            return std::nullopt;
        worth_a_look_ = 0.25 * promised;
        return confirm();
    }
    /// Where no step lowers the loss; nothing only if moved().
    std::optional<Status> stuck(double promised) {
        const Status status = run_.stuck_status(promised);
        if (status != Status::converged) return status;
        if (const auto confirmed = confirm()) return confirmed;
        if (moved_) return std::nullopt;
        return Status::precision_limit;
    }
    bool moved() const { return moved_; }
    void pass(State<T>& state) {
        state(worth_a_look_);
        state.optional(newton_, [&] { newton_.emplace(run_); });
    }

  private:
    std::optional<Status> confirm() {
        const int before = run_.iterations();
        if (!newton_ && !run_.bounded()) newton_.emplace(run_);
        const std::optional<Status> status = newton_ ? newton_->confirm() : confirm_bounded(run_);
        moved_ = run_.iterations() != before;
        return status;
    }

    Minimization<T>& run_;
    std::optional<NewtonCg<T>> newton_;
    double worth_a_look_ = std::numeric_limits<double>::infinity();
    bool moved_ = false;
};

}  // namespace cunewton::solver
