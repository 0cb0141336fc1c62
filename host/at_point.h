// A problem at a point, outside of a minimisation: what functions that evaluate it there share.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cunewton/differentiate.h"
#include "host/backend/fallback.h"
#include "host/backend/memory.h"
#include "host/data/device_arrays.h"
#include "host/data/sample_data.h"

namespace cunewton {

/// Throws InvalidArgument.
template <class T>
void require_finite(const std::vector<T>& x) {
    for (std::size_t j = 0; j < x.size(); ++j)
        if (!std::isfinite(x[j]))
            throw InvalidArgument("x is not finite (number " + std::to_string(j) + " is " +
                                  std::to_string(x[j]) + ") pass finite numbers");
}

/// Throws InvalidArgument for none, and for one that is no parameter's.
inline void require_indices(const std::vector<int>& indices, int n, const char* name) {
    if (indices.empty())
        throw InvalidArgument(std::string(name) +
                              " are empty (no part of a Hessian is asked for) "
                              "pass at least one index");
    for (const int i : indices)
        if (i < 0 || i >= n)
            throw InvalidArgument(std::string(name) + " have an index out of range (" +
                                  std::to_string(i) + " of " + std::to_string(n) +
                                  " parameters) pass 0 to n - 1");
}

/// A problem on a backend with one vector of parameters there.
template <class T>
class Point {
  public:
    /// reason: why this backend. All of them must outlive it.
    Point(const BackendEntry& entry, const std::string& reason, const Problem<T>& problem,
          const std::vector<T>& x, const EvaluationOptions& options)
        : entry_(entry),
          reason_(reason),
          problem_(problem),
          host_x_(x),
          n_(problem.dimension()),
          budget_(options.derivatives.memory_budget),
          session_(entry.code<T>().open(problem, session_options(options))),
          x_(session_.vectors->allocate(n_)),
          f_(session_.vectors->number()) {
        session_.vectors->upload(x_.get(), x.data(), n_);
    }

    /// The same point with other options.
    Point reopened(const EvaluationOptions& options) const {
        return Point(entry_, reason_, problem_, host_x_, options);
    }
    RanOn ran_on() const { return {entry_.name, reason_}; }
    const Problem<T>& problem() const { return problem_; }
    std::size_t n() const { return static_cast<std::size_t>(n_); }
    std::size_t memory_budget() const { return budget_; }
    const std::vector<T>& host_x() const { return host_x_; }

    T value() {
        session_.evaluator->value(x_.get(), f_);
        return static_cast<T>(session_.vectors->read(f_));
    }
    std::vector<T> gradient() {
        const Buffer<T> g = session_.vectors->allocate(n_);
        session_.evaluator->value_and_gradient(x_.get(), g.get(), f_);
        return fetch(g);
    }
    std::vector<T> hessian() {
        const std::size_t n = n_;
        require_matrix();
        const Buffer<T> H = session_.vectors->allocate(n * n);
        session_.evaluator->hessian(x_.get(), H.get());
        std::vector<T> full = fetch(H);
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t i = j + 1; i < n; ++i) full[i * n + j] = full[j * n + i];
        return full;
    }
    /// H(rows, columns), both of them valid.
    std::vector<T> hessian_block(const std::vector<int>& rows, const std::vector<int>& columns) {
        if (by_dense_hessian()) {
            if (dense_.empty()) dense_ = hessian();
            std::vector<T> block;
            for (const int j : columns)
                for (const int i : rows)
                    block.push_back(dense_[static_cast<std::size_t>(j) * n_ + i]);
            return block;
        }
        if (columns.size() <= rows.size()) return by_products(rows, columns);
        const std::vector<T> transposed = by_products(columns, rows);
        std::vector<T> block(transposed.size());
        for (std::size_t j = 0; j < columns.size(); ++j)
            for (std::size_t i = 0; i < rows.size(); ++i)
                block[j * rows.size() + i] = transposed[i * columns.size() + j];
        return block;
    }
    Session<T>& session() { return session_; }
    Evaluator<T>& evaluator() { return *session_.evaluator; }
    Vectors<T>& vectors() { return *session_.vectors; }
    DenseMatrices<T>& matrices() { return *session_.matrices; }
    const ResolvedDerivatives& derivatives() const { return session_.derivatives; }
    /// Where it is on the machine.
    const T* x() const { return x_.get(); }

    /// The Hessian there for products: the dense one if by_dense_hessian(), else without a matrix.
    Curvature<T>& curvature() {
        if (!curvature_) {
            const bool dense = by_dense_hessian();
            if (dense) require_matrix();
            curvature_ = session_.evaluator->curvature(dense ? CurvatureKind::dense
                                                             : CurvatureKind::product);
            curvature_->update(x_.get());
        }
        return *curvature_;
    }
    /// Throws OutOfMemory, before any work, unless a Hessian fits there and so many copies of it
    /// here, and `more` matrices of its size besides there.
    void require_matrix(double more = 0, double copies = 1) const {
        const double wanted = static_cast<double>(n_) * n_ * sizeof(T);
        if (wanted < static_cast<double>(worth_asking)) return;
        const std::string what =
            "the " + std::to_string(n_) + " x " + std::to_string(n_) + " numbers of a Hessian";
        const char* const advice = "reduce the parameters or use float; gradient() takes no matrix";
        const Vectors<T>& vectors = *session_.vectors;
        const bool here = std::string(vectors.name()) == "cpu";
        require_room((1 + more) * wanted, vectors.free_bytes(), what, vectors.name(), advice);
        require_room(here ? (1 + more + copies) * wanted : copies * wanted, free_host_bytes(),
                     what + " and their copy", "host", advice);
    }
    /// Whether products are no way to a part of it, and there is room for the whole.
    bool by_dense_hessian() const {
        const std::size_t n = n_;
        if (n * n * sizeof(T) > budget_) return false;
        const auto& form = problem_.parts().form;
        if (std::holds_alternative<LinearPredictor<T>>(form) ||
            std::holds_alternative<PerceptronSum<T>>(form) ||
            std::holds_alternative<CurvaturePenalized<T>>(form))
            return false;
        const auto* opaque = std::get_if<Opaque<T>>(&form);
        if (!opaque) return true;
        const auto has_products = [](const auto& own) {
            return own.products || (own.value_and_gradient && !own.hessian);
        };
        return !(session_.vectors->on_device() ? has_products(opaque->cuda)
                                               : has_products(opaque->cpu));
    }

  private:
    std::vector<T> by_products(const std::vector<int>& rows, const std::vector<int>& columns) {
        const std::size_t n = n_, count = columns.size();
        const std::size_t chunk = std::clamp<std::size_t>(budget_ / (4 * n * sizeof(T)), 1,
                                                          std::min<std::size_t>(64, count));
        Vectors<T>& vectors = *session_.vectors;
        const Buffer<T> V = vectors.allocate(n * chunk), HV = vectors.allocate(n * chunk);
        std::vector<T> numbers(n * chunk), block;
        block.reserve(rows.size() * count);
        if (!prepared_) session_.evaluator->prepare_products(x_.get());
        prepared_ = true;
        for (std::size_t first = 0; first < count; first += chunk) {
            const std::size_t width = std::min(chunk, count - first);
            std::fill_n(numbers.begin(), n * width, T(0));
            for (std::size_t c = 0; c < width; ++c) numbers[c * n + columns[first + c]] = T(1);
            vectors.upload(V.get(), numbers.data(), n * width);
            session_.evaluator->products(V.get(), static_cast<int>(width), HV.get());
            vectors.download(numbers.data(), HV.get(), n * width);
            for (std::size_t c = 0; c < width; ++c)
                for (const int i : rows) block.push_back(numbers[c * n + i]);
        }
        return block;
    }

    std::vector<T> fetch(const Buffer<T>& buffer) {
        std::vector<T> host(buffer.size());
        session_.vectors->download(host.data(), buffer.get(), host.size());
        return host;
    }
    const BackendEntry& entry_;
    const std::string& reason_;
    const Problem<T>& problem_;
    const std::vector<T>& host_x_;
    const int n_;
    const std::size_t budget_;
    Session<T> session_;
    Buffer<T> x_;
    Number f_;
    std::vector<T> dense_;   // where parts of it are wanted
    bool prepared_ = false;  // products
    std::unique_ptr<Curvature<T>> curvature_;
};

/// job(point) on the first backend that can do it.
template <class T, class Job>
auto at_point(const Problem<T>& problem, const std::vector<T>& x, const EvaluationOptions& options,
              const Job& job) {
    const Ranks* const ranks = problem.parts().ranks.get();
    return in_step(communicator_of(ranks), [&] {
        const int n = problem.dimension();
        if (x.size() != static_cast<std::size_t>(n))
            throw InvalidArgument("x has the wrong size (" + std::to_string(x.size()) + " for " +
                                  std::to_string(n) + " parameters) pass one number for each");
        require_finite(x);
        check_derivative_options<T>(options.derivatives, n);
        if (options.threads < 0)
            throw InvalidArgument("threads is negative (" + std::to_string(options.threads) +
                                  ") pass 0 for all");
        const CallDevice current(device_for(problem, options.device));
        require_no_capture(options.stream, "an evaluation");
        Candidates candidates = choose_backends(problem, options.backend);
        if (ranks) {
            std::vector<Common> common = common_options(options.derivatives, candidates);
            common.push_back({"point", hash(x.data(), x.size() * sizeof(T))});
            require_common(ranks->communicator(), Meeting::call, "arguments", common);
        }
        std::string reason;
        return run_on_first(candidates, reason, [&](const BackendEntry& entry, std::string&) {
            Point<T> point(entry, reason, problem, x, options);
            return job(point);
        });
    });
}

}  // namespace cunewton
