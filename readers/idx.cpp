#include "readers/idx.h"

#include <bit>
#include <cstdint>
#include <limits>

#include "cunewton/error.h"
#include "readers/file.h"

namespace cunewton::readers {
namespace {

enum Type : unsigned char {
    unsigned_byte = 0x08,
    signed_byte = 0x09,
    int16 = 0x0b,
    int32 = 0x0c,
    float32 = 0x0d,
    float64 = 0x0e,
};

/// 0: there is no such type.
std::size_t width_of(unsigned char type) {
    switch (type) {
        case unsigned_byte:
        case signed_byte:
            return 1;
        case int16:
            return 2;
        case int32:
        case float32:
            return 4;
        case float64:
            return 8;
        default:
            return 0;
    }
}

/// The most significant byte comes first.
std::uint64_t number_at(const char* bytes, std::size_t width) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < width; ++i)
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
    return number;
}

}  // namespace

Idx::Idx(const std::string& path) : bytes_(read_file(path)) {
    const auto reject = [&](const std::string& why) {
        throw FileError("the file is no IDX file ('" + path + "' " + why +
                        ") check which file it is, or get it anew");
    };
    if (bytes_.size() < 4) reject("has " + std::to_string(bytes_.size()) + " bytes");
    type_ = static_cast<unsigned char>(bytes_[2]);
    width_ = width_of(type_);
    const std::size_t dimensions = static_cast<unsigned char>(bytes_[3]);
    if (bytes_[0] != 0 || bytes_[1] != 0 || width_ == 0 || dimensions == 0) {
        std::string magic;
        for (int i = 0; i < 4; ++i) {
            constexpr const char* digits = "0123456789abcdef";
            const auto byte = static_cast<unsigned char>(bytes_[i]);
            magic += {digits[byte / 16], digits[byte % 16]};
        }
        reject("begins with 0x" + magic +
               " instead of 0x00000803 for images and 0x00000801 for "
               "labels");
    }
    begin_ = 4 + 4 * dimensions;
    if (bytes_.size() < begin_) reject("ends in its header");
    for (std::size_t i = 0; i < dimensions; ++i) {
        shape_.push_back(static_cast<long>(number_at(bytes_.data() + 4 + 4 * i, 4)));
        if (shape_.back() == 0) reject("has no numbers: one of its sizes is 0");
        if (size_ > std::numeric_limits<long>::max() / 8 / shape_.back())
            reject("has sizes that are too large");
        size_ *= shape_.back();
    }
    const std::size_t expected = begin_ + static_cast<std::size_t>(size_) * width_;
    if (bytes_.size() != expected)
        reject("has " + std::to_string(bytes_.size()) + " bytes where its header says " +
               std::to_string(expected));
}

bool Idx::is_bytes() const {
    return type_ == unsigned_byte;
}

double Idx::operator[](long i) const {
    const std::uint64_t number =
        number_at(bytes_.data() + begin_ + static_cast<std::size_t>(i) * width_, width_);
    switch (type_) {
        case signed_byte:
            return static_cast<std::int8_t>(number);
        case int16:
            return static_cast<std::int16_t>(number);
        case int32:
            return static_cast<std::int32_t>(number);
        case float32:
            return std::bit_cast<float>(static_cast<std::uint32_t>(number));
        case float64:
            return std::bit_cast<double>(number);
        default:
            return static_cast<double>(number);
    }
}

}  // namespace cunewton::readers
