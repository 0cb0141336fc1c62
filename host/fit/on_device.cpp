#include <algorithm>
#include <string>
#include <type_traits>

#include "cunewton/cuda/fit_on_device.h"
#include "cunewton/error.h"
#include "host/fit/options.h"
#if CUNEWTON_WITH_CUDA
#include "kernels/batch_statistics.h"
#endif

namespace cunewton::cuda {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

template <class T>
bool wants_statistics(const DeviceBatch<T>& batch) {
    return batch.covariance || batch.standard_errors || batch.condition_number ||
           batch.undetermined;
}
/// Whether covariances are multiplied by the reduced chi square.
bool has_scale(const BatchModel& model, const BatchOptions& options) {
    return model.kind() == SmallKind::fit && !options.absolute_weights &&
           options.estimator != Estimator::poisson;
}

template <class T>
void check(const BatchModel& model, const DeviceBatch<T>& batch, const BatchOptions& options) {
    check_batch_options(options, model.parameters());
    const auto at_least = [](long value, long least, const char* name) {
        if (value < least)
            reject(std::string(name) + " is too small (" + std::to_string(value) +
                   ") pass at least " + std::to_string(least));
    };
    at_least(batch.problems, 0, "the number of problems");
    check_batch_points(batch.points, model.coordinates());
    at_least(options.starts, 1, "starts");
    const auto needed = [](const void* array, const char* name) {
        if (!array)
            reject(std::string(name) + " is missing (null) pass its array in the device's memory");
    };
    needed(batch.start, "start");
    if (model.coordinates() > 0) needed(batch.coordinates, "coordinates");
    if (model.kind() == SmallKind::fit)
        needed(batch.y, "y");
    else if (batch.y)
        reject("y is there (it is not null) an objective's data are its coordinates");
    needed(batch.parameters, "parameters");
    needed(batch.objective, "objective");
    needed(batch.gradient_norm, "gradient_norm");
    needed(batch.status, "status");
    needed(batch.iterations, "iterations");
    needed(batch.queue, "queue");
    if (options.starts > 1 && batch.shared_start)
        reject("one start for all runs (there are " + std::to_string(options.starts) +
               " starts a problem) pass one for each run");
    constexpr bool single = std::is_same_v<T, float>;
    if (options.precision != BatchPrecision::as_data &&
        options.precision != (single ? BatchPrecision::single : BatchPrecision::full))
        reject(
            "another arithmetic than the data's (they are on the device as they are) choose "
            "BatchPrecision::as_data");
    if (options.covariance) needed(batch.covariance, "covariance");
    if (options.standard_errors) needed(batch.standard_errors, "standard_errors");
    if (options.condition_number) needed(batch.condition_number, "condition_number");
    if (wants_statistics(batch)) {
        needed(batch.hessian, "hessian, from which covariances and the like are computed,");
        if (has_scale(model, options) && (batch.covariance || batch.standard_errors))
            needed(batch.counted_points, "counted_points, which errors of fits depend on,");
    }
}

template <class T>
void solve(const BatchModel& model, const DeviceBatch<T>& data, const BatchOptions& options,
           Stream stream) {
    check(model, data, options);
    const SmallCode<T>* ops;
    if constexpr (std::is_same_v<T, double>)
        ops = model.parts().cuda_double.get();
    else
        ops = model.parts().cuda_float.get();
    if (!ops)
        throw BackendUnavailable(
            "the model has no GPU code (its functor was compiled for the CPU alone) add it with "
            "cuda::attach_device_code in a .cu file");
    DeviceBatch<T> batch = data;
    batch.starts = options.starts;
    BatchMethod<T> method;
    for (std::size_t j = 0; j < options.fixed.size(); ++j)
        method.fixed |= std::uint64_t{options.fixed[j]} << j;
    const bool bounded = batch.lower || batch.upper || method.fixed != 0;
    method.derivatives = batch_derivatives(options, ops->has_analytic());
    method.settings = solver_settings<T>(options, bounded, method.derivatives);
    method.estimator = options.estimator;
    method.tuning = static_cast<T>(tuning_constant(options));
    ops->solve(batch, method, stream);
#if CUNEWTON_WITH_CUDA
    if (wants_statistics(batch))
        launch_batch_statistics(batch, model.parameters(), method.fixed, has_scale(model, options),
                                stream);
#endif
}

}  // namespace

template <class T>
void fit_batch_on_device(const FitModel& model, const DeviceBatch<T>& batch,
                         const BatchOptions& options, Stream stream) {
    solve(model, batch, options, stream);
}
template void fit_batch_on_device(const FitModel&, const DeviceBatch<double>&, const BatchOptions&,
                                  Stream);
template void fit_batch_on_device(const FitModel&, const DeviceBatch<float>&, const BatchOptions&,
                                  Stream);

template <class T>
void minimize_batch_on_device(const SmallObjective& objective, const DeviceBatch<T>& batch,
                              const BatchOptions& options, Stream stream) {
    solve(objective, batch, options, stream);
}
template void minimize_batch_on_device(const SmallObjective&, const DeviceBatch<double>&,
                                       const BatchOptions&, Stream);
template void minimize_batch_on_device(const SmallObjective&, const DeviceBatch<float>&,
                                       const BatchOptions&, Stream);

}  // namespace cunewton::cuda
