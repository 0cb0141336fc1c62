#if CUNEWTON_BENCH_HAVE_PETSC
#include "bench/peers/peers.h"
#include "bench/peers/petsc_session.h"

namespace cunewton::bench {
namespace {

PetscErrorCode value_and_gradient(Tao, Vec x, PetscReal* f, Vec g, void* objective) {
    const PetscScalar* at;
    PetscScalar* out;
    VecGetArrayRead(x, &at);
    VecGetArray(g, &out);
    *f = static_cast<Objective*>(objective)->value_and_gradient(at, out);
    VecRestoreArray(g, &out);
    VecRestoreArrayRead(x, &at);
    return 0;
}

PetscErrorCode hessian(Tao, Vec x, Mat H, Mat, void* objective) {
    const PetscScalar* at;
    PetscScalar* out;
    VecGetArrayRead(x, &at);
    MatDenseGetArray(H, &out);
    static_cast<Objective*>(objective)->hessian(at, out);
    MatDenseRestoreArray(H, &out);
    VecRestoreArrayRead(x, &at);
    MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY);
    MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY);
    return 0;
}

}  // namespace

PeerResult minimize_petsc_nls(Objective& objective, const std::vector<double>& x0,
                              const PeerLimits& limits) {
    start_petsc();
    const int n = objective.dimension();
    PeerResult result{x0, 0, ""};
    Vec x;
    Mat H;
    Tao tao;
    KSP ksp;
    PC pc;
    CUNEWTON_PETSC(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, n, result.x.data(), &x));
    CUNEWTON_PETSC(MatCreateSeqDense(PETSC_COMM_SELF, n, n, nullptr, &H));
    CUNEWTON_PETSC(MatSetOption(H, MAT_SYMMETRIC, PETSC_TRUE));
    CUNEWTON_PETSC(TaoCreate(PETSC_COMM_SELF, &tao));
    CUNEWTON_PETSC(TaoSetType(tao, TAONLS));
    CUNEWTON_PETSC(TaoSetSolution(tao, x));
    CUNEWTON_PETSC(TaoSetObjectiveAndGradient(tao, nullptr, value_and_gradient, &objective));
    CUNEWTON_PETSC(TaoSetHessian(tao, H, H, hessian, &objective));
    CUNEWTON_PETSC(TaoSetTolerances(tao, limits.gradient_tolerance, 0, 0));
    CUNEWTON_PETSC(TaoSetMaximumIterations(tao, limits.max_iterations));
    CUNEWTON_PETSC(TaoGetKSP(tao, &ksp));
    // One Cholesky solve instead of conjugate gradients: the matrix is dense.
    CUNEWTON_PETSC(KSPSetType(ksp, KSPPREONLY));
    CUNEWTON_PETSC(KSPGetPC(ksp, &pc));
    CUNEWTON_PETSC(PCSetType(pc, PCCHOLESKY));
    CUNEWTON_PETSC(TaoSolve(tao));
    TaoConvergedReason reason;
    PetscInt iterations;
    CUNEWTON_PETSC(TaoGetConvergedReason(tao, &reason));
    CUNEWTON_PETSC(TaoGetIterationNumber(tao, &iterations));
    result.iterations = static_cast<int>(iterations);
    result.status = TaoConvergedReasons[reason];
    CUNEWTON_PETSC(TaoDestroy(&tao));
    CUNEWTON_PETSC(MatDestroy(&H));
    CUNEWTON_PETSC(VecDestroy(&x));
    return result;
}

}  // namespace cunewton::bench
#endif
