#include "host/cuda/element_evaluator.h"

#include <algorithm>

#include "host/backend/element_sizes.h"

namespace cunewton::cuda {

namespace {
template <class V>
std::size_t bytes_of(const std::vector<V>& numbers) {
    return numbers.size() * sizeof(V);
}
std::size_t bytes_of(const GatherLists& lists) {
    return bytes_of(lists.starts) + bytes_of(lists.terms);
}
}  // namespace

template <class T>
MemoryNeeded ElementEvaluator<T>::memory(const ElementSum<T>& form, const EvaluationPlan& plan) {
    const ElementPlaces& places = *form.places;
    MemoryNeeded needed;
    std::size_t gradients = 0, hessians = 0, blocks = 0, slab = 0;
    for (const Elements<T>& elements : form.kinds) {
        const ElementIndices& indices = *elements.indices;
        if (indices.count == 0) continue;
        const MemoryNeeded data = DeviceData<T>::memory(elements.data, false, false);
        needed.host = std::max(needed.host, data.host);
        needed.device += data.device + bytes_of(indices.numbers);
        slab = std::max(slab, DeviceData<T>::slab_memory(elements.data));
        gradients += gradient_size(indices);
        hessians += hessian_size(indices);
        blocks += static_cast<std::size_t>(elements.code.cuda->blocks(indices.count));
    }
    needed.host = std::max(needed.host, Staging::most_bytes());
    std::size_t bytes =
        Base::memory(plan.n, blocks) + bytes_of(places.gradient) + gradients * sizeof(T);
    if (plan.curvature)
        bytes += bytes_of(places.hessian) + bytes_of(places.pattern.column_starts) +
                 bytes_of(places.pattern.rows) + hessians * sizeof(T);
    if (plan.hessian()) bytes += static_cast<std::size_t>(places.pattern.size()) * sizeof(T);
    if (plan.products()) bytes += static_cast<std::size_t>(plan.n) * sizeof(T);
    needed.device += std::max(slab, bytes);
    return needed;
}

template <class T>
ElementEvaluator<T>::ElementEvaluator(const ElementSum<T>& form, const Setting<T>& at)
    : Base(at), places_(*form.places), threads_(at.threads) {
    Staging staging(threads_);
    for (const Elements<T>& elements : form.kinds) {
        const ElementIndices& indices = *elements.indices;
        if (indices.count == 0) continue;
        kinds_.push_back({elements.code.cuda.get(),
                          indices.parameters,
                          {},
                          DeviceData<T>(elements.data, false, false, threads_, vectors_),
                          indices.ld,
                          gradient_numbers_,
                          hessian_numbers_,
                          blocks_});
        upload(kinds_.back().indices, indices.numbers, staging);
        gradient_numbers_ += gradient_size(indices);
        hessian_numbers_ += hessian_size(indices);
        blocks_ += static_cast<std::size_t>(elements.code.cuda->blocks(indices.count));
    }
    this->allocate_partial();
}

template <class T>
template <class V>
void ElementEvaluator<T>::upload(DeviceArray<V>& to, const std::vector<V>& from, Staging& staging) {
    to = DeviceArray<V>(from.size());
    if (!from.empty()) staging.upload(to.get(), from.data(), from.size() * sizeof(V), stream());
}
template <class T>
void ElementEvaluator<T>::upload(Lists& to, const GatherLists& from, Staging& staging) {
    upload(to.starts, from.starts, staging);
    upload(to.terms, from.terms, staging);
}

template <class T>
void ElementEvaluator<T>::require_gradients() {
    if (gradients_.size() > 0) return;
    Staging staging(threads_);
    upload(gradient_lists_, places_.gradient, staging);
    gradients_ = DeviceArray<T>(gradient_numbers_);
}

template <class T>
void ElementEvaluator<T>::queue_values(const T* points, long count, double* partial, double* out) {
    for (long p = 0; p < count; ++p)
        for (const Kind& kind : kinds_)
            kind.code->value_and_gradients(
                derivatives_.gradient, points + p * n_, nullptr, kind.elements(), nullptr,
                partial + static_cast<std::size_t>(p) * blocks_ + kind.blocks, stream());
    launch_assemble_values(partial, static_cast<int>(blocks_), points, n_, count, assembly_, out,
                           stream());
}

template <class T>
void ElementEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    require_gradients();
    this->set_steps(x, derivatives_.gradient_step);
    for (const Kind& kind : kinds_)
        kind.code->value_and_gradients(derivatives_.gradient, x, steps_.get(), kind.elements(),
                                       gradients_.get() + kind.gradients,
                                       partial_.get() + kind.blocks, stream());
    launch_assemble_values(partial_.get(), static_cast<int>(blocks_), x, n_, 1, assembly_,
                           vectors_.place(f), stream());
    launch_gather_gradient(gradient_lists_.view(), gradients_.get(), x, n_, assembly_, g, stream());
}

template <class T>
void ElementEvaluator<T>::evaluate_hessians(const T* x) {
    if (hessians_.size() == 0) {
        Staging staging(threads_);
        upload(hessian_lists_, places_.hessian, staging);
        upload(column_starts_, places_.pattern.column_starts, staging);
        upload(rows_, places_.pattern.rows, staging);
        hessians_ = DeviceArray<T>(hessian_numbers_);
    }
    this->set_steps(x, derivatives_.hessian_step);
    hessians_of_products_ = false;
    for (const Kind& kind : kinds_)
        kind.code->hessians(derivatives_.hessian, derivatives_.gradient == GradientBy::analytic, x,
                            steps_.get(), kind.elements(), hessians_.get() + kind.hessians,
                            stream());
}

template <class T>
void ElementEvaluator<T>::sparse_hessian(const T* x, T* entries) {
    evaluate_hessians(x);
    launch_gather_entries(hessian_lists_.view(), hessians_.get(), places_.pattern.size(),
                          assembly_.scale, entries, stream());
    launch_penalize_entries(pattern(), assembly_, entries, stream());
}

template <class T>
void ElementEvaluator<T>::hessian(const T* x, T* H) {
    if (entries_.size() == 0)
        entries_ = DeviceArray<T>(static_cast<std::size_t>(places_.pattern.size()));
    sparse_hessian(x, entries_.get());
    launch_spread_entries(pattern(), entries_.get(), H, stream());
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
    launch_gather_diagonal(hessian_lists_.view(), hessians_.get(), pattern(), assembly_, to,
                           stream());
}

template <class T>
void ElementEvaluator<T>::products(const T* V, int columns, T* HV) {
    evaluate_product_hessians();
    require_gradients();
    for (long c = 0; c < columns; ++c) {
        const T* const v = V + c * n_;
        for (const Kind& kind : kinds_)
            launch_element_products(kind.indices.get(), kind.ld, kind.data.view().count,
                                    kind.parameters, hessians_.get() + kind.hessians, v,
                                    gradients_.get() + kind.gradients, stream());
        // The penalty is a gradient of its own, at v.
        launch_gather_gradient(gradient_lists_.view(), gradients_.get(), v, n_, assembly_,
                               HV + c * n_, stream());
    }
}

template class ElementEvaluator<double>;
template class ElementEvaluator<float>;

}  // namespace cunewton::cuda
