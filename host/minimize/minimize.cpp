#include "cunewton/minimize.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "host/backend/boxed_evaluator.h"
#include "host/backend/fallback.h"
#include "host/backend/memory.h"
#include "host/data/device_arrays.h"
#include "host/data/sample_data.h"
#include "host/minimize/bounded.h"
#include "host/minimize/check.h"
#include "host/minimize/checkpoint_file.h"
#include "host/minimize/constrained.h"
#include "host/minimize/describe.h"
#include "host/minimize/methods.h"
#include "host/minimize/preconditioners.h"
#include "host/minimize/undetermined.h"
#include "host/sparse/derivatives.h"

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

template <class T>
void check_start(const std::vector<T>& x0, int n) {
    if (x0.size() != static_cast<std::size_t>(n))
        reject("x0 has the wrong size (" + std::to_string(x0.size()) + " for " + std::to_string(n) +
               " parameters) pass one number for each parameter");
    for (std::size_t j = 0; j < x0.size(); ++j)
        if (!std::isfinite(x0[j]))
            reject("x0 is not finite (number " + std::to_string(j) + " is " +
                   std::to_string(x0[j]) + ") start from finite numbers");
}

template <class T>
void check_options(const Options& options, int n) {
    const auto tolerance = [&](double value, const char* name) {
        if (!(value >= 0) || std::isinf(value))
            reject(std::string(name) + " is invalid (" + std::to_string(value) +
                   ") pass a finite number >= 0");
    };
    if (options.gradient_tolerance) tolerance(*options.gradient_tolerance, "gradient_tolerance");
    tolerance(options.relative_gradient_tolerance, "relative_gradient_tolerance");
    tolerance(options.step_tolerance, "step_tolerance");
    tolerance(options.change_tolerance, "change_tolerance");
    tolerance(options.initial_radius, "initial_radius");
    if (options.max_iterations < 0)
        reject("max_iterations is negative (" + std::to_string(options.max_iterations) +
               ") pass 0 or more");
    if (options.max_evaluations < 1)
        reject("max_evaluations is too small (" + std::to_string(options.max_evaluations) +
               ") pass at least 1");
    if (!(options.time_limit >= 0))
        reject("time_limit is invalid (" + std::to_string(options.time_limit) +
               ") pass seconds >= 0");
    if (std::isnan(options.unbounded_below))
        reject("unbounded_below is not a number (nan) pass a loss below which to stop");
    if (options.lbfgs_pairs < 1 || options.lbfgs_pairs > 40)
        reject("lbfgs_pairs is invalid (" + std::to_string(options.lbfgs_pairs) +
               ") pass a number of steps from 1 to 40");
    solver::check_preconditioner<T>(options);
    const SamplingOptions& sampling = options.sampling;
    if (sampling.size < 0)
        reject("sampling.size is negative (" + std::to_string(sampling.size) +
               ") pass a number of samples, or 0");
    tolerance(sampling.learning_rate, "sampling.learning_rate");
    if (sampling.rate_interval < 0)
        reject("sampling.rate_interval is negative (" + std::to_string(sampling.rate_interval) +
               ") pass a number of passes, or 0");
    if (sampling.rate_samples < 1)
        reject("sampling.rate_samples is too small (" + std::to_string(sampling.rate_samples) +
               ") pass at least 1");
    if (options.curvature_interval < 1)
        reject("curvature_interval is too small (" + std::to_string(options.curvature_interval) +
               ") pass a number of iterations from 1");
    if (!(sampling.momentum >= 0 && sampling.momentum < 1))
        reject("sampling.momentum is invalid (" + std::to_string(sampling.momentum) +
               ") pass a number from 0 to below 1");
    int next = 0;
    for (const IndexRange& block : options.blocks) {
        if (block.begin != next || block.end <= block.begin || block.end > n)
            reject("blocks are invalid (one from " + std::to_string(block.begin) + " to " +
                   std::to_string(block.end) + " comes at parameter " + std::to_string(next) +
                   " of " + std::to_string(n) + ") pass ranges that follow each other from 0 to n");
        next = block.end;
    }
    if (next != n && !options.blocks.empty())
        reject("blocks do not cover all parameters (they end at " + std::to_string(next) + " of " +
               std::to_string(n) + ") pass ranges that follow each other from 0 to n");
    if (options.lanczos_vectors < 1)
        reject("lanczos_vectors is too small (" + std::to_string(options.lanczos_vectors) +
               ") pass at least 1");
    if (options.subspace_dimension < 1)
        reject("subspace_dimension is too small (" + std::to_string(options.subspace_dimension) +
               ") pass at least 1");
    if (options.threads < 0)
        reject("threads is negative (" + std::to_string(options.threads) + ") pass 0 for all");
    check_derivative_options<T>(options.derivatives, n);
}

std::string sentence(Status status) {
    switch (status) {
        case Status::converged:
            return "converged: the test for a minimum is met";
        case Status::derivative_accuracy:
            return "the gradient is zero within the error of its differences, which is too large "
                   "for "
                   "the test; use exact derivatives or set a larger gradient_tolerance";
        case Status::precision_limit:
            return "no step lowers the loss in working precision, but the test for a minimum is "
                   "not "
                   "met; set a larger gradient_tolerance if this is near enough";
        case Status::small_step:
            return "the last step is within step_tolerance";
        case Status::small_change:
            return "the last change of the loss is within change_tolerance";
        case Status::saddle_point:
            return "there is no slope at this point, but negative curvature";
        case Status::max_iterations:
            return "max_iterations reached";
        case Status::max_evaluations:
            return "max_evaluations reached";
        case Status::time_limit:
            return "time_limit reached";
        case Status::cancelled:
            return "cancelled by the callback";
        case Status::unbounded:
            return "the loss falls without bound, or towards a bound that no finite point attains; "
                   "add a penalty";
        case Status::not_finite:
            return "the loss or a derivative is not finite";
        case Status::singular:
            return "a minimum that is not unique: the data do not determine all parameters";
        case Status::no_descent:
            return "the loss rises where its gradient says that it falls: the gradient is wrong "
                   "(see "
                   "check_gradient), or the loss has a kink here";
        case Status::invalid_data:
        case Status::not_run:
            break;  // of batches
    }
    return "unknown";
}

template <class T>
bool is_perceptron(const Problem<T>& problem) {
    return std::holds_alternative<PerceptronSum<T>>(problem.parts().form);
}

/// Samples that the loss is a sum over, those of all ranks; 0 if it is none over several.
template <class T>
long sample_count(const Problem<T>& problem) {
    if (const Ranks* const ranks = problem.parts().ranks.get()) return ranks->samples();
    const Samples<T>* const samples = samples_of(problem);
    return samples ? samples->count : 0;
}

/// The layers of a perceptron; none of other problems.
template <class T>
KroneckerLayers kronecker_layers(const Problem<T>& problem) {
    if (!is_perceptron(problem)) return {};
    return {layers_of(std::get<PerceptronSum<T>>(problem.parts().form).perceptron)};
}

/// The pattern that the method's Hessian keeps to; null: it is dense, or not formed.
template <class T>
const SparsityPattern* sparsity_of(const Problem<T>& problem, Method method) {
    return solver::takes_sparsity(method) ? problem.parts().sparsity.get() : nullptr;
}

/// The options with what `automatic` means for this problem.
template <class T>
Options completed(const Problem<T>& problem, const Options& options) {
    Options complete = options;
    const bool constrained = solver::Constrained<T>::asked(options);
    if (options.method == Method::automatic)
        complete.method = solver::choose_method(problem, !constrained);
    HessianBy& hessian = complete.derivatives.hessian;
    const bool by_gauss_newton = options.method == Method::kfac ||
                                 (options.method == Method::hessian_free && is_perceptron(problem));
    if (sparsity_of(problem, complete.method) && !constrained)
        complete.derivatives = sparse_derivatives(problem, options.derivatives);
    if (by_gauss_newton && hessian == HessianBy::automatic) hessian = HessianBy::gauss_newton;
    if (complete.precondition == PreconditionBy::automatic && is_perceptron(problem) &&
        !constrained && std::holds_alternative<std::monostate>(options.preconditioner)) {
        const KroneckerLayers layers = kronecker_layers(problem);
        // Not for layers so wide that factors take as long as more products.
        constexpr double most = 20;
        if (layers.cost(sample_count(problem)) <= most &&
            layers.memory() * sizeof(T) <= options.derivatives.memory_budget)
            complete.precondition = PreconditionBy::kronecker;
    }
    return complete;
}

/// Throws InvalidArgument if the method is not for this problem.
template <class T>
void check_method(const Problem<T>& problem, const Options& options) {
    const Method method = options.method;
    const bool perceptron = is_perceptron(problem);
    if (options.keep_hessian_factor && sparsity_of(problem, method))
        reject(
            "keep_hessian_factor is for dense Hessians (the problem has a sparsity pattern) take "
            "the Hessian itself by sparse_hessian()");
    if (options.precondition == PreconditionBy::blocks && solver::is_matrix_free(method) &&
        !std::holds_alternative<LinearPredictor<T>>(problem.parts().form))
        reject(
            "preconditioning by blocks is not available (the problem is not one of linear "
            "predictors) choose PreconditionBy::automatic");
    if (options.precondition == PreconditionBy::kronecker && !perceptron)
        reject(
            "Kronecker products are for perceptrons (the problem is none) choose another "
            "preconditioner");
    if (!solver::is_sampling(method)) return;
    const std::string name = std::string("Method::") + to_string(method);
    if (sample_count(problem) < 2)
        reject(name +
               " takes steps on samples (the loss is not a sum over several) choose a method that "
               "does not");
    if (method == Method::kfac && !perceptron)
        reject(name + " is for perceptrons (the problem is none) choose another method");
}

/// Throws OutOfMemory, before any work, if the method's matrices cannot fit.
template <class T>
void require_matrices(const Vectors<T>& vectors, int n, const Options& options) {
    const int matrices = solver::matrices_of(options.method);
    const bool two = matrices > 1;
    const double wanted = static_cast<double>(matrices) * n * n * sizeof(T);
    if (wanted < static_cast<double>(worth_asking)) return;
    require_room(
        wanted, vectors.free_bytes(),
        "the " + std::to_string(n) + " x " + std::to_string(n) + " matrices of the method",
        vectors.name(),
        "reduce the parameters, use float" +
            std::string(two ? ", use Method::bfgs, which holds one matrix instead of two" : "") +
            ", use Method::newton_cg, which holds none, or, for many small problems in one, "
            "minimize_batch");
}

/// The number of blocks of parameters whose common shift the loss declares not to see. A penalty
/// sees it.
template <class T>
int blocks_alike(const Problem<T>& problem) {
    const auto* form = std::get_if<LinearPredictor<T>>(&problem.parts().form);
    const bool declared = form && form->code.cpu && form->code.cpu->shift_invariant() &&
                          problem.parts().penalty.l2 == 0;
    return declared ? form->outputs : 0;
}

/// On the diagonal of the Hessian, that an evaluator knows.
template <class T>
int known_blocks(const Problem<T>& problem) {
    const auto* form = std::get_if<LinearPredictor<T>>(&problem.parts().form);
    return form ? form->outputs : 0;
}

/// Which number it is.
template <class T>
std::string what_is_not_finite(solver::Minimization<T>& run) {
    if (!std::isfinite(run.f())) return ": the loss is " + std::to_string(run.f());
    const std::vector<T> g = run.download_gradient();
    for (std::size_t j = 0; j < g.size(); ++j)
        if (!std::isfinite(g[j]))
            return ": component " + std::to_string(j) + " of the gradient is " +
                   std::to_string(g[j]);
    return ": they are at the last iterate, but not at the points that were tried from there, or "
           "the "
           "Hessian is not";
}

/// Which parameters the start was moved along.
std::string moved_text(const std::vector<int>& moved) {
    constexpr std::size_t most = 5;
    std::string text = "; the start was outside of the bounds of parameter";
    if (moved.size() > 1) text += 's';
    for (std::size_t i = 0; i < std::min(moved.size(), most); ++i)
        text += (i == 0 ? " " : ", ") + std::to_string(moved[i]);
    if (moved.size() > most) text += " and " + std::to_string(moved.size() - most) + " more";
    return text + " and was moved there";
}

/// Whether these differences change parameters; linear predictors and perceptrons difference their
/// predictors or nothing.
template <class T>
bool differences_parameters(const Problem<T>& problem, double step) {
    const auto& form = problem.parts().form;
    return step > 0 &&
           (std::holds_alternative<Opaque<T>>(form) || std::holds_alternative<SampleSum<T>>(form) ||
            std::holds_alternative<ResidualSum<T>>(form) ||
            std::holds_alternative<ElementSum<T>>(form));
}

/// Throws InvalidArgument where differences cannot be kept within bounds.
template <class T>
void require_box(const Problem<T>& problem) {
    if (std::holds_alternative<CurvaturePenalized<T>>(problem.parts().form))
        reject(
            "bounds are not for a penalty on the curvature (its differences look at points beside "
            "the iterate) minimise without bounds, or without the penalty");
}

/// Has the session's differences stay within bounds.
template <class T>
void keep_within(Session<T>& session, const Problem<T>& problem, const Options& options,
                 const solver::Bounds<T>& bounds) {
    const ResolvedDerivatives& by = session.derivatives;
    if (!differences_parameters(problem, std::max(by.gradient_step, by.hessian_step))) return;
    session.evaluator = std::make_unique<BoxedEvaluator<T>>(
        std::move(session.evaluator), by, options.derivatives.typical_x, bounds.lower, bounds.upper,
        *session.vectors, *session.matrices);
}

/// If the backend fails, progress holds the last accepted iterate (the last one that was fetched if
/// the device does not answer any more), from which another one may go on. constrained: null where
/// all parameters are free; else what the session's evaluator has been reduced by.
template <class T>
void run_on(Session<T>& session, const Problem<T>& problem, const Options& options,
            solver::Progress<T>& progress, Result<T>& result, std::string& how_far,
            solver::Constrained<T>* constrained) {
    std::optional<solver::Minimization<T>> run;
    result.method = options.method;
    const int n = constrained ? constrained->dimension() : problem.dimension();
    try {
        const bool elements = std::holds_alternative<ElementSum<T>>(problem.parts().form);
        // Elements are small problems too, and nobody asked for a sparse factor.
        const SparsityPattern* const sparsity =
            constrained || (elements && !session.matrices->factorizes_sparse())
                ? nullptr
                : sparsity_of(problem, options.method);
        if (!sparsity) require_matrices(*session.vectors, problem.dimension(), options);
        if (progress.bounds.any()) keep_within(session, problem, options, progress.bounds);
        const bool whole = !constrained && !progress.bounds.any();
        run.emplace(session, n, options, progress, whole ? blocks_alike(problem) : 0,
                    problem.parts().ranks.get(), sparsity, !elements && !progress.bounds.any());
        std::optional<Status> status = run->begin();
        if (!status) status = solver::run_method(*run);
        run->save_iterate();
        const bool bounded = run->bounded();
        if (*status == Status::singular && sparsity && !bounded) solver::find_null_space(*run);
        if (*status == Status::singular)
            result.undetermined =
                constrained ? constrained->undetermined(*run)
                : sparsity || bounded || solver::is_matrix_free(options.method)
                    ? run->undetermined()
                    : solver::undetermined(run->download_matrix(), problem.dimension(),
                                           run->hessian_accuracy());
        result.status = *status;
        result.f = static_cast<T>(run->f());
        result.gradient_norm = run->gradient_norm();
        result.message = sentence(*status);
        if (*status == Status::not_finite) result.message += what_is_not_finite(*run);
        if (bounded)
            say_bounds(progress.bounds, progress.x, run->download_gradient(),
                       !differences_parameters(problem, run->derivatives().gradient_step), result);
        if (options.keep_hessian_factor) {
            result.hessian_factor = run->download_factor();
            result.hessian_factor_shift = run->factor_shift();
            result.hessian_scales = run->download_scales();
        }
    } catch (const std::exception& error) {
        how_far = "gave up after " + std::to_string(progress.iterations) + " iterations";
        if (run && is_backend_failure(error)) {
            try {
                run->save_iterate();
            } catch (const std::exception&) {
                how_far += ", whose point is lost";
            }
        }
        throw;
    }
}

/// What ranks must have in common, where there are any.
template <class T>
void require_common(const Ranks& ranks, const std::vector<T>& x0, const Options& options,
                    Candidates& candidates) {
    std::vector<Common> common = common_options(options.derivatives, candidates);
    const auto also = [&](const char* name, std::uint64_t value) {
        common.push_back({name, value});
    };
    also("start", hash(x0.data(), x0.size() * sizeof(T)));
    also("method", static_cast<std::uint64_t>(options.method));
    also("line_search", static_cast<std::uint64_t>(options.line_search));
    also("descent_step", static_cast<std::uint64_t>(options.descent_step));
    also("choice of precondition", static_cast<std::uint64_t>(options.precondition));
    also("nystrom_rank", static_cast<std::uint64_t>(options.nystrom_rank));
    also("seed", options.seed);
    also("sampling.size", static_cast<std::uint64_t>(options.sampling.size));
    also("sampling.learning_rate", bits(options.sampling.learning_rate));
    also("sampling.momentum", bits(options.sampling.momentum));
    also("sampling.rate_interval", static_cast<std::uint64_t>(options.sampling.rate_interval));
    also("sampling.rate_samples", static_cast<std::uint64_t>(options.sampling.rate_samples));
    also("curvature_interval", static_cast<std::uint64_t>(options.curvature_interval));
    also("boundary", static_cast<std::uint64_t>(options.boundary));
    also("lanczos_vectors", static_cast<std::uint64_t>(options.lanczos_vectors));
    also("subspace_dimension", static_cast<std::uint64_t>(options.subspace_dimension));
    also("blocks", hash(options.blocks.data(), options.blocks.size() * sizeof(IndexRange)));
    also("lbfgs_pairs", static_cast<std::uint64_t>(options.lbfgs_pairs));
    also("gradient_tolerance", bits(options.gradient_tolerance.value_or(-1)));
    also("relative_gradient_tolerance", bits(options.relative_gradient_tolerance));
    also("step_tolerance", bits(options.step_tolerance));
    also("change_tolerance", bits(options.change_tolerance));
    also("max_iterations", static_cast<std::uint64_t>(options.max_iterations));
    also("max_evaluations", static_cast<std::uint64_t>(options.max_evaluations));
    also("time_limit", bits(options.time_limit));
    also("unbounded_below", bits(options.unbounded_below));
    also("initial_radius", bits(options.initial_radius));
    const LinearConstraints& equations = options.constraints;
    also("constraints.A", hash(equations.A.data(), equations.A.size() * sizeof(double)));
    also("constraints.b", hash(equations.b.data(), equations.b.size() * sizeof(double)));
    also("check", options.check);
    also("lower", hash(options.lower.data(), options.lower.size() * sizeof(double)));
    also("upper", hash(options.upper.data(), options.upper.size() * sizeof(double)));
    const std::vector<char> fixed(options.fixed.begin(), options.fixed.end());
    also("fixed", hash(fixed.data(), fixed.size()));
    also("whether there is a checkpoint.file", options.checkpoint.file.empty());
    also("checkpoint.every", static_cast<std::uint64_t>(options.checkpoint.every));
    also("checkpoint.resume", options.checkpoint.resume);
    cunewton::require_common(ranks.communicator(), Meeting::call, "arguments", common);
}

template <class T>
void resume(typename CheckpointFile<T>::Found found, solver::Progress<T>& progress) {
    if (found.state.empty()) return;
    Checkpoint<T>& at = found.at;
    progress.iterations = at.iterations;
    progress.counts = at.counts;
    progress.seconds = at.seconds;
    progress.trace = std::move(at.trace);
    progress.radius = at.radius;
    progress.first_f = at.first_f;
    progress.first_gradient_norm = at.first_gradient_norm;
    // Of its start: what is fixed keeps that, and what bounds or equations move begins there.
    progress.given = std::move(at.x0);
    progress.start -= std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(at.seconds.total));
    progress.state = std::move(found.state);
}

template <class T>
Result<T> minimize_here(const Problem<T>& problem, const std::vector<T>& x0, const Options& given,
                        const IterateCallback<T>& callback) {
    const Options options = completed(problem, given);
    check_start(x0, problem.dimension());
    check_options<T>(options, problem.dimension());
    check_method(problem, options);
    solver::Progress<T> progress;
    Result<T> result;
    const bool equations = solver::Constrained<T>::asked(options);
    const CallDevice current(device_for(problem, options.device));
    require_no_capture(options.stream, "a minimisation");
    Candidates candidates = choose_backends(problem, options.backend);
    if (const Ranks* const ranks = problem.parts().ranks.get())
        require_common(*ranks, x0, options, candidates);
    progress.given = x0;
    std::optional<CheckpointFile<T>> file;
    if (!options.checkpoint.file.empty()) {
        file.emplace(options.checkpoint,
                     describe_run<T>(problem.dimension(), sample_count(problem), options),
                     communicator_of(problem.parts().ranks.get()));
        progress.file = &*file;
        resume(file->find(), progress);
    }
    progress.x = progress.given;
    if (!equations) progress.bounds = solver::take_bounds(options, progress.x, result.moved);
    if (progress.bounds.any()) {
        solver::check_bounded_method(options.method);
        require_box(problem);
    }
    std::optional<solver::Constrained<T>> constrained;
    if (equations) {
        constrained.emplace(problem, progress.given, options);
        progress.x = constrained->reduced_start();
        progress.full = [&](const std::vector<T>& z) { return constrained->full(z); };
    }
    if (options.check)
        solver::check_derivatives(problem, constrained ? progress.full(progress.x) : progress.x,
                                  options);
    progress.x0 = progress.x;
    progress.callback = constrained ? constrained->callback(callback) : callback;
    result.problem = solver::describe(problem, options);
    result.constrained = equations;
    if (constrained) result.problem += ", subject to " + constrained->description();
    run_on_first(
        candidates, result.backend_reason, [&](const BackendEntry& entry, std::string& how_far) {
            Session<T> session = entry.code<T>().open(problem, session_options(options));
            result.gradient_by = session.derivatives.gradient;
            result.hessian_by = session.derivatives.hessian;
            Options here = constrained ? constrained->options() : options;
            if (constrained) constrained->reduce(session);
            if (!constrained && given.method == Method::automatic && problem.parts().sparsity &&
                std::holds_alternative<ElementSum<T>>(problem.parts().form))
                here.method = solver::choose_method(problem, session.matrices->factorizes_sparse());
            if (constrained && constrained->dimension() == 0) {
                constrained->evaluate(progress, result);
                result.method = here.method;
                result.message = sentence(result.status);
            } else {
                run_on(session, problem, here, progress, result, how_far,
                       constrained ? &*constrained : nullptr);
            }
            if (constrained) constrained->finish(progress.x, result);
            result.backend = entry.name;
        });
    result.x = constrained ? constrained->full(progress.x) : std::move(progress.x);
    if (!equations && !result.moved.empty()) result.message += moved_text(result.moved);
    result.iterations = progress.iterations;
    result.seed = options.seed;
    result.counts = progress.counts;
    result.seconds = progress.seconds;
    result.seconds.total = progress.elapsed();
    result.trace = std::move(progress.trace);
    result.last_iterations = std::move(progress.last);
    result.radius = progress.radius;
    return result;
}

}  // namespace

template <class T>
Result<T> minimize(const Problem<T>& problem, const std::vector<T>& x0, const Options& options) {
    return minimize(problem, x0, options, IterateCallback<T>());
}
template Result<double> minimize(const Problem<double>&, const std::vector<double>&,
                                 const Options&);
template Result<float> minimize(const Problem<float>&, const std::vector<float>&, const Options&);

template <class T>
Result<T> minimize(const Problem<T>& problem, const std::vector<T>& x0, const Options& options,
                   const std::type_identity_t<IterateCallback<T>>& callback) {
    return in_step(communicator_of(problem.parts().ranks.get()),
                   [&] { return minimize_here(problem, x0, options, callback); });
}
template Result<double> minimize(const Problem<double>&, const std::vector<double>&, const Options&,
                                 const IterateCallback<double>&);
template Result<float> minimize(const Problem<float>&, const std::vector<float>&, const Options&,
                                const IterateCallback<float>&);

namespace {

/// n numbers in a row or in a column: the distance between them. Throws InvalidArgument for others.
template <class V>
std::ptrdiff_t checked_distance(const Array<V>& array, long n, const char* name) {
    if ((array.rows != 1 && array.columns != 1) || array.size() != n)
        throw InvalidArgument(std::string(name) + " has the wrong shape (" +
                              std::to_string(array.rows) + " x " + std::to_string(array.columns) +
                              " for " + std::to_string(n) +
                              " parameters) pass one number for each, in a row or a column");
    return array.rows == 1 ? array.column_stride : array.row_stride;
}

}  // namespace

template <class T>
Result<T> minimize(const Problem<T>& problem, const std::type_identity_t<Array<const T>>& x0,
                   const std::type_identity_t<Array<T>>& x, const Options& options) {
    return in_step(communicator_of(problem.parts().ranks.get()), [&] {
        const long n = problem.dimension();
        const std::ptrdiff_t from = checked_distance(x0, n, "x0"), to = checked_distance(x, n, "x");
        if (to == 0 && n > 1)
            throw InvalidArgument("x has one number for all (its distance is 0) pass one for each");
        ArrayPlaces places(device_for(problem, options.device));
        places.add(x0, "x0");
        places.add(x, "x");
        const CallDevice current(places.device());
        require_no_capture(options.stream, "a minimisation");
        std::vector<T> start(static_cast<std::size_t>(n));
        if (x0.on_host())
            for (long j = 0; j < n; ++j) start[static_cast<std::size_t>(j)] = x0.data[j * from];
        else
            fetch(start.data(), x0.data, n * from, from, 1, n, options.stream);
        Result<T> result = minimize_here(problem, start, options, IterateCallback<T>());
        if (x.on_host())
            for (long j = 0; j < n; ++j) x.data[j * to] = result.x[static_cast<std::size_t>(j)];
        else
            store(Array<T>(x.data, 1, n).strided(n * to, to), result.x.data(), options.stream);
        result.x.clear();
        return result;
    });
}
template Result<double> minimize(const Problem<double>&, const Array<const double>&,
                                 const Array<double>&, const Options&);
template Result<float> minimize(const Problem<float>&, const Array<const float>&,
                                const Array<float>&, const Options&);

template <class T>
MemoryNeeded memory_needed(const Problem<T>& problem, const Options& given) {
    const Options options = completed(problem, given);
    check_options<T>(options, problem.dimension());
    check_method(problem, options);
    if (sparsity_of(problem, options.method) && !solver::Constrained<T>::asked(options))
        reject(
            std::string("what a sparse Hessian's factor takes is not known beforehand (it is once "
                        "the pattern has been analysed) ask for a method without matrices") +
            (std::holds_alternative<ElementSum<T>>(problem.parts().form)
                 ? ", such as Method::newton_cg"
                 : ", or without the pattern"));
    const CallDevice current(device_for(problem, options.device));
    require_no_capture(options.stream, "a minimisation");
    const BackendEntry& entry = *choose_backends(problem, options.backend).entries.front();
    const BackendCode<T>& code = entry.code<T>();
    SessionWork work = solver::work_of<T>(
        options, problem.dimension(),
        resolve<T>(options.derivatives, code.capabilities(problem)).hessian_is_exact(),
        known_blocks(problem), sample_count(problem), kronecker_layers(problem));
    if (solver::Constrained<T>::asked(options))
        solver::Constrained<T>::add_memory(problem.dimension(), options, work);
    MemoryNeeded needed = code.session_memory(problem, session_options(options), work);
    const std::size_t n = static_cast<std::size_t>(problem.dimension());
    // The iterate and the start, and vectors that come and go.
    needed.host += 2 * n * sizeof(T) + n * (4 * sizeof(T) + 4 * sizeof(double));
    // In the end, where the minimum is not unique, the Hessian in double; then the factor.
    if (work.curvature == CurvatureKind::dense)
        needed.host += std::max(solver::undetermined_memory(problem.dimension()),
                                options.keep_hessian_factor ? (n + 1) * n * sizeof(T) : 0);
    else if (work.curvature)
        needed.host += n * sizeof(T) + 3 * n * sizeof(int);  // parameters along which it is not
    if (work.sampled > 0)  // their orders: for gradients, and for Hessians
        needed.host += 2 * static_cast<std::size_t>(sample_count(problem)) * sizeof(long);
    needed.host += std::size_t{64} << 10;
    return needed;
}
template MemoryNeeded memory_needed(const Problem<double>&, const Options&);
template MemoryNeeded memory_needed(const Problem<float>&, const Options&);

std::vector<BackendStatus> backends() {
    std::vector<BackendStatus> list;
    for (const BackendEntry& entry : registry()) {
        const Probe probe = entry.probe();
        list.push_back({entry.name, probe.available, probe.reason});
    }
    return list;
}

}  // namespace cunewton
