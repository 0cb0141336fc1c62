// Samples with labels, as they come to a classifier.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "cunewton/problem/samples.h"

namespace cunewton::train_mlp {

template <class T>
struct Labelled {
    std::string name;  ///< for people
    long count = 0;
    int features = 0;
    std::vector<T> X;  ///< count x features, row-major
    std::vector<T> y;  ///< labels 0, 1, ...

    /// Labels are below this.
    int classes() const;
    /// The parts [first, first + some), in memory of this object.
    Samples<T> samples(long first, long some) const;
    Samples<T> samples() const { return samples(0, count); }
    /// Leaves these alone of them.
    void keep(long first, long some);
    /// Tells other data apart, see cunewton::fingerprint().
    std::uint64_t fingerprint() const;
};

inline constexpr long all_of_them = std::numeric_limits<long>::max();

/// IDX files, the first `most` of their samples. Unsigned bytes are divided by 255. Throws
/// FileError where a file cannot be used, or the two do not belong together.
template <class T>
Labelled<T> read_images(const std::string& images, const std::string& labels,
                        long most = all_of_them);

/// A CSV file. label: a column's name, or its number from 1; empty: the last one. Features are
/// divided by `divisor`. Throws FileError.
template <class T>
Labelled<T> read_table(const std::string& path, const std::string& label, double divisor,
                       long most = all_of_them);

/// Points around two centres a class, which no straight lines separate: 10 classes, 20 features.
/// The same bits on every machine; test: other points around the same centres.
template <class T>
Labelled<T> make_clouds(long count, bool test);

#define CUNEWTON_DECLARE(T)                                                                       \
    extern template struct Labelled<T>;                                                           \
    extern template Labelled<T> read_images(const std::string&, const std::string&, long);        \
    extern template Labelled<T> read_table(const std::string&, const std::string&, double, long); \
    extern template Labelled<T> make_clouds(long, bool);
CUNEWTON_DECLARE(double)
CUNEWTON_DECLARE(float)
#undef CUNEWTON_DECLARE

}  // namespace cunewton::train_mlp
