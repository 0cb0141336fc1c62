#include <gtest/gtest.h>

#include <set>
#include <string>

#include "cunewton/options.h"

namespace cunewton {
namespace {

TEST(Names, StatusesAreTheirOwnNames) {
    EXPECT_STREQ(to_string(Status::converged), "converged");
    EXPECT_STREQ(to_string(Status::derivative_accuracy), "derivative_accuracy");
    EXPECT_STREQ(to_string(Status::precision_limit), "precision_limit");
    EXPECT_STREQ(to_string(Status::small_step), "small_step");
    EXPECT_STREQ(to_string(Status::small_change), "small_change");
    EXPECT_STREQ(to_string(Status::saddle_point), "saddle_point");
    EXPECT_STREQ(to_string(Status::max_iterations), "max_iterations");
    EXPECT_STREQ(to_string(Status::max_evaluations), "max_evaluations");
    EXPECT_STREQ(to_string(Status::time_limit), "time_limit");
    EXPECT_STREQ(to_string(Status::cancelled), "cancelled");
    EXPECT_STREQ(to_string(Status::unbounded), "unbounded");
    EXPECT_STREQ(to_string(Status::not_finite), "not_finite");
    EXPECT_STREQ(to_string(Status::singular), "singular");
    EXPECT_STREQ(to_string(Status::no_descent), "no_descent");
    EXPECT_STREQ(to_string(Status::invalid_data), "invalid_data");
    EXPECT_STREQ(to_string(Status::not_run), "not_run");
    EXPECT_STREQ(to_string(static_cast<Status>(99)), "unknown");
}

TEST(Names, DescentStepsAndCurvaturePenalties) {
    EXPECT_STREQ(to_string(DescentStep::exact_quadratic), "exact_quadratic");
    EXPECT_STREQ(to_string(DescentStep::inverse_lambda_max), "inverse_lambda_max");
    EXPECT_STREQ(to_string(DescentStep::extreme_eigenvalues), "extreme_eigenvalues");
    EXPECT_STREQ(to_string(DescentStep::inverse_diagonal), "inverse_diagonal");
    EXPECT_STREQ(to_string(static_cast<DescentStep>(99)), "unknown");
    EXPECT_STREQ(to_string(CurvaturePenaltyKind::trace), "trace");
    EXPECT_STREQ(to_string(CurvaturePenaltyKind::squared_frobenius_norm), "squared_frobenius_norm");
    EXPECT_STREQ(to_string(CurvaturePenaltyKind::largest_eigenvalue), "largest_eigenvalue");
    EXPECT_STREQ(to_string(CurvaturePenaltyKind::sharpness), "sharpness");
    EXPECT_STREQ(to_string(static_cast<CurvaturePenaltyKind>(99)), "unknown");
}

TEST(Names, Methods) {
    EXPECT_STREQ(to_string(Method::newton), "newton");
    EXPECT_STREQ(to_string(Method::trust_region), "trust_region");
    EXPECT_STREQ(to_string(Method::newton_cg), "newton_cg");
    EXPECT_STREQ(to_string(Method::lbfgs), "lbfgs");
    EXPECT_STREQ(to_string(PreconditionBy::blocks), "blocks");
    EXPECT_STREQ(to_string(PreconditionBy::diagonal), "diagonal");
    EXPECT_STREQ(to_string(PreconditionBy::nystrom), "nystrom");
    EXPECT_STREQ(to_string(PreconditionBy::kronecker), "kronecker");
    EXPECT_STREQ(to_string(PreconditionBy::own), "own");
    EXPECT_STREQ(to_string(Method::gradient_descent), "gradient_descent");
    EXPECT_STREQ(to_string(Method::subspace_newton), "subspace_newton");
    EXPECT_STREQ(to_string(Method::block_newton), "block_newton");
    EXPECT_STREQ(to_string(Method::bfgs), "bfgs");
    EXPECT_STREQ(to_string(static_cast<Method>(99)), "unknown");
}

TEST(Names, Derivatives) {
    EXPECT_STREQ(to_string(GradientBy::automatic), "automatic");
    EXPECT_STREQ(to_string(GradientBy::analytic), "analytic");
    EXPECT_STREQ(to_string(GradientBy::autodiff), "autodiff");
    EXPECT_STREQ(to_string(GradientBy::forward_differences), "forward_differences");
    EXPECT_STREQ(to_string(GradientBy::central_differences), "central_differences");
    EXPECT_STREQ(to_string(static_cast<GradientBy>(99)), "unknown");
    EXPECT_STREQ(to_string(HessianBy::automatic), "automatic");
    EXPECT_STREQ(to_string(HessianBy::analytic), "analytic");
    EXPECT_STREQ(to_string(HessianBy::autodiff), "autodiff");
    EXPECT_STREQ(to_string(HessianBy::gradient_differences), "gradient_differences");
    EXPECT_STREQ(to_string(HessianBy::value_differences), "value_differences");
    EXPECT_STREQ(to_string(HessianBy::gauss_newton), "gauss_newton");
    EXPECT_STREQ(to_string(static_cast<HessianBy>(99)), "unknown");
}

TEST(Names, Perceptrons) {
    EXPECT_STREQ(to_string(Activation::relu), "relu");
    EXPECT_STREQ(to_string(Activation::tanh), "tanh");
    EXPECT_STREQ(to_string(Activation::softplus), "softplus");
    EXPECT_STREQ(to_string(Activation::gelu), "gelu");
    EXPECT_STREQ(to_string(static_cast<Activation>(99)), "unknown");
    EXPECT_STREQ(to_string(PerceptronLoss::softmax_cross_entropy), "softmax_cross_entropy");
    EXPECT_STREQ(to_string(PerceptronLoss::squared_error), "squared_error");
    EXPECT_STREQ(to_string(static_cast<PerceptronLoss>(99)), "unknown");
}

}  // namespace
}  // namespace cunewton
