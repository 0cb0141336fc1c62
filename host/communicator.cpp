#include "cunewton/communicator.h"

#include <string>
#include <vector>

#include "cunewton/error.h"
#include "host/backend/ranks.h"

namespace cunewton {

void Communicator::all_gather(const void* mine, std::span<const std::size_t> bytes, void* all) {
    ++traffic_.exchanges;
    traffic_.bytes += static_cast<long>(bytes[static_cast<std::size_t>(rank())]);
    gather(mine, bytes, all);
}

void Communicator::all_reduce(double* numbers, std::size_t count) {
    ++traffic_.exchanges;
    traffic_.bytes += static_cast<long>(count * sizeof(double));
    reduce(numbers, count);
}

void Communicator::reduce(double* numbers, std::size_t count) {
    const std::size_t ranks = static_cast<std::size_t>(size());
    const std::vector<std::size_t> bytes(ranks, count * sizeof(double));
    std::vector<double> all(ranks * count);
    gather(numbers, bytes, all.data());
    for (std::size_t j = 0; j < count; ++j) {
        numbers[j] = all[j];
        for (std::size_t r = 1; r < ranks; ++r) numbers[j] += all[r * count + j];
    }
}

RankPart rank_part(long samples, const Communicator& communicator) {
    const SampleGrid grid(samples);
    const auto first_chunk = [&](int rank) {
        return rank * SampleGrid::chunks / communicator.size();
    };
    for (int r = 0; r < communicator.size(); ++r)
        if (samples <= 0 || grid.begin(first_chunk(r)) == grid.begin(first_chunk(r + 1)))
            throw InvalidArgument("there are too many ranks (" +
                                  std::to_string(communicator.size()) + " for " +
                                  std::to_string(samples) + " samples) use at most " +
                                  std::to_string(SampleGrid::chunks) + ", with at least " +
                                  std::to_string(SampleGrid::group) + " samples each");
    const long begin = grid.begin(first_chunk(communicator.rank()));
    return {begin, grid.begin(first_chunk(communicator.rank() + 1)) - begin};
}

}  // namespace cunewton
