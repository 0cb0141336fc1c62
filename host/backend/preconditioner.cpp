#include "host/backend/preconditioner.h"

#include <vector>

#include "host/backend/evaluator.h"

namespace cunewton {

template <class T>
BlockPreconditioner<T>::BlockPreconditioner(Evaluator<T>& evaluator, Vectors<T>& vectors,
                                            DenseMatrices<T>& matrices)
    : evaluator_(evaluator),
      vectors_(vectors),
      matrices_(matrices),
      blocks_(evaluator.diagonal_blocks()),
      factors_(vectors.allocate(blocks_.entries())),
      ones_(vectors.allocate(blocks_.size)),
      mean_(vectors.allocate(blocks_.size)),
      rest_(vectors.allocate(blocks_.size)) {
    vectors.upload(ones_.get(), std::vector<T>(blocks_.size, T(1)).data(), blocks_.size);
}

template <class T>
bool BlockPreconditioner<T>::update() {
    evaluator_.compute_diagonal_blocks(factors_.get());
    const Number info = vectors_.number(), pivot = vectors_.number();
    const std::size_t entries = static_cast<std::size_t>(blocks_.size) * blocks_.size;
    for (int k = 0; k < blocks_.count; ++k) {
        T* const block = factors_.get() + k * entries;
        matrices_.factorize(block, T(0), ones_.get(), block, blocks_.size, info, pivot);
        if (vectors_.read(info) != 0) return false;
    }
    return true;
}

template <class T>
void BlockPreconditioner<T>::take_off_mean(T* z, T* mean) {
    const long size = blocks_.size;
    const T part = T(1) / static_cast<T>(blocks_.count);
    vectors_.scale(mean, part, z, size);
    for (int k = 1; k < blocks_.count; ++k)
        vectors_.add_scaled(mean, mean, part, z + k * size, size);
    for (int k = 0; k < blocks_.count; ++k)
        vectors_.add_scaled(z + k * size, z + k * size, T(-1), mean, size);
}

template <class T>
void BlockPreconditioner<T>::apply(const T* r, T* z) {
    const std::size_t size = static_cast<std::size_t>(blocks_.size);
    vectors_.copy(z, r, blocks_.count * size);
    if (blocks_.shift_invariant) take_off_mean(z, mean_.get());
    for (int k = 0; k < blocks_.count; ++k)
        matrices_.solve(factors_.get() + k * size * size, z + k * size, blocks_.size);
    if (!blocks_.shift_invariant) return;
    take_off_mean(z, rest_.get());
    if (!(blocks_.l2 > 0)) return;
    for (int k = 0; k < blocks_.count; ++k)
        vectors_.add_scaled(z + k * size, z + k * size, static_cast<T>(1 / blocks_.l2), mean_.get(),
                            blocks_.size);
}

template class BlockPreconditioner<double>;
template class BlockPreconditioner<float>;

}  // namespace cunewton
