#include "host/cpu/element_evaluator.h"

#include <algorithm>

#include "host/backend/element_sizes.h"
#include "host/cpu/penalty.h"

namespace cunewton::cpu {

namespace {
// Elements of a piece, a multiple of every number of lanes; sums that a thread gathers at a time.
constexpr long elements_per_piece = 4096;
constexpr std::size_t sums_per_piece = 16384;
// Elements whose products are formed together.
constexpr long product_block = 64;
static_assert(elements_per_piece % ElementIndices::padding == 0);

std::size_t pieces_of(long elements) {
    return static_cast<std::size_t>((elements + elements_per_piece - 1) / elements_per_piece);
}
}  // namespace

template <class T>
ElementEvaluator<T>::ElementEvaluator(const ElementSum<T>& form, const Setting<T>& at)
    : Evaluator<T>(at.vectors, at.matrices, at.problem.dimension()),
      problem_(at.problem),
      parts_(problem_.parts()),
      places_(*form.places),
      derivatives_(at.derivatives),
      vectors_(at.vectors),
      typical_(at.typical) {
    for (const Elements<T>& elements : form.kinds) {
        const ElementIndices& indices = *elements.indices;
        if (indices.count == 0) continue;
        const int kind = static_cast<int>(kinds_.size());
        kinds_.emplace_back(elements, gradient_numbers_, hessian_numbers_);
        gradient_numbers_ += gradient_size(indices);
        hessian_numbers_ += hessian_size(indices);
        for (long begin = 0; begin < indices.count; begin += elements_per_piece)
            pieces_.push_back({kind, begin, std::min(begin + elements_per_piece, indices.count)});
    }
    partial_.resize(pieces_.size());
}

template <class T>
std::size_t ElementEvaluator<T>::memory(const ElementSum<T>& form, const EvaluationPlan& plan) {
    const std::size_t n = static_cast<std::size_t>(plan.n);
    std::size_t bytes = 0, gradients = 0, hessians = 0;
    for (const Elements<T>& elements : form.kinds) {
        const ElementIndices& indices = *elements.indices;
        if (indices.count == 0) continue;
        bytes += HostSamples<T>::memory(elements.data) +
                 pieces_of(indices.count) * (sizeof(double) + sizeof(Piece));
        gradients += gradient_size(indices);
        hessians += hessian_size(indices);
    }
    if (plan.derivatives.gradient_step > 0 || plan.derivatives.hessian_step > 0)
        bytes += n * sizeof(T);
    bytes += gradients * sizeof(T);
    if (plan.curvature) bytes += hessians * sizeof(T);
    if (plan.products()) bytes += n * sizeof(T);  // where they are taken
    return bytes;
}

template <class T>
ElementRange<T> ElementEvaluator<T>::range(const Piece& piece) const {
    const Kind& kind = kinds_[static_cast<std::size_t>(piece.kind)];
    const Samples<T>& s = kind.data.view();
    return {kind.indices->numbers.data(),
            kind.indices->ld,
            {s.features, s.dimension, s.ld, s.targets, s.weights, piece.begin, piece.end}};
}

template <class T>
T* ElementEvaluator<T>::room(Buffer<T>& buffer, std::size_t numbers) {
    if (buffer.size() < numbers) buffer = vectors_.allocate(numbers);
    peak_ = std::max(peak_, (gradients_.size() + hessians_.size()) * sizeof(T));
    return buffer.get();
}

template <class T>
const T* ElementEvaluator<T>::steps_at(const T* x, double relative) {
    if (!(relative > 0)) return nullptr;
    const std::size_t n = static_cast<std::size_t>(parts_.dimension);
    steps_.resize(n);
    for (std::size_t j = 0; j < n; ++j) {
        steps_[j] = difference_step<T>(x[j], typical_.empty() ? T(1) : static_cast<T>(typical_[j]),
                                       static_cast<T>(relative));
        if (!most_.empty()) steps_[j] = std::min(steps_[j], most_[j]);
    }
    return steps_.data();
}

template <class T>
template <class Run>
void ElementEvaluator<T>::in_pieces(std::size_t count, std::size_t size, const Run& run) {
    vectors_.pool().for_each((count + size - 1) / size, [&](std::size_t piece, int) {
        run(piece * size, std::min(count, (piece + 1) * size));
    });
}

template <class T>
template <class Visit>
void ElementEvaluator<T>::gather(const GatherLists& lists, const T* numbers, std::size_t begin,
                                 std::size_t end, const Visit& visit) const {
    const std::uint32_t *const starts = lists.starts.data(), *const terms = lists.terms.data();
    for (std::size_t r = begin; r < end; ++r) {
        double sum = 0;
        for (std::uint32_t k = starts[r]; k < starts[r + 1]; ++k) sum += numbers[terms[k]];
        visit(r, sum);
    }
}

template <class T>
double ElementEvaluator<T>::sum_of_values(const T* x) {
    vectors_.pool().for_each(pieces_.size(), [&](std::size_t p, int) {
        partial_[p] =
            kinds_[static_cast<std::size_t>(pieces_[p].kind)].code->value(x, range(pieces_[p]));
    });
    double sum = 0;
    for (const double part : partial_) sum += part;
    return sum;
}

template <class T>
void ElementEvaluator<T>::value(const T* x, Scalar to) {
    vectors_.set(to, penalized_value(parts_, x, sum_of_values(x)));
}
template <class T>
void ElementEvaluator<T>::values(const T* points, int count, T* losses) {
    for (int p = 0; p < count; ++p) {
        const T* x = points + static_cast<std::size_t>(p) * parts_.dimension;
        losses[p] = static_cast<T>(penalized_value(parts_, x, sum_of_values(x)));
    }
}

template <class T>
void ElementEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar to) {
    const T* const steps = steps_at(x, derivatives_.gradient_step);
    T* const gradients = room(gradients_, gradient_numbers_);
    vectors_.pool().for_each(pieces_.size(), [&](std::size_t p, int) {
        const Kind& kind = kinds_[static_cast<std::size_t>(pieces_[p].kind)];
        partial_[p] = kind.code->value_and_gradients(derivatives_.gradient, x, steps,
                                                     range(pieces_[p]), gradients + kind.gradients);
    });
    double sum = 0;
    for (const double part : partial_) sum += part;
    vectors_.set(to, penalized_value(parts_, x, sum));
    gather_gradient(x, g);
}

/// g = the sums of gradients_, and the penalty's at x; or H v from the sums of products, for x = v.
template <class T>
void ElementEvaluator<T>::gather_gradient(const T* x, T* g) {
    in_pieces(static_cast<std::size_t>(parts_.dimension), sums_per_piece,
              [&](std::size_t begin, std::size_t end) {
                  gather(places_.gradient, gradients_.get(), begin, end,
                         [&](std::size_t j, double sum) {
                             g[j] = static_cast<T>(parts_.scale * sum +
                                                   parts_.penalty.at(static_cast<int>(j)) * x[j]);
                         });
              });
}

template <class T>
void ElementEvaluator<T>::evaluate_hessians(const T* x) {
    const T* const steps = steps_at(x, derivatives_.hessian_step);
    T* const hessians = room(hessians_, hessian_numbers_);
    hessians_of_products_ = false;
    vectors_.pool().for_each(pieces_.size(), [&](std::size_t p, int) {
        const Kind& kind = kinds_[static_cast<std::size_t>(pieces_[p].kind)];
        kind.code->hessians(derivatives_.hessian, derivatives_.gradient == GradientBy::analytic, x,
                            steps, range(pieces_[p]), hessians + kind.hessians);
    });
}

template <class T>
void ElementEvaluator<T>::sparse_hessian(const T* x, T* entries) {
    evaluate_hessians(x);
    in_pieces(static_cast<std::size_t>(places_.pattern.size()), sums_per_piece,
              [&](std::size_t begin, std::size_t end) {
                  gather(places_.hessian, hessians_.get(), begin, end,
                         [&](std::size_t e, double sum) {
                             entries[e] = static_cast<T>(parts_.scale * sum);
                         });
              });
    if (parts_.penalty.l2 == 0) return;
    for (int j = 0; j < parts_.dimension; ++j)
        entries[places_.pattern.column_starts[static_cast<std::size_t>(j)]] +=
            static_cast<T>(parts_.penalty.at(j));
}

template <class T>
void ElementEvaluator<T>::hessian(const T* x, T* H) {
    evaluate_hessians(x);
    const std::size_t n = static_cast<std::size_t>(parts_.dimension);
    const SparsityPattern& pattern = places_.pattern;
    vectors_.pool().for_each(n, [&](std::size_t j, int) {
        T* const column = H + j * n;
        std::fill(column + j, column + n, T(0));
        gather(places_.hessian, hessians_.get(), static_cast<std::size_t>(pattern.column_starts[j]),
               static_cast<std::size_t>(pattern.column_starts[j + 1]),
               [&](std::size_t e, double sum) {
                   column[pattern.rows[e]] = static_cast<T>(parts_.scale * sum);
               });
    });
    penalize_diagonal(parts_, H);
}

template <class T>
void ElementEvaluator<T>::prepare_products(const T* x) {
    Evaluator<T>::prepare_products(x);
    hessians_of_products_ = false;
}

template <class T>
void ElementEvaluator<T>::evaluate_product_hessians() {
    if (!hessians_of_products_) evaluate_hessians(this->product_point());
    hessians_of_products_ = true;
}

template <class T>
void ElementEvaluator<T>::compute_diagonal(T* to) {
    evaluate_product_hessians();
    in_pieces(
        static_cast<std::size_t>(parts_.dimension), sums_per_piece,
        [&](std::size_t begin, std::size_t end) {
            for (std::size_t j = begin; j < end; ++j) {
                const std::size_t e = static_cast<std::size_t>(places_.pattern.column_starts[j]);
                gather(places_.hessian, hessians_.get(), e, e + 1, [&](std::size_t, double sum) {
                    to[j] =
                        static_cast<T>(parts_.scale * sum + parts_.penalty.at(static_cast<int>(j)));
                });
            }
        });
}

/// The products of the elements' Hessians and their parts of v, in the place of their gradients.
template <class T>
void ElementEvaluator<T>::multiply(const Piece& piece, const T* v) {
    const Kind& kind = kinds_[static_cast<std::size_t>(piece.kind)];
    const int k = kind.indices->parameters;
    const long ld = kind.indices->ld;
    T part[most_element_parameters][product_block];
    for (long first = piece.begin; first < piece.end; first += product_block) {
        const long size = std::min(product_block, piece.end - first);
        const int* const index = kind.indices->numbers.data() + first;
        T* const product = gradients_.get() + kind.gradients + first;
        for (int j = 0; j < k; ++j) {
            for (long e = 0; e < size; ++e) part[j][e] = v[index[j * ld + e]];
            std::fill_n(product + j * ld, size, T(0));
        }
        const T* h = hessians_.get() + kind.hessians + first;
        for (int j = 0; j < k; ++j) {
            T* const to_j = product + j * ld;
            for (long e = 0; e < size; ++e) to_j[e] += h[e] * part[j][e];
            h += ld;
            for (int i = j + 1; i < k; ++i, h += ld) {
                T* const to_i = product + i * ld;
                for (long e = 0; e < size; ++e) {
                    to_j[e] += h[e] * part[i][e];
                    to_i[e] += h[e] * part[j][e];
                }
            }
        }
    }
}

template <class T>
void ElementEvaluator<T>::products(const T* V, int columns, T* HV) {
    evaluate_product_hessians();
    room(gradients_, gradient_numbers_);
    const std::size_t n = static_cast<std::size_t>(parts_.dimension);
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        const T* const v = V + c * n;
        vectors_.pool().for_each(pieces_.size(),
                                 [&](std::size_t p, int) { multiply(pieces_[p], v); });
        gather_gradient(v, HV + c * n);
    }
}

template class ElementEvaluator<double>;
template class ElementEvaluator<float>;

}  // namespace cunewton::cpu
