#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace cunewton::bench {
namespace {

template <class T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

std::optional<double> ratio(double value, const std::optional<double>& reference) {
    if (!reference || *reference <= 0) return {};
    return value / *reference;
}

/// Four significant digits in a unit that fits.
std::string duration(double seconds) {
    if (seconds < 1e-3) return fmt::format("{:.4g} us", seconds * 1e6);
    if (seconds < 1) return fmt::format("{:.4g} ms", seconds * 1e3);
    return fmt::format("{:.4g} s", seconds);
}

template <class T>
std::string cell(const char* format, const std::optional<T>& value) {
    return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

}  // namespace

nlohmann::ordered_json to_json(const Row& row) {
    nlohmann::ordered_json json;
    json["case"] = row.case_name;
    json["variant"] = row.variant;
    json["backend"] = row.backend;
    json["precision"] = row.precision;
    json["dimension"] = row.dimension;
    json["samples"] = or_null(row.samples);
    json["batch"] = or_null(row.batch);
    json["threads"] = or_null(row.threads);
    json["repeats"] = row.timing.repeats;
    json["seconds_median"] = row.timing.median;
    json["seconds_spread"] = row.timing.spread;
    json["cpu_seconds_median"] = row.timing.cpu_median;
    json["iterations"] = or_null(row.iterations);
    json["status"] = or_null(row.status);
    json["gradient_norm"] = or_null(row.gradient_norm);
    json["floor_seconds"] = or_null(row.floor_seconds);
    json["ratio_to_floor"] = or_null(ratio(row.timing.median, row.floor_seconds));
    json["floor_peak_seconds"] = or_null(row.floor_peak_seconds);
    json["ratio_to_floor_peak"] = or_null(ratio(row.timing.median, row.floor_peak_seconds));
    json["peer"] = or_null(row.peer);
    json["peer_seconds"] = or_null(row.peer_seconds);
    json["ratio_to_peer"] = or_null(ratio(row.timing.median, row.peer_seconds));
    // The same in CPU seconds, which other processes on the machine disturb less.
    std::optional<double> floor_cpu = row.floor_seconds;
    if (floor_cpu) *floor_cpu *= row.threads.value_or(1);
    json["cpu_ratio_to_floor"] = or_null(ratio(row.timing.cpu_median, floor_cpu));
    json["cpu_ratio_to_peer"] = or_null(ratio(row.timing.cpu_median, row.peer_cpu_seconds));
    json["error"] = or_null(row.error);
    for (const auto& [key, value] : row.extra.items()) json[key] = value;
    return json;
}

void Report::progress(const std::string& line) const {
    fmt::print(stderr, "{}\n", line);
}

void Report::add(Row row) {
    progress(fmt::format("  {:<44} n={:<5} {:>11}  {}", row.variant, row.dimension,
                         duration(row.timing.median), row.status.value_or("")));
    rows_.push_back(std::move(row));
}

void Report::compare_with_peers() {
    for (Row& row : rows_) {
        if (row.is_peer || row.group.empty()) continue;
        for (const Row& peer : rows_) {
            const bool comparable = peer.is_peer && peer.solved && peer.group == row.group &&
                                    peer.case_name == row.case_name;
            if (comparable && (!row.peer_seconds || peer.timing.median < *row.peer_seconds)) {
                row.peer = peer.variant;
                row.peer_seconds = peer.timing.median;
                row.peer_cpu_seconds = peer.timing.cpu_median;
            }
        }
    }
}

void Report::print_table(std::FILE* file) const {
    constexpr const char* line =
        "{:<{}} {:<4} {:>5} {:>6}  {:>10} {:>10} {:>5} {:>8} {:>7} {:>7} {:>7} {:>8}  {}\n";
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        const Row& row = rows_[r];
        static constexpr std::size_t least_width = 30;
        std::size_t width = least_width;
        for (const Row& other : rows_)
            if (other.case_name == row.case_name) width = std::max(width, other.variant.size());
        if (r == 0 || rows_[r - 1].case_name != row.case_name) {
            fmt::print(file, "\n{}, {}\n", row.case_name, settings_.precision());
            fmt::print(file, fmt::runtime(line), "variant", width, "on", "n", "N", "wall", "cpu",
                       "iter", "|g|", "/floor", "/peak", "/peer", "error", "status");
        }
        fmt::print(file, fmt::runtime(line), row.variant, width, row.backend, row.dimension,
                   cell("{}", row.samples), duration(row.timing.median),
                   duration(row.timing.cpu_median), cell("{}", row.iterations),
                   cell("{:.1e}", row.gradient_norm),
                   cell("{:.2f}", ratio(row.timing.median, row.floor_seconds)),
                   cell("{:.2f}", ratio(row.timing.median, row.floor_peak_seconds)),
                   cell("{:.3f}", ratio(row.timing.median, row.peer_seconds)),
                   cell("{:.1e}", row.error), row.status.value_or(""));
    }
}

Row Report::row(const std::string& case_name, const std::string& variant) const {
    Row row;
    row.case_name = case_name;
    row.variant = variant;
    row.precision = settings_.precision();
    return row;
}

Row Report::peer_row(const std::string& case_name, const std::string& peer) const {
    Row row;
    row.case_name = case_name;
    row.variant = "peer: " + peer;
    row.backend = "cpu";
    row.precision = "float64";
    row.threads = settings_.threads;
    row.is_peer = true;
    return row;
}

}  // namespace cunewton::bench
