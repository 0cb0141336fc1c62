// The libraries of small_fits.h that this build has.
#pragma once

#include <vector>

#include "bench/peers/small_fits.h"

namespace cunewton::bench {

const std::vector<SmallFitPeer>& small_fit_peers();

}  // namespace cunewton::bench
