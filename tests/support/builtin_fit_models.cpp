#include "tests/support/builtin_fit_models.h"

#include <map>
#include <stdexcept>

#include "cunewton/cunewton.h"

namespace cunewton::test {

namespace {
template <class Form, class Functor>
void add(std::map<std::string, FitModel>& models, const char* name) {
    if constexpr (std::is_same_v<Form, builtin::Fit>)
        models.emplace(name, make_fit_model(Functor{}));
}
}  // namespace

FitModel builtin_fit_model(const std::string& name) {
    static const std::map<std::string, FitModel> models = [] {
        std::map<std::string, FitModel> all;
#define CUNEWTON_BUILTIN(Form, Functor, header) add<builtin::Form, Functor>(all, #Functor);
#include "cunewton/builtin.inc"
#undef CUNEWTON_BUILTIN
        return all;
    }();
    const auto found = models.find(name);
    if (found == models.end()) throw std::invalid_argument("no model is called " + name);
    return found->second;
}

}  // namespace cunewton::test
