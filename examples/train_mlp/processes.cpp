#include "examples/train_mlp/processes.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef TRAIN_MLP_WITH_MPI
#include "cunewton/mpi.h"
#endif

namespace cunewton::train_mlp {
namespace {

#ifdef TRAIN_MLP_WITH_MPI
/// Alone it would be a rank too, but a slower one that needs MPI's daemon.
bool started_by_mpi() {
    // Open MPI; MPICH, Intel MPI and Slurm; others by PMIx.
    const char* const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"};
    return std::any_of(std::begin(names), std::end(names),
                       [](const char* name) { return std::getenv(name) != nullptr; });
}
#endif

template <class T>
std::vector<T> gathered(Communicator& communicator, const T& mine) {
    const std::size_t size = static_cast<std::size_t>(communicator.size());
    std::vector<T> all(size);
    communicator.all_gather(&mine, std::vector<std::size_t>(size, sizeof(T)), all.data());
    return all;
}

}  // namespace

#ifdef TRAIN_MLP_WITH_MPI
Processes::Processes(int& argc, char**& argv) {
    if (!started_by_mpi()) return;
    if (MPI_Init(&argc, &argv) != MPI_SUCCESS)
        throw std::runtime_error("MPI cannot be initialised");
    communicator_ = mpi_communicator(MPI_COMM_WORLD);
}
Processes::~Processes() {
    if (!communicator_) return;
    communicator_.reset();
    MPI_Finalize();
}
#else
Processes::Processes(int&, char**&) {
    // Each of them would train by itself, and write to the same files.
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
        if (const char* size = std::getenv(name); size && std::atoi(size) > 1)
            throw std::runtime_error(
                "this program knows nothing of other processes (there are " + std::string(size) +
                ", and it was built without MPI) build it with CUNEWTON_ENABLE_MPI=ON");
}
Processes::~Processes() = default;
#endif

void Processes::together(const std::function<void()>& job) const {
    if (!communicator_) return job();
    std::string error;
    try {
        job();
    } catch (const std::exception& caught) {
        error = caught.what();
        if (!is_first()) error = "rank " + std::to_string(rank()) + ": " + error;
    }
    const std::vector<std::size_t> lengths = gathered(*communicator_, error.size());
    std::size_t total = 0;
    for (const std::size_t length : lengths) total += length;
    if (total == 0) return;
    std::string all(total, ' ');
    communicator_->all_gather(error.data(), lengths, all.data());
    const auto first =
        std::find_if(lengths.begin(), lengths.end(), [](std::size_t length) { return length > 0; });
    throw std::runtime_error(all.substr(0, *first));
}

double Processes::sum(double number) const {
    if (communicator_) communicator_->all_reduce(&number, 1);
    return number;
}

int Processes::largest(int number) const {
    if (!communicator_) return number;
    const std::vector<int> all = gathered(*communicator_, number);
    return *std::max_element(all.begin(), all.end());
}

}  // namespace cunewton::train_mlp
