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

/// Of a table. A case's table has those in which one of its rows has something.
struct Column {
    const char* title;
    std::string (*text)(const Row& row);
    bool left = false;  ///< aligned
};

const Column columns[] = {
    {"variant", [](const Row& row) { return row.variant; }, true},
    {"on", [](const Row& row) { return row.backend; }, true},
    {"n", [](const Row& row) { return fmt::to_string(row.dimension); }},
    {"N", [](const Row& row) { return cell("{}", row.samples); }},
    {"batch", [](const Row& row) { return cell("{}", row.batch); }},
    {"wall", [](const Row& row) { return duration(row.timing.median); }},
    {"cpu", [](const Row& row) { return duration(row.timing.cpu_median); }},
    {"us each", [](const Row& row) { return cell("{:.3g}", microseconds_per_problem(row)); }},
    {"iter",
     [](const Row& row) {
         return row.mean_iterations ? cell("{:.1f}", row.mean_iterations)
                                    : cell("{}", row.iterations);
     }},
    {"|g|", [](const Row& row) { return cell("{:.1e}", row.gradient_norm); }},
    {"accurate", [](const Row& row) { return cell("{:.5f}", row.share_accurate); }},
    {"excess", [](const Row& row) { return cell("{:.1e}", row.largest_excess); }},
    {"digits", [](const Row& row) { return cell("{:.1f}", row.digits); }},
    {"/floor",
     [](const Row& row) { return cell("{:.2f}", ratio(row.timing.median, row.floor_seconds)); }},
    {"/peak",
     [](const Row& row) {
         return cell("{:.2f}", ratio(row.timing.median, row.floor_peak_seconds));
     }},
    {"/peer",
     [](const Row& row) { return cell("{:.3f}", ratio(row.timing.median, row.peer_seconds)); }},
    {"error", [](const Row& row) { return cell("{:.1e}", row.error); }},
    {"status", [](const Row& row) { return row.status.value_or(""); }, true},
};

/// Seconds of as many problems as `row` has.
double scaled_seconds(double seconds, const Row& peer, const Row& row) {
    return peer.batch && row.batch ? seconds * double(*row.batch) / double(*peer.batch) : seconds;
}

}  // namespace

std::optional<double> microseconds_per_problem(const Row& row) {
    if (!row.batch) return {};
    return 1e6 * row.timing.median * row.threads.value_or(1) / double(*row.batch);
}

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
    json["resident_seconds"] = or_null(row.resident_seconds);
    json["microseconds_per_problem"] = or_null(microseconds_per_problem(row));
    json["mean_iterations"] = or_null(row.mean_iterations);
    json["share_converged"] = or_null(row.share_converged);
    json["share_accurate"] = or_null(row.share_accurate);
    json["largest_excess"] = or_null(row.largest_excess);
    json["digits"] = or_null(row.digits);
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
            const double seconds = scaled_seconds(peer.timing.median, peer, row);
            if (comparable && (!row.peer_seconds || seconds < *row.peer_seconds)) {
                row.peer = peer.variant;
                row.peer_seconds = seconds;
                row.peer_cpu_seconds = scaled_seconds(peer.timing.cpu_median, peer, row);
            }
        }
    }
}

void Report::print_table(std::FILE* file) const {
    for (auto first = rows_.begin(); first != rows_.end();) {
        const auto last = std::find_if(
            first, rows_.end(), [&](const Row& row) { return row.case_name != first->case_name; });
        std::vector<std::string> lines(static_cast<std::size_t>(last - first) + 1);
        for (const Column& column : columns) {
            std::vector<std::string> cells = {column.title};
            for (auto row = first; row != last; ++row) cells.push_back(column.text(*row));
            const auto is_empty = [](const std::string& text) {
                return text.empty() || text == "-";
            };
            if (std::all_of(cells.begin() + 1, cells.end(), is_empty)) continue;
            std::size_t width = 0;
            for (const std::string& text : cells) width = std::max(width, text.size());
            for (std::size_t r = 0; r < lines.size(); ++r)
                lines[r] += column.left ? fmt::format("{:<{}}  ", cells[r], width)
                                        : fmt::format("{:>{}}  ", cells[r], width);
        }
        fmt::print(file, "\n{}, {}\n", first->case_name, settings_.precision());
        for (std::string& line : lines)
            fmt::print(file, "{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
        first = last;
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
