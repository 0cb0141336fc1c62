#include "tool/eigenvalues.h"

#include <stdexcept>
#include <string>

extern "C" void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*,
                        const int*, int*, const int*, int*);

namespace cunewton::tool {

std::vector<double> eigenvalues(std::vector<double>& matrix, int n) {
    std::vector<double> values(static_cast<std::size_t>(n));
    int info = 0, whole_size = -1, size = -1, whole = 0;
    double wanted = 0;
    dsyevd_("V", "L", &n, matrix.data(), &n, values.data(), &wanted, &size, &whole, &whole_size,
            &info);
    size = static_cast<int>(wanted);
    whole_size = whole;
    std::vector<double> work(static_cast<std::size_t>(size));
    std::vector<int> whole_work(static_cast<std::size_t>(whole_size));
    dsyevd_("V", "L", &n, matrix.data(), &n, values.data(), work.data(), &size, whole_work.data(),
            &whole_size, &info);
    if (info != 0)
        throw std::runtime_error("the eigenvalues were not found (LAPACK's dsyevd returned " +
                                 std::to_string(info) + ") are all entries finite?");
    return values;
}

}  // namespace cunewton::tool
