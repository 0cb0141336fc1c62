#include "host/minimize/preconditioners.h"

#include <type_traits>
#include <variant>
#include <vector>

namespace cunewton::solver {

namespace {

/// The caller's.
template <class T>
class CallersPreconditioner final : public Preconditioner<T> {
  public:
    explicit CallersPreconditioner(Minimization<T>& run)
        : run_(run),
          code_(std::get<OwnPreconditioner<T>>(run.options().preconditioner)),
          on_device_(run.vectors().on_device() && code_.apply_on_device) {
        if (on_device_) return;
        r_.resize(static_cast<std::size_t>(run.n()));
        z_.resize(r_.size());
    }
    bool update(const T* x_there) override {
        if (!code_.update) return true;
        x_.resize(static_cast<std::size_t>(run_.n()));
        run_.vectors().download(x_.data(), x_there, x_.size());
        return code_.update(x_.data(), run_.n());
    }
    /// What the caller has of it is made again.
    void pass(State<T>& state) override {
        state(x_);
        if (state.reads() && !x_.empty()) code_.update(x_.data(), run_.n());
    }
    void apply(const T* r, T* z) override {
        Vectors<T>& vectors = run_.vectors();
        if (on_device_) return code_.apply_on_device(r, run_.n(), z, vectors.stream());
        vectors.download(r_.data(), r, r_.size());
        code_.apply(r_.data(), run_.n(), z_.data());
        vectors.upload(z, z_.data(), z_.size());
    }

  private:
    Minimization<T>& run_;
    const OwnPreconditioner<T>& code_;
    const bool on_device_;
    std::vector<T> r_, z_;
    std::vector<T> x_;  // of the last update
};

bool is_given(const Options& options) {
    return !std::holds_alternative<std::monostate>(options.preconditioner);
}

}  // namespace

template <class T>
PreconditionerPlan plan_preconditioner(Minimization<T>& run) {
    const Options& options = run.options();
    const PreconditionBy by = options.precondition;
    if (by == PreconditionBy::own || (by == PreconditionBy::automatic && is_given(options)))
        return {PreconditionBy::own, 0, true};
    if (by == PreconditionBy::diagonal)
        return {by, DiagonalPreconditioner<T>::cost(run.evaluator()), true};
    if (by == PreconditionBy::nystrom)
        return {by,
                static_cast<double>(NystromPreconditioner<T>::rank(options.nystrom_rank, run.n())),
                true};
    if (by == PreconditionBy::kronecker) {
        Evaluator<T>& evaluator = run.evaluator();
        return {by, evaluator.kronecker_layers().cost(evaluator.samples()), true};
    }
    const DiagonalBlocks blocks = run.evaluator().diagonal_blocks();
    if (!blocks.are_wanted(by, run.derivatives().memory_budget / sizeof(T))) return {};
    return {PreconditionBy::blocks, blocks.cost, by == PreconditionBy::blocks};
}

namespace {

/// Products have been prepared.
template <class T>
std::unique_ptr<Preconditioner<T>> make_preconditioner(Minimization<T>& run, PreconditionBy by) {
    const Options& options = run.options();
    Vectors<T>& vectors = run.vectors();
    switch (by) {
        case PreconditionBy::blocks:
            return std::make_unique<BlockPreconditioner<T>>(run.evaluator(), vectors,
                                                            run.matrices(), options.seed);
        case PreconditionBy::diagonal:
            return std::make_unique<DiagonalPreconditioner<T>>(run.evaluator(), run.products(),
                                                               vectors, run.n(), options.seed);
        case PreconditionBy::nystrom:
            return std::make_unique<NystromPreconditioner<T>>(
                run.products(), vectors, run.matrices(), run.n(),
                NystromPreconditioner<T>::rank(options.nystrom_rank, run.n()),
                run.hessian_accuracy(), options.seed);
        case PreconditionBy::kronecker:
            return std::make_unique<KroneckerPreconditioner<T>>(run.evaluator(), vectors,
                                                                run.matrices(), options.seed);
        case PreconditionBy::own:
            return std::make_unique<CallersPreconditioner<T>>(run);
        case PreconditionBy::automatic:
        case PreconditionBy::none:
            break;
    }
    return nullptr;
}

}  // namespace

template <class T>
bool PlannedPreconditioner<T>::update(double shift) {
    if (plan_.by == PreconditionBy::none || products_since_ < plan_.cost) return false;
    products_since_ = 0;
    if (!preconditioner_) preconditioner_ = make_preconditioner(run_, plan_.by);
    preconditioner_->set_shift(shift);
    const bool before = made_;
    made_ = run_.take_products([&] { return preconditioner_->update(run_.x()); });
    run_.count_products(preconditioner_->products());
    run_.count_sampled(preconditioner_->passes());
    if (!made_) plan_.cost *= 2;  // until it is tried again
    return made_ || before;
}

template <class T>
void PlannedPreconditioner<T>::pass(State<T>& state) {
    state(plan_.cost, made_, products_since_);
    state.optional(preconditioner_, [&] { preconditioner_ = make_preconditioner(run_, plan_.by); });
}

template <class T>
void check_preconditioner(const Options& options) {
    if (options.nystrom_rank < 1)
        throw InvalidArgument("nystrom_rank is too small (" + std::to_string(options.nystrom_rank) +
                              ") pass at least 1");
    if (!is_given(options)) {
        if (options.precondition == PreconditionBy::own)
            throw InvalidArgument(
                "preconditioning by one of your own was asked for (and preconditioner is empty) "
                "pass an OwnPreconditioner");
        return;
    }
    const auto* own = std::get_if<OwnPreconditioner<T>>(&options.preconditioner);
    const std::string type = std::is_same_v<T, double> ? "double" : "float";
    if (!own)
        throw InvalidArgument("preconditioner is of another arithmetic (the problem's is " + type +
                              ") pass an OwnPreconditioner<" + type + ">");
    if (!own->apply)
        throw InvalidArgument(
            "preconditioner cannot be applied (its function is empty) pass a function for apply");
}

#define CUNEWTON_INSTANTIATE(T)                                        \
    template PreconditionerPlan plan_preconditioner(Minimization<T>&); \
    template class PlannedPreconditioner<T>;                           \
    template void check_preconditioner<T>(const Options&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
