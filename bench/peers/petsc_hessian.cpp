#if CUNEWTON_BENCH_HAVE_PETSC
#include "bench/peers/hessian_peers.h"
#include "bench/peers/petsc_session.h"

namespace cunewton::bench {
namespace {

PetscErrorCode gradient(Tao, Vec x, Vec g, void* objective) {
    const PetscScalar* at;
    PetscScalar* out;
    VecGetArrayRead(x, &at);
    VecGetArray(g, &out);
    static_cast<Objective*>(objective)->value_and_gradient(at, out);
    VecRestoreArray(g, &out);
    VecRestoreArrayRead(x, &at);
    return 0;
}

}  // namespace

void petsc_hessian_from_gradients(Objective& objective, const std::vector<double>& x0, double* H) {
    start_petsc();
    const int n = objective.dimension();
    std::vector<double> point = x0;
    Vec x;
    Mat matrix;
    Tao tao;
    CUNEWTON_PETSC(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, n, point.data(), &x));
    CUNEWTON_PETSC(MatCreateSeqDense(PETSC_COMM_SELF, n, n, H, &matrix));
    CUNEWTON_PETSC(TaoCreate(PETSC_COMM_SELF, &tao));
    CUNEWTON_PETSC(TaoSetType(tao, TAONLS));
    CUNEWTON_PETSC(TaoSetSolution(tao, x));
    CUNEWTON_PETSC(TaoSetGradient(tao, nullptr, gradient, &objective));
    CUNEWTON_PETSC(TaoDefaultComputeHessian(tao, x, matrix, matrix, nullptr));
    CUNEWTON_PETSC(TaoDestroy(&tao));
    CUNEWTON_PETSC(MatDestroy(&matrix));
    CUNEWTON_PETSC(VecDestroy(&x));
}

}  // namespace cunewton::bench
#endif
