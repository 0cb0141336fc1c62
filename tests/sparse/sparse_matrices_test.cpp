// Sparse matrices on a machine against naive loops over dense ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/sparse/compression.h"
#include "tests/sparse/components.h"
#include "tests/sparse/problems.h"
#include "tests/support/datasets.h"
#include "tests/support/open_session.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

constexpr int side = 9, n = side * side;

template <class T>
class SparseMatricesTest : public SparseFactorTest {
  protected:
    void SetUp() override {
        SparseFactorTest::SetUp();
        if (this->IsSkipped() || this->HasFatalFailure()) return;
        session_ = std::make_unique<Session<T>>(open(chain_problem<T>(n)));
        matrices_ = session_->matrices->sparse(pattern_);
        Random random(3);
        for (int j = 0; j < n; ++j)
            for (long e = pattern_.column_starts[j]; e < pattern_.column_starts[j + 1]; ++e) {
                const int i = pattern_.rows[e];
                const T a = static_cast<T>((i == j ? 5 : 0) + random.uniform() - 0.5);
                entries_.push_back(a);
                dense_[j * n + i] = dense_[i * n + j] = a;
            }
        for (int j = 0; j < n; ++j) {
            x_[j] = static_cast<T>(random.uniform() - 0.5);
            S_[j] = T(j % 2 ? 2 : 0.5);
        }
    }
    Vectors<T>& vectors() { return *session_->vectors; }
    SparseMatrices<T>& matrices() { return *matrices_; }
    Buffer<T> there(const std::vector<T>& from) {
        Buffer<T> to = vectors().allocate(from.size());
        vectors().upload(to.get(), from.data(), from.size());
        return to;
    }
    std::vector<T> here(const Buffer<T>& from) {
        std::vector<T> to(from.size());
        vectors().download(to.data(), from.get(), to.size());
        return to;
    }
    /// What factorize() says of a matrix that is 1 on the diagonal but for A(0, 0) = first, and has
    /// `beside` next to it.
    double info_of(double first, double beside, double* pivot = nullptr) {
        std::vector<T> A(entries_.size(), T(0));
        for (int j = 0; j < n; ++j) A[pattern_.column_starts[j]] = T(1);
        A[0] = static_cast<T>(first);
        A[1] = static_cast<T>(beside);
        const Buffer<T> a = there(A);
        const Number info = vectors().number(), least = vectors().number();
        matrices().factorize(a.get(), T(0), nullptr, info, least);
        if (pivot) *pivot = vectors().read(least);
        return vectors().read(info);
    }

    const SparsityPattern pattern_ = sparsity_pattern(n, surface_entries(side));
    std::vector<T> entries_, x_ = std::vector<T>(n), S_ = std::vector<T>(n);
    std::vector<double> dense_ = std::vector<double>(n * n, 0.0);
    std::unique_ptr<Session<T>> session_;
    std::unique_ptr<SparseMatrices<T>> matrices_;
    static constexpr double tolerance = 512 * epsilon<T>;
};
TYPED_TEST_SUITE(SparseMatricesTest, Reals, RealName);

TYPED_TEST(SparseMatricesTest, ProductsBoundsAndScales) {
    using T = TypeParam;
    const auto A = this->there(this->entries_), x = this->there(this->x_),
               S = this->there(this->S_), y = this->vectors().allocate(n);
    this->matrices().symv(A.get(), x.get(), y.get());
    const std::vector<T> product = this->here(y);
    double largest = 0, least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < n; ++i) {
        double sum = 0, row = 0;
        for (int j = 0; j < n; ++j) {
            sum += this->dense_[i * n + j] * this->x_[j];
            row += std::abs(this->dense_[i * n + j]) / this->S_[i] / this->S_[j];
        }
        EXPECT_NEAR(product[i], sum, this->tolerance) << i;
        largest = std::max(largest, row);
        least = std::min(least, this->dense_[i * n + i] / this->S_[i] / this->S_[i]);
    }
    const Number norm = this->vectors().number(), low = this->vectors().number();
    this->matrices().bounds(A.get(), S.get(), norm, low);
    EXPECT_NEAR(this->vectors().read(norm), largest, this->tolerance * largest);
    EXPECT_NEAR(this->vectors().read(low), least, this->tolerance * least);
    const auto kept = this->there(std::vector<T>(n, T(0))),
               g = this->there(std::vector<T>(n, T(1)));
    this->matrices().raise_scales(A.get(), g.get(), 1.0, 1, kept.get(), S.get());
    // Near the root of 5, as a power of two.
    EXPECT_EQ(this->here(S), std::vector<T>(n, T(2)));
    EXPECT_EQ(this->here(kept), std::vector<T>(n, T(2)));
}

TYPED_TEST(SparseMatricesTest, SolvesWithShifts) {
    using T = TypeParam;
    const auto A = this->there(this->entries_), x = this->there(this->x_),
               S = this->there(this->S_);
    const Number info = this->vectors().number(), pivot = this->vectors().number();
    for (const double shift : {0.0, 0.75}) {
        SCOPED_TRACE(shift);
        this->matrices().factorize(A.get(), static_cast<T>(shift), S.get(), info, pivot);
        ASSERT_EQ(this->vectors().read(info), 0);
        const auto step = this->there(this->x_);
        this->matrices().solve(step.get());
        const std::vector<T> found = this->here(step);
        double square = 0;
        for (int i = 0; i < n; ++i) {
            double sum = shift * this->S_[i] * this->S_[i] * found[i];
            for (int j = 0; j < n; ++j) sum += this->dense_[i * n + j] * found[j];
            EXPECT_NEAR(sum, this->x_[i], this->tolerance) << i;
            square += static_cast<double>(this->x_[i]) * found[i];
        }
        this->matrices().solve_lower(x.get());
        double length = 0;
        for (const T value : this->here(x)) length += static_cast<double>(value) * value;
        EXPECT_NEAR(std::sqrt(length), std::sqrt(square), this->tolerance * std::sqrt(square));
        this->vectors().upload(x.get(), this->x_.data(), n);
    }
}

TYPED_TEST(SparseMatricesTest, SaysWhatIsNotPositiveDefinite) {
    using T = TypeParam;
    double pivot = 0;
    EXPECT_EQ(this->info_of(1, 0.8, &pivot), 0);
    EXPECT_NEAR(pivot, 1 - 0.64, this->tolerance);
    // In any units.
    EXPECT_EQ(this->info_of(1e8, 0.8e4, &pivot), 0);
    EXPECT_NEAR(pivot, 1 - 0.64, this->tolerance);
    for (const double first : {1.0, 0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                               static_cast<double>(std::numeric_limits<T>::infinity())})
        EXPECT_NE(this->info_of(first, 1.5), 0) << first;
    EXPECT_NE(this->info_of(-1, 0), 0);
    EXPECT_EQ(this->info_of(1, 0), 0) << "after a failure";
}

TYPED_TEST(SparseMatricesTest, SeedsAndRecovery) {
    using T = TypeParam;
    const auto A = this->there(this->entries_), x = this->there(this->x_),
               h = this->vectors().allocate(n), moved = this->vectors().allocate(n),
               back = this->vectors().allocate(this->entries_.size());
    for (const ColouringKind kind : {ColouringKind::star, ColouringKind::acyclic}) {
        const Compression how = compression_of(this->pattern_, colour(this->pattern_, kind), kind);
        this->matrices().compress(how);
        const auto typical = this->there(std::vector<T>(n, T(4)));
        this->matrices().difference_steps(x.get(), typical.get(), T(0.25), h.get());
        for (const T step : this->here(h)) EXPECT_NEAR(step, 1, 2 * epsilon<T>);
        this->matrices().difference_steps(x.get(), nullptr, T(0.25), h.get());
        const std::vector<T> steps = this->here(h);
        for (const T step : steps) EXPECT_NEAR(step, 0.25, epsilon<T>);
        const auto B = this->vectors().allocate(static_cast<std::size_t>(n) * how.colours);
        for (const bool with : {true, false}) {
            for (int c = 0; c < how.colours; ++c) {
                // The seed alone, and there and back.
                this->matrices().shift(with ? x.get() : nullptr, with ? h.get() : nullptr, c, T(-1),
                                       moved.get());
                const std::vector<T> seed = this->here(moved);
                for (int j = 0; j < n; ++j)
                    EXPECT_NEAR(seed[j],
                                (with ? this->x_[j] : T(0)) -
                                    (how.colour_of[j] == c ? (with ? steps[j] : T(1)) : T(0)),
                                epsilon<T>);
                this->matrices().shift(nullptr, with ? h.get() : nullptr, c, T(1), moved.get());
                this->matrices().symv(A.get(), moved.get(),
                                      B.get() + static_cast<std::size_t>(c) * n);
            }
            this->matrices().recover(B.get(), with ? h.get() : nullptr, back.get());
            const std::vector<T> found = this->here(back);
            for (std::size_t e = 0; e < found.size(); ++e)
                EXPECT_NEAR(found[e], this->entries_[e], this->tolerance) << e;
        }
    }
}

}  // namespace
}  // namespace cunewton::test
