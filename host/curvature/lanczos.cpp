#include "host/curvature/lanczos.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "host/backend/lapack.h"
#include "host/backend/memory.h"

namespace cunewton::lanczos {

NotFinite::NotFinite()
    : InvalidArgument(
          "a product with the Hessian is not finite (a loss is not twice differentiable there, or "
          "overflows) choose another point") {}

SmallSpectrum small_spectrum(std::vector<double> matrix, int m) {
    SmallSpectrum spectrum;
    spectrum.values.resize(static_cast<std::size_t>(m));
    for (const double entry : matrix)
        if (!std::isfinite(entry)) throw NotFinite();
    if (lapack::syevd(true, m, matrix.data(), spectrum.values.data()) != 0)
        throw DeviceError(
            "the eigenvalues of a projected Hessian were not found (LAPACK's method did not "
            "converge) use another seed");
    spectrum.vectors = std::move(matrix);
    return spectrum;
}

namespace {

/// Room for `count` vectors, asked for before it is touched.
template <class T>
Buffer<T> allocate_vectors(Vectors<T>& vectors, std::size_t n, std::size_t count) {
    const double bytes = static_cast<double>(n) * static_cast<double>(count) * sizeof(T);
    if (bytes >= static_cast<double>(worth_asking))
        require_room(bytes, vectors.free_bytes(), std::to_string(count) + " Lanczos vectors",
                     vectors.name(), "allow fewer vectors or steps");
    return vectors.allocate(n * count);
}

}  // namespace

template <class T>
Basis<T>::Basis(Vectors<T>& vectors, DenseMatrices<T>& matrices, std::size_t n, int most)
    : vectors_(vectors),
      matrices_(matrices),
      n_(n),
      most_(most),
      V_(allocate_vectors(vectors, n, static_cast<std::size_t>(most) + 1)),
      small_(vectors.allocate(static_cast<std::size_t>(most) + 1)),
      norm_(vectors.number()) {}

template <class T>
double Basis<T>::orthogonalize(T* w, int columns, std::vector<double>& parts) {
    const long n = static_cast<long>(n_);
    parts.assign(static_cast<std::size_t>(columns), 0.0);
    std::vector<T> some(parts.size());
    for (int times = 0; times < 2 && columns > 0; ++times) {
        matrices_.multiply_transposed(V_.get(), columns, w, 1, n, small_.get());
        vectors_.download(some.data(), small_.get(), some.size());
        for (std::size_t i = 0; i < some.size(); ++i) parts[i] += static_cast<double>(some[i]);
        vectors_.scale(small_.get(), T(-1), small_.get(), columns);
        matrices_.multiply(V_.get(), columns, small_.get(), 1, n, T(1), w);
    }
    return norm(w);
}

template <class T>
double Basis<T>::norm(const T* w) {
    vectors_.norms({{w, norm_}}, static_cast<long>(n_));
    return vectors_.read(norm_);
}

template <class T>
bool Basis<T>::begin(const T* w) {
    if (static_cast<std::size_t>(size_) == n_) return false;
    const double before = norm(w);
    if (!(before > 0) || !std::isfinite(before)) return false;
    // Of unit length first: what is left is then told from rounding whatever w's units.
    vectors_.scale(next(), static_cast<T>(1 / before), w, static_cast<long>(n_));
    std::vector<double> parts;
    const double left = orthogonalize(next(), size_, parts);
    if (!(left > 10 * std::numeric_limits<T>::epsilon())) return false;
    vectors_.scale(next(), static_cast<T>(1 / left), next(), static_cast<long>(n_));
    return true;
}

template <class T>
void Basis<T>::begin_randomly(Generator& generator) {
    std::vector<T> numbers(n_);
    const Buffer<T> w = vectors_.allocate(n_);
    // One is enough, but for a chance that no one lives to see.
    for (int tries = 0; tries < 10; ++tries) {
        for (T& number : numbers) number = static_cast<T>(generator.normal());
        vectors_.upload(w.get(), numbers.data(), n_);
        if (begin(w.get())) return;
    }
    throw DeviceError(
        "no random vector has a part beside a Krylov space (numbers there are wrong) use another "
        "backend");
}

template <class T>
double Basis<T>::extend(T* w) {
    const double before = norm(w);
    if (!std::isfinite(before)) return std::numeric_limits<double>::quiet_NaN();
    largest_ = std::max(largest_, before);
    const std::size_t j = static_cast<std::size_t>(size_), most = static_cast<std::size_t>(most_);
    if (projected_.empty()) projected_.resize(most * most);
    std::vector<double> parts;
    coupling_ = orthogonalize(w, size_ + 1, parts);
    for (std::size_t i = 0; i <= j; ++i)
        projected_[i * most + j] = projected_[j * most + i] = parts[i];
    ++size_;
    // What rounding of H v and of taking its parts off leaves.
    if (coupling_ <= 32 * static_cast<double>(std::numeric_limits<T>::epsilon()) * largest_ ||
        j + 1 == n_)
        coupling_ = 0;
    if (coupling_ > 0)
        vectors_.scale(next(), static_cast<T>(1 / coupling_), w, static_cast<long>(n_));
    return coupling_;
}

template <class T>
std::vector<double> Basis<T>::projected() const {
    const std::size_t size = static_cast<std::size_t>(size_),
                      most = static_cast<std::size_t>(most_);
    std::vector<double> matrix(size * size);
    for (std::size_t i = 0; i < size; ++i)
        std::copy_n(projected_.begin() + static_cast<std::ptrdiff_t>(i * most), size,
                    matrix.begin() + static_cast<std::ptrdiff_t>(i * size));
    return matrix;
}

template <class T>
void Basis<T>::combine(const double* S, int count, T* Y) {
    const std::vector<T> weights(S, S + static_cast<std::ptrdiff_t>(size_) * count);
    if (small_.size() < weights.size()) small_ = vectors_.allocate(weights.size());
    vectors_.upload(small_.get(), weights.data(), weights.size());
    matrices_.multiply(V_.get(), size_, small_.get(), count, static_cast<long>(n_), T(0), Y);
}

template <class T>
void Basis<T>::restart(const double* S, const double* eigenvalues, int count) {
    const std::size_t kept = static_cast<std::size_t>(count);
    if (combined_.size() < n_ * kept) {
        combined_ = {};
        combined_ = allocate_vectors(vectors_, n_, kept);
    }
    combine(S, count, combined_.get());
    vectors_.copy(V_.get(), combined_.get(), n_ * kept);
    if (count < size_) vectors_.copy(column(count), next(), n_);
    size_ = count;
    std::fill(projected_.begin(), projected_.end(), 0.0);
    for (std::size_t i = 0; i < kept; ++i)
        projected_[i * static_cast<std::size_t>(most_) + i] = eigenvalues[i];
}

template class Basis<double>;
template class Basis<float>;

namespace {

/// Ritz values and vectors in a basis, and which of them are wanted.
class Ritz {
  public:
    template <class T>
    Ritz(const Basis<T>& basis, const Wanted& wanted)
        : size_(basis.size()),
          coupling_(basis.coupling()),
          largest_(wanted.largest),
          smallest_(wanted.smallest),
          spectrum_(small_spectrum(basis.projected(), size_)) {}

    /// Whether there are as many as are wanted.
    bool enough() const { return size_ >= largest_ + smallest_; }
    double value(int i) const { return spectrum_.values[static_cast<std::size_t>(i)]; }
    const double* vector(int i) const {
        return spectrum_.vectors.data() + static_cast<std::ptrdiff_t>(i) * size_;
    }
    /// |H y - t y|, were H known exactly.
    double residual(int i) const { return std::abs(coupling_ * vector(i)[size_ - 1]); }
    double norm() const {
        return std::max(std::abs(spectrum_.values.front()), std::abs(spectrum_.values.back()));
    }
    /// The outermost `top` and `bottom` ones: the former first, each from its end.
    std::vector<int> ends(int top, int bottom) const {
        std::vector<int> list;
        for (int i = 0; i < top; ++i) list.push_back(size_ - 1 - i);
        for (int i = 0; i < bottom; ++i) list.push_back(i);
        return list;
    }
    std::vector<int> wanted() const { return ends(largest_, smallest_); }
    bool converged(double tolerance) const {
        const double limit = tolerance * norm();
        for (const int i : wanted())
            if (residual(i) > limit) return false;
        return true;
    }
    /// Whether what is next to the wanted ones of either end is known well enough to say that it
    /// does not belong to them.
    bool settled(double tolerance) const {
        const int rest = size_ - largest_ - smallest_;
        if (rest <= 0) return coupling_ == 0;
        const auto apart = [&](int next, int last) {
            return residual(next) <=
                   std::max(tolerance * norm(), 0.1 * std::abs(value(last) - value(next)));
        };
        return (largest_ < 2 || apart(size_ - 1 - largest_, size_ - largest_)) &&
               (smallest_ < 2 || apart(smallest_, smallest_ - 1));
    }
    std::vector<double> values_of(const std::vector<int>& list) const {
        std::vector<double> values;
        for (const int i : list) values.push_back(value(i));
        return values;
    }
    /// These vectors, one after the other.
    std::vector<double> vectors_of(const std::vector<int>& list) const {
        std::vector<double> S;
        for (const int i : list) S.insert(S.end(), vector(i), vector(i) + size_);
        return S;
    }
    int size() const { return size_; }

  private:
    int size_;
    double coupling_;
    int largest_, smallest_;
    SmallSpectrum spectrum_;
};

template <class T>
void restart(Basis<T>& basis, const Ritz& ritz, const std::vector<int>& kept) {
    basis.restart(ritz.vectors_of(kept).data(), ritz.values_of(kept).data(),
                  static_cast<int>(kept.size()));
}

/// Which Ritz vectors a restart keeps: the wanted ones, and a third of what else there is from the
/// ends that are wanted, whose convergence they speed up.
std::vector<int> kept_by_restart(const Ritz& ritz, const Wanted& wanted) {
    const int more = (ritz.size() - wanted.largest - wanted.smallest) / 3;
    const bool both = wanted.largest > 0 && wanted.smallest > 0;
    const int top = wanted.largest == 0 ? 0 : both ? more / 2 : more;
    return ritz.ends(wanted.largest + top,
                     wanted.smallest + (wanted.smallest == 0 ? 0 : more - top));
}

/// Whether a Ritz problem of this size is solved after each product: more seldom where it is large.
bool worth_looking(int size) {
    return size <= 64 || size % 8 == 0;
}

/// Vectors, and values by their residuals.
template <class T>
void collect(Vectors<T>& vectors, Curvature<T>& H, std::size_t n, Basis<T>& basis, const Ritz& ritz,
             const Wanted& wanted, Found<T>& found) {
    const std::vector<int> list = ritz.wanted();
    const std::size_t count = list.size();
    found.vectors = vectors.allocate(n * count);
    const Buffer<T> Hy = vectors.allocate(n * count);
    basis.combine(ritz.vectors_of(list).data(), static_cast<int>(count), found.vectors.get());
    H.apply(found.vectors.get(), static_cast<int>(count), Hy.get());
    found.products += static_cast<long>(count);
    const Number residual = vectors.number(), length = vectors.number();
    const long size = static_cast<long>(n);
    for (std::size_t c = 0; c < count; ++c) {
        T* const y = found.vectors.get() + c * n;
        T* const r = Hy.get() + c * n;
        const double value = ritz.value(list[c]);
        vectors.add_scaled(r, r, static_cast<T>(-value), y, size);
        vectors.norms({{r, residual}, {y, length}}, size);
        const auto [left, norm] = read(vectors, residual, length);
        if (!std::isfinite(left)) throw NotFinite();
        // -value was rounded to T.
        const double rounding = std::abs(static_cast<double>(static_cast<T>(value)) - value);
        (c < static_cast<std::size_t>(wanted.largest) ? found.largest : found.smallest)
            .push_back({value, left / norm + rounding});
    }
}

}  // namespace

template <class T>
Found<T> find_extremes(Vectors<T>& vectors, DenseMatrices<T>& matrices, Curvature<T>& H,
                       std::size_t n, const Wanted& wanted, const T* start) {
    const int count = wanted.largest + wanted.smallest;
    const int most = static_cast<int>(std::min<std::size_t>(
        n, static_cast<std::size_t>(std::max({wanted.max_vectors, 2 * count + 2, 4}))));
    const double eps = std::numeric_limits<T>::epsilon();
    const double tolerance =
        std::max(wanted.tolerance, 10 * eps * std::sqrt(static_cast<double>(n)));
    // Half of it is for what a second run, and rounding, add.
    const double goal = tolerance / 2;
    Found<T> found;
    Generator generator(wanted.seed);
    Basis<T> basis(vectors, matrices, n, most);
    const Buffer<T> w = vectors.allocate(n);
    const bool search_again = wanted.multiplicities && (wanted.largest > 1 || wanted.smallest > 1);
    // Whether a random vector has a part in the space, and so all eigenvectors have: an invariant
    // space of a start of the caller's may lack the wanted ones.
    bool random = !start || !basis.begin(start);
    if (random) basis.begin_randomly(generator);
    std::optional<std::vector<double>> before;  // of the run before the present one
    for (;;) {
        H.apply(basis.next(), 1, w.get());
        ++found.products;
        const double coupling = basis.extend(w.get());
        if (std::isnan(coupling)) throw NotFinite();
        const bool full = basis.size() == basis.most(),
                   last = found.products >= wanted.max_products;
        const bool whole = static_cast<std::size_t>(basis.size()) == n;
        if (coupling > 0 && !full && !last && !worth_looking(basis.size())) continue;
        const Ritz ritz(basis, wanted);
        found.norm = std::max(found.norm, ritz.norm());
        const bool arrived = ritz.enough() && (random || coupling > 0) && ritz.converged(goal);
        if (ritz.enough() && (whole || last)) {
            collect(vectors, H, n, basis, ritz, wanted, found);
            break;
        }
        if (arrived && (!before || ritz.settled(goal))) {
            const std::vector<double> values = ritz.values_of(ritz.wanted());
            bool same = before.has_value();
            for (std::size_t i = 0; same && i < values.size(); ++i)
                same = std::abs(values[i] - (*before)[i]) <= tolerance * found.norm;
            if (same || !search_again) {
                collect(vectors, H, n, basis, ritz, wanted, found);
                break;
            }
            before = values;
            restart(basis, ritz, ritz.wanted());
            basis.begin_randomly(generator);
            continue;
        }
        if (full) {
            restart(basis, ritz, kept_by_restart(ritz, wanted));
            ++found.restarts;
        }
        if (coupling == 0) {
            basis.begin_randomly(generator);
            random = true;
        }
    }
    found.converged = true;
    for (const auto* end : {&found.largest, &found.smallest})
        for (const Pair& pair : *end)
            found.converged = found.converged && pair.residual <= tolerance * found.norm;
    return found;
}
template Found<double> find_extremes(Vectors<double>&, DenseMatrices<double>&, Curvature<double>&,
                                     std::size_t, const Wanted&, const double*);
template Found<float> find_extremes(Vectors<float>&, DenseMatrices<float>&, Curvature<float>&,
                                    std::size_t, const Wanted&, const float*);

template <class T>
std::vector<Quadrature> quadratures(Vectors<T>& vectors, DenseMatrices<T>& matrices,
                                    Curvature<T>& H, std::size_t n, const T* starts, int columns,
                                    int steps) {
    const int most = static_cast<int>(std::min<std::size_t>(n, static_cast<std::size_t>(steps)));
    std::vector<Basis<T>> bases;
    bases.reserve(static_cast<std::size_t>(columns));
    std::vector<std::size_t> running;
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        bases.emplace_back(vectors, matrices, n, most);
        if (!bases[c].begin(starts + c * n)) throw NotFinite();
        running.push_back(c);
    }
    const std::size_t width = running.size();
    const Buffer<T> V = vectors.allocate(n * width), HV = vectors.allocate(n * width);
    for (int step = 0; step < most && !running.empty(); ++step) {
        for (std::size_t r = 0; r < running.size(); ++r)
            vectors.copy(V.get() + r * n, bases[running[r]].next(), n);
        H.apply(V.get(), static_cast<int>(running.size()), HV.get());
        std::vector<std::size_t> left;
        for (std::size_t r = 0; r < running.size(); ++r) {
            const double coupling = bases[running[r]].extend(HV.get() + r * n);
            if (std::isnan(coupling)) throw NotFinite();
            if (coupling > 0) left.push_back(running[r]);
        }
        running = std::move(left);
    }
    std::vector<Quadrature> rules;
    for (const Basis<T>& basis : bases) {
        const int size = basis.size();
        SmallSpectrum spectrum = small_spectrum(basis.projected(), size);
        Quadrature rule;
        rule.nodes = std::move(spectrum.values);
        for (int k = 0; k < size; ++k) {
            const double first = spectrum.vectors[static_cast<std::size_t>(k) * size];
            rule.weights.push_back(first * first);
        }
        rules.push_back(std::move(rule));
    }
    return rules;
}
template std::vector<Quadrature> quadratures(Vectors<double>&, DenseMatrices<double>&,
                                             Curvature<double>&, std::size_t, const double*, int,
                                             int);
template std::vector<Quadrature> quadratures(Vectors<float>&, DenseMatrices<float>&,
                                             Curvature<float>&, std::size_t, const float*, int,
                                             int);

}  // namespace cunewton::lanczos
