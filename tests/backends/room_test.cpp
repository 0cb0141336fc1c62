// Problems whose matrices cannot fit are refused before any work, with the numbers.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/memory.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

class RoomTest : public BackendTest {
  protected:
    static constexpr int n = 500000;  // 2 TB a matrix

    template <class Call>
    static std::string refusal(const Call& call) {
        const auto start = std::chrono::steady_clock::now();
        const std::string text = message_of<OutOfMemory>(call);
        // Even one gradient takes far longer.
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
        return text;
    }
    static void expect_in(const std::string& text, const std::string& part) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    }
};

TEST_F(RoomTest, MinimizeRefusesMatricesAtOnce) {
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, n);
    const std::vector<double> x0(n, 1.0);
    for (const Method method : {Method::newton, Method::trust_region, Method::bfgs}) {
        SCOPED_TRACE(to_string(method));
        Options options;
        options.method = method;
        options.backend = tested_choice();
        const std::string text = refusal([&] { minimize(problem, x0, options); });
        const bool two = method == Method::newton || method == Method::trust_region;
        expect_in(text, two ? "4.0 TB wanted" : "2.0 TB wanted");
        expect_in(text, " free)");
        expect_in(text, "500000 x 500000");
        expect_in(text, "use Method::newton_cg, which holds none");
        EXPECT_EQ(text.find("Method::bfgs") != std::string::npos, two) << text;
    }
}

TEST_F(RoomTest, HessianRefusesAtOnce) {
    const auto problem = make_objective<float>(ExtendedRosenbrock{}, n);
    EvaluationOptions options;
    options.backend = tested_choice();
    const std::vector<float> x(n, 1.0f);
    const std::string text = refusal([&] { hessian(problem, x, options); });
    expect_in(text, "1.0 TB wanted");
    expect_in(text, "gradient()");
    // What takes no matrix still works.
    EXPECT_EQ(evaluate(problem, x, options), 0);
}

TEST_F(RoomTest, TheHostTellsWhatIsFree) {
    const std::size_t free = free_host_bytes();
    EXPECT_GT(free, std::size_t{1} << 20);
    EXPECT_EQ(readable_bytes(0), "0 bytes");
    EXPECT_EQ(readable_bytes(999), "999 bytes");
    EXPECT_EQ(readable_bytes(1500), "1.5 KB");
    EXPECT_EQ(readable_bytes(3.2e11), "320.0 GB");
    EXPECT_NO_THROW(require_room(1e9, std::size_t{1} << 30, "it", "host", "wait"));
    EXPECT_NO_THROW(require_room(1e6, 0, "it", "host", "wait"));  // too little to ask
    EXPECT_THROW(require_room(2e9, std::size_t{1} << 30, "it", "host", "wait"), OutOfMemory);
}

}  // namespace
}  // namespace cunewton::test
