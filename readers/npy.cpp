#include "readers/npy.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cunewton/error.h"
#include "readers/file.h"

namespace cunewton::readers {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
/// NumPy itself reads no more of what may be hostile.
constexpr std::size_t longest_header = 10000;
constexpr std::size_t most_dimensions = 32;

[[noreturn]] void reject(const std::string& name, const std::string& why,
                         const std::string& advice = "check which file it is, or get it anew") {
    throw FileError("the file is no NumPy array ('" + name + "' " + why + ") " + advice);
}

[[noreturn]] void reject_type(const std::string& name, const std::string& what,
                              const std::string& advice) {
    throw FileError("the NumPy array has no real numbers ('" + name + "' " + what + ") " + advice);
}

/// Bytes before the text of the header, or 0 where there are too few to tell.
std::size_t prefix_of(std::string_view bytes, const std::string& name, std::size_t& length) {
    if (bytes.size() < 8) reject(name, "has " + std::to_string(bytes.size()) + " bytes");
    if (!bytes.starts_with(magic)) reject(name, "begins with other bytes");
    const int version = static_cast<unsigned char>(bytes[6]);
    if (version < 1 || version > 3)
        reject(name, "has version " + std::to_string(version) + ", known are 1 to 3");
    const std::size_t width = version == 1 ? 2 : 4, prefix = 8 + width;
    if (bytes.size() < prefix) reject(name, "ends in its header");
    length = 0;
    for (std::size_t i = 0; i < width; ++i)
        length |= std::size_t{static_cast<unsigned char>(bytes[8 + i])} << 8 * i;
    if (length > longest_header)
        reject(name, "has a header of " + std::to_string(length) + " bytes, most are " +
                         std::to_string(longest_header));
    return prefix;
}

/// The dictionary of a header, which is a literal of Python.
class HeaderText {
  public:
    HeaderText(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    NpyHeader read() {
        NpyHeader header;
        bool has_type = false, has_order = false, has_shape = false;
        expect('{');
        while (!accept('}')) {
            const std::string key = quoted();
            expect(':');
            if (key == "descr" && !has_type) {
                has_type = true;
                read_type(header);
            } else if (key == "fortran_order" && !has_order) {
                has_order = true;
                header.fortran_order = truth();
            } else if (key == "shape" && !has_shape) {
                has_shape = true;
                read_shape(header);
            } else {
                reject(name_, "has a header with '" + key.substr(0, 40) + "'");
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_blanks();
        if (!text_.empty()) malformed();
        if (!has_type || !has_order || !has_shape) reject(name_, "has an incomplete header");
        return header;
    }

  private:
    [[noreturn]] void malformed() const { reject(name_, "has a header that cannot be read"); }
    void skip_blanks() {
        while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n' || text_[0] == '\t'))
            text_.remove_prefix(1);
    }
    bool accept(char c) {
        skip_blanks();
        if (text_.empty() || text_[0] != c) return false;
        text_.remove_prefix(1);
        return true;
    }
    void expect(char c) {
        if (!accept(c)) malformed();
    }
    std::string quoted() {
        skip_blanks();
        if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) malformed();
        const std::size_t end = text_.find(text_[0], 1);
        if (end == text_.npos) malformed();
        const std::string inside(text_.substr(1, end - 1));
        text_.remove_prefix(end + 1);
        return inside;
    }
    bool truth() {
        skip_blanks();
        for (const bool value : {true, false}) {
            const std::string_view word = value ? "True" : "False";
            if (!text_.starts_with(word)) continue;
            text_.remove_prefix(word.size());
            return value;
        }
        malformed();
    }
    void read_type(NpyHeader& header) {
        skip_blanks();
        if (!text_.empty() && text_[0] == '[')
            reject_type(name_, "holds records", "save the field that you mean");
        const std::string type = quoted();
        const bool has_order = !type.empty() && std::strchr("<>|=", type[0]) != nullptr;
        const std::string_view rest = std::string_view(type).substr(has_order ? 1 : 0);
        if (rest.size() == 2) {
            header.kind = rest[0];
            header.width = rest[1] - '0';
        }
        const int w = header.width;
        const bool is_whole = header.kind == 'i' || header.kind == 'u';
        const bool known =
            rest.size() == 2 &&
            ((is_whole && (w == 1 || w == 2 || w == 4 || w == 8)) ||
             (header.kind == 'f' && (w == 4 || w == 8)) || (header.kind == 'b' && w == 1));
        if (!known)
            reject_type(name_, "holds numbers of the type '" + type.substr(0, 40) + "'",
                        header.kind == 'c' || rest.starts_with('c')
                            ? "save its real part, or its size: numpy.save(file, abs(array))"
                            : "convert it: numpy.save(file, array.astype('float64'))");
        header.little_endian =
            has_order && type[0] == '>'
                ? false
                : (has_order && type[0] == '<') || std::endian::native == std::endian::little;
    }
    void read_shape(NpyHeader& header) {
        expect('(');
        while (!accept(')')) {
            skip_blanks();
            long size = 0;
            std::size_t digits = 0;
            while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
                const int digit = text_[digits++] - '0';
                if (size > (std::numeric_limits<long>::max() - digit) / 10) too_large();
                size = 10 * size + digit;
            }
            if (digits == 0) malformed();
            text_.remove_prefix(digits);
            header.shape.push_back(size);
            if (header.shape.size() > most_dimensions) reject(name_, "has too many dimensions");
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        std::size_t count = 1;
        for (const long size : header.shape) {
            const auto factor = static_cast<std::size_t>(size);
            if (factor > 0 && count > std::numeric_limits<std::ptrdiff_t>::max() / 8 / factor)
                too_large();
            count *= factor;
        }
    }
    [[noreturn]] void too_large() const { reject(name_, "has a shape that is too large"); }

    std::string_view text_;
    const std::string& name_;
};

template <class Number, class T>
void convert(const char* from, std::size_t count, bool swap, T* to) {
    for (std::size_t i = 0; i < count; ++i) {
        char bytes[sizeof(Number)];
        std::memcpy(bytes, from + i * sizeof(Number), sizeof(Number));
        if (swap) std::reverse(bytes, bytes + sizeof(Number));
        Number number;
        std::memcpy(&number, bytes, sizeof(Number));
        to[i] = static_cast<T>(number);
    }
}

template <class T>
void convert(const NpyHeader& header, const char* from, std::size_t count, T* to) {
    const bool swap = header.little_endian != (std::endian::native == std::endian::little);
    switch (header.kind) {
        case 'f':
            return header.width == 4 ? convert<float>(from, count, swap, to)
                                     : convert<double>(from, count, swap, to);
        case 'i':
            return header.width == 1   ? convert<std::int8_t>(from, count, swap, to)
                   : header.width == 2 ? convert<std::int16_t>(from, count, swap, to)
                   : header.width == 4 ? convert<std::int32_t>(from, count, swap, to)
                                       : convert<std::int64_t>(from, count, swap, to);
        default:
            return header.width == 1   ? convert<std::uint8_t>(from, count, swap, to)
                   : header.width == 2 ? convert<std::uint16_t>(from, count, swap, to)
                   : header.width == 4 ? convert<std::uint32_t>(from, count, swap, to)
                                       : convert<std::uint64_t>(from, count, swap, to);
    }
}

/// From the order of Fortran, where the first index runs fastest, to that of C.
template <class T>
void to_c_order(NpyArray<T>& array) {
    const std::size_t dimensions = array.shape.size(), count = array.values.size();
    if (dimensions < 2 || count == 0) return;
    Numbers<T> ordered;
    T* const to = ordered.grow(count);
    std::vector<long> index(dimensions, 0);
    std::vector<std::size_t> stride(dimensions, 1);
    for (std::size_t d = dimensions - 1; d > 0; --d)
        stride[d - 1] = stride[d] * static_cast<std::size_t>(array.shape[d]);
    std::size_t place = 0;
    for (std::size_t i = 0; i < count; ++i) {
        to[place] = array.values[i];
        for (std::size_t d = 0; d < dimensions; ++d) {
            place += stride[d];
            if (++index[d] < array.shape[d]) break;
            place -= stride[d] * static_cast<std::size_t>(array.shape[d]);
            index[d] = 0;
        }
    }
    array.values = std::move(ordered);
}

/// pull: the next bytes, fewer at the end alone.
template <class T>
NpyArray<T> read(const std::function<std::size_t(char*, std::size_t)>& pull,
                 const std::string& name, const std::function<void(std::size_t)>& progress) {
    std::string start(12, '\0');
    start.resize(pull(start.data(), start.size()));
    std::size_t length;
    const std::size_t prefix = prefix_of(start, name, length);
    const std::size_t had = start.size(), wanted = std::max(had, prefix + length);
    start.resize(wanted);
    if (wanted > had) start.resize(had + pull(start.data() + had, wanted - had));
    NpyArray<T> array;
    array.header = parse_npy_header(start, name);
    array.shape = array.header.shape;
    const std::size_t width = static_cast<std::size_t>(array.header.width),
                      count = array.header.count();
    // A header of fewer than 12 bytes is followed by numbers that have come with it.
    std::string left = start.substr(std::min(array.header.begin, start.size()));
    constexpr std::size_t tile = 1 << 15;  // numbers
    std::vector<char> bytes(tile * width);
    std::size_t done = 0;
    while (done < count) {
        const std::size_t some = std::min(tile, count - done), size = some * width;
        const std::size_t from_left = std::min(left.size(), size);
        std::memcpy(bytes.data(), left.data(), from_left);
        left.erase(0, from_left);
        const std::size_t got = from_left + pull(bytes.data() + from_left, size - from_left);
        if (got < size)
            reject(name,
                   "ends after " + std::to_string(array.header.begin + done * width + got) +
                       " bytes where its header says " +
                       std::to_string(array.header.begin + count * width),
                   "get it anew");
        convert(array.header, bytes.data(), some, array.values.grow(some));
        done += some;
        if (progress) progress(array.header.begin + done * width);
    }
    char more;
    if (!left.empty() || pull(&more, 1) > 0) reject(name, "goes on after its end", "get it anew");
    array.values.fit();
    if (array.header.fortran_order) to_c_order(array);
    return array;
}

}  // namespace

std::size_t NpyHeader::count() const {
    std::size_t count = 1;
    for (const long size : shape) count *= static_cast<std::size_t>(size);
    return count;
}

NpyHeader parse_npy_header(std::string_view bytes, const std::string& name) {
    std::size_t length;
    const std::size_t prefix = prefix_of(bytes, name, length);
    if (bytes.size() < prefix + length) reject(name, "ends in its header");
    NpyHeader header = HeaderText(bytes.substr(prefix, length), name).read();
    header.begin = prefix + length;
    return header;
}

template <class T>
NpyArray<T> read_npy(const std::string& path, const std::function<void(std::size_t)>& progress) {
    Input input(path);
    return read<T>([&](char* to, std::size_t size) { return input.read(to, size); }, path,
                   progress);
}

template <class T>
NpyArray<T> parse_npy(std::string_view bytes, const std::string& name) {
    const auto pull = [&](char* to, std::size_t size) {
        const std::size_t count = std::min(size, bytes.size());
        if (count > 0) std::memcpy(to, bytes.data(), count);
        bytes.remove_prefix(count);
        return count;
    };
    return read<T>(pull, name, {});
}

template <class T>
std::string npy_bytes(const std::vector<long>& shape, std::span<const T> values) {
    NpyHeader header;
    header.shape = shape;
    if (header.count() != values.size())
        throw InvalidArgument("the shape does not fit the numbers (" +
                              std::to_string(header.count()) + " and " +
                              std::to_string(values.size()) + ") pass that of all of them");
    const char order = sizeof(T) == 1                               ? '|'
                       : std::endian::native == std::endian::little ? '<'
                                                                    : '>';
    const char kind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
    std::string text = std::string("{'descr': '") + order + kind + std::to_string(sizeof(T)) +
                       "', 'fortran_order': False, 'shape': (";
    for (const long size : shape) text += std::to_string(size) + ", ";
    if (shape.size() > 1) text.resize(text.size() - 2);
    if (shape.size() == 1) text.pop_back();
    text += "), }";
    // So that the numbers begin at a multiple of 64.
    text.append(63 - (10 + text.size()) % 64, ' ');
    text += '\n';
    std::string bytes(magic);
    bytes +=
        {'\1', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
    bytes += text;
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    return bytes;
}

#define CUNEWTON_INSTANTIATE(T)                                                                 \
    template NpyArray<T> read_npy(const std::string&, const std::function<void(std::size_t)>&); \
    template NpyArray<T> parse_npy(std::string_view, const std::string&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE
template std::string npy_bytes(const std::vector<long>&, std::span<const double>);
template std::string npy_bytes(const std::vector<long>&, std::span<const float>);
template std::string npy_bytes(const std::vector<long>&, std::span<const int>);
template std::string npy_bytes(const std::vector<long>&, std::span<const unsigned char>);

}  // namespace cunewton::readers
