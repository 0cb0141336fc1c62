#include "readers/csv.h"

#include <gtest/gtest.h>

#include <charconv>
#include <random>
#include <string>
#include <vector>

#include "cunewton/error.h"

namespace cunewton::readers {
namespace {

std::vector<double> numbers(const Table<double>& table) {
    return {table.values.all().begin(), table.values.all().end()};
}

/// The message with which text is refused.
std::string refused(const std::string& text, const CsvOptions& options = {}) {
    try {
        parse_csv<double>(text, options, "t.csv");
    } catch (const FileError& error) {
        return error.what();
    }
    return "accepted";
}

Table<double> parsed(const std::string& text, const CsvOptions& options = {}) {
    return parse_csv<double>(text, options);
}

TEST(Csv, ReadsATableWithAHeader) {
    const auto table = parsed("a,b\n1,2\n3,4.5e1\n");
    EXPECT_TRUE(table.has_header);
    EXPECT_EQ(table.names, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(table.rows, 2);
    EXPECT_EQ(numbers(table), (std::vector<double>{1, 2, 3, 45}));
}

TEST(Csv, ReadsATableWithoutOne) {
    const auto table = parsed("1,2\n3,4");
    EXPECT_FALSE(table.has_header);
    EXPECT_EQ(table.names, (std::vector<std::string>{"column 1", "column 2"}));
    EXPECT_EQ(numbers(table), (std::vector<double>{1, 2, 3, 4}));
    EXPECT_EQ(parsed("1990,1991\n3,4", {.header = true}).names[0], "1990");
}

TEST(Csv, ReadsWhatProgramsWrite) {
    const std::vector<double> expected{1, -2, 0.5, 1e-3};
    for (const std::string text : {
             "a,b\r\n1,-2\r\n.5,1e-3\r\n",  // CR LF
             "\xEF\xBB\xBF"
             "a,b\n1,-2\n0.5,0.001\n",                          // byte-order mark
             "\"a\",\"b\"\n\"1\",\"-2\"\n\"+0.5\",\"1E-03\"",   // quotes
             "a;b\n1;-2\n0,5;0,001\n",                          // decimal commas
             "a\tb\n1\t-2\n0.5\t0.001\n",                       // tabs
             "\n  a , b \n 1 ,\t-2\n\n0.50000 , 1e-3  \n\n\n",  // blanks, empty lines
             "\"a\nof it\",b\n1,-2\n.5,0.0010000000000000000000\n",
         }) {
        const auto table = parsed(text);
        EXPECT_EQ(numbers(table), expected) << text;
        EXPECT_TRUE(table.has_header) << text;
    }
    EXPECT_EQ(parsed("\"a, \"\"b\"\"\",c\n1,2\n").names[0], "a, \"b\"");
    EXPECT_TRUE(parsed("a;b\n1;0,5\n").decimal_comma);
    EXPECT_EQ(numbers(parsed("a,b\n\"1,5\",2\n", {.decimal_comma = true})),
              (std::vector<double>{1.5, 2}));
}

/// Every number as the standard library rounds it, whatever the way that it takes here.
TEST(Csv, RoundsCorrectly) {
    std::mt19937_64 random(1);
    std::string text = "9007199254740993,0\n1e23,8.5e22\n";
    std::vector<double> expected{9007199254740993., 0, 1e23, 8.5e22};
    for (int i = 0; i < 20000; ++i) {
        const int digits = static_cast<int>(random() % 21);
        std::string number = random() % 2 ? "-" : "";
        const int point = static_cast<int>(random() % (digits + 1));
        for (int d = 0; d <= digits; ++d) {
            if (d == point) number += '.';
            number += static_cast<char>('0' + random() % 10);
        }
        if (random() % 3 == 0) number += "e" + std::to_string(static_cast<int>(random() % 60) - 30);
        text += number + (i % 2 ? "\n" : ",");
        expected.push_back(std::strtod(number.c_str(), nullptr));
    }
    EXPECT_EQ(numbers(parsed(text, {.header = false})), expected);
}

TEST(Csv, DoesNotDependOnBlocks) {
    const std::string text =
        "\xEF\xBB\xBFname one;\"x \"\"1\"\"\";c\r\n1;\"2,5\";\"red\nish\"\r\n\r\n3;4;blue\r\n"
        "-0,125;1e5;\"a;b\"";
    CsvOptions options;
    options.choose = [](const std::vector<std::string>&) {
        return std::vector{Column::number, Column::number, Column::category};
    };
    const auto whole = parsed(text, options);
    EXPECT_EQ(whole.rows, 3);
    EXPECT_EQ(whole.categories[2], (std::vector<std::string>{"a;b", "blue", "red\nish"}));
    for (options.block = 16; options.block < 100; ++options.block) {
        const auto table = parsed(text, options);
        EXPECT_EQ(table.names, whole.names);
        EXPECT_EQ(numbers(table), numbers(whole)) << options.block;
        EXPECT_EQ(table.categories, whole.categories);
    }
}

TEST(Csv, CategoriesAreSorted) {
    CsvOptions options;
    options.choose = [](const std::vector<std::string>&) {
        return std::vector{Column::category, Column::skipped, Column::number};
    };
    const auto table = parsed("k,text,x\n10,a,1\n9,b,2\n10.0,c,3\n", options);
    EXPECT_EQ(table.names, (std::vector<std::string>{"k", "x"}));
    EXPECT_EQ(table.categories[0], (std::vector<std::string>{"9", "10"}));
    EXPECT_EQ(numbers(table), (std::vector<double>{1, 1, 0, 2, 1, 3}));
    EXPECT_TRUE(table.categories[1].empty());
    const auto texts = parsed("k,text,x\nb,a,1\nB,b,2\na,c,3\n", options);
    EXPECT_EQ(texts.categories[0], (std::vector<std::string>{"B", "a", "b"}));
}

TEST(Csv, MissingValuesAreNamedOrTheirRowsLeftOut) {
    for (const std::string token : {"", "NA", "NaN", "n/a", "null", "None", "?", ".", "\"\""}) {
        const std::string text = "a,b\n1,2\n" + token + ",4\n5,6\n";
        EXPECT_EQ(refused(text).find("a value is missing ('t.csv', line 3, column 1 'a': '"), 0u)
            << refused(text);
        const auto table = parsed(text, {.missing = Missing::rows_dropped});
        EXPECT_EQ(numbers(table), (std::vector<double>{1, 2, 5, 6}));
        EXPECT_EQ(table.dropped, 1);
        EXPECT_EQ(table.first_dropped, 3);
    }
    EXPECT_EQ(
        refused("a,b\nNA,1\n", {.missing = Missing::rows_dropped}),
        "there are no rows ('t.csv', a value is missing in each of the 1 that there are) mend "
        "the file");
}

TEST(Csv, WhatIsWrongIsNamedByLineAndColumn) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "there are no rows ('t.csv', which has at most a header)"},
        {"a,b\n", "there are no rows"},
        {"a,b\n1,2,3\n",
         "rows have different lengths ('t.csv', line 2 has 3 fields, the first has 2)"},
        {"a,b\n\n1\n",
         "rows have different lengths ('t.csv', line 3 has 1 fields, the first has 2)"},
        {"\"a\n\",b\n1,2\n3,x\n",
         "a field is not a finite number ('t.csv', line 4, column 2 'b': 'x')"},
        {"1,inf\n", "a field is not a finite number ('t.csv', line 1, column 2: 'inf')"},
        {"1,1e400\n", "a field is not a finite number ('t.csv', line 1, column 2: '1e400')"},
        {"1,2 3\n", "a field is not a finite number ('t.csv', line 1, column 2: '2 3')"},
        {"1,0x10\n", "a field is not a finite number ('t.csv', line 1, column 2: '0x10')"},
        {"1,--2\n", "a field is not a finite number"},
        {"1,\"2\n", "a quote does not close ('t.csv', that which opens in the row of line 1)"},
        {"1,\"2\"3\n", "there is text behind a quoted field ('t.csv', in the row of line 1: '2')"},
        {"a,a\n1,2\n", "two columns have the same name ('t.csv', 'a' in columns 1 and 2)"},
        {"a;b\n1,5;2\n1.5;2\n", "there are decimal commas and decimal points ('t.csv', by line 3"},
        {"a;b\n1.234,5;2\n",
         "a field is not a finite number ('t.csv', line 2, column 1 'a': '1.234,5')"},
        {"a,b\n\"1,5\",2\n",
         "a field is not a finite number ('t.csv', line 2, column 1 'a': '1,5')"},
        {"a,b\n1,2020-01-31\n", "a field is not a finite number"},
        {"\xFF\xFE"
         "a\0,\0",
         "the file is in UTF-16"},
        {"PK\x03\x04 ...", "the file is no text ('t.csv', it is a zip archive"},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(refused(text).find(expected), 0u) << refused(text) << "\ninstead of\n"
                                                    << expected;
    EXPECT_THROW(parse_csv<float>("1,1e39\n"), FileError);
    EXPECT_THROW(read_csv<double>("/nowhere.csv"), FileError);
}

TEST(Csv, CommasBeforeThreeDigitsAreNotGuessedAt) {
    const std::string text = "a;b\n1,300;1\n-25,000;2\n";
    EXPECT_NE(refused(text).find("('t.csv', line 2: '1,300'"), std::string::npos) << refused(text);
    EXPECT_EQ(numbers(parsed(text, {.decimal_comma = true})),
              (std::vector<double>{1.3, 1, -25, 2}));
    for (const std::string number : {"0,125", "1300,250", "1,5", "1,30e2"})
        EXPECT_TRUE(parsed(text + number + ";1\n").decimal_comma) << number;
}

TEST(Csv, TellsWhatIsNotUtf8) {
    for (const std::string name :
         {"\xE4", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"})
        EXPECT_FALSE(parsed(name + ",b\n1,2\n").is_utf8) << name;
    for (const std::string name : {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"})
        EXPECT_TRUE(parsed(name + ",b\n1,2\n").is_utf8) << name;
}

TEST(Csv, NamesInAFirstRowOfNumbersAreTold) {
    const CsvOptions options{
        .choose = [](const std::vector<std::string>& names) -> std::vector<Column> {
            column_named("1990", names, "t.csv");
            return {};
        }};
    EXPECT_NE(refused("1990,1991\n3,4\n", options).find("'1990' is in the first row"),
              std::string::npos);
    EXPECT_NE(refused("1989,1991\n3,4\n", options).find("'1990' in 't.csv'"), std::string::npos);
}

TEST(Csv, NamesThatAreAlikeAreSuggested) {
    const std::vector<std::string> names{"label", "age", "income"};
    EXPECT_EQ(column_named("age", names, "t.csv"), 1u);
    EXPECT_EQ(column_named("3", names, "t.csv"), 2u);
    try {
        column_named("Lable", names, "t.csv");
        FAIL();
    } catch (const FileError& error) {
        EXPECT_EQ(std::string(error.what()),
                  "there is no such column ('Lable' in 't.csv', which has: label, age, income) did "
                  "you mean 'label'?");
    }
    EXPECT_EQ(most_alike("zzzzzz", names), "");
}

}  // namespace
}  // namespace cunewton::readers
