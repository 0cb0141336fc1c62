#define CUNEWTON_ONLY_LANES Avx2Lanes
#include "code.h"

Sizes only_avx2() {
    return solve();
}
