// Certified answers: NIST's standard deviations of nonlinear fits, and generalised linear models
// whose coefficients and errors are known to twenty digits.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/inference.h"
#include "tests/nist/nist.h"
#include "tests/nist/nist_models.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

/// Digits in common, at most 15.
double digits(double found, double certified) {
    const double error = std::abs(found - certified) / std::abs(certified);
    return std::isnan(error) ? 0 : std::min(15.0, -std::log10(error));
}
double digits(const std::vector<double>& found, const std::vector<double>& certified) {
    double least = found.size() == certified.size() ? 15 : 0;
    for (std::size_t j = 0; j < found.size() && j < certified.size(); ++j)
        least = std::min(least, digits(found[j], certified[j]));
    return least;
}

class CertifiedTest : public BackendTest {};

template <class Model>
void expect_certified(const std::string& name) {
    SCOPED_TRACE(name);
    const auto found = std::ranges::find(nist_problems(), name, &NistProblem::name);
    ASSERT_NE(found, nist_problems().end());
    Samples<double> samples;
    samples.features = found->x.data();
    samples.count = found->points;
    samples.dimension = Model::coordinates;
    samples.targets = found->y.data();
    const Problem<double> problem = make_curve_fit<double>(Model{}, samples);
    Options options;
    options.backend = tested_choice();
    const Result<double> result = minimize(problem, found->starts.back(), options);
    InferenceOptions how;
    how.backend = tested_choice();
    const Inference inferred = inference(problem, result, how);
    ASSERT_TRUE(inferred.reason.empty()) << inferred.reason;
    // What doubles hold: to round targets and the model's values moves the residual sum by up to
    // this much of it. Of Lanczos1, whose residuals are 1e-13 of the targets, the exact fit to the
    // targets as doubles has three digits of the certified sum.
    double squares = 0;
    for (const double y : found->y) squares += y * y;
    const double rounding =
        4 * std::numeric_limits<double>::epsilon() * std::sqrt(squares / found->residual_sum);
    const double known = std::min(6.0, -std::log10(rounding));
    EXPECT_GE(digits(inferred.standard_errors, found->standard_deviations), known);
    EXPECT_GE(digits(inferred.deviance, found->residual_sum), known);
    EXPECT_EQ(inferred.degrees_of_freedom, found->degrees_of_freedom);
    std::printf("%-9s standard deviations to %.1f digits\n", name.c_str(),
                digits(inferred.standard_errors, found->standard_deviations));
}

TEST_F(CertifiedTest, StandardDeviationsOfCurvesToSixDigits) {
    if (testing_cuda()) GTEST_SKIP() << "these residuals have no code for the device";
#define CUNEWTON_TEST_CERTIFIED(name, Model) expect_certified<nist::Model>(name);
    CUNEWTON_TEST_NIST_PROBLEMS(CUNEWTON_TEST_CERTIFIED)
#undef CUNEWTON_TEST_CERTIFIED
}

/// A CSV of numbers under a line of names.
std::map<std::string, std::vector<double>> read_columns(const std::string& path) {
    std::ifstream file(path);
    std::map<std::string, std::vector<double>> columns;
    std::vector<std::string> names;
    for (std::string line, field; std::getline(file, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        std::istringstream fields(line);
        for (std::size_t j = 0; std::getline(fields, field, ','); ++j) {
            if (names.size() <= j && columns[field].empty())
                names.push_back(field);
            else
                columns[names[j]].push_back(std::stod(field));
        }
    }
    return columns;
}

/// The data are not part of the repository: CUNEWTON_TABULAR names their folder.
class GlmAnswers : public CertifiedTest {
  protected:
    void SetUp() override {
        CertifiedTest::SetUp();
        const std::string given = environment("CUNEWTON_TABULAR");
        folder_ = given.empty() ? CUNEWTON_TABULAR_FOLDER : given;
        std::ifstream file(folder_ + "/glm_answers.json");
        if (!file) GTEST_SKIP() << "there is no " << folder_ << "/glm_answers.json";
        answers_ = nlohmann::json::parse(file);
    }

    static std::vector<double> numbers(const nlohmann::json& of) {
        std::vector<double> values;
        for (const std::string& text : of.get<std::vector<std::string>>())
            values.push_back(std::stod(text));
        return values;
    }

    /// Everything by defaults, the columns as they are or standardised, the intercept last.
    template <class Loss>
    Inference fit(const std::string& name, const Loss& loss, const std::string& target,
                  bool standardize = false, ProblemOptions options = {}) {
        const nlohmann::json& answer = answers_.at(name);
        const auto columns = read_columns(folder_ + "/" + answer.at("file").get<std::string>());
        const auto names = answer.at("features").get<std::vector<std::string>>();
        const std::vector<double>& y = columns.at(target);
        const std::size_t d = names.size() - 1;
        std::vector<double> features(y.size() * d);
        for (std::size_t j = 0; j < d; ++j) {
            const std::vector<double>& column = columns.at(names[j + 1]);
            double mean = 0, square = 0;
            for (const double v : column) mean += v / static_cast<double>(y.size());
            for (const double v : column)
                square += (v - mean) * (v - mean) / static_cast<double>(y.size());
            for (std::size_t i = 0; i < y.size(); ++i)
                features[i * d + j] =
                    standardize ? (column[i] - mean) / std::sqrt(square) : column[i];
        }
        Samples<double> samples;
        samples.features = features.data();
        samples.count = static_cast<long>(y.size());
        samples.dimension = static_cast<int>(d);
        samples.targets = y.data();
        options.intercept = true;
        const Problem<double> problem = make_linear_predictor<double>(loss, samples, options);
        Options how;
        how.backend = tested_choice();
        const Result<double> result = minimize(problem, std::vector<double>(d + 1, 0.0), how);
        InferenceOptions inferring;
        inferring.backend = tested_choice();
        Inference found = inference(problem, result, inferring);
        std::rotate(found.estimates.begin(), found.estimates.end() - 1, found.estimates.end());
        std::rotate(found.standard_errors.begin(), found.standard_errors.end() - 1,
                    found.standard_errors.end());
        const double coefficients = digits(found.estimates, numbers(answer.at("coefficients")));
        EXPECT_GE(coefficients, 10) << name;
        std::printf("%s: coefficients to %.1f digits", name.c_str(), coefficients);
        if (answer.contains("standard_errors")) {
            const double errors =
                digits(found.standard_errors, numbers(answer.at("standard_errors")));
            EXPECT_GE(errors, 8) << name;
            std::printf(", standard errors to %.1f", errors);
        }
        std::printf("\n");
        return found;
    }
    double number(const std::string& name, const char* entry) const {
        return std::stod(answers_.at(name).at(entry).get<std::string>());
    }

    std::string folder_;
    nlohmann::json answers_;
};

TEST_F(GlmAnswers, LogisticRegressionOfRawColumns) {
    const Inference found = fit("wdbc_logit_4_raw", Logistic{}, "benign");
    EXPECT_GE(digits(found.log_likelihood, number("wdbc_logit_4_raw", "log_likelihood")), 12);
}
TEST_F(GlmAnswers, LogisticRegressionWithAPenalty) {
    const std::string name = "wdbc_ridge_logit_30_standardised";
    const Inference found =
        fit(name, Logistic{}, "benign", true, {.reduction = Reduction::sum, .l2 = 1});
    EXPECT_GE(digits(-found.log_likelihood, number(name, "minus_log_likelihood")), 11);
}
TEST_F(GlmAnswers, LinearRegression) {
    const Inference found = fit("diabetes_ols", cunewton::LinearRegression{}, "progression");
    EXPECT_GE(digits(found.deviance, number("diabetes_ols", "rss")), 12);
}
TEST_F(GlmAnswers, PoissonRegression) {
    const Inference found = fit("randhie_poisson", Poisson{}, "mdvis");
    EXPECT_GE(digits(found.log_likelihood, number("randhie_poisson", "log_likelihood")), 12);
}

}  // namespace
}  // namespace cunewton::test
