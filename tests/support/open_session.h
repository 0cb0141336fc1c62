// A session on the tested backend, for tests of what evaluators do.
#pragma once

#include "host/backend/choice.h"
#include "tests/support/backends.h"

namespace cunewton::test {

template <class T>
Session<T> open(const Problem<T>& problem, const DerivativeOptions& derivatives = {},
                int threads = 2) {
    SessionOptions options;
    options.derivatives = derivatives;
    options.threads = threads;
    const Candidates candidates = choose_backends(problem, tested_choice());
    return candidates.entries[0]->template code<T>().open(problem, options);
}

}  // namespace cunewton::test
