// The rows of results.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/settings.h"
#include "bench/timing.h"

namespace cunewton::bench {

/// One measured thing. What does not apply is left empty and becomes null in the JSON.
struct Row {
    std::string case_name;
    std::string variant;
    std::string backend;
    std::string precision;
    int dimension = 0;
    std::optional<long> samples;
    std::optional<long> batch;
    std::optional<int> threads;
    Timing timing;
    std::optional<int> iterations;
    std::optional<std::string> status;
    std::optional<double> gradient_norm;
    std::optional<double> floor_seconds;       ///< at the rates of the BLAS in use
    std::optional<double> floor_peak_seconds;  ///< at the processor's measured peak
    std::optional<double> error;
    std::optional<double> resident_seconds;  ///< of the device alone: no copies from or to the host
    // Of batches of small problems; `batch` is their number. Shares are of one.
    std::optional<double> mean_iterations;
    std::optional<double> share_converged;  ///< problems whose status says that a stop rule was met
    std::optional<double> share_accurate;   ///< problems within the case's limit of `excess`
    std::optional<double> largest_excess;   ///< of the objective over its minimum, relative
    std::optional<double> digits;           ///< in common with certified parameters
    nlohmann::ordered_json extra = nlohmann::ordered_json::object();  ///< fields of one case

    /// Rows of one group do the same job: its best peer that `solved` is what the others are
    /// compared with. Batches are compared by their time per problem.
    std::string group;
    bool is_peer = false;
    bool solved = true;

    std::optional<std::string> peer;  ///< set by Report::compare_with_peers
    std::optional<double> peer_seconds, peer_cpu_seconds;
};

/// Wall time and threads that a problem of a batch takes, in microseconds.
std::optional<double> microseconds_per_problem(const Row& row);

nlohmann::ordered_json to_json(const Row& row);

class Report {
  public:
    explicit Report(const Settings& settings) : settings_(settings) {}

    /// Progress for the person who waits, on stderr.
    void progress(const std::string& line) const;
    void add(Row row);
    /// Gives each row the best peer of its group.
    void compare_with_peers();
    void print_table(std::FILE* file) const;
    const std::vector<Row>& rows() const { return rows_; }

    /// A row with what the settings say about all of them.
    Row row(const std::string& case_name, const std::string& variant) const;
    Row peer_row(const std::string& case_name, const std::string& peer) const;

  private:
    Settings settings_;
    std::vector<Row> rows_;
};

}  // namespace cunewton::bench
