#if CUNEWTON_BENCH_HAVE_PETSC
#include <algorithm>

#include "bench/peers/petsc_session.h"
#include "bench/peers/sparse_peers.h"

namespace cunewton::bench {
namespace {

PetscErrorCode value_and_gradient(Tao, Vec x, PetscReal* f, Vec g, void* objective) {
    const PetscScalar* at;
    PetscScalar* out;
    VecGetArrayRead(x, &at);
    VecGetArray(g, &out);
    *f = static_cast<const SparseObjective*>(objective)->value_and_gradient(at, out);
    VecRestoreArray(g, &out);
    VecRestoreArrayRead(x, &at);
    return 0;
}

/// What is differenced. The first argument is not the Tao that PETSc's documentation makes it.
PetscErrorCode gradient(void*, Vec x, Vec g, void* objective) {
    PetscReal f;
    return value_and_gradient(nullptr, x, &f, g, objective);
}

/// Both triangles of the pattern, with entries of 0.
Mat make_matrix(const SparsityPattern& pattern) {
    const PetscInt n = pattern.n;
    std::vector<PetscInt> counts(static_cast<std::size_t>(n), 0);
    for (int j = 0; j < n; ++j)
        for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e) {
            ++counts[pattern.rows[e]];
            if (pattern.rows[e] != j) ++counts[j];
        }
    Mat H;
    CUNEWTON_PETSC(MatCreateSeqAIJ(PETSC_COMM_SELF, n, n, 0, counts.data(), &H));
    CUNEWTON_PETSC(MatSetOption(H, MAT_SYMMETRIC, PETSC_TRUE));
    for (int j = 0; j < n; ++j)
        for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e) {
            CUNEWTON_PETSC(MatSetValue(H, pattern.rows[e], j, 0, INSERT_VALUES));
            CUNEWTON_PETSC(MatSetValue(H, j, pattern.rows[e], 0, INSERT_VALUES));
        }
    CUNEWTON_PETSC(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
    CUNEWTON_PETSC(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
    return H;
}

}  // namespace

SparsePeerResult minimize_petsc_colouring(const SparseObjective& objective,
                                          const std::vector<double>& x0,
                                          double gradient_tolerance) {
    start_petsc();
    SparsePeerResult result{x0, 0, ""};
    const PetscInt n = static_cast<PetscInt>(x0.size());
    // PETSc's interface knows no const.
    void* const context = const_cast<SparseObjective*>(&objective);
    Vec x;
    Tao tao;
    KSP ksp;
    PC pc;
    MatColoring colouring;
    ISColoring colours;
    MatFDColoring differences;
    CUNEWTON_PETSC(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, n, result.x.data(), &x));
    Mat H = make_matrix(objective.pattern());
    CUNEWTON_PETSC(MatColoringCreate(H, &colouring));
    CUNEWTON_PETSC(MatColoringSetType(colouring, MATCOLORINGGREEDY));
    CUNEWTON_PETSC(MatColoringSetDistance(colouring, 2));
    CUNEWTON_PETSC(MatColoringApply(colouring, &colours));
    CUNEWTON_PETSC(MatColoringDestroy(&colouring));
    CUNEWTON_PETSC(MatFDColoringCreate(H, colours, &differences));
    CUNEWTON_PETSC(TaoCreate(PETSC_COMM_SELF, &tao));
    CUNEWTON_PETSC(MatFDColoringSetFunction(
        differences,
        // As PETSc wants it; by way of a type that compilers let pass.
        reinterpret_cast<PetscErrorCode (*)(void)>(reinterpret_cast<void (*)()>(gradient)),
        context));
    CUNEWTON_PETSC(MatFDColoringSetFromOptions(differences));
    CUNEWTON_PETSC(MatFDColoringSetUp(H, colours, differences));
    CUNEWTON_PETSC(ISColoringDestroy(&colours));
    CUNEWTON_PETSC(TaoSetType(tao, TAONLS));
    CUNEWTON_PETSC(TaoSetSolution(tao, x));
    CUNEWTON_PETSC(TaoSetObjectiveAndGradient(tao, nullptr, value_and_gradient, context));
    CUNEWTON_PETSC(TaoSetHessian(tao, H, H, TaoDefaultComputeHessianColor, differences));
    CUNEWTON_PETSC(TaoSetTolerances(tao, gradient_tolerance, 0, 0));
    CUNEWTON_PETSC(TaoGetKSP(tao, &ksp));
    CUNEWTON_PETSC(KSPSetType(ksp, KSPPREONLY));
    CUNEWTON_PETSC(KSPGetPC(ksp, &pc));
    CUNEWTON_PETSC(PCSetType(pc, PCCHOLESKY));
    // A band needs no other order than its own.
    const SparsityPattern& pattern = objective.pattern();
    int width = 0;
    for (int j = 0; j < pattern.n; ++j)
        width = std::max(width, pattern.rows[pattern.column_starts[j + 1] - 1] - j);
    CUNEWTON_PETSC(PCFactorSetMatOrderingType(pc, width > 2 ? MATORDERINGND : MATORDERINGNATURAL));
    CUNEWTON_PETSC(TaoSolve(tao));
    TaoConvergedReason reason;
    PetscInt iterations;
    CUNEWTON_PETSC(TaoGetConvergedReason(tao, &reason));
    CUNEWTON_PETSC(TaoGetIterationNumber(tao, &iterations));
    result.iterations = static_cast<int>(iterations);
    result.status = TaoConvergedReasons[reason];
    CUNEWTON_PETSC(TaoDestroy(&tao));
    CUNEWTON_PETSC(MatFDColoringDestroy(&differences));
    CUNEWTON_PETSC(MatDestroy(&H));
    CUNEWTON_PETSC(VecDestroy(&x));
    return result;
}

}  // namespace cunewton::bench
#endif
