#include "examples/train_mlp/data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <random>
#include <span>

#include "cunewton/checkpoint.h"
#include "cunewton/error.h"
#include "readers/csv.h"
#include "readers/idx.h"

namespace cunewton::train_mlp {
namespace {

using readers::Idx;
using readers::Table;

constexpr int most_classes = 100000;

std::string base_name(const std::string& path) {
    return std::filesystem::path(path).filename().string();
}

/// Of sample i.
template <class T>
T checked_label(double label, long i, const std::string& path) {
    if (!(label >= 0) || label != std::floor(label) || label >= most_classes) {
        std::string text = std::to_string(label);
        throw FileError("a label is no class (sample " + std::to_string(i) + " of '" + path +
                        "' has " + text +
                        ") labels are the numbers 0, 1, ...; name the column that holds them");
    }
    return static_cast<T>(label);
}

/// The column, from 0.
template <class T>
long column_of(const Table<T>& table, const std::string& label, const std::string& path) {
    if (label.empty()) return table.columns - 1;
    return static_cast<long>(readers::column_named(label, table.names, path));
}

}  // namespace

template <class T>
int Labelled<T>::classes() const {
    return static_cast<int>(*std::max_element(y.begin(), y.end())) + 1;
}

template <class T>
Samples<T> Labelled<T>::samples(long first, long some) const {
    Samples<T> view;
    view.features = X.data() + first * features;
    view.count = some;
    view.dimension = features;
    view.targets = y.data() + first;
    return view;
}

template <class T>
void Labelled<T>::keep(long first, long some) {
    const auto part = [&](const std::vector<T>& all, long numbers) {
        return std::vector<T>(all.begin() + first * numbers,
                              all.begin() + (first + some) * numbers);
    };
    X = part(X, features);
    y = part(y, 1);
    count = some;
}

template <class T>
std::uint64_t Labelled<T>::fingerprint() const {
    return cunewton::fingerprint(std::as_bytes(std::span(y)),
                                 cunewton::fingerprint(std::as_bytes(std::span(X))));
}

template <class T>
Labelled<T> read_images(const std::string& images, const std::string& labels, long most) {
    const Idx pixels(images), classes(labels);
    if (pixels.shape().size() < 2)
        throw FileError("the file holds no images ('" + images +
                        "' has one number a sample) name that of the images, or of more features");
    if (classes.shape().size() != 1)
        throw FileError("the file holds no labels ('" + labels + "' has " +
                        std::to_string(classes.shape().size()) +
                        " dimensions) name that of the labels");
    if (pixels.shape()[0] != classes.size())
        throw FileError("images and labels do not belong together (" +
                        std::to_string(pixels.shape()[0]) + " images in '" + images + "', " +
                        std::to_string(classes.size()) + " labels in '" + labels +
                        "') name files of the same samples");
    Labelled<T> data;
    data.name = base_name(images);
    data.count = std::min(most, classes.size());
    const long features = pixels.size() / pixels.shape()[0];
    if (features > std::numeric_limits<int>::max())
        throw FileError("an image is too large ('" + images + "': " + std::to_string(features) +
                        " numbers) make them smaller");
    data.features = static_cast<int>(features);
    data.X.resize(static_cast<std::size_t>(data.count * features));
    const double divisor = pixels.is_bytes() ? 255 : 1;
    for (std::size_t e = 0; e < data.X.size(); ++e) {
        const double value = pixels[static_cast<long>(e)];
        if (!std::isfinite(value))
            throw FileError("a number is not finite (sample " +
                            std::to_string(static_cast<long>(e) / features) + " of '" + images +
                            "') mend the file");
        data.X[e] = static_cast<T>(value / divisor);
    }
    for (long i = 0; i < data.count; ++i) data.y.push_back(checked_label<T>(classes[i], i, labels));
    return data;
}

template <class T>
Labelled<T> read_table(const std::string& path, const std::string& label, double divisor,
                       long most) {
    const Table<T> table = readers::read_csv<T>(path);
    if (table.columns < 2)
        throw FileError("there is one column alone ('" + path +
                        "') separate features and label by commas");
    const long column = column_of(table, label, path);
    Labelled<T> data;
    data.name = base_name(path);
    data.count = std::min(most, table.rows);
    data.features = static_cast<int>(table.columns - 1);
    for (long i = 0; i < data.count; ++i)
        for (long j = 0; j < table.columns; ++j) {
            const T value = table.values[static_cast<std::size_t>(i * table.columns + j)];
            if (j == column)
                data.y.push_back(checked_label<T>(static_cast<double>(value), i, path));
            else
                data.X.push_back(static_cast<T>(static_cast<double>(value) / divisor));
        }
    return data;
}

template <class T>
Labelled<T> make_clouds(long count, bool test) {
    constexpr int classes = 10, features = 20, centres = 2 * classes;
    // The generator is the standard's to the last bit; its distributions are not.
    std::mt19937_64 random(1);
    const auto near_normal = [&] {
        double sum = -6;
        for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
        return sum;
    };
    std::vector<double> centre(static_cast<std::size_t>(centres) * features);
    for (double& c : centre) c = near_normal();
    if (test) random.seed(2);
    Labelled<T> data;
    data.name = "clouds around 20 centres";
    data.count = count;
    data.features = features;
    for (long i = 0; i < count; ++i) {
        const int which = static_cast<int>(random() % centres);
        for (int j = 0; j < features; ++j)
            data.X.push_back(static_cast<T>(centre[which * features + j] + near_normal()));
        data.y.push_back(static_cast<T>(which % classes));
    }
    return data;
}

#define CUNEWTON_INSTANTIATE(T)                                                            \
    template struct Labelled<T>;                                                           \
    template Labelled<T> read_images(const std::string&, const std::string&, long);        \
    template Labelled<T> read_table(const std::string&, const std::string&, double, long); \
    template Labelled<T> make_clouds(long, bool);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::train_mlp
