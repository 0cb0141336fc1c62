#include "readers/npy.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "cunewton/error.h"

namespace cunewton::readers {
namespace {

std::string file(const std::string& header, const std::string& numbers, int version = 1) {
    std::string bytes = "\x93NUMPY";
    bytes += {static_cast<char>(version), '\0'};
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
        bytes += static_cast<char>(header.size() >> 8 * i & 255);
    return bytes + header + numbers;
}

std::string head(const std::string& type, const std::string& shape, bool fortran = false) {
    return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") +
           ", 'shape': " + shape + ", }\n";
}

std::vector<double> numbers(const std::string& bytes) {
    const auto array = parse_npy<double>(bytes);
    return {array.values.all().begin(), array.values.all().end()};
}

std::string refused(const std::string& bytes) {
    try {
        parse_npy<double>(bytes, "a.npy");
    } catch (const FileError& error) {
        return error.what();
    }
    return "accepted";
}

using namespace std::string_literals;

TEST(Npy, WhatIsWrittenIsRead) {
    std::vector<double> values(24);
    std::iota(values.begin(), values.end(), -3.5);
    const std::string bytes = npy_bytes<double>({2, 3, 4}, values);
    EXPECT_EQ(bytes.size(), 128 + 24 * sizeof(double));
    const auto array = parse_npy<double>(bytes);
    EXPECT_EQ(array.shape, (std::vector<long>{2, 3, 4}));
    EXPECT_EQ(numbers(bytes), values);
    EXPECT_EQ(parse_npy<float>(bytes).values[23], 19.5f);
    const std::vector<float> one{7};
    EXPECT_EQ(parse_npy<double>(npy_bytes<float>({1}, one)).shape, std::vector<long>{1});
    EXPECT_EQ(parse_npy<double>(npy_bytes<float>({}, one)).shape, std::vector<long>{});
    const std::vector<int> none;
    EXPECT_EQ(parse_npy<double>(npy_bytes<int>({0, 5}, none)).values.size(), 0u);
    EXPECT_THROW(npy_bytes<float>({2}, one), InvalidArgument);
}

TEST(Npy, EveryTypeAndOrderOfBytes) {
    const std::vector<double> expected{1, -2};
    EXPECT_EQ(numbers(file(head("|i1", "(2,)"), "\x01\xfe"s)), expected);
    EXPECT_EQ(numbers(file(head("<i2", "(2,)"), "\x01\0\xfe\xff"s)), expected);
    EXPECT_EQ(numbers(file(head(">i2", "(2,)"), "\0\x01\xff\xfe"s)), expected);
    EXPECT_EQ(numbers(file(head(">i4", "(2,)"), "\0\0\0\x01\xff\xff\xff\xfe"s)), expected);
    EXPECT_EQ(numbers(file(head("<f4", "(2,)"), "\0\0\x80\x3f\0\0\0\xc0"s)), expected);
    EXPECT_EQ(numbers(file(head(">f8", "(2,)"), "\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0"s)),
              expected);
    EXPECT_EQ(numbers(file(head("|u1", "(2,)"), "\x01\xfe"s)), (std::vector<double>{1, 254}));
    EXPECT_EQ(numbers(file(head("|b1", "(2,)"), "\x01\0"s)), (std::vector<double>{1, 0}));
    EXPECT_EQ(numbers(file(head("<u8", "(1,)"), "\0\0\0\0\0\0\0\x80"s)),
              std::vector<double>{0x1p63});
}

TEST(Npy, EveryVersion) {
    for (const int version : {1, 2, 3})
        EXPECT_EQ(numbers(file(head("|u1", "(1, 2)"), "\x05\x06", version)),
                  (std::vector<double>{5, 6}));
}

TEST(Npy, OrderOfFortran) {
    // (i, j, k) holds 100 i + 10 j + k.
    std::string bytes;
    std::vector<double> expected;
    for (int k = 0; k < 4; ++k)
        for (int j = 0; j < 3; ++j)
            for (int i = 0; i < 2; ++i) bytes += static_cast<char>(100 * i + 10 * j + k);
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 3; ++j)
            for (int k = 0; k < 4; ++k) expected.push_back(100 * i + 10 * j + k);
    EXPECT_EQ(numbers(file(head("|u1", "(2, 3, 4)", true), bytes)), expected);
}

TEST(Npy, WhatIsWrongIsSaid) {
    const std::string good = file(head("|u1", "(3,)"), "abc");
    EXPECT_EQ(refused(good), "accepted");
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "has 0 bytes"},
        {"a,b\n1,2\n3,4\n", "begins with other bytes"},
        {good.substr(0, 30), "ends in its header"},
        {good.substr(0, good.size() - 1), "ends after "},
        {good + "d", "goes on after its end"},
        {file(head("|u1", "(3,)"), "abc", 4), "has version 4"},
        {file(std::string(20000, ' '), ""), "has a header of 20000 bytes"},
        {file(head("<c16", "(3,)"), ""), "holds numbers of the type '<c16'"},
        {file(head("<f2", "(3,)"), ""), "holds numbers of the type '<f2'"},
        {file(head("|O", "(3,)"), ""), "holds numbers of the type '|O'"},
        {file("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", ""),
         "holds records"},
        {file(head("|u1", "(4611686018427387904, 4)"), ""), "has a shape that is too large"},
        {file(head("|u1", "(99999999999999999999,)"), ""), "has a shape that is too large"},
        {file(head("|u1", "(1000000000000,)"), "abc"), "ends after "},
        {file(head("|u1", "(-1,)"), ""), "has a header that cannot be read"},
        {file("{'descr': '|u1', 'shape': (3,)}", "abc"), "has an incomplete header"},
        {file("{'descr': '|u1', 'shape': (3,), 'shape': (3,)}", "abc"),
         "has a header with 'shape'"},
        {file("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)} + 1", "abc"),
         "has a header that cannot be read"},
        {file("{'descr", ""), "has a header that cannot be read"},
    };
    for (const auto& [bytes, expected] : cases)
        EXPECT_NE(refused(bytes).find("('a.npy' " + expected), std::string::npos)
            << refused(bytes) << "\ninstead of\n"
            << expected;
    EXPECT_THROW(read_npy<double>("/nowhere.npy"), FileError);
}

}  // namespace
}  // namespace cunewton::readers
