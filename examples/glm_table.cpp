// A generalised linear model from the columns of a CSV file, and the table that it is reported by.
//
//     glm_table FILE TARGET [DROPPED]   the target is 0 or 1; DROPPED is a column left out
//
// For instance: glm_table bench/data/challenger.csv distress flight
#include <cunewton/cunewton.h>
#include <cunewton/inference.h>

#include <cstdio>
#include <exception>
#include <iostream>

#include "readers/csv.h"

int main(int argc, char** argv) try {
    if (argc < 3) throw cunewton::InvalidArgument("usage: glm_table FILE TARGET [DROPPED]");
    const std::string target = argv[2];
    using cunewton::readers::Column;
    cunewton::readers::CsvOptions reading;
    reading.choose = [&](const std::vector<std::string>& names) {
        std::vector<Column> columns;
        for (const std::string& name : names)
            columns.push_back(argc > 3 && name == argv[3] ? Column::skipped : Column::number);
        return columns;
    };
    const cunewton::readers::Table<double> table =
        cunewton::readers::read_csv<double>(argv[1], reading);

    // Rows of the features, and the names of the coefficients: the intercept's is the last.
    cunewton::SummaryOptions shown{.names = {}, .dependent = target};
    std::vector<double> features, targets;
    for (long j = 0; j < table.columns; ++j)
        if (table.names[j] != target) shown.names.push_back(table.names[j]);
    const long width = static_cast<long>(shown.names.size());
    shown.names.push_back("const");
    for (long i = 0; i < table.rows; ++i)
        for (long j = 0; j < table.columns; ++j) {
            const double value = table.values.data()[i * table.columns + j];
            if (table.names[j] == target)
                targets.push_back(value);
            else
                features.push_back(value);
        }
    if (targets.empty()) throw cunewton::InvalidArgument("no column is called " + target);

    const auto samples = cunewton::Samples<double>::of(
        cunewton::Array<const double>(features.data(), table.rows, width), targets);
    const auto problem =
        cunewton::make_linear_predictor<double>(cunewton::Logistic{}, samples, {.intercept = true});
    const auto result = cunewton::minimize(problem, std::vector<double>(problem.dimension(), 0.0));
    const cunewton::Inference found = cunewton::inference(problem, result);
    std::cout << summary(found, shown);
    return result.converged() ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "glm_table: %s\n", error.what());
    return 2;
}
