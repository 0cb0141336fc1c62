#pragma once

#include <cstdlib>
#include <string>

namespace cunewton::test {

/// The path of a data file of bench/data, which was in `folder` when the program was compiled. The
/// environment variable CUNEWTON_DATA names another folder, for programs that run elsewhere.
inline std::string data_file(const std::string& folder, const std::string& name) {
    const char* elsewhere = std::getenv("CUNEWTON_DATA");
    return (elsewhere && *elsewhere ? elsewhere : folder) + "/" + name;
}

}  // namespace cunewton::test
