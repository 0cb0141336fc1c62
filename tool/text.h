// Text for people: numbers and tables.
#pragma once

#include <string>
#include <vector>

namespace cunewton::tool {

/// As std::printf.
#if defined(__GNUC__)
[[gnu::format(printf, 1, 2)]]
#endif
std::string
format(const char* pattern, ...);

/// Six digits; "" for NaN.
std::string number_text(double value);

/// "1 row", "2 rows".
std::string counted(long number, const std::string& thing);

/// A probability: "< 1e-16" or three digits.
std::string probability_text(double p);

/// What a terminal shows as it is: "\\n" for the end of a line, "\\x07", '?' for what is not UTF-8.
std::string printable(const std::string& text);

/// Columns between blanks; the first ones are aligned at their left, the others at their right.
class TextTable {
  public:
    explicit TextTable(std::vector<std::string> header, int left_columns = 1)
        : left_(left_columns), rows_{std::move(header)} {}
    /// Texts are made printable().
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::size_t rows() const { return rows_.size() - 1; }
    std::string text() const;

  private:
    int left_;
    std::vector<std::vector<std::string>> rows_;
};

/// At most `longest` characters (of UTF-8, at least 5), the middle left out.
std::string shortened(const std::string& text, std::size_t longest);

/// Names between commas, at most `most` of them.
std::string list_text(const std::vector<std::string>& names, std::size_t most = 12);

}  // namespace cunewton::tool
