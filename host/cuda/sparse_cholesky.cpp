#include "host/cuda/sparse_cholesky.h"

#include <string>

#if CUNEWTON_WITH_CUDSS
#include <cudss.h>
#endif

namespace cunewton::cuda {

template <class T>
bool SparseCholesky<T>::available() {
    return CUNEWTON_WITH_CUDSS;
}

#if CUNEWTON_WITH_CUDSS

namespace {

void check(cudssStatus_t status, const char* problem) {
    if (status == CUDSS_STATUS_SUCCESS) return;
    const std::string text =
        std::string(problem) + " (cuDSS status " + std::to_string(status) + ")";
    if (status == CUDSS_STATUS_ALLOC_FAILED)
        throw OutOfMemory(text + " use Method::newton_cg, which holds no matrix");
    throw DeviceError(text + " see the CUDA error before it, or report this as a bug");
}

template <class T>
constexpr cudaDataType_t data_type = sizeof(T) == 8 ? CUDA_R_64F : CUDA_R_32F;

using OwnedHandle = Owned<cudssHandle_t, &cudssDestroy>;
using OwnedConfig = Owned<cudssConfig_t, &cudssConfigDestroy>;
using OwnedMatrix = Owned<cudssMatrix_t, &cudssMatrixDestroy>;

}  // namespace

template <class T>
struct SparseCholesky<T>::State {
    CudaVectors<T>& vectors;
    const int n;
    OwnedHandle handle;
    OwnedConfig config;
    OwnedMatrix matrix, solution, right_side;
    cudssData_t data = nullptr;
    bool analysed = false;

    State(const SparseView& at, long entries, const T* M, CudaVectors<T>& v) : vectors(v), n(at.n) {
        cudssHandle_t new_handle = nullptr;
        check(cudssCreate(&new_handle), "cuDSS did not start");
        handle.reset(new_handle);
        check(cudssSetStream(new_handle, v.stream()), "cuDSS took no stream");
        cudssConfig_t new_config = nullptr;
        check(cudssConfigCreate(&new_config), "cuDSS made no configuration");
        config.reset(new_config);
        const int on = 1;
        check(cudssConfigSet(new_config, CUDSS_CONFIG_DETERMINISTIC_MODE, &on, sizeof(on)),
              "cuDSS took no configuration");
        cudssMatrix_t created = nullptr;
        check(cudssMatrixCreateCsr(&created, n, n, entries, at.starts, nullptr, at.columns, M,
                                   CUDA_R_32I, CUDA_R_32I, data_type<T>, CUDSS_MTYPE_SPD,
                                   CUDSS_MVIEW_UPPER, CUDSS_BASE_ZERO),
              "cuDSS took no matrix");
        matrix.reset(created);
        // Any memory: each solve names its own.
        for (OwnedMatrix* vector : {&solution, &right_side}) {
            check(cudssMatrixCreateDn(&created, n, 1, n, M, data_type<T>, CUDSS_LAYOUT_COL_MAJOR),
                  "cuDSS took no vector");
            vector->reset(created);
        }
        check(cudssDataCreate(new_handle, &data), "cuDSS made no factor");
    }
    ~State() { static_cast<void>(cudssDataDestroy(handle.get(), data)); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void run(int phase, const char* problem) {
        check(cudssExecute(handle.get(), phase, config.get(), data, matrix.get(), solution.get(),
                           right_side.get()),
              problem);
    }
};

template <class T>
SparseCholesky<T>::SparseCholesky(const SparseView& at, long entries, const T* M,
                                  CudaVectors<T>& vectors)
    : state_(std::make_unique<State>(at, entries, M, vectors)) {}
template <class T>
SparseCholesky<T>::~SparseCholesky() = default;

template <class T>
int SparseCholesky<T>::factorize() {
    if (!state_->analysed) state_->run(CUDSS_PHASE_ANALYSIS, "the analysis of a pattern failed");
    state_->analysed = true;
    state_->run(CUDSS_PHASE_FACTORIZATION, "a sparse factorisation failed");
    int info = 0;
    std::size_t written = 0;
    check(cudssDataGet(state_->handle.get(), state_->data, CUDSS_DATA_INFO, &info, sizeof(info),
                       &written),
          "how a sparse factorisation went is unknown");
    state_->vectors.synchronize();
    return info;
}

template <class T>
void SparseCholesky<T>::pivots(T* to) {
    std::size_t written = 0;
    check(cudssDataGet(state_->handle.get(), state_->data, CUDSS_DATA_DIAG, to,
                       static_cast<std::size_t>(state_->n) * sizeof(T), &written),
          "the pivots of a sparse factorisation are unknown");
}

template <class T>
void SparseCholesky<T>::solve(const T* b, T* x) {
    check(cudssMatrixSetValues(state_->right_side.get(), b), "cuDSS took no vector");
    check(cudssMatrixSetValues(state_->solution.get(), x), "cuDSS took no vector");
    state_->run(CUDSS_PHASE_SOLVE, "a sparse solve failed");
}

#else

template <class T>
struct SparseCholesky<T>::State {};
template <class T>
SparseCholesky<T>::SparseCholesky(const SparseView&, long, const T*, CudaVectors<T>&) {
    throw BackendUnavailable(
        "the GPU has no sparse Cholesky factorisation (the library was built without cuDSS) "
        "install it, 1.0 or later, which CMake finds by cuDSS_ROOT, and build again, let the CPU "
        "do it, "
        "or use Method::newton_cg");
}
template <class T>
SparseCholesky<T>::~SparseCholesky() = default;
template <class T>
int SparseCholesky<T>::factorize() {
    return 1;
}
template <class T>
void SparseCholesky<T>::pivots(T*) {}
template <class T>
void SparseCholesky<T>::solve(const T*, T*) {}

#endif

template class SparseCholesky<double>;
template class SparseCholesky<float>;

}  // namespace cunewton::cuda
