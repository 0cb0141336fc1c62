// The cases' data as files, for the peers that are Python programs (peers/gpu).
#pragma once

#include <string>
#include <vector>

namespace cunewton::bench {

/// Writes FOLDER/CASE.json for each of these cases that has such a peer: a list of jobs, whose
/// arrays are .npy files of doubles beside it. `small`: the sizes for tests.
void write_peer_data(const std::string& folder, const std::vector<std::string>& cases, bool small);

}  // namespace cunewton::bench
