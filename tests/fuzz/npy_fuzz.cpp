// Any bytes as a NumPy array: read, or refused by an exception that says why; what was read is
// written and read to the same. scripts/fuzz makes a program of it.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "cunewton/error.h"
#include "readers/npy.h"

#if !defined(CUNEWTON_FUZZ_TARGET)
#define CUNEWTON_FUZZ_TARGET LLVMFuzzerTestOneInput
#endif

extern "C" int CUNEWTON_FUZZ_TARGET(const std::uint8_t* data, std::size_t size) {
    using namespace cunewton::readers;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try {
        const NpyArray<double> array = parse_npy<double>(bytes);
        if (array.values.size() != array.header.count()) std::abort();
        const std::string written = npy_bytes<double>(array.shape, array.values.all());
        const NpyArray<double> again = parse_npy<double>(written);
        if (again.shape != array.shape || again.values.size() != array.values.size()) std::abort();
        if (array.values.size() > 0 && std::memcmp(array.values.data(), again.values.data(),
                                                   array.values.size() * sizeof(double)) != 0)
            std::abort();
    } catch (const cunewton::FileError& error) {
        if (std::strlen(error.what()) == 0) std::abort();
    }
    return 0;
}
