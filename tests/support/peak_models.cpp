#include <stdexcept>

#include "cunewton/model/gaussian.h"
#include "cunewton/model/peaks.h"
#include "tests/support/builtin_fit_models.h"

namespace cunewton::test {

bool find_peak_model(const std::string& name, const FitModel*& found) {
    return take_model<Gaussian1D>(name, "Gaussian1D", found) ||
           take_model<Gaussian2D>(name, "Gaussian2D", found) ||
           take_model<Gaussian2DElliptic>(name, "Gaussian2DElliptic", found) ||
           take_model<Gaussian2DRotated>(name, "Gaussian2DRotated", found) ||
           take_model<Lorentzian>(name, "Lorentzian", found) ||
           take_model<PseudoVoigt>(name, "PseudoVoigt", found);
}

FitModel builtin_fit_model(const std::string& name) {
    const FitModel* found = nullptr;
    if (!find_peak_model(name, found) && !find_curve_model(name, found))
        throw std::invalid_argument("no model is called " + name);
    return *found;
}

}  // namespace cunewton::test
