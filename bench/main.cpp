// cunewton_bench: runs the cases that were asked for, prints a table and writes JSON.
#include <fmt/format.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/blas.h"
#include "bench/cases/cases.h"
#include "bench/device.h"
#include "bench/environment.h"
#include "bench/peer_data.h"
#include "cunewton/cunewton.h"

namespace cunewton::bench {
namespace {

/// Processors that this process may use.
int available_threads() {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

/// A first solve, so that no measurement contains the start of a device. Returns where it ran.
std::string wake_backend(const Settings& settings) {
    Options options;
    options.backend = settings.backend;
    return minimize(make_objective<double>(ExtendedRosenbrock{}, 2), {-1.2, 1.0}, options).backend;
}

bool write_json(const nlohmann::ordered_json& json, const std::string& path) {
    const std::string text = json.dump(2);
    if (path == "-") {
        fmt::print(stdout, "{}\n", text);
        return true;
    }
    std::ofstream file(path);
    file << text << '\n';
    return static_cast<bool>(file);
}

int run(int argc, char** argv) {
    Settings settings;
    settings.threads = 0;
    bool list = false, device = false, no_peers = false;
    std::vector<std::string> names;
    std::string backend = "auto", precision = "f64", size = "full", starts = "standard", json_path,
                data_folder;

    CLI::App app("Benchmarks of cunewton. Progress goes to stderr, the table to stdout.");
    app.add_flag("--list", list, "list the cases and stop");
    app.add_flag("--device", device, "print the GPU's properties and speeds as JSON and stop");
    app.add_option("--case", names, "cases to run, separated by commas (default: all)")
        ->delimiter(',');
    app.add_option("--backend", backend, "where to run")
        ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
        ->capture_default_str();
    app.add_option("--precision", precision, "of the loss and the step")
        ->check(CLI::IsMember({"f64", "f32"}))
        ->capture_default_str();
    app.add_option("--threads", settings.threads, "of the CPU backend, BLAS and peers; 0: all")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_option("--repeat", settings.repeats, "measurements of which the median is taken")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--size", size, "small: for tests and device emulators")
        ->check(CLI::IsMember({"small", "full"}))
        ->capture_default_str();
    app.add_option("--starts", starts, "of unconstrained: all adds 10 and 100 times the start")
        ->check(CLI::IsMember({"standard", "all"}))
        ->capture_default_str();
    app.add_flag("--no-peers", no_peers, "do not run the libraries that are compared with");
    app.add_option("--json", json_path,
                   "write the result here; - is stdout, the table goes to stderr");
    app.add_option("--write-data", data_folder,
                   "write the cases' data here, for the peers in bench/peers/gpu, and stop");
    CLI11_PARSE(app, argc, argv);

    if (list) {
        for (const Case& c : all_cases) fmt::print("{:<16} {}\n", c.name, c.description);
        return EXIT_SUCCESS;
    }
    settings.backend = backend == "cpu"    ? BackendChoice::cpu
                       : backend == "cuda" ? BackendChoice::cuda
                                           : BackendChoice::automatic;
    settings.single = precision == "f32";
    settings.small = size == "small";
    settings.peers = !no_peers;
    settings.all_starts = starts == "all";
    if (device) {
        fmt::print("{}\n", describe_device(settings).dump(2));
        return EXIT_SUCCESS;
    }
    if (settings.threads == 0) settings.threads = available_threads();
    if (json_path == "-") settings.text = stderr;

    std::vector<const Case*> chosen;
    for (const Case& c : all_cases)
        if (names.empty() || std::count(names.begin(), names.end(), c.name)) chosen.push_back(&c);
    for (const std::string& name : names) {
        if (std::none_of(std::begin(all_cases), std::end(all_cases),
                         [&](const Case& c) { return name == c.name; }))
            throw InvalidArgument("case '" + name + "' is unknown: --list names all");
    }

    if (!data_folder.empty()) {
        std::vector<std::string> chosen_names;
        for (const Case* c : chosen) chosen_names.push_back(c->name);
        write_peer_data(data_folder, chosen_names, settings.small);
        return EXIT_SUCCESS;
    }

    set_blas_threads(settings.threads);
    Report report(settings);
    Context context{settings, report, wake_backend(settings)};
    for (const Case* c : chosen) {
        report.progress(std::string(c->name) + ": " + c->description);
        c->run(context);
    }
    report.compare_with_peers();
    report.print_table(settings.text);
    if (json_path.empty()) return EXIT_SUCCESS;

    nlohmann::ordered_json json;
    json["environment"] = describe_environment(settings, context.rates(), context.device_rates_);
    json["rows"] = nlohmann::ordered_json::array();
    for (const Row& row : report.rows()) json["rows"].push_back(to_json(row));
    if (const std::string warning = blas_warning(context.rates()); !warning.empty())
        report.progress("warning: " + warning);
    if (!write_json(json, json_path)) {
        fmt::print(stderr, "error: cannot write '{}' (choose another file for --json)\n",
                   json_path);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace cunewton::bench

int main(int argc, char** argv) {
    try {
        return cunewton::bench::run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "error: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
