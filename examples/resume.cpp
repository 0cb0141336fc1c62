// A run that outlives its process: kill it (kill -9, Ctrl-C, the power), start it again, and it
// goes on to the bits that it would have come to.
//
//     resume [file of the state, resume.ckpt if left out] [milliseconds that an iteration takes]
#include <cunewton/cunewton.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <thread>
#include <vector>

namespace {

/// A link of Rosenbrock's chain, whose valley takes many iterations.
struct Link {
    static constexpr int parameters = 2;

    template <class X>
    auto operator()(const X& x) const {
        const auto a = x[1] - x[0] * x[0], b = x[0] - 1.0;
        return 100.0 * a * a + b * b;
    }
};

}  // namespace

int main(int count, char** arguments) {
    const int n = 100;
    std::vector<int> links;
    for (int j = 0; j + 1 < n; ++j) links.insert(links.end(), {j, j + 1});
    const auto problem = cunewton::make_element_sum<double>(
        Link{}, cunewton::Array<const int>(links.data(), n - 1, 2), n);

    cunewton::Options options;
    options.method = cunewton::Method::lbfgs;
    options.checkpoint.file = count > 1 ? arguments[1] : "resume.ckpt";
    options.checkpoint.every = 10;
    options.checkpoint.of = "Rosenbrock's chain";
    const std::chrono::milliseconds pause(count > 2 ? std::atoi(arguments[2]) : 50);

    bool begun = false;
    options.callback = [&](const cunewton::IterationRecord& at) {
        if (!begun)
            std::printf(at.iteration > 0 ? "goes on from iteration %d\n" : "begins\n",
                        at.iteration);
        begun = true;
        if (at.iteration % 20 == 0) std::printf("iteration %4d, loss %.6g\n", at.iteration, at.f);
        std::fflush(stdout);
        std::this_thread::sleep_for(pause);  // time enough to be killed
        return true;
    };
    try {
        const auto result = cunewton::minimize(problem, std::vector<double>(n, -1.0), options);
        const std::uint64_t bits = cunewton::fingerprint(std::as_bytes(std::span(result.x)));
        std::printf(
            "%s after %d iterations, loss %.3g; fingerprint of the minimiser's bits %016llx\n",
            cunewton::to_string(result.status), result.iterations, result.f,
            static_cast<unsigned long long>(bits));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
