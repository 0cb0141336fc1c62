// Many small independent problems: fits of one model to many data sets, and minimisations of one
// small objective for many sets of constants.
//
//     auto model = cunewton::make_fit_model(cunewton::Gaussian2D{});
//     cunewton::BatchData<float> data{.problems = 100000, .points = 225, .coordinates = xy,
//                                     .y = pixels, .start = start};
//     cunewton::BatchResult<float> fits = cunewton::fit_batch(model, data);
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <any>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/array.h"
#include "cunewton/choices.h"
#include "cunewton/communicator.h"
#include "cunewton/cpu/small_code_of.h"
#include "cunewton/functor/builtin.h"
#include "cunewton/functor/check.h"
#include "cunewton/functor/kept.h"
#include "cunewton/options.h"

namespace cunewton {

/// A batch's data: arrays of the caller's, on the host or on a GPU (Array::on_device()), in any
/// mix, which are read during the call alone, or, if the call returns before its work is done,
/// until then. All arrays on GPUs are on the same one.
///
/// An array is one row of numbers, as vectors and spans are, whose size says what is meant: those
/// of one problem after the other, or one set for all. Or it has a row for each problem (for each
/// run, if it is the start), at any distance: a row distance of 0 is one row for all. So a stack of
/// images, in which image k holds point k of all problems, is
///
///     cunewton::Array<const float>(stack, images, pixels).transposed()
///
/// and is read as it lies.
template <class T>
struct BatchData {
    long problems = 0;
    int points = 1;  ///< of each problem; of the one that has most if there are offsets
    /// Problems of different sizes: problem i has the points [offsets[i], offsets[i+1]) of the
    /// arrays of points, which are one row then. problems + 1 entries, ascending from 0. Empty: all
    /// have `points`. On a GPU they are not checked where results stay there too: what they say of
    /// a problem that cannot be is its status.
    Array<const long> offsets{};
    /// The model's coordinates of a point are neighbours in a row. For all problems (points *
    /// coordinates numbers; a problem with fewer points uses the first) or for each point of each
    /// problem. Where both are the same number, a single problem has its own; several throw.
    Array<const T> coordinates{};
    Array<const T> y{};        ///< fits: one a point
    Array<const T> weights{};  ///< one a point, >= 0; 1/variance, see absolute_weights. Empty: 1
    /// n for all problems, n a problem, or n for each of options.starts starts of each problem,
    /// whose starts follow each other. Empty: as options.draw says; else the model's guess(), which
    /// all of the library's models have.
    Array<const T> start{};
    Array<const T> lower{};  ///< bounds: none, n for all, or n a problem; may be infinite
    Array<const T> upper{};
};

struct BatchProgress {
    long completed;  ///< problems
    long problems;
    double seconds;
};

struct BatchOptions : Execution {
    Estimator estimator = Estimator::least_squares;  ///< fits; as are tuning and absolute_weights
    /// Of a robust estimator, in units of the residuals (of standard deviations, with weights); 0:
    /// the constant of 95 % efficiency at the normal distribution.
    double tuning = 0;
    BatchDerivatives derivatives = BatchDerivatives::automatic;
    BatchPrecision precision = BatchPrecision::as_data;

    /// Fits have converged when the minimum is within this many standard errors, along every
    /// direction in parameter space. 0: epsilon^0.56 of the arithmetic, 1.7e-9 in double and 1.3e-4
    /// in single precision.
    double tolerance = 0;
    /// Objectives have converged when no entry of the gradient is larger. 0: sqrt(epsilon).
    double gradient_tolerance = 0;
    /// Ends a problem as small_change when a step lowers its objective by no more than this
    /// fraction.
    double change_tolerance = 0;
    /// Ends a problem as small_step when no parameter moves by more than this fraction of itself.
    double step_tolerance = 0;
    int max_iterations = 1000;  ///< trial points, the start not counted
    /// Of the trust region; 0: fits |D x| with D^2 the Hessian's diagonal (where x = 0, the root of
    /// the weighted sum of y^2); objectives the length of the first Newton step where there is one
    /// of at most 10 max(1, |x|), else max(1, |x|).
    double initial_radius = 0;

    int starts = 1;  ///< starts of each problem; the best end is kept
    /// How starts are drawn where BatchData::start is empty: between the problem's bounds, all of
    /// which are finite then. All problems' starts are at the same places between their bounds,
    /// which follow from the seed alone.
    StartsBy draw = StartsBy::given;
    std::uint64_t seed = 1;
    /// Parameters that keep their start, which is given then: n entries or none. Where starts are
    /// drawn or guessed, bounds that are equal fix a parameter.
    std::vector<bool> fixed{};

    bool covariance = false;
    bool standard_errors = false;
    bool condition_number = false;
    /// Weights are 1/variance as they stand: covariances are not multiplied by the reduced chi
    /// square. Always so for the Poisson estimator.
    bool absolute_weights = false;

    /// Problems solved before progress is reported; 0: chosen by the backend. On a GPU a chunk that
    /// does not fit into memory is made smaller.
    long chunk = 0;
    /// Upper limit in bytes for copies of a chunk's data and results, on the host and on the device
    /// each.
    std::size_t memory_budget = std::size_t{256} << 20;
    /// Called after every chunk, from the caller's thread; return false to stop there: chunks that
    /// are under way are finished, and it is not called again. The second pass of
    /// BatchPrecision::twice follows the last call, and is left out after a cancel.
    std::function<bool(const BatchProgress&)> progress{};
};

/// How a batch went.
struct BatchSummary : RanOn {
    long problems = 0;
    long completed = 0;  ///< problems; fewer than `problems` if it was cancelled: the first ones
    bool cancelled = false;
    /// The work has been queued on options.stream and the results are there when it is done.
    bool queued = false;
    long solved_again = 0;  ///< BatchPrecision::twice: problems solved in double
    long chunks = 0;
    double seconds = 0;
};

/// Problem i's parameters are parameters[i * n], ... Entries of problems that were not run are NaN.
template <class T>
struct BatchResult : BatchSummary {
    int dimension = 0;  ///< parameters n of a problem
    std::vector<T> parameters;
    std::vector<T> objective;      ///< see Estimator; objectives: f
    std::vector<T> gradient_norm;  ///< 2-norm of the objective's gradient by the free parameters
    std::vector<Status> status;
    std::vector<int> iterations;
    std::vector<int> best_start;          ///< with several starts: which one this is the end of
    std::vector<int> degrees_of_freedom;  ///< fits: points with a weight less free parameters
    std::vector<T>
        reduced_chi_square;  ///< fits: objective / degrees of freedom; NaN if those are 0
    /// With bounds or fixed parameters: bit j of problem i's tells that parameter j ended at a
    /// bound which the objective falls across, so that the bound decided its value; never of a
    /// fixed one. See ended_at_bound().
    std::vector<std::uint64_t> at_bound;
    /// On request. Fits: objective / (degrees of freedom) times the inverse Hessian, or the inverse
    /// alone, see absolute_weights; objectives: the inverse Hessian. Rows and columns are 0 for
    /// fixed parameters, which are known, and NaN for those at a bound, of whose errors the data
    /// say nothing; the others' hold while those stay. All NaN where the Hessian is singular or no
    /// degree of freedom is left. n * n, n, and 1 a problem.
    std::vector<T> covariance;
    std::vector<T> standard_errors;
    std::vector<T> condition_number;  ///< 2-norm, of the Hessian by the free parameters
    /// With any of those three: where the Hessian is singular, bit j tells that parameter j takes
    /// part in a direction without curvature (it may change, alone or with others of them, at no
    /// cost).
    std::vector<std::uint64_t> undetermined;

    long count(Status wanted) const {
        long found = 0;
        for (const Status s : status) found += s == wanted;
        return found;
    }
    bool ended_at_bound(long problem, int parameter) const {
        return !at_bound.empty() &&
               (at_bound[static_cast<std::size_t>(problem)] >> parameter & 1) != 0;
    }
};

/// Where a batch's results go: arrays of the caller's, on the host or on a GPU, in any mix. One row
/// of numbers, problem after problem, or a row for each problem at any distance; so parameters that
/// come as images, one for each parameter, are Array<float>(maps, n, pixels).transposed(). Empty:
/// not wanted. What each one is: see BatchResult. What there are arrays for is computed; the
/// options covariance, standard_errors and condition_number do not matter.
template <class T>
struct BatchArrays {
    Array<T> parameters{};  ///< n a problem
    Array<T> objective{};   ///< 1 a problem, as the others whose number is not told
    Array<T> gradient_norm{};
    Array<Status> status{};
    Array<int> iterations{};
    Array<int> best_start{};
    Array<int> degrees_of_freedom{};  ///< fits
    Array<T> reduced_chi_square{};    ///< fits
    Array<std::uint64_t> at_bound{};
    Array<T> covariance{};       ///< n * n a problem
    Array<T> standard_errors{};  ///< n a problem
    Array<T> condition_number{};
    Array<std::uint64_t> undetermined{};
};

/// Why a problem of a batch ended as it did. Numbers that do not apply are -1, or NaN.
struct BatchExplanation {
    Status status = Status::not_run;
    std::string message;  ///< PROBLEM (WHY) WHAT TO DO
    long point = -1;      ///< what is wrong is there; counted from the problem's first
    int coordinate = -1;
    int parameter = -1;
    double value = std::numeric_limits<double>::quiet_NaN();  ///< the number that is wrong
    std::vector<int> at_bound;                                ///< parameters, see BatchResult
    std::vector<int> undetermined;  ///< of a singular problem, see BatchResult
};

/// Code of a model or an objective in one arithmetic; the device's may be missing.
template <class T>
struct BatchCode {
    std::shared_ptr<const cpu::SmallCode<T>> cpu;
    std::shared_ptr<const cuda::SmallCode<T>> cuda;
};
/// The code in each arithmetic that the functor is compiled for. Cheap to copy; copies share the
/// parts, which nothing changes.
struct BatchParts {
    int parameters = 0;
    int coordinates = 0;
    std::tuple<BatchCode<double>, BatchCode<float>> code;
    std::any functor;
    template <class T>
    BatchCode<T>& in() {
        return std::get<BatchCode<T>>(code);
    }
    template <class T>
    const BatchCode<T>& in() const {
        return std::get<BatchCode<T>>(code);
    }
    /// For the GPU too, wherever it is for the CPU.
    bool on_cuda() const {
        return !(in<double>().cpu && !in<double>().cuda) && !(in<float>().cpu && !in<float>().cuda);
    }
};
class BatchModel {
  public:
    BatchModel(std::shared_ptr<const BatchParts> parts, SmallKind kind)
        : parts_(std::move(parts)), kind_(kind) {}
    int parameters() const { return parts_->parameters; }
    int coordinates() const { return parts_->coordinates; }
    SmallKind kind() const { return kind_; }
    bool runs_on_cuda() const { return parts_->on_cuda(); }
    const BatchParts& parts() const { return *parts_; }

  private:
    std::shared_ptr<const BatchParts> parts_;
    SmallKind kind_;
};
/// y ~ m(p; x).
class FitModel : public BatchModel {
  public:
    using BatchModel::BatchModel;
};
/// f(p; d), or a weighted sum of it over points d.
class SmallObjective : public BatchModel {
  public:
    using BatchModel::BatchModel;
};

namespace detail {

/// Whether a functor is compiled for the arithmetic T: it may name the one that it is for.
template <class Model, class T>
concept CompiledIn = !requires {
    typename Model::arithmetic;
}
|| std::same_as<typename Model::arithmetic, T>;

inline namespace CUNEWTON_CPU_CODE {

template <SmallKind kind, class Model>
std::shared_ptr<BatchParts> batch_parts(const Model& model) {
    static_assert(Model::parameters >= 1 && Model::parameters <= batch_max_parameters,
                  "a small problem has 1 to 64 parameters");
    static_assert(Model::coordinates >= 0);
    static_assert(probe::small_model<Model>());
    auto parts = std::make_shared<BatchParts>();
    parts->parameters = Model::parameters;
    parts->coordinates = Model::coordinates;
    parts->functor = model;
    using Form = std::conditional_t<kind == SmallKind::fit, builtin::Fit, builtin::Objective>;
    if constexpr (Builtin<Model, Form, double>) {
        const Exactly<Model> exactly{model};
        parts->in<double>() = {builtin_cpu_code(exactly, Form(), double()),
                               builtin_cuda_code(exactly, Form(), double())};
        parts->in<float>() = {builtin_cpu_code(exactly, Form(), float()),
                              builtin_cuda_code(exactly, Form(), float())};
    } else {
        if constexpr (CompiledIn<Model, double>)
            parts->in<double>().cpu = probe::compiled<cpu::SmallCodeOf<double, Model, kind>>(model);
        if constexpr (CompiledIn<Model, float>)
            parts->in<float>().cpu = probe::compiled<cpu::SmallCodeOf<float, Model, kind>>(model);
    }
    return parts;
}

}  // namespace CUNEWTON_CPU_CODE
}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// A model to be fitted. It is a functor, trivially copyable, with
///
///     static constexpr int parameters, coordinates;
///     template <class P, class X> auto operator()(const P& p, const X& x) const;
///
/// that returns m(p; x) and is generic in its scalars: p[j] is parameter j, x[c] coordinate c of
/// the point. `const auto& [a, b] = p;` names the parameters, and makes automatic differentiation
/// cheaper than p[j] does: each then carries its own derivative alone. Mathematical functions are
/// called after `using namespace cunewton::math;`; decisions are select(condition, a, b). Mark the
/// operator CUNEWTON_HOST_DEVICE to use it in a .cu file too. It may have derivatives of its own:
///
///     template <class P, class X>
///     scalar_t<P> value_and_gradient(const P& p, const X& x, scalar_t<P>* gradient) const;
///
/// And it may have a guess, which is where fits without a start begin:
///
///     template <class Points>
///     void guess(const Points& points, typename Points::value_type* p) const;
///
/// writes all parameters. With S = Points::value_type, a scalar, points.sum<k>(f) are k sums over
/// the points that have a weight: f(x, y, terms) writes k terms of S of the point y at x. Likewise
/// points.largest<k>(f), the largest of each term. Both return an array of S and read the data
/// once. Decisions are select() as above. A number that is not finite counts as 1, and what is
/// beyond a bound as the bound. The mean as the start of a constant:
///
///     const auto sums = points.template sum<2>([](const auto&, const S& y, S* terms) {
///         terms[0] = y;
///         terms[1] = S(1.0);
///     });
///     p[0] = sums[0] / sums[1];
///
/// It is compiled for both arithmetics. `using arithmetic = float;` (or double) in it leaves the
/// other one out, which halves the time to compile it: batches that ask for that one are then
/// refused.
template <class Model>
FitModel make_fit_model(const Model& model) {
    return {detail::batch_parts<SmallKind::fit>(model), SmallKind::fit};
}

/// An objective to be minimised: a functor as above that returns f(p; d), where d are a problem's
/// `coordinates` numbers; with several points a problem, the objective is the (weighted) sum over
/// them. Derivatives of its own:
///
///     template <class P, class D>
///     scalar_t<P> value_gradient_hessian(const P& p, const D& d, scalar_t<P>* gradient,
///                                        scalar_t<P>* hessian) const;
///
/// with the Hessian's lower triangle packed column by column (math/packed.h).
template <class Objective>
SmallObjective make_small_objective(const Objective& objective) {
    return {detail::batch_parts<SmallKind::objective>(objective), SmallKind::objective};
}

}  // namespace CUNEWTON_CPU_CODE

/// Fits the model to each problem's data by Levenberg-Marquardt. T is double or float: the type of
/// data and results; options.precision chooses the arithmetic. Data that are on a GPU are solved
/// there as they lie; the CPU gets a copy of them.
///
/// Throws InvalidArgument for misuse (sizes that do not match, crossed bounds for all problems,
/// ...) and BackendUnavailable if the backend that was asked for cannot run here. What is wrong
/// with one problem is its status. A start outside its bounds is moved onto them. The same input
/// gives the same bits on one backend and processor, with any number of threads and any chunk.
template <class T>
BatchResult<T> fit_batch(const FitModel& model, const BatchData<T>& data,
                         const BatchOptions& options = {});
extern template BatchResult<double> fit_batch(const FitModel&, const BatchData<double>&,
                                              const BatchOptions&);
extern template BatchResult<float> fit_batch(const FitModel&, const BatchData<float>&,
                                             const BatchOptions&);

/// The same, with the results in arrays of the caller's. `options` has to be named, if only as {}.
///
/// Where all arrays, of data and of results, are on the GPU and the arithmetic is the data's,
/// nothing goes to the host, and progress and chunk have no meaning. If options.stream is given
/// too, the work is queued there and the call returns at once (BatchSummary::queued): arrays stay
/// in use until it is done, and that it failed is told by the stream. The stream may be in capture:
/// what is queued becomes part of the graph, which can be launched again and again; run one batch
/// before, since the first use of a kernel loads its code. Everywhere else results are complete on
/// return, and copies go where they have to. The results are those of the other fit_batch(), bit
/// for bit but for covariances, standard errors and condition numbers, which are computed where the
/// results are.
///
/// Throws InvalidArgument also for results of the wrong size, arrays that are not where they are
/// said to be, and results that are asked for where there are none (best_start of one start is 0,
/// at_bound without bounds too; degrees of freedom of objectives are misuse).
template <class T>
BatchSummary fit_batch(const FitModel& model, const BatchData<T>& data,
                       const BatchArrays<T>& results, const BatchOptions& options);
extern template BatchSummary fit_batch(const FitModel&, const BatchData<double>&,
                                       const BatchArrays<double>&, const BatchOptions&);
extern template BatchSummary fit_batch(const FitModel&, const BatchData<float>&,
                                       const BatchArrays<float>&, const BatchOptions&);

/// The same on all ranks, each of which solves its part of the problems, consecutive ones, and gets
/// the results of all: the bits are those of one. All call it with the batch's sizes and the same
/// options; of arrays with numbers of each problem a rank reads those of its own problems alone.
/// options.progress hears of a rank's own problems. In the summary are the backend and the time of
/// this rank, and the sums of counts; problems that were completed need not be the first ones.
/// Throws RankError on all other ranks where one fails.
template <class T>
BatchResult<T> fit_batch(const FitModel& model, const BatchData<T>& data,
                         const BatchOptions& options, Communicator& communicator);
extern template BatchResult<double> fit_batch(const FitModel&, const BatchData<double>&,
                                              const BatchOptions&, Communicator&);
extern template BatchResult<float> fit_batch(const FitModel&, const BatchData<float>&,
                                             const BatchOptions&, Communicator&);

/// What fit_batch(model, data, options), or minimize_batch(), would take on the backend that would
/// run it first, at most: its chunks are as large as options.chunk and options.memory_budget allow,
/// and if that is more than there is they are made smaller. Throws as those do.
template <class T>
MemoryNeeded memory_needed(const BatchModel& model, const BatchData<T>& data,
                           const BatchOptions& options = {});
extern template MemoryNeeded memory_needed(const BatchModel&, const BatchData<double>&,
                                           const BatchOptions&);
extern template MemoryNeeded memory_needed(const BatchModel&, const BatchData<float>&,
                                           const BatchOptions&);
/// The same of fit_batch(model, data, results, options), or minimize_batch().
template <class T>
MemoryNeeded memory_needed(const BatchModel& model, const BatchData<T>& data,
                           const BatchArrays<T>& results, const BatchOptions& options);
extern template MemoryNeeded memory_needed(const BatchModel&, const BatchData<double>&,
                                           const BatchArrays<double>&, const BatchOptions&);
extern template MemoryNeeded memory_needed(const BatchModel&, const BatchData<float>&,
                                           const BatchArrays<float>&, const BatchOptions&);

/// Explains how problem `i` of a batch ended, whose model, data and options these are: which number
/// of the data is no number, at which point the model or which of its derivatives is not finite,
/// which parameters the data do not determine. Evaluates the problem again, on the CPU. Throws
/// InvalidArgument if there is no such problem, or the result is another batch's.
template <class T>
BatchExplanation explain(const BatchModel& model, const BatchData<T>& data,
                         const BatchOptions& options, const BatchResult<T>& result, long i);
extern template BatchExplanation explain(const BatchModel&, const BatchData<double>&,
                                         const BatchOptions&, const BatchResult<double>&, long);
extern template BatchExplanation explain(const BatchModel&, const BatchData<float>&,
                                         const BatchOptions&, const BatchResult<float>&, long);

/// Minimises the objective for each problem by Newton's method with an exact trust region. As
/// fit_batch(); data.y stays empty, and data.weights, if there are any, multiply the terms.
template <class T>
BatchResult<T> minimize_batch(const SmallObjective& objective, const BatchData<T>& data,
                              const BatchOptions& options = {});
extern template BatchResult<double> minimize_batch(const SmallObjective&, const BatchData<double>&,
                                                   const BatchOptions&);
extern template BatchResult<float> minimize_batch(const SmallObjective&, const BatchData<float>&,
                                                  const BatchOptions&);

/// The same on all ranks: see fit_batch().
template <class T>
BatchResult<T> minimize_batch(const SmallObjective& objective, const BatchData<T>& data,
                              const BatchOptions& options, Communicator& communicator);
extern template BatchResult<double> minimize_batch(const SmallObjective&, const BatchData<double>&,
                                                   const BatchOptions&, Communicator&);
extern template BatchResult<float> minimize_batch(const SmallObjective&, const BatchData<float>&,
                                                  const BatchOptions&, Communicator&);

/// The same with the results in arrays of the caller's: see fit_batch().
template <class T>
BatchSummary minimize_batch(const SmallObjective& objective, const BatchData<T>& data,
                            const BatchArrays<T>& results, const BatchOptions& options);
extern template BatchSummary minimize_batch(const SmallObjective&, const BatchData<double>&,
                                            const BatchArrays<double>&, const BatchOptions&);
extern template BatchSummary minimize_batch(const SmallObjective&, const BatchData<float>&,
                                            const BatchArrays<float>&, const BatchOptions&);

}  // namespace cunewton
