// The families of packs that are tested: lanes, a number and how many vectors.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "tests/support/lane_values.h"

namespace cunewton::test {

/// What is compiled for each family is a table of functions, made by Table<T>::of<Lanes,
/// vectors>(). Tests are written for such a table, and compiled for each number alone: 9 copies of
/// what makes numbers and judges results would take longer than the packs themselves.
template <template <class> class Table>
struct PackFamily {
    std::string name;
    bool available;
    std::variant<Table<double>, Table<float>> table;

    friend std::ostream& operator<<(std::ostream& to, const PackFamily& family) {
        return to << family.name;
    }
};

template <template <class> class Table, class Lanes, class T, int vectors>
PackFamily<Table> pack_family() {
    std::string name = "Base";
#if CUNEWTON_CHOOSES_LANES
    if (std::is_same_v<Lanes, cpu::Avx2Lanes>) name = "Avx2";
    if (std::is_same_v<Lanes, cpu::Avx512Lanes>) name = "Avx512";
#endif
    name += (sizeof(T) == 8 ? "Double" : "Float") + std::to_string(vectors);
    return {name, supported<Lanes>(), Table<T>::template of<Lanes, vectors>()};
}

template <template <class> class Table>
std::vector<PackFamily<Table>> pack_families() {
    return {
#if CUNEWTON_CHOOSES_LANES
        pack_family<Table, cpu::Avx2Lanes, double, 1>(),
            pack_family<Table, cpu::Avx2Lanes, float, 2>(),
            pack_family<Table, cpu::Avx2Lanes, double, 3>(),
            pack_family<Table, cpu::Avx512Lanes, double, 1>(),
            pack_family<Table, cpu::Avx512Lanes, double, 2>(),
            pack_family<Table, cpu::Avx512Lanes, float, 1>(),
            pack_family<Table, cpu::Avx512Lanes, float, 4>(),
#endif
            pack_family<Table, cpu::BaseLanes, double, 1>(),
            pack_family<Table, cpu::BaseLanes, float, 3>()
    };
}

template <template <class> class Table>
class PackFamilyTest : public ::testing::TestWithParam<PackFamily<Table>> {
  public:
    static std::string name_of(const ::testing::TestParamInfo<PackFamily<Table>>& info) {
        return info.param.name;
    }

  protected:
    void SetUp() override {
        if (!this->GetParam().available)
            GTEST_SKIP() << "the processor does not have these instructions";
    }
    /// body(table of the family)
    template <class Body>
    void with_table(const Body& body) const {
        std::visit(body, this->GetParam().table);
    }
};

}  // namespace cunewton::test
