#pragma once

/// Bytes of the smallest scalar that a loss and a model have been called with.
struct Sizes {
    long loss = 1000, model = 1000;
};
Sizes chosen();
Sizes baseline();
Sizes only_avx2();
Sizes portable();
