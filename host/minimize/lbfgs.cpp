// BFGS with a limited memory (Nocedal 1980; Nocedal and Wright 2006, algorithms 7.4 and 7.5): the
// first-order baseline of large problems. Its steps depend on the parameters' units.
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "host/minimize/newton_cg.h"

namespace cunewton::solver {

namespace {

/// The inverse Hessian that the last steps and changes of the gradient make.
template <class T>
class InverseFromPairs {
  public:
    InverseFromPairs(Vectors<T>& vectors, int n, int most)
        : vectors_(vectors), n_(n), most_(most), yy_(vectors.number()), yr_(vectors.number()) {
        pairs_.reserve(static_cast<std::size_t>(most));
    }

    bool empty() const { return order_.empty(); }
    void clear() {
        free_.insert(free_.end(), order_.begin(), order_.end());
        order_.clear();
    }
    /// Queues the pair of a step alpha p and the gradients at its ends, and what it is to be judged
    /// by: s'y, which is sy(), and |y|. With the memory full the oldest goes.
    void begin_pair(const T* p, double alpha, const T* g_there, const T* g_here, Scalar y_norm) {
        if (next_ < 0) next_ = take_place();
        const Pair& pair = pairs_[next_];
        vectors_.scale(pair.s.get(), static_cast<T>(alpha), p, n_);
        vectors_.add_scaled(pair.y.get(), g_there, T(-1), g_here, n_);
        vectors_.dot(pair.s.get(), pair.y.get(), n_, pair.sy);
        vectors_.norms({{pair.y.get(), y_norm}}, n_);
    }
    Scalar sy() const { return pairs_[next_].sy; }
    void keep_pair() { order_.push_back(std::exchange(next_, -1)); }
    /// p = -H g with the inverse H; without a pair -factor g. No number of the recursion leaves the
    /// machine.
    void direction(const T* g, double factor, T* p) {
        if (empty()) return vectors_.scale(p, static_cast<T>(-factor), g, n_);
        vectors_.scale(p, T(-1), g, n_);
        for (auto place = order_.rbegin(); place != order_.rend(); ++place) {
            const Pair& pair = pairs_[*place];
            vectors_.dot(pair.s.get(), p, n_, pair.weight);
            vectors_.add_scaled(p, p, Ratio{pair.weight, pair.sy, -1}, pair.y.get(), n_);
        }
        const Pair& last = pairs_[order_.back()];
        vectors_.dot(last.y.get(), last.y.get(), n_, yy_);
        vectors_.scale(p, Ratio{last.sy, yy_}, p, n_);
        for (const int place : order_) {
            const Pair& pair = pairs_[place];
            vectors_.dot(pair.y.get(), p, n_, yr_);
            vectors_.add_scaled(p, p, Ratio{pair.weight, pair.sy}, pair.s.get(), n_);
            vectors_.add_scaled(p, p, Ratio{yr_, pair.sy, -1}, pair.s.get(), n_);
        }
    }

  private:
    struct Pair {
        Buffer<T> s, y;
        Number sy, weight;
    };
    int take_place() {
        int place = static_cast<int>(pairs_.size());
        if (!free_.empty()) {
            place = free_.back();
            free_.pop_back();
        } else if (place < most_) {
            pairs_.push_back({vectors_.allocate(n_), vectors_.allocate(n_), vectors_.number(),
                              vectors_.number()});
        } else {
            place = order_.front();
            order_.pop_front();
        }
        return place;
    }

    Vectors<T>& vectors_;
    const int n_, most_;
    Number yy_, yr_;
    std::vector<Pair> pairs_;
    std::deque<int> order_;  // places of the pairs in use, oldest first
    std::vector<int> free_;
    int next_ = -1;  // place of the pair that was begun
};

}  // namespace

template <class T>
Status lbfgs(Minimization<T>& run) {
    Vectors<T>& vectors = run.vectors();
    InverseFromPairs<T> inverse(vectors, run.n(), run.options().lbfgs_pairs);
    const Number y_norm_there = vectors.number();
    // Products are taken where the method believes to have arrived, if they are exact.
    const bool exact = run.derivatives().hessian_is_exact();
    std::optional<NewtonCg<T>> examiner;
    int small_in_a_row = 0;
    bool examined = false;  // where it was stuck
    for (;;) {
        if (run.options().max_iterations == 0 && run.gradient_norm() > 0)
            return Status::max_iterations;
        double decrement = 0;
        const auto arrived = [&]() -> std::optional<Status> {
            if (!exact) return run.arrived_status(decrement);
            if (!examiner) examiner.emplace(run);
            if (const auto status = examiner->confirm()) return status;
            inverse.clear();  // what they promised was wrong, or is of another point
            small_in_a_row = 0;
            return std::nullopt;
        };
        if (run.gradient_small()) {
            if (const auto status = arrived()) return *status;
            continue;
        }
        inverse.direction(run.g(), run.first_step_length(), run.direction());
        vectors.dot(run.g(), run.direction(), run.n(), run.numbers().decrease);
        const Trial first = run.try_step(1);
        const double slope = run.read(run.numbers().decrease);
        decrement = -slope;
        // The decrement as the pairs so far have it counts where two steps in a row find it
        // negligible.
        if (!inverse.empty() && !run.tests_gradient() && slope < 0) {
            run.watch(decrement);
            if (run.runs_away(decrement)) return Status::unbounded;
            small_in_a_row = run.arrived(decrement, first.step_size) ? small_in_a_row + 1 : 0;
            if (small_in_a_row == 2) {
                if (const auto status = arrived()) return *status;
                continue;
            }
        }
        std::optional<Trial> step;
        if (slope < 0) step = line_search(run, slope, first);
        if (!step) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            if (small_in_a_row > 0) {
                if (const auto status = arrived()) return *status;
                continue;
            }
            if (!inverse.empty()) {
                // Rounding has spoilt the pairs: once more from the gradient.
                inverse.clear();
                continue;
            }
            if (!first.finite()) return Status::not_finite;
            if (exact && !examined && run.nearly_flat(decrement)) {
                examined = true;
                if (const auto status = arrived()) return *status;
                continue;
            }
            return run.stuck_status(decrement);
        }
        inverse.begin_pair(run.direction(), step->alpha, run.trial_g(), run.g(), y_norm_there);
        const auto [sy, y_norm] = read(vectors, inverse.sy(), y_norm_there);
        if (step->step_norm > 0) run.note_curvature(y_norm / step->step_norm);
        const double previous = run.f();
        run.accept(*step, step->alpha >= 1);
        if (const auto status = run.end_iteration(*step, previous, step->alpha, 0)) return *status;
        // The curvature condition makes s'y positive; without it the inverse would not be definite.
        if (sy > 1e-12 * step->step_norm * y_norm) inverse.keep_pair();
    }
}
template Status lbfgs(Minimization<double>&);
template Status lbfgs(Minimization<float>&);

}  // namespace cunewton::solver
