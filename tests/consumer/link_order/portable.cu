#include "code.h"

Sizes portable() {
    return solve();
}
