// Names of the public enumerations.
#include "cunewton/choices.h"
#include "cunewton/options.h"

namespace cunewton {

const char* to_string(Status status) {
    switch (status) {
        case Status::converged:
            return "converged";
        case Status::derivative_accuracy:
            return "derivative_accuracy";
        case Status::precision_limit:
            return "precision_limit";
        case Status::small_step:
            return "small_step";
        case Status::small_change:
            return "small_change";
        case Status::saddle_point:
            return "saddle_point";
        case Status::max_iterations:
            return "max_iterations";
        case Status::max_evaluations:
            return "max_evaluations";
        case Status::time_limit:
            return "time_limit";
        case Status::cancelled:
            return "cancelled";
        case Status::unbounded:
            return "unbounded";
        case Status::not_finite:
            return "not_finite";
        case Status::singular:
            return "singular";
        case Status::no_descent:
            return "no_descent";
        case Status::invalid_data:
            return "invalid_data";
        case Status::not_run:
            return "not_run";
    }
    return "unknown";
}

const char* to_string(Method method) {
    switch (method) {
        case Method::automatic:
            return "automatic";
#define CUNEWTON_METHOD(name, matrices) CUNEWTON_SAMPLING_METHOD(name)
#define CUNEWTON_SAMPLING_METHOD(name) \
    case Method::name:                 \
        return #name;
#include "cunewton/methods.inc"
    }
    return "unknown";
}

const char* to_string(DescentStep step) {
    switch (step) {
        case DescentStep::exact_quadratic:
            return "exact_quadratic";
        case DescentStep::inverse_lambda_max:
            return "inverse_lambda_max";
        case DescentStep::extreme_eigenvalues:
            return "extreme_eigenvalues";
        case DescentStep::inverse_diagonal:
            return "inverse_diagonal";
    }
    return "unknown";
}

const char* to_string(CurvaturePenaltyKind kind) {
    switch (kind) {
        case CurvaturePenaltyKind::trace:
            return "trace";
        case CurvaturePenaltyKind::squared_frobenius_norm:
            return "squared_frobenius_norm";
        case CurvaturePenaltyKind::largest_eigenvalue:
            return "largest_eigenvalue";
        case CurvaturePenaltyKind::sharpness:
            return "sharpness";
    }
    return "unknown";
}

const char* to_string(GradientBy by) {
    switch (by) {
        case GradientBy::automatic:
            return "automatic";
        case GradientBy::analytic:
            return "analytic";
        case GradientBy::autodiff:
            return "autodiff";
        case GradientBy::forward_differences:
            return "forward_differences";
        case GradientBy::central_differences:
            return "central_differences";
    }
    return "unknown";
}

const char* to_string(HessianBy by) {
    switch (by) {
        case HessianBy::automatic:
            return "automatic";
        case HessianBy::analytic:
            return "analytic";
        case HessianBy::autodiff:
            return "autodiff";
        case HessianBy::gradient_differences:
            return "gradient_differences";
        case HessianBy::value_differences:
            return "value_differences";
        case HessianBy::gauss_newton:
            return "gauss_newton";
    }
    return "unknown";
}

const char* to_string(Activation activation) {
    switch (activation) {
        case Activation::relu:
            return "relu";
        case Activation::tanh:
            return "tanh";
        case Activation::softplus:
            return "softplus";
        case Activation::gelu:
            return "gelu";
    }
    return "unknown";
}

const char* to_string(PerceptronLoss loss) {
    switch (loss) {
        case PerceptronLoss::softmax_cross_entropy:
            return "softmax_cross_entropy";
        case PerceptronLoss::squared_error:
            return "squared_error";
    }
    return "unknown";
}

const char* to_string(PreconditionBy by) {
    switch (by) {
        case PreconditionBy::automatic:
            return "automatic";
        case PreconditionBy::none:
            return "none";
        case PreconditionBy::blocks:
            return "blocks";
        case PreconditionBy::diagonal:
            return "diagonal";
        case PreconditionBy::nystrom:
            return "nystrom";
        case PreconditionBy::kronecker:
            return "kronecker";
        case PreconditionBy::own:
            return "own";
    }
    return "unknown";
}

const char* to_string(AtBound where) {
    switch (where) {
        case AtBound::free:
            return "free";
        case AtBound::lower:
            return "lower";
        case AtBound::upper:
            return "upper";
        case AtBound::fixed:
            return "fixed";
    }
    return "unknown";
}

const char* to_string(Estimator estimator) {
    switch (estimator) {
        case Estimator::least_squares:
            return "least_squares";
        case Estimator::poisson:
            return "poisson";
        case Estimator::huber:
            return "huber";
        case Estimator::cauchy:
            return "cauchy";
        case Estimator::tukey:
            return "tukey";
        case Estimator::soft_l1:
            return "soft_l1";
        case Estimator::arctan:
            return "arctan";
    }
    return "unknown";
}

const char* to_string(StartsBy by) {
    switch (by) {
        case StartsBy::given:
            return "given";
        case StartsBy::sobol:
            return "sobol";
        case StartsBy::latin_hypercube:
            return "latin_hypercube";
    }
    return "unknown";
}

const char* to_string(BatchDerivatives derivatives) {
    switch (derivatives) {
        case BatchDerivatives::automatic:
            return "automatic";
        case BatchDerivatives::analytic:
            return "analytic";
        case BatchDerivatives::autodiff:
            return "autodiff";
        case BatchDerivatives::differences:
            return "differences";
    }
    return "unknown";
}

}  // namespace cunewton
