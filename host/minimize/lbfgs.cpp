// BFGS with a limited memory (Nocedal 1980; Nocedal and Wright 2006, algorithms 7.4 and 7.5): the
// first-order baseline of large problems. Its steps depend on the parameters' units.
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "host/minimize/newton_cg.h"
#include "host/minimize/quasi_newton.h"

namespace cunewton::solver {

namespace {

/// The inverse Hessian that the last pairs of steps and changes of the gradient make.
template <class T>
class InverseFromPairs final : public InverseHessian<T> {
  public:
    explicit InverseFromPairs(Minimization<T>& run)
        : run_(run),
          yy_(run.vectors().number()),
          yr_(run.vectors().number()),
          y_norm_(run.vectors().number()) {
        pairs_.reserve(static_cast<std::size_t>(run.options().lbfgs_pairs));
    }
    bool is_fresh() const override { return order_.empty(); }
    void restart() override {
        free_.insert(free_.end(), order_.begin(), order_.end());
        order_.clear();
    }
    /// No number of the recursion leaves the machine.
    void direction() override {
        Vectors<T>& vectors = run_.vectors();
        T* const p = run_.direction();
        const long n = run_.n();
        vectors.scale(p, static_cast<T>(is_fresh() ? -run_.first_step_length() : -1), run_.g(), n);
        if (is_fresh()) return;
        for (auto place = order_.rbegin(); place != order_.rend(); ++place) {
            const KeptPair& pair = pairs_[*place];
            vectors.dot(pair.s.get(), p, n, pair.weight);
            vectors.add_scaled(p, p, Ratio{pair.weight, pair.sy, -1}, pair.y.get(), n);
        }
        const KeptPair& last = pairs_[order_.back()];
        vectors.dot(last.y.get(), last.y.get(), n, yy_);
        vectors.scale(p, Ratio{last.sy, yy_}, p, n);
        for (const int place : order_) {
            const KeptPair& pair = pairs_[place];
            vectors.dot(pair.y.get(), p, n, yr_);
            vectors.add_scaled(p, p, Ratio{pair.weight, pair.sy}, pair.s.get(), n);
            vectors.add_scaled(p, p, Ratio{yr_, pair.sy, -1}, pair.s.get(), n);
        }
    }
    /// With the memory full the oldest pair goes.
    typename InverseHessian<T>::Pair measure(double alpha) override {
        if (next_ < 0) next_ = take_place();
        Vectors<T>& vectors = run_.vectors();
        const KeptPair& pair = pairs_[next_];
        const long n = run_.n();
        vectors.scale(pair.s.get(), static_cast<T>(alpha), run_.direction(), n);
        vectors.add_scaled(pair.y.get(), run_.trial_g(), T(-1), run_.g(), n);
        vectors.dot(pair.s.get(), pair.y.get(), n, pair.sy);
        vectors.norms({{pair.y.get(), y_norm_}}, n);
        const auto [sy, y_norm] = read(vectors, pair.sy, y_norm_);
        return {sy, y_norm};
    }
    void update() override { order_.push_back(std::exchange(next_, -1)); }
    /// The pairs in use, oldest first.
    void pass(State<T>& state) override {
        std::uint64_t count = order_.size();
        state(count);
        for (std::size_t i = 0; i < count; ++i) {
            if (state.reads()) order_.push_back(take_place());
            const KeptPair& pair = pairs_[order_[i]];
            state(pair.s, pair.y);
            if (state.reads()) run_.vectors().dot(pair.s.get(), pair.y.get(), run_.n(), pair.sy);
        }
        state.optional(examiner_, [&] { examiner_.emplace(run_); });
    }
    /// Products are taken where the method believes to have arrived.
    std::optional<Status> confirm() {
        if (!examiner_) examiner_.emplace(run_);
        return examiner_->confirm();
    }

  private:
    struct KeptPair {
        Buffer<T> s, y;
        Number sy, weight;
    };
    int take_place() {
        int place = static_cast<int>(pairs_.size());
        if (!free_.empty()) {
            place = free_.back();
            free_.pop_back();
        } else if (place < run_.options().lbfgs_pairs) {
            Vectors<T>& vectors = run_.vectors();
            pairs_.push_back({run_.vector(), run_.vector(), vectors.number(), vectors.number()});
        } else {
            place = order_.front();
            order_.pop_front();
        }
        return place;
    }

    Minimization<T>& run_;
    const Number yy_, yr_, y_norm_;
    std::vector<KeptPair> pairs_;
    std::deque<int> order_;  // places of the pairs in use, oldest first
    std::vector<int> free_;
    int next_ = -1;  // place of the pair that was measured and not learnt
    std::optional<NewtonCg<T>> examiner_;
};

}  // namespace

template <class T>
Status lbfgs(Minimization<T>& run) {
    InverseFromPairs<T> inverse(run);
    if (!run.derivatives().hessian_is_exact()) return quasi_newton<T>(run, inverse, {});
    return quasi_newton<T>(run, inverse, [&] { return inverse.confirm(); });
}
template Status lbfgs(Minimization<double>&);
template Status lbfgs(Minimization<float>&);

}  // namespace cunewton::solver
