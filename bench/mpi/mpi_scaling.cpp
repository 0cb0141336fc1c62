// The regressions of the case matrix_free with their samples spread over the processes that mpirun
// starts: time, what is sent, and a hash of the minimiser's bits.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/cases/dense_data.h"
#include "bench/timing.h"
#include "cunewton/cunewton.h"
#include "cunewton/mpi.h"

namespace cunewton::bench {
namespace {

struct Settings {
    int threads = 1, repeats = 3;
    bool small = false, all_reduce = false, no_communicator = false;
};

/// Of the bits (FNV-1a).
std::uint64_t hash_of(const std::vector<double>& numbers) {
    std::uint64_t hash = 14695981039346656037u;
    for (const double number : numbers) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &number, sizeof(bits));
        hash = (hash ^ bits) * 1099511628211u;
    }
    return hash;
}

void run(const DenseJob& job, const Settings& settings,
         const std::shared_ptr<Communicator>& communicator) {
    const TrainingData& data = job.data;
    const RankPart part = settings.no_communicator ? RankPart{0, data.samples}
                                                   : rank_part(data.samples, *communicator);
    Samples<double> samples;
    samples.features = data.X.data() + part.begin * data.features;
    samples.count = part.count;
    samples.dimension = data.features;
    samples.targets = data.y.data() + part.begin;
    ProblemOptions penalty{.l2 = 1e-4, .intercept = true, .penalize_intercept = true};
    if (!settings.no_communicator) penalty.communicator = communicator;
    if (settings.all_reduce) penalty.rank_sums = RankSums::all_reduce;
    const Problem<double> problem =
        data.outputs() == 1
            ? make_linear_predictor<double>(Logistic{}, samples, penalty)
            : make_linear_predictor<double>(Softmax{data.classes}, samples, penalty);
    const std::vector<double> start(static_cast<std::size_t>(problem.dimension()), 0.0);
    Options options;
    options.method = Method::newton_cg;
    options.gradient_tolerance = 1e-8;
    options.threads = settings.threads;
    std::vector<double> seconds;
    Result<double> result;
    Communicator::Traffic before, after;
    for (int repeat = 0; repeat < settings.repeats; ++repeat) {
        MPI_Barrier(MPI_COMM_WORLD);
        before = communicator->traffic();
        const double begin = wall_seconds();
        result = minimize(problem, start, options);
        seconds.push_back(wall_seconds() - begin);
        after = communicator->traffic();
    }
    // One more evaluation with a gradient: a sum of as many numbers as a product is, and the loss.
    gradient(problem, start);
    const long of_gradient = communicator->traffic().bytes - after.bytes;
    if (communicator->rank() != 0) return;
    fmt::print(
        "mpi_scaling, {}: {} ranks, {} samples, {} parameters: {:.4f} s (median of {}), {} "
        "iterations, {} products, {} evaluations; rank 0 sent {} bytes in {} exchanges, {} for a "
        "gradient; {}, bits {:016x}\n",
        job.data_name, communicator->size(), data.samples, problem.dimension(), median(seconds),
        settings.repeats, result.iterations, result.counts.products, result.counts.evaluations,
        after.bytes - before.bytes, after.exchanges - before.exchanges, of_gradient,
        to_string(result.status), hash_of(result.x));
}

}  // namespace
}  // namespace cunewton::bench

int main(int argc, char** argv) {
    using namespace cunewton;
    bench::Settings settings;
    CLI::App app("mpirun -n RANKS cunewton_mpi_scaling: the case matrix_free by ranks");
    app.add_option("--threads", settings.threads, "of each rank");
    app.add_option("--repeats", settings.repeats, "solves; the median counts")
        ->check(CLI::PositiveNumber);
    app.add_flag("--small", settings.small, "small data: whether it runs");
    app.add_flag("--all-reduce", settings.all_reduce, "RankSums::all_reduce");
    app.add_flag("--no-communicator", settings.no_communicator, "all samples on each rank");
    MPI_Init(&argc, &argv);
    int status = 0;
    try {
        app.parse(argc, argv);
        const std::shared_ptr<Communicator> communicator = mpi_communicator(MPI_COMM_WORLD);
        const auto use = [&](const bench::DenseJob& job) {
            bench::run(job, settings, communicator);
        };
        bench::each_logistic_job(settings.small, use);
        bench::each_softmax_job(settings.small, use);
    } catch (const CLI::ParseError& error) {
        status = app.exit(error);
    }
    MPI_Finalize();
    return status;
}
