#include "host/backend/choice.h"

#include <cmath>
#include <cstdlib>
#include <limits>

namespace cunewton {

namespace {

/// The same. Throws InvalidArgument, which lists the names that there are, for one that no build
/// has.
BackendChoice known(const BackendChoice& choice, const char* where) {
    if (choice == BackendChoice::automatic) return choice;
    std::string names = "auto";
    for (const BackendEntry& entry : registry()) {
        if (choice == entry.name) return choice;
        names += std::string(", ") + entry.name;
    }
    for (const std::string& name : names_left_out())
        if (choice == name) return choice;
    throw InvalidArgument(std::string(where) + " names no backend (\"" + choice.name() +
                          "\") choose one of " + names);
}

}  // namespace

BackendChoice asked_backend(BackendChoice choice) {
    const char* variable = std::getenv("CUNEWTON_BACKEND");
    if (choice == BackendChoice::automatic && variable && *variable)
        return known(variable, "CUNEWTON_BACKEND");
    return known(choice, "options.backend");
}

Candidates choose_backends(BackendChoice choice,
                           const std::function<bool(const BackendEntry&)>& has_code) {
    const std::string asked =
        choice == BackendChoice::automatic ? "asked for by CUNEWTON_BACKEND" : "asked for by name";
    choice = asked_backend(choice);
    Candidates candidates;
    std::string passed_over;
    for (const BackendEntry& entry : registry()) {
        if (choice != BackendChoice::automatic && choice != entry.name) continue;
        std::string why_not;
        if (!has_code(entry))
            why_not = std::string("the loss has no code for ") + entry.name;
        else if (const Probe probe = entry.probe(); !probe.available)
            why_not = probe.reason;
        if (why_not.empty()) {
            if (candidates.entries.empty())
                candidates.reason = choice != BackendChoice::automatic ? asked
                                    : passed_over.empty()              ? "first choice"
                                                                       : passed_over;
            candidates.entries.push_back(&entry);
        } else {
            passed_over += (passed_over.empty() ? "" : "; ") + (entry.name + (": " + why_not));
        }
    }
    if (candidates.entries.empty()) {
        const bool in_build = !passed_over.empty();
        throw BackendUnavailable(
            "no backend can run this problem (" +
            (in_build ? passed_over : choice.name() + std::string(" is not in this build")) +
            ") choose another backend or BackendChoice::automatic");
    }
    return candidates;
}

template <class T>
Candidates choose_backends(const Problem<T>& problem, BackendChoice choice) {
    return choose_backends(
        choice, [&](const BackendEntry& entry) { return entry.code<T>().runs(problem); });
}

std::vector<Common> common_options(const DerivativeOptions& options, Candidates& candidates) {
    candidates.entries.resize(1);
    const std::string backend = candidates.entries.front()->name;
    const std::vector<double>& typical = options.typical_x;
    return {{"backend", hash(backend.data(), backend.size())},
            {"choice of gradients", static_cast<std::uint64_t>(options.gradient)},
            {"choice of Hessians", static_cast<std::uint64_t>(options.hessian)},
            {"hessian_precision", static_cast<std::uint64_t>(options.hessian_precision)},
            {"relative_step", bits(options.relative_step)},
            {"typical_x", hash(typical.data(), typical.size() * sizeof(double))},
            {"memory_budget", options.memory_budget}};
}

template <class T>
void check_derivative_options(const DerivativeOptions& options, int n) {
    const double step = options.relative_step;
    if (step != 0 && !(step >= std::numeric_limits<T>::epsilon() && step < 1))
        throw InvalidArgument("relative_step is invalid (" + std::to_string(step) +
                              ") pass 0 or a number from the scalar's epsilon to 1");
    if (!options.typical_x.empty() && options.typical_x.size() != static_cast<std::size_t>(n))
        throw InvalidArgument("typical_x has the wrong size (" +
                              std::to_string(options.typical_x.size()) + " for " +
                              std::to_string(n) + " parameters) pass none or one for each");
    for (const double t : options.typical_x)
        if (!(static_cast<T>(t) > 0) || !std::isfinite(static_cast<T>(t)))
            throw InvalidArgument("typical_x is invalid (" + std::to_string(t) +
                                  ") pass finite magnitudes > 0");
}

#define CUNEWTON_INSTANTIATE(T)                                            \
    template Candidates choose_backends(const Problem<T>&, BackendChoice); \
    template void check_derivative_options<T>(const DerivativeOptions&, int);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
