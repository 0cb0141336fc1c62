// A program of several ranks: program WHAT, where
//   bits      prints a hash of what all methods reach, the same for any number of ranks
//   throw     the callback of the last rank throws, and nobody catches it
//   mismatch  the last rank has another start
//   killed    the last rank is killed
//   memory    which memory MPI is given
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/mpi.h"
#include "host/backend/ranks.h"
#include "tests/support/datasets.h"
#include "tests/support/user_losses.h"

namespace cunewton::test {
namespace {

constexpr int d = 6;

template <class T>
class Data {
  public:
    Data() {
        const Dataset set = make_multiclass(3000, d, 3, 5, {.intercept = true, .weights = true});
        features_.assign(set.X.begin(), set.X.end());
        targets_.assign(set.y.begin(), set.y.end());
        weights_.assign(set.w.begin(), set.w.end());
    }
    Samples<T> part(const Communicator& communicator) const {
        const RankPart part = rank_part(static_cast<long>(targets_.size()), communicator);
        return {features_.data() + part.begin * d, part.count, d, 0, targets_.data() + part.begin,
                weights_.data() + part.begin};
    }

  private:
    std::vector<T> features_, targets_, weights_;
};

std::uint64_t mixed = 0;

template <class T>
void mix(const std::vector<T>& numbers) {
    const std::uint64_t both[] = {mixed, hash(numbers.data(), numbers.size() * sizeof(T))};
    mixed = hash(both, sizeof(both));
}

template <class T>
void solve_all(const Problem<T>& problem, const std::vector<T>& start) {
    mix(gradient(problem, start));
    mix(hessian(problem, start));
    for (const Method method : {Method::newton, Method::newton_cg, Method::lbfgs}) {
        Options options;
        options.method = method;
        options.max_iterations = 15;
        options.threads = 1;
        const Result<T> result = minimize(problem, start, options);
        mix(result.x);
        mix(std::vector<double>{result.gradient_norm, static_cast<double>(result.iterations)});
    }
}

template <class T>
void solve_forms(const std::shared_ptr<Communicator>& communicator) {
    const Data<T> data;
    ProblemOptions options;
    options.l2 = 0.01;
    options.communicator = communicator;
    const Samples<T> samples = data.part(*communicator);
    solve_all(make_sample_sum<T>(BlackBoxLogistic<0>{}, samples, d + 1, options),
              std::vector<T>(d + 1, T(0)));
    const Perceptron network{.widths = {d, 5, 3}, .loss = PerceptronLoss::softmax_cross_entropy};
    solve_all(make_perceptron<T>(network, samples, options), random_start<T>(network, 1));
    options.intercept = true;
    solve_all(make_linear_predictor<T>(Softmax{3}, samples, options),
              std::vector<T>(3 * (d + 1), T(0)));
}

void run(const std::string& what) {
    const std::shared_ptr<Communicator> communicator = mpi_communicator(MPI_COMM_WORLD);
    const bool last = communicator->rank() + 1 == communicator->size();
    if (what == "bits") {
        solve_forms<double>(communicator);
        solve_forms<float>(communicator);
        std::printf("bits %016llx on rank %d\n", static_cast<unsigned long long>(mixed),
                    communicator->rank());
        return;
    }
    if (what == "memory") {
        const auto given = [](MpiMemory memory) {
            return mpi_communicator(MPI_COMM_WORLD, memory)->takes_device_memory() ? "device"
                                                                                   : "host";
        };
        const char* const names[] = {given(MpiMemory::host), given(MpiMemory::device),
                                     given(last ? MpiMemory::host : MpiMemory::device)};
        std::printf("given %s, %s, %s on rank %d\n", names[0], names[1], names[2],
                    communicator->rank());
        return;
    }
    const Data<double> data;
    ProblemOptions problem_options;
    problem_options.communicator = communicator;
    const auto problem =
        make_linear_predictor<double>(Softmax{3}, data.part(*communicator), problem_options);
    Options options;
    options.method = Method::newton_cg;
    if (last && what != "mismatch")
        options.callback = [&](const IterationRecord& record) {
            if (record.iteration < 2) return true;
            if (what == "killed") std::raise(SIGKILL);
            throw std::runtime_error("the disk is full");
        };
    std::vector<double> start(3 * d, 0.0);
    if (last && what == "mismatch") start[1] = 1;
    minimize(problem, start, options);
    std::printf("rank %d has finished\n", communicator->rank());
}

}  // namespace
}  // namespace cunewton::test

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    if (argc != 2) return 2;
    cunewton::test::run(argv[1]);
    MPI_Finalize();
}
