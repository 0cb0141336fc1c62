// The arrays of a batch's results, one after the other.
#pragma once

namespace cunewton {

/// Calls use(name, width, r.parameters...), and so for each of the results that BatchResult,
/// BatchArrays and BatchResults have alike; width: numbers of a problem that has n parameters.
template <class Use, class... Results>
void for_each_result(long n, const Use& use, Results&... r) {
    use("parameters", n, r.parameters...);
    use("objective", 1, r.objective...);
    use("gradient_norm", 1, r.gradient_norm...);
    use("status", 1, r.status...);
    use("iterations", 1, r.iterations...);
    use("best_start", 1, r.best_start...);
    use("degrees_of_freedom", 1, r.degrees_of_freedom...);
    use("reduced_chi_square", 1, r.reduced_chi_square...);
    use("at_bound", 1, r.at_bound...);
    use("covariance", n * n, r.covariance...);
    use("standard_errors", n, r.standard_errors...);
    use("condition_number", 1, r.condition_number...);
    use("undetermined", 1, r.undetermined...);
}

}  // namespace cunewton
