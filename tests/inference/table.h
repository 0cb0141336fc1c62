// The rows that tests of inference are about.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "cunewton/problem/samples.h"

namespace cunewton::test {

// Made-up numbers.
inline const std::vector<double> x1 = {0.2, 1.5, 2.2, 0.4, 3.1, 1.1, 2.7, 0.9, 1.8, 3.3, 0.1, 2.0};
inline const std::vector<double> x2 = {1.1, 0.3, 1.9, 2.5, 0.8, 1.4, 2.2, 0.6, 2.9, 1.6, 0.4, 1.0};
inline const std::vector<double> counts = {1, 2, 5, 4, 6, 3, 9, 2, 7, 8, 0, 4};
inline const std::vector<double> labels = {0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0};
inline const std::vector<double> amounts = {1.2,  2.9, 5.1, 5.3, 6.2, 4.1,
                                            30.0, 2.2, 7.9, 7.6, 0.9, 4.4};
inline const std::vector<double> spread = {1, 0, 7, 2, 14, 0, 3, 9, 1, 22, 0, 4};
inline const std::vector<double> grades = {0, 1, 1, 2, 2, 0, 1, 0, 2, 1, 0, 2};
inline const std::vector<double> numbers = {1, 2, 1, 3, 1, 1, 2, 2, 1, 1, 4, 1};
inline const std::vector<double> exposures = {1, 2, 1.5, 1, 2, 1, 3, 1, 2, 2, .5, 1};

/// Rows of x1 and x2, with what else there is of them.
struct Table {
    std::vector<double> features{}, targets, weights{}, offsets{};
    int dimension = 2;

    explicit Table(std::vector<double> y, std::vector<double> w = {})
        : targets(std::move(y)), weights(std::move(w)) {
        for (std::size_t i = 0; i < x1.size(); ++i) {
            features.push_back(x1[i]);
            features.push_back(x2[i]);
        }
    }
    Samples<double> samples() const {
        Samples<double> s;
        s.features = features.data();
        s.count = static_cast<long>(targets.size());
        s.dimension = dimension;
        s.targets = targets.data();
        if (!weights.empty()) s.weights = weights.data();
        if (!offsets.empty()) s.offsets = offsets.data();
        return s;
    }
    /// Each row as often as its weight says, which must be whole.
    Table repeated() const {
        Table rows{{}};
        rows.features.clear();
        for (std::size_t i = 0; i < targets.size(); ++i)
            for (int k = 0; k < static_cast<int>(weights[i]); ++k) {
                rows.features.push_back(features[2 * i]);
                rows.features.push_back(features[2 * i + 1]);
                rows.targets.push_back(targets[i]);
            }
        return rows;
    }
    /// With these weights, and with the logarithms of exposures as offsets.
    Table weighted(const std::vector<double>& w) const {
        Table table = *this;
        table.weights = w;
        return table;
    }
    Table exposed() const {
        Table table = *this;
        for (const double exposure : exposures) table.offsets.push_back(std::log(exposure));
        return table;
    }
};

}  // namespace cunewton::test
