#include "peak.h"

cunewton::FitModel peak() {
    return cunewton::make_fit_model(Peak{});
}
