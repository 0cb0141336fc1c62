#include "tests/nist/nist.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/data_file.h"

namespace cunewton::test {

const std::vector<NistProblem>& nist_problems() {
    static const std::vector<NistProblem> problems = [] {
        const std::string path = data_file(CUNEWTON_DATA_FOLDER, "nist_strd.json");
        std::ifstream file(path);
        if (!file) throw std::runtime_error("cannot read " + path);
        std::vector<NistProblem> all;
        const nlohmann::json document = nlohmann::json::parse(file);
        for (const auto& entry : document.at("problems")) {
            NistProblem p;
            p.name = entry.at("name");
            p.difficulty = entry.at("difficulty");
            p.x = entry.at("x").get<std::vector<double>>();
            p.y = entry.at("y").get<std::vector<double>>();
            p.points = static_cast<int>(p.y.size());
            if (entry.at("response") == "log(y)")
                for (double& y : p.y) y = std::log(y);
            p.starts = entry.at("starts").get<std::vector<std::vector<double>>>();
            p.certified = entry.at("certified").get<std::vector<double>>();
            p.standard_deviations = entry.at("standard_deviations").get<std::vector<double>>();
            p.residual_sum = entry.at("rss");
            p.degrees_of_freedom = entry.at("degrees_of_freedom");
            all.push_back(std::move(p));
        }
        return all;
    }();
    return problems;
}

double common_digits(const std::vector<double>& certified, const double* computed) {
    double digits = 11;
    for (std::size_t j = 0; j < certified.size(); ++j) {
        const double error = std::abs(computed[j] - certified[j]) / std::abs(certified[j]);
        if (!(error < 1)) return 0;
        if (error > 0) digits = std::min(digits, -std::log10(error));
    }
    return digits;
}

double certified_digits(const NistProblem& problem, const double* parameters) {
    const double digits = common_digits(problem.certified, parameters);
    if (problem.name != "MGH17") return digits;
    const double exchanged[] = {parameters[0], parameters[2], parameters[1], parameters[4],
                                parameters[3]};
    return std::max(digits, common_digits(problem.certified, exchanged));
}

}  // namespace cunewton::test
