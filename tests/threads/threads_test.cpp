// Calls from several host threads at once, for the same problems and models: the results have the
// bits of one call after the other.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

constexpr int thread_count = 8, solves_per_thread = 100;

/// All that a call returned, but for the time it took, as bytes.
class Bits {
  public:
    template <class V>
    void add(const std::vector<V>& values) {
        if (values.empty()) return;
        const std::size_t at = bytes_.size();
        bytes_.resize(at + values.size() * sizeof(V));
        std::memcpy(bytes_.data() + at, values.data(), values.size() * sizeof(V));
    }
    template <class V>
    void add(const V& value) {
        add(std::vector<V>{value});
    }
    friend bool operator==(const Bits&, const Bits&) = default;

  private:
    std::vector<unsigned char> bytes_;
};

template <class T>
Bits bits(const Result<T>& result) {
    EXPECT_EQ(result.backend, tested_backend());
    Bits all;
    all.add(result.x);
    all.add(result.f);
    all.add(result.gradient_norm);
    all.add(result.iterations);
    all.add(result.status);
    return all;
}
template <class T>
Bits bits(const BatchResult<T>& result) {
    EXPECT_EQ(result.backend, tested_backend());
    EXPECT_EQ(result.completed, result.problems);
    Bits all;
    all.add(result.parameters);
    all.add(result.objective);
    all.add(result.gradient_norm);
    all.add(result.iterations);
    all.add(result.status);
    all.add(result.standard_errors);
    return all;
}

/// What the threads solve, again and again: a few problems of each kind, of different sizes.
class Jobs {
  public:
    Jobs() {
        const auto choice = tested_choice();
        int k = 0;
        for (const auto method : {Method::newton, Method::trust_region, Method::bfgs}) {
            Options options;
            options.backend = choice;
            options.method = method;
            options.threads = 1 + k % 2;
            const int n = 2 + 2 * k++;
            jobs_.push_back([=, problem = make_objective<double>(ExtendedRosenbrock{}, n)] {
                std::vector<double> x0(static_cast<std::size_t>(n), 1);
                for (std::size_t j = 0; j < x0.size(); j += 2) x0[j] = -1.2;
                return bits(minimize(problem, x0, options));
            });
            add_logistic<double>(options, 60 + 20 * k, 1 + k);
            add_logistic<float>(options, 50, 3);
        }
        const FitModel peak = make_fit_model(Gaussian1D{});
        for (const int points : {6, 11, 48, 160}) {
            BatchOptions options;
            options.backend = choice;
            options.threads = 1 + points % 2;
            options.standard_errors = true;
            options.chunk = points == 11 ? 7 : 0;
            add_peaks<double>(peak, options, 400 / points, points);
            add_peaks<float>(peak, options, 300 / points, points);
        }
        const SmallObjective rosenbrock = make_small_objective(RosenbrockN<2>{});
        for (const long problems : {1, 37}) {
            BatchOptions options;
            options.backend = choice;
            options.threads = 2;
            std::vector<double> start;
            for (long i = 0; i < problems; ++i) {
                start.push_back(-1.2 + 0.01 * static_cast<double>(i));
                start.push_back(1);
            }
            jobs_.push_back([=] {
                return bits(minimize_batch(
                    rosenbrock, BatchData<double>{.problems = problems, .start = start}, options));
            });
        }
    }
    std::size_t size() const { return jobs_.size(); }
    Bits run(std::size_t job) const { return jobs_[job](); }

  private:
    template <class T>
    void add_logistic(const Options& options, long count, int features) {
        auto numbers = std::make_shared<std::vector<T>>();
        auto labels = std::make_shared<std::vector<T>>();
        for (long i = 0; i < count * features; ++i)
            numbers->push_back(static_cast<T>(std::sin(1.7 * static_cast<double>(i))));
        for (long i = 0; i < count; ++i) labels->push_back(static_cast<T>(i * i % 5 < 2));
        const Samples<T> samples{.features = numbers->data(),
                                 .count = count,
                                 .dimension = features,
                                 .targets = labels->data()};
        const auto problem = make_linear_predictor<T>(Logistic{}, samples, {.l2 = 0.01});
        jobs_.push_back([=] {
            static_cast<void>(numbers);  // the problem reads them, and the labels
            static_cast<void>(labels);
            return bits(
                minimize(problem, std::vector<T>(static_cast<std::size_t>(features)), options));
        });
    }

    template <class T>
    void add_peaks(const FitModel& model, const BatchOptions& options, long problems, int points) {
        std::vector<T> coordinates, y, start;
        for (int k = 0; k < points; ++k)
            coordinates.push_back(static_cast<T>(6.0 * k / points - 3));
        for (long i = 0; i < problems; ++i) {
            for (int k = 0; k < points; ++k) {
                const double u = 6.0 * k / points - 3 - 0.02 * static_cast<double>(i % 10);
                y.push_back(static_cast<T>(5 * std::exp(-u * u / 2) + 1 +
                                           0.02 * static_cast<double>((7 * i + 5 * k) % 11)));
            }
            for (const double value : {4.0, 0.1, 1.2, 0.8}) start.push_back(static_cast<T>(value));
        }
        jobs_.push_back([=] {
            return bits(fit_batch(model,
                                  BatchData<T>{.problems = problems,
                                               .points = points,
                                               .coordinates = coordinates,
                                               .y = y,
                                               .start = start},
                                  options));
        });
    }

    std::vector<std::function<Bits()>> jobs_;
};

class HostThreadsTest : public BackendTest {};

TEST_F(HostThreadsTest, GiveTheBitsOfOneAfterTheOther) {
    const Jobs jobs;
    std::vector<Bits> expected;
    for (std::size_t job = 0; job < jobs.size(); ++job) expected.push_back(jobs.run(job));

    std::atomic<int> ready{0};
    std::vector<std::string> failures(thread_count);
    std::vector<std::thread> threads;
    for (int t = 0; t < thread_count; ++t)
        threads.emplace_back([&, t] {
            ++ready;
            while (ready < thread_count) std::this_thread::yield();
            for (int i = 0; i < solves_per_thread; ++i) {
                const std::size_t job = static_cast<std::size_t>(7 * i + 3 * t) % jobs.size();
                try {
                    if (jobs.run(job) == expected[job]) continue;
                    failures[t] += " job " + std::to_string(job) + " differs;";
                } catch (const std::exception& error) {
                    failures[t] += " job " + std::to_string(job) + ": " + error.what() + ";";
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (int t = 0; t < thread_count; ++t) EXPECT_EQ(failures[t], "") << "thread " << t;
}

}  // namespace
}  // namespace cunewton::test
