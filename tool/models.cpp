#include "tool/models.h"

#include "cunewton/error.h"
#include "cunewton/model/curves.h"
#include "cunewton/model/decay.h"
#include "cunewton/model/diffusion.h"
#include "cunewton/model/gaussian.h"
#include "cunewton/model/growth.h"
#include "cunewton/model/peaks.h"
#include "cunewton/scalar/parameters.h"
#include "readers/csv.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

/// parameters: "name:unit", and "|name|:unit" where the sign does not matter.
template <class Functor>
Model make(const std::string& name, const std::string& formula,
           const std::vector<std::string>& parameters) {
    Model model{name,
                formula,
                {},
                {},
                Functor::coordinates,
                make_fit_model(Functor{}),
                [](const double* p, const double* x) {
                    return Functor{}(Parameters<double, Functor::parameters>{p}, x);
                },
                {}};
    for (const std::string& parameter : parameters) {
        const std::size_t colon = parameter.find(':');
        std::string parameter_name = parameter.substr(0, colon);
        if (parameter_name.starts_with('|')) {
            model.without_sign.push_back(static_cast<int>(model.parameters.size()));
            parameter_name = parameter_name.substr(1, parameter_name.size() - 2);
        }
        model.parameters.push_back(parameter_name);
        model.units.push_back(parameter.substr(colon + 1));
    }
    return model;
}

std::vector<Model> make_models() {
    return {
        make<Gaussian1D>("gaussian1d", "a exp(-(x-c)^2 / 2w^2) + b",
                         {"a:y", "c:x", "|w|:x", "b:y"}),
        make<Lorentzian>("lorentzian", "a / (1 + ((x-c)/w)^2) + b", {"a:y", "c:x", "|w|:x", "b:y"}),
        make<PseudoVoigt>("pseudo_voigt", "a (eta L + (1 - eta) G) + b, both of half width w",
                          {"a:y", "c:x", "|w|:x", "eta:", "b:y"}),
        make<ExponentialDecay<1>>("decay", "a exp(-k x) + b", {"a:y", "k:1/x", "b:y"}),
        make<ExponentialDecay<2>>("decay2", "a1 exp(-k1 x) + a2 exp(-k2 x) + b",
                                  {"a1:y", "k1:1/x", "a2:y", "k2:1/x", "b:y"}),
        make<ExponentialDecay<3>>("decay3", "three such terms + b",
                                  {"a1:y", "k1:1/x", "a2:y", "k2:1/x", "a3:y", "k3:1/x", "b:y"}),
        make<LogisticGrowth>("logistic_growth", "c / (1 + exp(-k (x-m)))", {"c:y", "k:1/x", "m:x"}),
        make<MichaelisMenten>("michaelis_menten", "v x / (k + x)", {"v:y", "k:x"}),
        make<Hill>("hill", "v x^h / (k^h + x^h)", {"v:y", "k:x", "h:"}),
        make<PowerLaw>("power_law", "a x^b + c", {"a:y/x^b", "b:", "c:y"}),
        make<Sine>("sine", "a sin(omega x + phi) + b", {"a:y", "omega:rad/x", "phi:rad", "b:y"}),
        make<Polynomial<1>>("polynomial1", "p0 + p1 x", {"p0:y", "p1:y/x"}),
        make<Polynomial<2>>("polynomial2", "... + p2 x^2", {"p0:y", "p1:y/x", "p2:y/x^2"}),
        make<Polynomial<3>>("polynomial3", "... + p3 x^3",
                            {"p0:y", "p1:y/x", "p2:y/x^2", "p3:y/x^3"}),
        make<Polynomial<4>>("polynomial4", "... + p4 x^4",
                            {"p0:y", "p1:y/x", "p2:y/x^2", "p3:y/x^3", "p4:y/x^4"}),
        make<Gaussian2D>("gaussian2d", "a exp(-((x-cx)^2 + (y-cy)^2) / 2w^2) + b",
                         {"a:y", "cx:x", "cy:x", "|w|:x", "b:y"}),
        make<Gaussian2DElliptic>("gaussian2d_elliptic", "the same with two widths",
                                 {"a:y", "cx:x", "cy:x", "|wx|:x", "|wy|:x", "b:y"}),
        make<Gaussian2DRotated>("gaussian2d_rotated", "two widths along rotated axes",
                                {"a:y", "cx:x", "cy:x", "|wu|:x", "|wv|:x", "angle:rad", "b:y"}),
        make<DiffusionTensor>(
            "diffusion_tensor", "S0 exp(-b g'Dg); x: b, gx, gy, gz",
            {"S0:y", "Dxx:1/x", "Dxy:1/x", "Dxz:1/x", "Dyy:1/x", "Dyz:1/x", "Dzz:1/x"}),
    };
}

}  // namespace

const std::vector<Model>& models() {
    static const std::vector<Model> all = make_models();
    return all;
}

const Model& model_named(const std::string& name) {
    std::vector<std::string> names;
    for (const Model& model : models()) {
        if (model.name == name) return model;
        names.push_back(model.name);
    }
    const std::string alike = readers::most_alike(name, names);
    throw InvalidArgument(
        "there is no such model ('" + name + "') " +
        (alike.empty() ? "choose among " + list_text(names, 99) : "did you mean '" + alike + "'?"));
}

std::string models_text() {
    TextTable table({"  model", "parameters", "formula"}, 3);
    for (const Model& model : models())
        table.add({"  " + model.name, list_text(model.parameters), model.formula});
    return "Models:\n" + table.text();
}

}  // namespace cunewton::tool
