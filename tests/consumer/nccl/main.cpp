// Fits a line to samples that are spread over all GPUs, a thread each; without GPUs to all of them.
#include <cunewton/cunewton.h>
#include <cunewton/nccl.h>

#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

std::string fit(const std::shared_ptr<cunewton::Communicator>& ranks) {
    const cunewton::RankPart part =
        ranks ? cunewton::rank_part(1000, *ranks) : cunewton::RankPart{0, 1000};
    std::vector<double> t, y;
    for (long i = part.begin; i < part.begin + part.count; ++i) {
        t.push_back(0.001 * static_cast<double>(i));
        y.push_back(1 + 2 * t.back());
    }
    cunewton::ProblemOptions problem_options;
    problem_options.intercept = true;
    problem_options.communicator = ranks;
    const auto problem = cunewton::make_linear_predictor<double>(
        cunewton::LinearRegression{}, {t.data(), part.count, 1, 0, y.data()}, problem_options);
    cunewton::Options options;
    options.method = cunewton::Method::newton_cg;
    if (ranks) options.device = ranks->device();
    const auto result = cunewton::minimize(problem, {0.0, 0.0}, options);
    return to_string(result.status) + std::string(" at ") + std::to_string(result.x[0]) + ", " +
           std::to_string(result.x[1]);
}

int main() {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        std::cout << "no GPU: " << fit(nullptr) << '\n';
        return 0;
    }
    std::vector<ncclComm_t> ends(static_cast<std::size_t>(devices));
    if (const ncclResult_t status = ncclCommInitAll(ends.data(), devices, nullptr);
        status != ncclSuccess) {
        std::cerr << "NCCL: " << ncclGetErrorString(status) << '\n';
        return 1;
    }
    std::vector<std::string> said(ends.size());
    std::vector<std::thread> threads;
    for (std::size_t r = 0; r < ends.size(); ++r)
        threads.emplace_back([&, r] {
            try {
                said[r] = fit(cunewton::nccl_communicator(ends[r]));
            } catch (const std::exception& error) {
                said[r] = error.what();
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (std::size_t r = 0; r < ends.size(); ++r) {
        std::cout << "GPU " << r << ": " << said[r] << '\n';
        if (ncclCommDestroy(ends[r]) != ncclSuccess || said[r] != said[0]) return 1;
    }
    return 0;
}
