#include "tool/text.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "readers/csv.h"

namespace cunewton::tool {
namespace {

/// Characters of UTF-8.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

}  // namespace

std::string format(const char* pattern, ...) {
    va_list arguments, again;
    va_start(arguments, pattern);
    va_copy(again, arguments);
    const int size = std::vsnprintf(nullptr, 0, pattern, arguments);
    va_end(arguments);
    std::string text(static_cast<std::size_t>(std::max(size, 0)), '\0');
    std::vsnprintf(text.data(), text.size() + 1, pattern, again);
    va_end(again);
    return text;
}

std::string number_text(double value) {
    return std::isnan(value) ? std::string() : format("%.6g", value);
}

std::string counted(long number, const std::string& thing) {
    return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

std::string probability_text(double p) {
    if (std::isnan(p)) return {};
    return p < 1e-16 ? "< 1e-16" : format("%.3g", p);
}

std::string printable(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = readers::utf8_length(text, i);
        const unsigned char c = static_cast<unsigned char>(text[i]);
        if (length == 0)
            result += '?';
        else if (c == '\n')
            result += "\\n";
        else if (c < ' ' || c == 127)
            result += format("\\x%02x", static_cast<unsigned>(c));
        else
            result.append(text, i, length);
        i += std::max<std::size_t>(length, 1);
    }
    return result;
}

std::string TextTable::text() const {
    std::vector<std::size_t> widths(rows_[0].size(), 0);
    std::vector<std::vector<std::string>> rows = rows_;
    for (auto& row : rows)
        for (std::string& field : row) field = printable(field);
    for (const auto& row : rows)
        for (std::size_t c = 0; c < row.size(); ++c)
            widths[c] = std::max(widths[c], width_of(row[c]));
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string blanks(widths[c] - width_of(row[c]), ' ');
            if (c) line += "  ";
            line += static_cast<int>(c) < left_ ? row[c] + blanks : blanks + row[c];
        }
        line.resize(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

std::string list_text(const std::vector<std::string>& names, std::size_t most) {
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
        text += (i ? ", " : "") + names[i];
    if (names.size() > most) text += ", ... (" + std::to_string(names.size()) + ")";
    return text;
}

std::string shortened(const std::string& text, std::size_t longest) {
    std::vector<std::size_t> starts;  // of characters
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) starts.push_back(i);
    if (starts.size() <= longest) return text;
    const std::size_t kept = longest - 3, front = (kept + 1) / 2;
    return text.substr(0, starts[front]) + "..." +
           text.substr(starts[starts.size() - (kept - front)]);
}

}  // namespace cunewton::tool
