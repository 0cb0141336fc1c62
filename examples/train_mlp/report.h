// What a comparison of methods shows: a table and curves.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cunewton/options.h"

namespace cunewton::train_mlp {

/// Text as printf makes it.
std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

/// Work in passes over the data: a loss, with or without its gradient, is one, and so is a product
/// of the Hessian with a vector.
double passes(const Counts& counts);

/// A method and how it did.
struct Row {
    std::string method;
    std::vector<IterationRecord> curve;
    int iterations = 0;
    double passes = 0, seconds = 0;
    double loss = 0, gradient_norm = 0;
    double training_accuracy = 0;
    std::optional<double> test_accuracy;
    std::string status;
};

void print_table(std::ostream& out, const std::vector<Row>& rows);

/// Writes PREFIX.dat, a block a method, and PREFIX.gp, which makes PREFIX.svg of it, and has
/// gnuplot do so. Says on `out` what it has written. Throws FileError if it cannot write.
void draw_curves(std::ostream& out, const std::string& prefix, const std::string& title,
                 const std::vector<Row>& rows);

}  // namespace cunewton::train_mlp
