#include "cunewton/model/curves.h"
#include "cunewton/model/decay.h"
#include "cunewton/model/diffusion.h"
#include "cunewton/model/growth.h"
#include "tests/support/builtin_fit_models.h"

namespace cunewton::test {

bool find_curve_model(const std::string& name, const FitModel*& found) {
    return take_model<ExponentialDecay<1>>(name, "ExponentialDecay<1>", found) ||
           take_model<ExponentialDecay<2>>(name, "ExponentialDecay<2>", found) ||
           take_model<ExponentialDecay<3>>(name, "ExponentialDecay<3>", found) ||
           take_model<LogisticGrowth>(name, "LogisticGrowth", found) ||
           take_model<MichaelisMenten>(name, "MichaelisMenten", found) ||
           take_model<Hill>(name, "Hill", found) ||
           take_model<Polynomial<1>>(name, "Polynomial<1>", found) ||
           take_model<Polynomial<2>>(name, "Polynomial<2>", found) ||
           take_model<Polynomial<3>>(name, "Polynomial<3>", found) ||
           take_model<Polynomial<4>>(name, "Polynomial<4>", found) ||
           take_model<PowerLaw>(name, "PowerLaw", found) || take_model<Sine>(name, "Sine", found) ||
           take_model<DiffusionTensor>(name, "DiffusionTensor", found);
}

}  // namespace cunewton::test
