// How the methods see second derivatives within bounds.
#include <cmath>
#include <deque>
#include <vector>

#include "cunewton/error.h"
#include "host/minimize/bounded.h"

namespace cunewton::solver {

namespace {

/// Of an exact model, where a step costs much more than its subproblem.
constexpr double model_is_cheap = 1e-10;

template <class T>
class HessianModel final : public QuadraticModel<T> {
  public:
    explicit HessianModel(Minimization<T>& run) : run_(run) {}
    bool update() override {
        run_.hessian();
        const bool finite = std::isfinite(run_.read(run_.numbers().norm));
        run_.fetch_sizes();
        return finite;
    }
    void apply(const T* v, T* Bv) override { run_.curvature().apply(v, 1, Bv); }
    bool factorize(const T* free, double shift) override {
        return run_.factorize_restricted(free, shift);
    }
    void solve(T* x) override { run_.curvature().solve(x); }
    double accuracy(double) const override {
        return std::max(model_is_cheap,
                        10.0 * static_cast<double>(std::numeric_limits<T>::epsilon()));
    }

  private:
    Minimization<T>& run_;
};

template <class T>
class ProductModel final : public QuadraticModel<T> {
  public:
    explicit ProductModel(Minimization<T>& run) : run_(run) {}
    bool update() override {
        run_.prepare_products();
        return true;
    }
    void apply(const T* v, T* Bv) override {
        run_.take_products([&] { run_.products().apply(v, 1, Bv); });
        run_.count_products(1);
    }
    /// A forcing term (Dembo, Eisenstat and Steihaug 1982) for quadratic convergence.
    double accuracy(double part) const override {
        return std::clamp(part, std::sqrt(model_is_cheap), 0.1);
    }

  private:
    Minimization<T>& run_;
};

/// Powell's damping (Nocedal and Wright 2006, procedure 18.2): how much of y a definite matrix can
/// learn of a step along which it has the curvature s'Bs; the rest is B s.
double undamped_part(double sy, double sBs) {
    return sy >= 0.2 * sBs ? 1 : 0.8 * sBs / (sBs - sy);
}

/// What dense and limited matrices of BFGS share: the pair at hand.
template <class T>
class LearntModel : public QuadraticModel<T> {
  public:
    bool update() override { return true; }
    void learn() override {
        Vectors<T>& vectors = run_.vectors();
        const int n = run_.n();
        const T* const s = run_.direction();
        vectors.add_scaled(y_.get(), run_.trial_g(), T(-1), run_.g(), n);
        vectors.dot(s, y_.get(), n, sy_);
        vectors.norms({{y_.get(), y_norm_}}, n);
        const auto [sy, y_norm] = read(vectors, sy_, y_norm_);
        if (!std::isfinite(sy) || !std::isfinite(y_norm)) return;
        // The first step gives the identity's factor.
        if (fresh_ && sy > 0) begin(y_norm / sy * y_norm);
        fresh_ = false;
        this->apply(s, Bs_.get());
        vectors.dot(s, Bs_.get(), n, sBs_);
        const double sBs = vectors.read(sBs_);
        if (!(sBs > 0)) return;
        const double part = undamped_part(sy, sBs);
        vectors.scale(y_.get(), static_cast<T>(part), y_.get(), n);
        vectors.add_scaled(y_.get(), y_.get(), static_cast<T>(1 - part), Bs_.get(), n);
        take(s, part * sy + (1 - part) * sBs, sBs);
    }
    bool is_hessian() const override { return false; }
    double accuracy(double) const override { return std::sqrt(model_is_cheap); }

  protected:
    explicit LearntModel(Minimization<T>& run)
        : run_(run),
          y_(run.vector()),
          Bs_(run.vector()),
          sy_(run.vectors().number()),
          sBs_(run.vectors().number()),
          y_norm_(run.vectors().number()) {}
    /// B = this multiple of the identity.
    virtual void begin(double factor) = 0;
    /// B += y_ y_' / sy - Bs_ Bs_' / sBs
    virtual void take(const T* s, double sy, double sBs) = 0;

    Minimization<T>& run_;
    Buffer<T> y_, Bs_;
    Number sy_, sBs_, y_norm_;
    bool fresh_ = true;
};

template <class T>
class BfgsModel final : public LearntModel<T> {
  public:
    explicit BfgsModel(Minimization<T>& run)
        : LearntModel<T>(run),
          B_(run.vectors().allocate(static_cast<std::size_t>(run.n()) * run.n())),
          L_(run.vectors().allocate(static_cast<std::size_t>(run.n()) * run.n())) {
        begin(1 / run.first_step_length());
    }
    void apply(const T* v, T* Bv) override { run_.matrices().symv(B_.get(), v, Bv, run_.n()); }
    bool factorize(const T* free, double shift) override {
        const Numbers& numbers = run_.numbers();
        run_.matrices().restrict_to(B_.get(), free, L_.get(), run_.n());
        run_.matrices().factorize(L_.get(), static_cast<T>(shift), nullptr, L_.get(), run_.n(),
                                  numbers.factor_info, numbers.least_pivot);
        return true;
    }
    void solve(T* x) override { run_.matrices().solve(L_.get(), x, run_.n()); }
    void pass(State<T>& state) override { state(this->fresh_, B_); }

  private:
    using LearntModel<T>::run_;
    void begin(double factor) override {
        run_.matrices().set_identity(B_.get(), run_.n(), static_cast<T>(factor), nullptr);
    }
    void take(const T*, double sy, double sBs) override {
        const T *y = this->y_.get(), *Bs = this->Bs_.get();
        run_.matrices().rank_two_update(B_.get(), T(0), y, y, static_cast<T>(1 / sy), run_.n());
        run_.matrices().rank_two_update(B_.get(), T(0), Bs, Bs, static_cast<T>(-1 / sBs), run_.n());
    }

    const Buffer<T> B_, L_;
};

/// B as a sum over the last pairs (Byrd, Lu, Nocedal and Zhu 1995 have the same matrix in another
/// form): of each, y and a = B s with the B of those before it.
template <class T>
class LbfgsModel final : public LearntModel<T> {
  public:
    explicit LbfgsModel(Minimization<T>& run)
        : LearntModel<T>(run),
          over_(run.vectors().number()),
          factor_(1 / run.first_step_length()) {}
    void apply(const T* v, T* Bv) override { apply_first(pairs_.size(), v, Bv); }
    void pass(State<T>& state) override {
        state(this->fresh_, factor_);
        state.length(pairs_);
        for (Pair& pair : pairs_) state(pair.s, pair.y, pair.a, pair.sy, pair.sBs);
    }

  private:
    using LearntModel<T>::run_;
    struct Pair {
        Buffer<T> s, y, a;
        double sy, sBs;
    };
    void begin(double factor) override { factor_ = factor; }
    void take(const T* s, double sy, double sBs) override {
        Vectors<T>& vectors = run_.vectors();
        const int n = run_.n();
        Pair pair{run_.vector(), run_.vector(), run_.vector(), sy, sBs};
        vectors.copy(pair.s.get(), s, n);
        vectors.copy(pair.y.get(), this->y_.get(), n);
        vectors.copy(pair.a.get(), this->Bs_.get(), n);
        const double yy = [&] {
            vectors.norms({{pair.y.get(), over_}}, n);
            const double norm = vectors.read(over_);
            return norm / sy * norm;
        }();
        pairs_.push_back(std::move(pair));
        if (static_cast<int>(pairs_.size()) <= run_.options().lbfgs_pairs) return;
        // Without the oldest pair the others' B s are new, and they start from the newest
        // curvature.
        pairs_.pop_front();
        if (std::isfinite(yy) && yy > 0) factor_ = yy;
        for (std::size_t k = 0; k < pairs_.size(); ++k) {
            Pair& kept = pairs_[k];
            apply_first(k, kept.s.get(), kept.a.get());
            vectors.dot(kept.s.get(), kept.a.get(), n, over_);
            kept.sBs = vectors.read(over_);
        }
    }
    /// By the oldest `count` pairs.
    void apply_first(std::size_t count, const T* v, T* Bv) {
        Vectors<T>& vectors = run_.vectors();
        const int n = run_.n();
        vectors.scale(Bv, static_cast<T>(factor_), v, n);
        for (std::size_t k = 0; k < count; ++k) {
            const Pair& pair = pairs_[k];
            const auto add = [&](const T* u, double under) {
                vectors.dot(u, v, n, over_);
                const double part = vectors.read(over_) / under;
                vectors.add_scaled(Bv, Bv, static_cast<T>(part), u, n);
            };
            add(pair.y.get(), pair.sy);
            add(pair.a.get(), -pair.sBs);
        }
    }

    const Number over_;
    double factor_;
    std::deque<Pair> pairs_;  // oldest first
};

}  // namespace

template <class T>
std::unique_ptr<QuadraticModel<T>> quadratic_model(Minimization<T>& run) {
    switch (run.options().method) {
        case Method::newton:
        case Method::trust_region:
        case Method::levenberg_marquardt:
        case Method::dogleg:
            return std::make_unique<HessianModel<T>>(run);
        case Method::newton_cg:
        case Method::hessian_free:
        case Method::block_newton:
        case Method::subspace_newton:
            return std::make_unique<ProductModel<T>>(run);
        case Method::bfgs:
            return std::make_unique<BfgsModel<T>>(run);
        case Method::lbfgs:
            return std::make_unique<LbfgsModel<T>>(run);
        default:
            return nullptr;
    }
}
template std::unique_ptr<QuadraticModel<double>> quadratic_model(Minimization<double>&);
template std::unique_ptr<QuadraticModel<float>> quadratic_model(Minimization<float>&);

template <class T>
std::unique_ptr<QuadraticModel<T>> product_model(Minimization<T>& run) {
    return std::make_unique<ProductModel<T>>(run);
}
template std::unique_ptr<QuadraticModel<double>> product_model(Minimization<double>&);
template std::unique_ptr<QuadraticModel<float>> product_model(Minimization<float>&);

void check_bounded_method(Method method) {
    if (method == Method::subsampled_newton)
        throw InvalidArgument(
            "Method::subsampled_newton knows no bounds (its steps are conjugate gradients on "
            "samples) choose Method::newton_cg, or Method::kfac of perceptrons");
}

}  // namespace cunewton::solver
