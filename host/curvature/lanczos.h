// Lanczos's method: what products with a symmetric matrix tell of its spectrum.
#pragma once

#include <cstdint>
#include <vector>

#include "cunewton/error.h"
#include "host/backend/curvature.h"
#include "host/backend/random.h"

namespace cunewton::lanczos {

/// An orthonormal basis of a Krylov space and the matrix in it. Vectors are kept and each new one
/// is made orthogonal to all of them twice (Parlett 1998, section 6.9: "twice is enough").
template <class T>
class Basis {
  public:
    /// Room for `most` vectors of n numbers and one more. Throws OutOfMemory before it is touched.
    Basis(Vectors<T>& vectors, DenseMatrices<T>& matrices, std::size_t n, int most);

    int size() const { return size_; }  ///< vectors with which the product is known
    int most() const { return most_; }
    /// The vector that the next product is wanted with.
    T* next() { return column(size_); }
    T* column(int j) { return V_.get() + static_cast<std::size_t>(j) * n_; }

    /// next() = w / |w|, made orthogonal to all before it. False: nothing is left of w, or it is
    /// not finite.
    bool begin(const T* w);
    /// The same with a random vector; size() < n. Throws DeviceError where no numbers come back.
    void begin_randomly(Generator& generator);
    /// next() is in the basis without its product: projected() is of no use then.
    void keep() { ++size_; }
    /// Takes w = H next(), which is overwritten: next() is in the basis, and what w adds to it, of
    /// unit length, is the next one. Returns how long it was; 0 where that is nothing but rounding:
    /// an invariant subspace. NaN if w is not finite.
    double extend(T* w);
    /// V'HV, row by row, size() squared.
    std::vector<double> projected() const;
    /// The last value of extend(): H V = V projected() + coupling() next() e'.
    double coupling() const { return coupling_; }
    /// Y = V S for `count` columns S, size() numbers each.
    void combine(const double* S, int count, T* Y);
    /// The basis becomes V S for `count` columns S, size() numbers each, with these eigenvalues;
    /// next() stays what it is.
    void restart(const double* S, const double* eigenvalues, int count);

  private:
    /// w -= V V'w, twice, with so many columns; `parts` is the sum of the V'w. Returns |w|.
    double orthogonalize(T* w, int columns, std::vector<double>& parts);
    double norm(const T* w);

    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const std::size_t n_;
    const int most_;
    int size_ = 0;
    double coupling_ = 0, largest_ = 0;
    Buffer<T> V_, small_, combined_;
    Number norm_;
    std::vector<double> projected_;  // most_ x most_; empty before the first extend()
};

/// What is thrown where a product with the Hessian is not finite.
struct NotFinite : InvalidArgument {
    NotFinite();
};

struct Wanted {
    int largest = 1, smallest = 0;  ///< of either end; together 1 to n
    double tolerance = 1e-6;        ///< of residuals, in units of the largest |eigenvalue|
    long max_products = 1000;
    int max_vectors = 300;       ///< in memory; raised to 2 (largest + smallest) + 2 at least
    bool multiplicities = true;  ///< as EigenvalueOptions::multiplicities
    std::uint64_t seed = 1;
};

/// An eigenvalue and what is known of it.
struct Pair {
    double value = 0;
    double residual = 0;  ///< |H v - value v|, by a product of its own
};
template <class T>
struct Found {
    std::vector<Pair> largest, smallest;  ///< the outermost first
    /// Their unit vectors on the machine: those of `largest`, then those of `smallest`.
    Buffer<T> vectors;
    bool converged = false;
    double norm = 0;  ///< largest |value| seen, a lower bound of |H|_2
    long products = 0;
    int restarts = 0;
};
/// Eigenvalues from the ends of the spectrum of H, n x n, at its point. See
/// cunewton::extreme_eigenvalues(). start: n numbers, or null for a random vector. Throws
/// NotFinite.
template <class T>
Found<T> find_extremes(Vectors<T>& vectors, DenseMatrices<T>& matrices, Curvature<T>& H,
                       std::size_t n, const Wanted& wanted, const T* start = nullptr);

/// Gauss's quadrature for the spectral measure of a vector: sum_k weights_k p(nodes_k) = v'p(H)v /
/// v'v for polynomials p of degree up to 2 nodes.size() - 1.
struct Quadrature {
    std::vector<double> nodes, weights;
};
/// Of `columns` vectors on the machine, one after the other, `steps` products each at most, taken
/// with all of them at a time; fewer where their spaces are invariant. Throws as find_extremes().
template <class T>
std::vector<Quadrature> quadratures(Vectors<T>& vectors, DenseMatrices<T>& matrices,
                                    Curvature<T>& H, std::size_t n, const T* starts, int columns,
                                    int steps);

/// Eigenvalues, ascending, and unit eigenvectors, a column each, of a symmetric m x m matrix of the
/// host's. By LAPACK's dsyevd.
struct SmallSpectrum {
    std::vector<double> values, vectors;
};
SmallSpectrum small_spectrum(std::vector<double> matrix, int m);

}  // namespace cunewton::lanczos
