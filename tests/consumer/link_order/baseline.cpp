#define CUNEWTON_BASELINE_LANES
#include "code.h"

Sizes baseline() {
    return solve();
}
