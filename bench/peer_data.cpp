#include "bench/peer_data.h"

#include <fmt/format.h>

#include <bit>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string_view>

#include "bench/cases/dense_data.h"
#include "bench/cases/hessian_job.h"
#include "bench/cases/peak_images.h"
#include "bench/cases/rosenbrock_starts.h"

namespace cunewton::bench {
namespace {

using Json = nlohmann::ordered_json;

/// NumPy's format 1.0: a header of a multiple of 64 bytes, then the numbers, row by row.
void write_npy(const std::filesystem::path& path, const std::vector<std::size_t>& shape,
               std::span<const double> numbers) {
    static_assert(std::endian::native == std::endian::little);
    std::string sizes;
    std::size_t count = 1;
    for (const std::size_t size : shape) {
        sizes += fmt::format("{},", size);
        count *= size;
    }
    if (count != numbers.size()) throw std::logic_error(path.string() + ": not of this shape");
    std::string header =
        fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}), }}", sizes);
    constexpr std::size_t before = 10, unit = 64;
    header.append(unit - (before + header.size() + 1) % unit, ' ');
    header += '\n';
    std::ofstream file(path, std::ios::binary);
    const char length[] = {static_cast<char>(header.size() % 256),
                           static_cast<char>(header.size() / 256)};
    file << std::string_view("\x93NUMPY\x01\x00", 8) << std::string_view(length, 2) << header;
    file.write(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::streamsize>(numbers.size_bytes()));
    if (!file.flush()) throw std::runtime_error("cannot write '" + path.string() + "'");
}

/// The jobs of one case.
class Jobs {
  public:
    Jobs(const std::string& folder, const std::string& case_name)
        : folder_(folder), case_name_(case_name) {}

    /// The next job.
    Json& add(const std::string& name) {
        jobs_.push_back({{"name", name}, {"arrays", Json::object()}});
        return jobs_.back();
    }
    /// An array of the last job.
    void array(const std::string& name, const std::vector<std::size_t>& shape,
               std::span<const double> numbers) {
        const std::string file = fmt::format("{}_{}_{}.npy", case_name_, jobs_.size() - 1, name);
        write_npy(folder_ / file, shape, numbers);
        jobs_.back()["arrays"][name] = file;
    }
    void write() const {
        const std::filesystem::path path = folder_ / (case_name_ + ".json");
        std::ofstream file(path);
        file << jobs_.dump(1) << '\n';
        if (!file.flush()) throw std::runtime_error("cannot write '" + path.string() + "'");
    }

  private:
    std::filesystem::path folder_;
    std::string case_name_;
    Json jobs_ = Json::array();
};

void write_dense(Jobs& jobs, const DenseJob& job) {
    jobs.add(job.data_name)["classes"] = job.data.classes;
    const std::size_t samples = std::size_t(job.data.samples);
    jobs.array("X", {samples, std::size_t(job.data.features)}, job.data.X);
    jobs.array("y", {samples}, job.data.y);
}

void write_images(Jobs& jobs, bool small) {
    const PeakImages<double> images =
        make_peak_images<double>(usual_image_size, small ? 200 : 100000);
    const std::size_t count = std::size_t(images.count), pixels = std::size_t(images.pixels());
    jobs.add(fmt::format("{0}x{0}", images.size))["size"] = images.size;
    jobs.array("counts", {count, pixels}, images.counts);
    jobs.array("start", {count, peak_parameters}, images.start);
    jobs.array("truth", {count, peak_parameters}, images.truth);
}

void write_starts(Jobs& jobs, bool small) {
    for (const int n : {2, 4, 8, 16}) {
        const std::vector<double> start = make_rosenbrock_starts(n, small ? 200 : 100000);
        jobs.add(fmt::format("n={}", n));
        jobs.array("start", {start.size() / std::size_t(n), std::size_t(n)}, start);
    }
}

void write_hessian_jobs(Jobs& jobs, bool small) {
    for (const int n : hessian_sizes(small)) {
        const HessianJob job = make_hessian_job(n, hessian_samples(small));
        jobs.add(fmt::format("n={}", n));
        jobs.array("X", {std::size_t(job.N), std::size_t(n)}, job.X);
        jobs.array("s", {std::size_t(job.N)}, job.s);
        jobs.array("w", {std::size_t(n)}, job.w);
    }
}

}  // namespace

void write_peer_data(const std::string& folder, const std::vector<std::string>& cases, bool small) {
    std::filesystem::create_directories(folder);
    for (const std::string& name : cases) {
        Jobs jobs(folder, name);
        const auto dense = [&](const DenseJob& job) { write_dense(jobs, job); };
        if (name == "logistic_dense")
            each_logistic_job(small, dense);
        else if (name == "softmax_dense")
            each_softmax_job(small, dense);
        else if (name == "gaussian2d_batch")
            write_images(jobs, small);
        else if (name == "rosenbrock_batch")
            write_starts(jobs, small);
        else if (name == "fd_hessian")
            write_hessian_jobs(jobs, small);
        else
            continue;
        jobs.write();
    }
}

}  // namespace cunewton::bench
