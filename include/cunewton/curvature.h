// What the Hessian says about a loss at a point: its products and diagonal, how far to trust it,
// its eigenvalues, and from these whether the loss is convex and what kind of point it is.
//
// Everything here works on the backend that the problem runs on. Where only products with H are
// wanted they are those of hessian_block(): H v without a matrix where the loss has that, else by
// the dense Hessian where it fits into DerivativeOptions::memory_budget, else by differences of
// gradients. Functions that need all of H say so, and throw OutOfMemory before any work where it
// does not fit. All of them throw as hessian() does. Where samples are spread over ranks all ranks
// call with the same arguments, and get the same result.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/differentiate.h"

namespace cunewton {

// ---- products and the diagonal

/// H V for `V.size() / n` vectors of n numbers, stored one after the other as is what is returned.
/// Throws InvalidArgument also for a V that is not finite or is no whole number of vectors, at
/// least one.
template <class T>
std::vector<T> hessian_product(const Problem<T>& problem, const std::vector<T>& x,
                               const std::vector<T>& V, const EvaluationOptions& options = {});

/// The Hessian's diagonal, n numbers. Of linear predictors by one pass over the samples; of values
/// by (f(x + h e_j) - 2 f(x) + f(x - h e_j)) / h^2 (Dennis and Schnabel 1983, equation 5.6.8); else
/// from the dense Hessian where that is what products are taken with, and by n products where it is
/// not.
template <class T>
std::vector<T> hessian_diagonal(const Problem<T>& problem, const std::vector<T>& x,
                                const EvaluationOptions& options = {});

/// How a trace or a diagonal is estimated from products with random signs v.
enum class ProbeEstimator {
    hutchinson,       ///< the mean of v'Hv (Hutchinson 1990), of v * Hv for the diagonal (Bekas,
                      ///< Kokiopoulou and Saad 2007)
    hutch_plus_plus,  ///< a third of the products finds a space Q of large eigenvalues, a third is
                      ///< Q's own part, exact, and a third Hutchinson's estimate of the rest
                      ///< (Meyer, Musco, Musco and Woodruff 2021, "Hutch++: Optimal stochastic
                      ///< trace estimation", algorithm 1; for the diagonal Baston and Nakatsukasa
                      ///< 2022, "Stochastic diagonal estimation")
};
/// "hutchinson", "hutch_plus_plus"
const char* to_string(ProbeEstimator estimator);

struct ProbeOptions : EvaluationOptions {
    ProbeEstimator estimator = ProbeEstimator::hutch_plus_plus;
    int products = 60;       ///< at most; hutchinson: at least 2, hutch_plus_plus: at least 6
    std::uint64_t seed = 1;  ///< the same seed gives the same bits
};

struct TraceEstimate : RanOn {
    double trace = 0;
    /// Of the probes: their standard deviation over the root of their number. 0 where the space Q
    /// is everything.
    double standard_error = 0;
    int products = 0;  ///< that were taken
    std::uint64_t seed = 0;
};
/// The trace of H. Unbiased. Throws InvalidArgument also for too few products.
template <class T>
TraceEstimate estimate_trace(const Problem<T>& problem, const std::vector<T>& x,
                             const ProbeOptions& options = {});

template <class T>
struct DiagonalEstimate : RanOn {
    std::vector<T> diagonal;         ///< n
    std::vector<T> standard_errors;  ///< n, as TraceEstimate::standard_error
    int products = 0;
    std::uint64_t seed = 0;
};
/// The diagonal of H. Unbiased. Throws as estimate_trace().
template <class T>
DiagonalEstimate<T> estimate_diagonal(const Problem<T>& problem, const std::vector<T>& x,
                                      const ProbeOptions& options = {});

// ---- how far to trust the Hessian

struct HessianAccuracy : RanOn {
    HessianBy by = HessianBy::automatic;  ///< how the Hessian is obtained
    /// Nothing is differenced: what is left is rounding. Whether the code of such derivatives is
    /// right is what check_hessian() finds out.
    bool exact = false;
    double error = 0;           ///< estimated, of H in the Frobenius norm
    double relative_error = 0;  ///< over |H| in that norm; infinity if H is 0 and its error is not
    /// Decimal digits of H's largest entries to trust: -log10(relative_error), 0 or more, those of
    /// the type at most.
    double digits = 0;
    int row = 0, column = 0;  ///< the entry with the largest estimated error, row >= column
    double worst_value = 0, worst_error = 0;  ///< its value and that error
    std::string message;                      ///< all of it in a sentence
};
/// How accurate hessian() with these options is, from two of them: with the formula's steps h and
/// with 2h. Both formulas have errors of order h^2 from what they leave out: there the difference
/// of the two is three times the error of the one with h. Rounding is of order 1/h or 1/h^2, and
/// the two may have it in common: so what it may be is added, 4 epsilon |f| / (h_i h_j) of
/// differences of values and epsilon max |g| / h of those of gradients (Dennis and Schnabel 1983,
/// section 5.6), and rounding of the result itself. Of linear predictors and perceptrons, whose
/// losses are differenced sample by sample, the first is left out. An estimate, not a bound: terms
/// of a loss or gradient that cancel round by more than its size tells. Takes two dense Hessians.
template <class T>
HessianAccuracy assess_hessian(const Problem<T>& problem, const std::vector<T>& x,
                               const EvaluationOptions& options = {});

// ---- eigenvalues

struct EigenvalueOptions : EvaluationOptions {
    int largest = 1;   ///< how many from the upper end, and
    int smallest = 1;  ///< from the lower one; together 1 to n
    bool vectors = false;
    /// Of the residuals |H v - t v|, in units of the largest |t|. What double or float allows if it
    /// is less.
    double tolerance = 1e-6;
    /// Of the method; the residuals take one more for each eigenvalue.
    long max_products = 1000;
    /// Vectors in memory at most; 0: as many as fit into DerivativeOptions::memory_budget with
    /// those of a restart, 20 to 300. At least 2 (largest + smallest) + 2 are.
    int max_vectors = 0;
    /// A Krylov space has one vector of each eigenspace. With this, where more than one eigenvalue
    /// is wanted from an end, a second run from another start, orthogonal to what was found, looks
    /// for further ones.
    bool multiplicities = true;
    std::uint64_t seed = 1;  ///< of the start; the same seed gives the same bits
};
/// Eigenvalues from one end of the spectrum, the outermost first.
template <class T>
struct EigenvalueList {
    std::vector<double> values;
    /// |H v - t v|_2 of each with its unit vector, computed by a product for each at the end: there
    /// is an eigenvalue of H, as the products have it, within it of t (Parlett 1998, "The symmetric
    /// eigenvalue problem", theorem 4.5.1). What differences put into the products is apart:
    /// Eigenvalues::product_error.
    std::vector<double> residuals;
    std::vector<T> vectors;  ///< n numbers each, of unit length; empty unless asked for
};
template <class T>
struct Eigenvalues : RanOn {
    EigenvalueList<T> largest, smallest;
    bool converged = false;  ///< all residuals are within the tolerance
    double norm = 0;         ///< the largest |t| seen, a lower bound of |H|_2
    /// Estimated 2-norm of what the products themselves are off by, rounding where nothing is
    /// differenced: to be added to residuals where the eigenvalues of the true H are meant. Of
    /// differences, and of products of a black box, it takes some more that are not counted.
    double product_error = 0;
    long products = 0;  ///< of the method and the residuals
    int restarts = 0;
    std::uint64_t seed = 0;
};
/// The outermost eigenvalues, by products alone: Lanczos's method with full reorthogonalisation,
/// and a thick restart (Wu and Simon 2000, "Thick-restart Lanczos method for large symmetric
/// eigenvalue problems") when its vectors fill the memory. Where an invariant subspace is found it
/// goes on from a random vector beside that. Throws InvalidArgument also for numbers of eigenvalues
/// that are negative or too many, and DeviceError or OutOfMemory as all calls; products that are
/// not finite are InvalidArgument too.
template <class T>
Eigenvalues<T> extreme_eigenvalues(const Problem<T>& problem, const std::vector<T>& x,
                                   const EigenvalueOptions& options = {});

struct SpectrumOptions : EvaluationOptions {
    bool vectors = false;
};
template <class T>
struct Spectrum : RanOn {
    std::vector<T> eigenvalues;  ///< n, ascending
    std::vector<T> vectors;      ///< n x n, a column each; empty unless asked for
    /// What rounding may have moved an eigenvalue by: max(n, 10) epsilon |H|_2, at least 10 epsilon
    /// of float where H is summed in it (HessianPrecision::single). That of differences in H itself
    /// is apart: assess_hessian().
    double rounding = 0;
};
/// All eigenvalues, of the dense Hessian: LAPACK's syevd on the host, cuSOLVER's Xsyevd on a GPU.
/// Throws InvalidArgument also where H is not finite.
template <class T>
Spectrum<T> spectrum(const Problem<T>& problem, const std::vector<T>& x,
                     const SpectrumOptions& options = {});

struct DensityOptions : EvaluationOptions {
    int probes = 10;    ///< random vectors, at least 2
    int steps = 50;     ///< products with each, at least 2; n if that is less
    int points = 1000;  ///< of the smoothed curve, at least 2
    /// Standard deviation of the smoothing; 0: a hundredth of the spread. At least sqrt(epsilon) of
    /// the largest |node|, so that nodes of one eigenvalue are one.
    double width = 0;
    std::uint64_t seed = 1;  ///< the same seed gives the same bits
};
/// The distribution of the eigenvalues: mu(t) = (1/n) sum_i delta(t - lambda_i).
struct SpectralDensity : RanOn {
    /// The estimate as a measure of points: `nodes` with their `weights`, which sum to 1.
    std::vector<double> nodes, weights;
    /// The same with a Gaussian of standard deviation `width` in the place of each point: the curve
    /// at equidistant points that reach 6 widths beyond the nodes, and its standard errors over the
    /// probes.
    std::vector<double> points, density, standard_errors;
    double width = 0;
    /// (1/n) tr H^k for k = 1 .. 4, and their standard errors over the probes. Of two steps the
    /// fourth is NaN.
    double moments[4] = {}, moment_errors[4] = {};
    long products = 0;
    int probes = 0, steps = 0;  ///< steps: of the longest run
    std::uint64_t seed = 0;
};
/// Stochastic Lanczos quadrature (Ubaru, Chen and Saad 2017, "Fast estimation of tr(f(A)) via
/// stochastic Lanczos quadrature", algorithm 1): for each vector v of random signs the eigenvalues
/// of Lanczos's tridiagonal matrix from v / |v|, with the squares of the first entries of its
/// eigenvectors as weights, is Gauss's quadrature for v's spectral measure; the mean over vectors
/// is mu's estimate. Moments up to 2 steps - 1 are those of the probes exactly. Throws
/// InvalidArgument also for options out of range and products that are not finite.
template <class T>
SpectralDensity spectral_density(const Problem<T>& problem, const std::vector<T>& x,
                                 const DensityOptions& options = {});

struct ConditionNumber : RanOn {
    /// Largest |eigenvalue| over smallest |eigenvalue|; infinity if H is singular to the accuracy
    /// of its entries or products; NaN if it is not known, as where products ended before the
    /// smallest one was told from zero.
    double value = std::numeric_limits<double>::quiet_NaN();
    /// Where it is. By products at_most rests on the smallest eigenvalue having been found, which
    /// no residual proves; infinity where they did not converge.
    double at_least = 1, at_most = std::numeric_limits<double>::infinity();
    double smallest = 0, largest = 0;  ///< eigenvalues (not their sizes), of the two ends
    bool converged = true;             ///< as Eigenvalues::converged; true from all eigenvalues
    long products = 0;                 ///< 0: from all eigenvalues
};
/// The condition number of H in the 2-norm: by all eigenvalues where the dense Hessian fits into
/// DerivativeOptions::memory_budget and n is at most 2000, else by extreme_eigenvalues() with the
/// options given. That does not see the middle of the spectrum: of an indefinite H there is a lower
/// bound alone.
template <class T>
ConditionNumber condition_number(const Problem<T>& problem, const std::vector<T>& x,
                                 const EigenvalueOptions& options = {});

struct InertiaOptions : EvaluationOptions {
    /// Eigenvalues of at most this size count as zero. Unset: Spectrum::rounding, and where H is
    /// differenced its estimated error besides, as assess_hessian() has it.
    std::optional<double> tolerance{};
};
struct Inertia : RanOn {
    int positive = 0, negative = 0, zero = 0;
    double tolerance = 0;
    double smallest = 0, largest = 0;  ///< eigenvalues
};
/// How many eigenvalues of the dense Hessian are positive, negative and zero.
template <class T>
Inertia inertia(const Problem<T>& problem, const std::vector<T>& x,
                const InertiaOptions& options = {});

struct Definiteness : RanOn {
    bool positive_definite = false;  ///< Cholesky's factorisation of the dense Hessian worked
    /// And every pivot is beyond rounding and the estimated error of differences, both in units of
    /// the diagonal, |E_ij| / sqrt(H_ii H_jj): positive definite also with what these may have
    /// done, whatever the parameters' units.
    bool certain = false;
    int bad_minor = 0;       ///< order of the first leading minor that is not positive; 0: none
    double least_pivot = 0;  ///< smallest ratio of a pivot to its diagonal entry, if it worked
};
/// Whether H is positive definite.
template <class T>
Definiteness is_positive_definite(const Problem<T>& problem, const std::vector<T>& x,
                                  const EvaluationOptions& options = {});

// ---- what kind of point

enum class PointKind {
    minimum,         ///< no slope, all eigenvalues positive
    maximum,         ///< no slope, all eigenvalues negative
    saddle,          ///< no slope, eigenvalues of both signs
    degenerate,      ///< no slope, and some eigenvalue is zero to the accuracy at hand, the others
                     ///< of one sign: the second derivatives do not tell
    not_stationary,  ///< the gradient is not zero to the accuracy at hand
};
/// "minimum", "maximum", ...
const char* to_string(PointKind kind);

struct PointOptions : EigenvalueOptions {
    /// A gradient of at most this 2-norm is zero. Unset: where the nearest stationary point of the
    /// quadratic model is within sqrt(epsilon) of x, as PointClass::distance measures it, or the
    /// gradient is within the error of its differences.
    std::optional<double> gradient_tolerance{};
    /// Eigenvalues of at most this size are zero. Unset: as InertiaOptions::tolerance; by products
    /// their residuals and Eigenvalues::product_error.
    std::optional<double> eigenvalue_tolerance{};
};
struct PointClass : RanOn {
    PointKind kind = PointKind::not_stationary;
    double f = 0, gradient_norm = 0;
    /// Of x from the nearest stationary point of the quadratic model, over |x| (each entry at least
    /// DerivativeOptions::typical_x). Along eigenvectors whose eigenvalue is zero slopes beyond the
    /// gradient's rounding count as if the curvature were `tolerance`, infinitely far if that is 0:
    /// a lower bound. By products it is that of the model in the gradient's Krylov space, which
    /// of a positive definite H is no more than H's.
    double distance = 0;
    double smallest = 0, largest = 0;             ///< eigenvalues
    double tolerance = 0;                         ///< eigenvalues of at most this size are zero
    int positive = -1, negative = -1, zero = -1;  ///< how many; -1: not known, as n is large
    bool converged = true;                        ///< as ConditionNumber::converged
    long products = 0;                            ///< 0: from all eigenvalues
    std::string message;                          ///< all of it in a sentence
};
/// What kind of point x is: from all eigenvalues, or the outermost ones, as condition_number().
template <class T>
PointClass classify_point(const Problem<T>& problem, const std::vector<T>& x,
                          const PointOptions& options = {});

template <class T>
struct NegativeCurvature : RanOn {
    bool found = false;        ///< curvature < 0 beyond the accuracy of H
    double curvature = 0;      ///< v'Hv, about the smallest eigenvalue, also if it is not negative
    double residual = 0;       ///< |Hv - curvature v|_2
    bool converged = true;     ///< as ConditionNumber::converged; if not there may be more negative
    std::vector<T> direction;  ///< v, n numbers, |v|_2 = 1, with g'v <= 0
    double f = 0;              ///< at x
    /// x + a v with the lowest loss of some steps a of both signs, and that loss; empty unless
    /// found, and if none is lower than f.
    std::vector<T> escape;
    double escape_f = std::numeric_limits<double>::quiet_NaN(), step = 0;
    long products = 0;
};
/// The direction of the most negative curvature and a step along it that lowers the loss, as it
/// does at a saddle, where the gradient shows no way. Of EigenvalueOptions the numbers of
/// eigenvalues and `vectors` do not count. Throws InvalidArgument also where the loss or its
/// gradient is not finite.
template <class T>
NegativeCurvature<T> negative_curvature(const Problem<T>& problem, const std::vector<T>& x,
                                        const EigenvalueOptions& options = {});

// ---- convexity

/// Where a loss is looked at.
template <class T>
struct Region {
    std::vector<T> lower, upper;  ///< a box, n numbers each
    std::vector<T> centre;        ///< or a ball: n numbers, where the box is empty
    double radius = 0;

    static Region box(std::vector<T> lower, std::vector<T> upper) {
        return {std::move(lower), std::move(upper), {}, 0};
    }
    static Region ball(std::vector<T> centre, double radius) {
        return {{}, {}, std::move(centre), radius};
    }
};

struct ConvexityOptions : EvaluationOptions {
    long triples = 10'000;   ///< of points x, y and l x + (1 - l) y; 3 values of the loss each
    int curvatures = 8;      ///< points where the smallest eigenvalue of H is looked at besides
    long max_products = 60;  ///< at each of these
    std::uint64_t seed = 1;  ///< the same seed gives the same bits
};
template <class T>
struct ConvexityCheck : RanOn {
    bool counter_example = false;
    /// With f(l x + (1 - l) y) = l f(x) + (1 - l) f(y) + gap, gap > rounding.
    std::vector<T> x, y;
    double l = 0, gap = 0, rounding = 0;
    bool by_curvature = false;  ///< a direction of negative curvature showed where to look
    long triples = 0;           ///< that were tried with finite losses
    /// Of these, those for which the inequality failed by more than 16 epsilon of the losses, but
    /// which were not looked at more closely or failed by no more than the losses scatter there.
    long unconfirmed = 0;
    long not_finite = 0;  ///< and those that were not
    int curvatures = 0;   ///< points where curvature was looked at
    /// Smallest v'Hv seen there: no less than the smallest eigenvalue, whether or not the products
    /// sufficed for that.
    double least_curvature = std::numeric_limits<double>::infinity();
    /// If the inequality failed beyond that for a share p of all triples with finite losses, (1 -
    /// p)^triples would be the chance of seeing none: with 95 % confidence p is at most this, 1 -
    /// 0.05^(1 / triples), about 3 / triples. Unconfirmed ones count as failures: it is the upper
    /// limit of Clopper and Pearson (1934) for so many. 1 where there is a counter-example. That is
    /// no proof: what fails in a smaller part of the region may have been missed.
    double missed_at_most = 1;
    std::string message;  ///< all of it in a sentence
};
/// Looks for points of the region that show that the loss is not convex there: x and y uniformly
/// distributed in it, l in (0, 1), many at a time; and at some points along the direction of the
/// most negative curvature, which finds what chords miss. What it reports is a failure of the
/// inequality itself beyond the rounding of the three losses, estimated from the scatter of losses
/// next to them on the chord (More and Wild 2011, "Estimating computational noise").
/// Throws InvalidArgument also for a region that is empty, not finite or of the wrong size.
template <class T>
ConvexityCheck<T> check_convexity(const Problem<T>& problem, const Region<T>& region,
                                  const ConvexityOptions& options = {});

struct ConvexityCertificate {
    bool convex = false;  ///< everywhere; false: not known
    /// Of a quadratic: its smallest eigenvalue is zero within rounding. It may be convex, or have a
    /// negative eigenvalue of that size and be unbounded below.
    bool within_rounding = false;
    /// H - strong_convexity I is positive semidefinite everywhere. 0: nothing is known.
    double strong_convexity = 0;
    std::string reason;
};
/// Whether the loss is convex by what it is: linear predictors and perceptrons without a hidden
/// layer with a loss of the library's whose Hessian by the predictors is positive semidefinite for
/// all z (linear regression, Huber, logistic, softmax, Poisson), and quadratics whose eigenvalues
/// are positive beyond rounding, or whose Hessian is 0, each with its penalty. Quadratics take
/// their spectrum(), the others nothing.
template <class T>
ConvexityCertificate convexity_certificate(const Problem<T>& problem,
                                           const EvaluationOptions& options = {});

}  // namespace cunewton
