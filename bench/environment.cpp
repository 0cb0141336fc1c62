#include "bench/environment.h"

#include <fmt/format.h>
#include <time.h>

#include <fstream>
#include <string>

#include "bench/blas.h"
#include "build_commit.h"
#include "cunewton/cpu/dispatch.h"
#include "cunewton/minimize.h"

namespace cunewton::bench {
namespace {

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
    }
    return "unknown";
}

std::string now_utc() {
    const std::time_t now = std::time(nullptr);
    std::tm parts;
    gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

nlohmann::ordered_json or_null(const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

nlohmann::ordered_json gigaflops(const DenseRates& rates) {
    return {{"dsyrk_785", rates.dsyrk_785 / 1e9},   {"dsyrk_1970", rates.dsyrk_1970 / 1e9},
            {"ssyrk_785", rates.ssyrk_785 / 1e9},   {"ssyrk_1970", rates.ssyrk_1970 / 1e9},
            {"dpotrf_785", rates.dpotrf_785 / 1e9}, {"dpotrf_1970", rates.dpotrf_1970 / 1e9},
            {"spotrf_785", rates.spotrf_785 / 1e9}, {"spotrf_1970", rates.spotrf_1970 / 1e9}};
}

}  // namespace

std::string blas_warning(const Rates& rates) {
    const double share = rates.dgemm_one_thread / rates.fma_peak_one_thread;
    if (share >= 0.5) return {};
    return fmt::format(
        "BLAS runs at {:.0f}% of the processor's peak (kernel '{}' may not be the one for this "
        "processor): with OpenBLAS set OPENBLAS_CORETYPE, for example to Haswell or SkylakeX",
        100 * share, describe_blas().kernel);
}

nlohmann::ordered_json describe_environment(const Settings& settings, const Rates& rates,
                                            const std::optional<DenseRates>& device_rates) {
    nlohmann::ordered_json json;
    std::string device;
    for (const BackendStatus& backend : backends()) {
        json["backends"][backend.name] = backend.reason;
        if (backend.name == "cuda" && backend.available) device = backend.reason;
    }
    json["device"] = or_null(device);
    json["cpu"] = cpu_model();
    json["instruction_set"] = cpu::to_string(cpu::instruction_set());
    json["compiler"] = CUNEWTON_COMPILER;
    json["cuda"] = or_null(CUNEWTON_CUDA_VERSION);
    json["build_type"] = CUNEWTON_BUILD_TYPE;
    json["commit"] = CUNEWTON_COMMIT;
    json["date"] = now_utc();
    json["threads"] = settings.threads;
    json["size"] = settings.small ? "small" : "full";

    const BlasDescription blas = describe_blas();
    json["blas"] = {{"configured", CUNEWTON_BLAS},
                    {"library", or_null(blas.library)},
                    {"config", or_null(blas.config)},
                    {"kernel", or_null(blas.kernel)}};
    json["gflops"] = {{"fma_peak", rates.fma_peak / 1e9},
                      {"fma_peak_float32", rates.fma_peak_single / 1e9},
                      {"fma_peak_one_thread", rates.fma_peak_one_thread / 1e9},
                      {"dgemm", rates.dgemm / 1e9},
                      {"dgemm_one_thread", rates.dgemm_one_thread / 1e9}};
    json["gflops"].update(gigaflops(rates.dense));
    json["device_gflops"] =
        device_rates ? gigaflops(*device_rates) : nlohmann::ordered_json(nullptr);
    json["blas_warning"] = or_null(blas_warning(rates));
    return json;
}

}  // namespace cunewton::bench
