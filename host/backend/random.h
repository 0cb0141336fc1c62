// Random numbers whose bits are the same on every machine.
#pragma once

#include <cstdint>

namespace cunewton {

/// splitmix64 (Steele, Lea and Flood 2014).
class Generator {
  public:
    explicit Generator(std::uint64_t seed) : state_(seed) {}

    std::uint64_t bits() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    /// In [0, 1), a multiple of 2^-53.
    double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

    /// A normal number by comparisons of uniform ones (Karney 2016, "Sampling exactly from the
    /// normal distribution", algorithm N): no logarithm, whose last bits differ between machines.
    double normal() {
        for (;;) {
            int whole = 0;
            while (occurs(0.5)) ++whole;
            bool accepted = true;
            for (int i = 0; accepted && i < whole * (whole - 1); ++i) accepted = occurs(0.5);
            if (!accepted) continue;
            const double x = uniform();
            for (int i = 0; accepted && i <= whole; ++i)
                accepted = occurs(x * (2 * whole + x) / (2 * whole + 2));
            if (accepted) return uniform() < 0.5 ? -(whole + x) : whole + x;
        }
    }

    /// Writes or reads where it is, by a State.
    template <class S>
    void pass(S& state) {
        state(state_);
    }

  private:
    /// True with probability exp(-p), 0 <= p <= 1 (von Neumann 1951): the number of uniform numbers
    /// that go on falling from p is even.
    bool occurs(double p) {
        bool even = true;
        for (double next = uniform(); next < p; next = uniform()) {
            p = next;
            even = !even;
        }
        return even;
    }

    std::uint64_t state_;
};

}  // namespace cunewton
