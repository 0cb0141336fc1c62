// Fits a line to samples that are spread over the processes of MPI.
#include <cunewton/cunewton.h>
#include <cunewton/mpi.h>

#include <iostream>
#include <memory>
#include <vector>

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    int status = 1;
    {
        const std::shared_ptr<cunewton::Communicator> ranks =
            cunewton::mpi_communicator(MPI_COMM_WORLD);
        const cunewton::RankPart part = cunewton::rank_part(1000, *ranks);
        std::vector<double> t, y;
        for (long i = part.begin; i < part.begin + part.count; ++i) {
            t.push_back(0.001 * static_cast<double>(i));
            y.push_back(1 + 2 * t.back());
        }
        cunewton::ProblemOptions options;
        options.intercept = true;
        options.communicator = ranks;
        const auto problem = cunewton::make_linear_predictor<double>(
            cunewton::LinearRegression{}, {t.data(), part.count, 1, 0, y.data()}, options);
        const auto result = cunewton::minimize(problem, {0.0, 0.0});
        std::cout << to_string(result.status) << " at " << result.x[0] << ", " << result.x[1]
                  << " on rank " << ranks->rank() << '\n';
        status = result.converged() ? 0 : 1;
    }
    MPI_Finalize();
    return status;
}
