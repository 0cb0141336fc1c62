// What the command line chose, for every case.
#pragma once

#include <cstdio>
#include <string>

#include "cunewton/options.h"

namespace cunewton::bench {

struct Settings {
    BackendChoice backend = BackendChoice::automatic;
    bool single = false;  ///< float instead of double
    int threads = 1;      ///< of the CPU backend, of BLAS and of the peers
    int repeats = 3;
    bool small = false;        ///< sizes for tests and device emulators
    bool peers = true;         ///< also run the libraries that were found
    bool all_starts = false;   ///< `unconstrained` also from 10 x0 and 100 x0
    std::FILE* text = stdout;  ///< for people; stderr where stdout takes the JSON

    const char* precision() const { return single ? "float32" : "float64"; }
};

}  // namespace cunewton::bench
