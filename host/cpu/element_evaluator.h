// Partially separable sums on the CPU.
#pragma once

#include <deque>
#include <vector>

#include "host/cpu/differencing_evaluator.h"
#include "host/data/sample_data.h"

namespace cunewton::cpu {

/// The derivatives of all elements are written side by side and gathered, sum by sum: in an order
/// that does not depend on threads.
template <class T>
class ElementEvaluator final : public Evaluator<T> {
  public:
    ElementEvaluator(const ElementSum<T>& form, const Setting<T>& at);
    static std::size_t memory(const ElementSum<T>& form, const EvaluationPlan& plan);
    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    bool knows_sparse_hessian() const override { return true; }
    void sparse_hessian(const T* x, T* entries) override;
    void values(const T* points, int count, T* losses) override;
    /// By the Hessians of elements, which are evaluated once a point.
    void prepare_products(const T* x) override;
    void products(const T* V, int columns, T* HV) override;
    bool knows_diagonal() const override { return true; }
    void compute_diagonal(T* to) override;
    std::size_t peak_tile_bytes() const override { return peak_; }
    void limit_steps(const std::vector<T>& most) override { most_ = most; }

  private:
    /// Elements that a thread works on.
    struct Piece {
        int kind;
        long begin, end;
    };
    /// What is kept of a kind.
    struct Kind {
        const ElementCode<T>* code;
        const ElementIndices* indices;
        HostSamples<T> data;
        std::size_t gradients, hessians;  ///< where those of its first element are

        Kind(const Elements<T>& elements, std::size_t gradients_at, std::size_t hessians_at)
            : code(elements.code.cpu.get()),
              indices(elements.indices.get()),
              data(elements.data),
              gradients(gradients_at),
              hessians(hessians_at) {}
    };

    ElementRange<T> range(const Piece& piece) const;
    double sum_of_values(const T* x);
    /// The steps of differences at x; null where nothing is differenced.
    const T* steps_at(const T* x, double relative);
    T* room(Buffer<T>& buffer, std::size_t numbers);
    void evaluate_hessians(const T* x);
    /// Sees to it that hessians_ are those that products are taken with.
    void evaluate_product_hessians();
    /// visit(r, sum) for sums `begin` .. `end` - 1 of the numbers.
    template <class Visit>
    void gather(const GatherLists& lists, const T* numbers, std::size_t begin, std::size_t end,
                const Visit& visit) const;
    /// run(begin, end) for pieces of 0 .. count, in threads.
    template <class Run>
    void in_pieces(std::size_t count, std::size_t size, const Run& run);
    void gather_gradient(const T* x, T* g);
    void multiply(const Piece& piece, const T* v);

    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const ElementPlaces& places_;
    const ResolvedDerivatives derivatives_;
    CpuVectors<T>& vectors_;
    std::deque<Kind> kinds_;
    std::size_t gradient_numbers_ = 0, hessian_numbers_ = 0;
    std::vector<Piece> pieces_;
    std::vector<double> partial_;
    Buffer<T> gradients_, hessians_;     // of all elements, allocated when they are needed
    bool hessians_of_products_ = false;  // whether hessians_ are those
    std::vector<T> steps_;
    std::vector<double> typical_;
    std::vector<T> most_;  // limits of steps, or empty
    std::size_t peak_ = 0;
};

}  // namespace cunewton::cpu
