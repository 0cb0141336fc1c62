// Memory, vectors and numbers on one machine: what every method needs of it. Implemented in
// host/cpu and host/cuda; methods see only this.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/error.h"
#include "cunewton/execution.h"
#include "cunewton/math/adam_step.h"

namespace cunewton {

/// The place of a number on the machine.
struct Scalar {
    int index = -1;
};

/// Hands out the places of numbers.
class ScalarPlaces {
  public:
    int take() {
        if (!free_.empty()) {
            const int index = free_.back();
            free_.pop_back();
            return index;
        }
        if (taken_ == most)
            throw OutOfMemory("no number is left (all " + std::to_string(most) +
                              " are in use) report this as a bug");
        return taken_++;
    }
    void give_back(int index) { free_.push_back(index); }
    static constexpr int most = 128;

  private:
    std::vector<int> free_;
    int taken_ = 0;
};

/// A number on the machine, which must outlive it. Who makes it alone writes to it and knows what
/// it means.
class Number {
  public:
    explicit Number(ScalarPlaces& places) : places_(&places), place_{places.take()} {}
    Number(Number&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)), place_(other.place_) {}
    Number& operator=(Number&&) = delete;
    ~Number() {
        if (places_) places_->give_back(place_.index);
    }
    operator Scalar() const { return place_; }

  private:
    ScalarPlaces* places_;
    Scalar place_;
};

/// sign * over / under, taken there: what a vector is multiplied by without the host knowing it. 0
/// where `over` is 0.
struct Ratio {
    Scalar over, under;
    double sign = 1;
};

/// What a vector is multiplied by: a number known here, or a ratio of numbers there.
template <class T>
struct Factor {
    T value = 1;
    Ratio ratio{};

    Factor(T known) : value(known) {}
    Factor(const Ratio& there) : ratio(there) {}
    bool known() const { return ratio.over.index < 0; }
};

/// Memory of a machine, released with it.
template <class T>
class Buffer {
  public:
    Buffer() = default;
    Buffer(T* data, std::size_t size, void (*release)(void*) noexcept)
        : data_(data, release), size_(size) {}
    T* get() const { return data_.get(); }
    std::size_t size() const { return size_; }
    explicit operator bool() const { return static_cast<bool>(data_); }

  private:
    struct None {
        static void release(void*) noexcept {}
    };
    std::unique_ptr<T, void (*)(void*) noexcept> data_{nullptr, &None::release};
    std::size_t size_ = 0;
};

/// A vector and where its norm goes: |x|, or |S x| or |S^-1 x| for a diagonal S.
template <class T>
struct NormOf {
    const T* x;
    Scalar to;
    const T* S = nullptr;
    bool inverse = false;
};
inline constexpr int max_norms = 4;

/// All pointers are the machine's. Work is queued in order; upload, download and read() wait for
/// what was queued before. Failures of the machine throw DeviceError, exhausted memory OutOfMemory;
/// numerical outcomes (a NaN, an indefinite matrix) are numbers.
template <class T>
class Vectors {
  public:
    virtual ~Vectors() = default;
    virtual const char* name() const = 0;

    virtual Buffer<T> allocate(std::size_t count) = 0;
    /// What can still be allocated, at most; SIZE_MAX if that is not known.
    virtual std::size_t free_bytes() const = 0;
    virtual void upload(T* to, const T* from_host, std::size_t count) = 0;
    virtual void download(T* to_host, const T* from, std::size_t count) = 0;

    virtual void copy(T* to, const T* from, std::size_t count) = 0;
    /// y = a x
    virtual void scale(T* y, Factor<T> a, const T* x, long n) = 0;
    /// y = S^-1 x for a diagonal S, n entries
    virtual void unscale(T* y, const T* S, const T* x, long n) = 0;
    /// y = S^2 x
    virtual void scale_twice(T* y, const T* S, const T* x, long n) = 0;
    /// y = x + a p
    virtual void add_scaled(T* y, const T* x, Factor<T> a, const T* p, long n) = 0;
    /// mean = that of `count` vectors x, one after the other, which is taken off each of them.
    virtual void take_off_mean(T* x, int count, T* mean, long n) = 0;
    /// x += a p for each of `count` vectors x, one after the other.
    virtual void add_to_each(T* x, int count, T a, const T* p, long n) = 0;
    /// adam_step() of math/adam_step.h, entry by entry
    virtual void adam_step(T* x, T* mean, T* square, const T* g, long n, const AdamStep& step) = 0;
    // Of math/bounds.h, entry by entry.
    /// y = clamped(x, lower, upper)
    virtual void clamp(T* y, const T* x, const T* lower, const T* upper, long n) = 0;
    /// free = 1 where is_free(x, g, lower, upper), else 0
    virtual void find_free(T* free, const T* x, const T* g, const T* lower, const T* upper,
                           long n) = 0;
    /// y = x where `free` is not 0, else 0, also where x is not finite
    virtual void select(T* y, const T* free, const T* x, long n) = 0;
    /// to = x'y, summed in double
    virtual void dot(const T* x, const T* y, long n, Scalar to) = 0;
    /// to = |x|_2 for each of the vectors, at most max_norms. Neither overflows nor underflows
    /// while the norm is in the range of double.
    virtual void norms(std::initializer_list<NormOf<T>> vectors, long n) = 0;

    /// Another number, of any value at first.
    Number number() { return Number(places_); }
    /// The values of the numbers. This is the one call that waits for the machine; not where
    /// nothing was queued since the last read.
    virtual void read(std::span<const Scalar> which, double* values) = 0;
    double read(Scalar which) {
        double value;
        read({&which, 1}, &value);
        return value;
    }
    /// True if read() costs nothing, so that a method may look at intermediate results instead of
    /// queueing work ahead.
    virtual bool scalars_are_local() const = 0;
    /// What work is queued on, where pointers are a GPU's; not where they are the host's.
    virtual bool on_device() const { return false; }
    virtual cuda::Stream stream() const { return nullptr; }

  private:
    ScalarPlaces places_;
};

/// const auto [f, slope] = read(vectors, f_, slope_);
template <class T, std::convertible_to<Scalar>... S>
std::array<double, sizeof...(S)> read(Vectors<T>& vectors, const S&... which) {
    const Scalar list[]{which...};
    std::array<double, sizeof...(S)> values;
    vectors.read(list, values.data());
    return values;
}

}  // namespace cunewton
