#include "examples/readers/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include "cunewton/error.h"
#include "examples/readers/file.h"

namespace cunewton::readers {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr const char* blanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> fields;
    for (;;) {
        const std::size_t comma = line.find(',');
        fields.push_back(trimmed(line.substr(0, comma)));
        if (comma == line.npos) return fields;
        line.remove_prefix(comma + 1);
    }
}

std::optional<double> number_in(std::string_view field) {
    if (field.starts_with('+')) field.remove_prefix(1);
    double number;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (end != field.data() + field.size() || error == std::errc::invalid_argument) return {};
    if (error == std::errc::result_out_of_range)
        return std::strtod(std::string(field).c_str(), nullptr);
    return number;
}

}  // namespace

Table read_csv(const std::string& path) {
    const std::string content = read_file(path);
    const auto reject = [&](const std::string& what, const std::string& why) {
        throw FileError(what + " ('" + path + "', " + why + ") mend the file");
    };
    Table table;
    std::string_view rest = content;
    for (long number = 1; !rest.empty(); ++number) {
        const std::size_t length = rest.find('\n');
        const std::string_view line = trimmed(rest.substr(0, length));
        rest.remove_prefix(length == rest.npos ? rest.size() : length + 1);
        if (line.empty()) continue;
        const std::vector<std::string_view> fields = fields_of(line);
        const bool is_first = table.columns == 0;
        if (is_first) table.columns = static_cast<long>(fields.size());
        if (static_cast<long>(fields.size()) != table.columns)
            reject("rows have different lengths",
                   "line " + std::to_string(number) + " has " + std::to_string(fields.size()) +
                       " fields, the first has " + std::to_string(table.columns));
        const auto is_number = [](std::string_view field) { return number_in(field).has_value(); };
        if (is_first && std::none_of(fields.begin(), fields.end(), is_number)) {
            table.names.assign(fields.begin(), fields.end());
            continue;
        }
        std::size_t column = 0;
        for (const std::string_view field : fields) {
            ++column;
            const std::optional<double> value = number_in(field);
            if (!value || !std::isfinite(*value))
                reject("a field is not a finite number", "line " + std::to_string(number) +
                                                             ", column " + std::to_string(column) +
                                                             ": '" + std::string(field) + "'");
            table.values.push_back(*value);
        }
        ++table.rows;
    }
    if (table.rows == 0) reject("there are no rows", "which has at most a header");
    return table;
}

}  // namespace cunewton::readers
