// Other libraries' minimisers behind one signature.
#pragma once

#include <string>
#include <vector>

#include "bench/peers/objective.h"

namespace cunewton::bench {

struct PeerLimits {
    double gradient_tolerance = 1e-8;  ///< of |g|_2
    int max_iterations = 1000;
    double seconds = 60;
};

struct PeerResult {
    std::vector<double> x;
    int iterations = 0;
    std::string status;  ///< in the peer's own words
};

struct Peer {
    const char* name;
    bool second_order;  ///< asks for Hessians
    PeerResult (*minimize)(Objective&, const std::vector<double>& x0, const PeerLimits&);
};

/// Those that this build has.
const std::vector<Peer>& peers();

/// Runs a peer; if it throws, the result is x0 and the exception's text as status.
PeerResult minimize_with(const Peer&, Objective&, const std::vector<double>& x0, const PeerLimits&);

// The list's entries; all but the first exist where their library was found.
PeerResult minimize_plain_newton(Objective&, const std::vector<double>&, const PeerLimits&);
PeerResult minimize_petsc_nls(Objective&, const std::vector<double>&, const PeerLimits&);
PeerResult minimize_dlib_trust_region(Objective&, const std::vector<double>&, const PeerLimits&);
PeerResult minimize_dlib_bfgs(Objective&, const std::vector<double>&, const PeerLimits&);
PeerResult minimize_ceres_bfgs(Objective&, const std::vector<double>&, const PeerLimits&);
PeerResult minimize_gsl_bfgs(Objective&, const std::vector<double>&, const PeerLimits&);

}  // namespace cunewton::bench
