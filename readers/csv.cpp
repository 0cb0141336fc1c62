#include "readers/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "cunewton/error.h"
#include "readers/file.h"

namespace cunewton::readers {
namespace {

/// A row is held as a whole; a quote that does not close would make one of the rest of the file.
constexpr std::size_t longest_row = std::size_t{1} << 28;
/// A float counts them all.
constexpr std::size_t most_categories = std::size_t{1} << 24;

bool is_digit(char c) {
    return static_cast<unsigned char>(c - '0') < 10;
}
bool is_blank(char c, char separator) {
    return (c == ' ' || c == '\t') && c != separator;
}

std::string_view trimmed(std::string_view text) {
    constexpr const char* blanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_missing(std::string_view field) {
    if (field.size() > 4) return false;
    std::string lower(field);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const char* const token : {"", "na", "n/a", "nan", "null", "none", "?", "."})
        if (lower == token) return true;
    return false;
}

/// A number that is all of the field.
std::optional<double> number_in(std::string_view field) {
    if (field.starts_with('+') && !field.starts_with("+-")) field.remove_prefix(1);
    double number;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (end != field.data() + field.size() || error == std::errc::invalid_argument) return {};
    if (error == std::errc::result_out_of_range)
        return std::strtod(std::string(field).c_str(), nullptr);
    return number;
}

/// Behind a decimal number at `p` whose value needs one rounding (Clinger 1990, "How to read
/// floating point numbers accurately": digits below 2^53 times or over an exact power of ten), or
/// null where it is none. It ends before anything that cannot be in a number.
const char* read_simple(const char* p, double& value, bool& has_point) {
    static constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const bool negative = *p == '-';
    p += negative || *p == '+';
    const char* const first = p;
    std::uint64_t digits = 0;
    for (; is_digit(*p); ++p) digits = 10 * digits + static_cast<std::uint64_t>(*p - '0');
    auto count = p - first;
    int exponent = 0;
    if (*p == '.') {
        has_point = true;
        const char* const fraction = ++p;
        for (; is_digit(*p); ++p) digits = 10 * digits + static_cast<std::uint64_t>(*p - '0');
        exponent = static_cast<int>(fraction - p);
        count += p - fraction;
    }
    if (count == 0 || count > 19) return nullptr;
    if (*p == 'e' || *p == 'E') {
        ++p;
        const bool is_small = *p == '-';
        p += is_small || *p == '+';
        const char* const begin = p;
        int power = 0;
        for (; is_digit(*p) && p - begin < 4; ++p) power = 10 * power + (*p - '0');
        if (p == begin || is_digit(*p)) return nullptr;
        exponent += is_small ? -power : power;
    }
    if (digits > std::uint64_t{1} << 53 || exponent < -22 || exponent > 22) return nullptr;
    value = static_cast<double>(digits);
    value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
    if (negative) value = -value;
    return p;
}

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text, i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

/// Texts in the order in which they were met.
class Categories {
  public:
    std::size_t place_of(std::string_view field) {
        // 1 and 1.0 are the same.
        const std::optional<double> number = number_in(field);
        std::string key(field);
        if (number) {
            char text[32];
            key.assign(text, std::to_chars(text, text + sizeof(text), *number + 0.0).ptr);
        }
        const auto [at, is_new] = places_.try_emplace(std::move(key), texts_.size());
        if (is_new) {
            texts_.emplace_back(field);
            numbers_.push_back(number);
        }
        return at->second;
    }
    std::size_t size() const { return texts_.size(); }
    /// Sorted; new_places: where each has gone.
    std::vector<std::string> sorted(std::vector<std::size_t>& new_places) const {
        std::vector<std::size_t> order(texts_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        const bool all_numbers = std::all_of(numbers_.begin(), numbers_.end(),
                                             [](const auto& n) { return n.has_value(); });
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            if (all_numbers) return *numbers_[a] < *numbers_[b];
            return texts_[a] < texts_[b];
        });
        new_places.resize(order.size());
        std::vector<std::string> texts;
        for (std::size_t place = 0; place < order.size(); ++place) {
            new_places[order[place]] = place;
            texts.push_back(texts_[order[place]]);
        }
        return texts;
    }

  private:
    std::unordered_map<std::string, std::size_t> places_;
    std::vector<std::string> texts_;
    std::vector<std::optional<double>> numbers_;
};

/// A field and what comes behind it.
struct Field {
    std::string_view text;      // in the file, or in Parser::unquoted_
    const char* end = nullptr;  // the separator or the end of the line; null: the block ends before
    bool quoted = false;
};

template <class T>
class Parser {
  public:
    using Pull = std::function<std::size_t(char*, std::size_t)>;

    Parser(Pull pull, const CsvOptions& options, const std::string& name)
        : pull_(std::move(pull)),
          options_(options),
          name_(name),
          block_(std::max<std::size_t>(options.block, 16)),
          buffer_(block_ + 1) {}

    Table<T> run() {
        table_.decimal_comma = options_.decimal_comma;
        fill(nullptr);
        begin();
        for (;;) {
            while (skip_empty_line()) {
            }
            if (at_ == end_ && is_last_) break;
            if (!record()) fill(at_);
        }
        if (table_.rows == 0)
            reject("there are no rows", table_.dropped > 0
                                            ? "a value is missing in each of the " +
                                                  std::to_string(table_.dropped) + " that there are"
                                            : "which has at most a header");
        if (thousands_line_ > 0 && !has_decimal_comma_ && !options_.decimal_comma)
            reject("numbers may have decimal commas or commas between thousands",
                   "line " + std::to_string(thousands_line_) + ": '" + thousands_ +
                       "'; behind each comma there are three digits",
                   options_.if_comma);
        table_.values.fit();
        sort_categories();
        for (const std::string& name : table_.names) check_utf8(name);
        for (const std::vector<std::string>& texts : table_.categories)
            for (const std::string& text : texts) check_utf8(text);
        return std::move(table_);
    }

  private:
    [[noreturn]] void reject(const std::string& what, const std::string& why,
                             const std::string& advice = "mend the file") const {
        throw FileError(what + " ('" + name_ + "', " + why + ") " + advice);
    }
    /// column: of the file, from 0.
    [[noreturn]] void reject_field(const std::string& what, std::size_t column,
                                   std::string_view field, const std::string& advice) const {
        constexpr std::size_t shown = 40;
        std::string text;
        for (const char c : field.substr(0, shown))
            text += static_cast<unsigned char>(c) < ' ' || c == 127 ? '?' : c;
        if (field.size() > shown) text += "...";
        reject(what,
               "line " + std::to_string(line_) + ", column " + std::to_string(column + 1) +
                   (table_.has_header ? " '" + names_[column] + "'" : "") + ": '" + text + "'",
               advice);
    }

    /// Reads on behind what is kept: from `keep` on; null: nothing.
    void fill(const char* keep) {
        const std::size_t kept = keep ? static_cast<std::size_t>(end_ - keep) : 0;
        if (kept + block_ + 1 > buffer_.size()) {
            if (kept > longest_row)
                reject("a row is too long", "line " + std::to_string(line_) + " has more than " +
                                                std::to_string(longest_row >> 20) +
                                                " MiB; does a quote not close?");
            std::vector<char> larger(2 * buffer_.size() + 1);
            if (kept > 0) std::memcpy(larger.data(), keep, kept);
            buffer_.swap(larger);
        } else if (kept > 0) {
            std::memmove(buffer_.data(), keep, kept);
        }
        const std::size_t room = buffer_.size() - 1 - kept;
        const std::size_t count = pull_(buffer_.data() + kept, room);
        is_last_ = count < room;
        at_ = buffer_.data();
        end_ = buffer_.data() + kept + count;
        *end_ = '\n';  // ends all loops
        bytes_ += count;
        if (options_.progress) options_.progress(bytes_);
    }

    /// The byte-order mark, the separator, the header.
    void begin() {
        const std::string_view text(at_, static_cast<std::size_t>(end_ - at_));
        if (text.starts_with("\xEF\xBB\xBF")) at_ += 3;
        if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
            reject("the file is in UTF-16", "as its first two bytes say",
                   "save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8");
        if (text.starts_with("PK\x03\x04"))
            reject("the file is no text", "it is a zip archive, as spreadsheets are",
                   "export it as CSV");
        if (text.starts_with("\x93NUMPY"))
            reject("the file is no text", "it is a NumPy array", "name it as such, or export it");
        while (skip_empty_line()) {
        }
        // A row that is longer than a block: until it is whole.
        std::vector<std::pair<std::string, bool>> first;
        const char* behind = nullptr;
        for (;;) {
            table_.separator = options_.separator ? options_.separator : found_separator();
            if (table_.separator) behind = first_row(first);
            if (behind) break;
            fill(at_);
        }
        if (at_ == end_) return;  // nothing but empty lines
        const std::string_view row(at_, static_cast<std::size_t>(behind - at_));
        if (row.find('\n') == row.npos && row.find('\r') < row.find_last_not_of("\r"))
            reject("lines end by CR alone", "as those of old Macintoshes",
                   "convert the file: tr '\\r' '\\n'");
        columns_ = first.size();
        const auto is_number = [&](const std::pair<std::string, bool>& field) {
            return number_of(field.first).has_value();
        };
        table_.has_header =
            options_.header.value_or(std::none_of(first.begin(), first.end(), is_number));
        for (std::size_t c = 0; c < columns_; ++c)
            names_.push_back(table_.has_header && !first[c].first.empty()
                                 ? first[c].first
                                 : "column " + std::to_string(c + 1));
        if (table_.has_header) {
            std::map<std::string, std::size_t> seen;
            for (std::size_t c = 0; c < columns_; ++c) {
                const auto [other, is_new] = seen.emplace(names_[c], c);
                if (!is_new)
                    reject("two columns have the same name",
                           "'" + names_[c] + "' in columns " + std::to_string(other->second + 1) +
                               " and " + std::to_string(c + 1),
                           "rename one of them in line " + std::to_string(line_));
            }
            line_ += std::count(static_cast<const char*>(at_), behind, '\n');
            at_ = buffer_.data() + (behind - buffer_.data());
            table_.decimal_comma = options_.decimal_comma;
        }
        has_point_ = has_decimal_comma_ = false;
        thousands_line_ = 0;
        try {
            if (options_.choose) kinds_ = options_.choose(names_);
        } catch (const NoSuchColumn& error) {
            if (!table_.has_header)
                for (const auto& field : first)
                    if (field.first == error.name)
                        reject("there is no such column",
                               "'" + field.first + "' is in the first row, which was taken as data",
                               options_.if_first_row);
            throw;
        }
        kinds_.resize(columns_, Column::number);
        for (std::size_t c = 0; c < columns_; ++c)
            if (kinds_[c] != Column::skipped) table_.names.push_back(names_[c]);
        kept_ = table_.names.size();
        table_.columns = static_cast<long>(kept_);
        categories_.resize(kept_);
        table_.categories.resize(kept_);
    }

    /// What separates the fields of the row at at_; 0 if the block ends before it.
    char found_separator() const {
        bool in_quotes = false, has_semicolon = false, has_tab = false;
        const char* p = at_;
        for (; p != end_ && (in_quotes || *p != '\n'); ++p) {
            if (*p == '"') in_quotes = !in_quotes;
            if (in_quotes) continue;
            has_semicolon = has_semicolon || *p == ';';
            has_tab = has_tab || *p == '\t';
        }
        if (p == end_ && !is_last_) return 0;
        return has_semicolon ? ';' : has_tab ? '\t' : ',';
    }

    /// Its fields, and whether they were quoted; returns behind its end, or null if the block ends
    /// before.
    const char* first_row(std::vector<std::pair<std::string, bool>>& fields) {
        fields.clear();
        for (const char* p = at_;;) {
            const Field field = field_at(p);
            if (!field.end) return nullptr;
            fields.emplace_back(field.text, field.quoted);
            if (*field.end == table_.separator) {
                p = field.end + 1;
            } else {
                return field.end == end_ ? end_ : field.end + 1;
            }
        }
    }

    bool skip_empty_line() {
        const char* p = at_;
        while (is_blank(*p, table_.separator) || *p == '\r') ++p;
        if (*p != '\n') return false;
        if (p == end_) {
            if (is_last_) {
                at_ = end_;
                return false;
            }
            fill(at_);
            return true;
        }
        ++line_;
        at_ = buffer_.data() + (p + 1 - buffer_.data());
        return true;
    }

    /// The field that begins at p, trimmed unless it is quoted.
    Field field_at(const char* p) {
        const char separator = table_.separator;
        const char* begin = p;
        while (is_blank(*begin, separator)) ++begin;
        Field field;
        if (*begin != '"') {
            while (*p != separator && *p != '\n') ++p;
            if (p == end_ && !is_last_) return field;
            field.text = trimmed({begin, static_cast<std::size_t>(std::max(p, begin) - begin)});
            field.end = p;
            return field;
        }
        unquoted_.clear();
        for (p = begin + 1;;) {
            const void* const found = std::memchr(p, '"', static_cast<std::size_t>(end_ - p));
            if (!found) {
                if (!is_last_) return field;
                reject("a quote does not close",
                       "that which opens in the row of line " + std::to_string(line_));
            }
            const char* const quote = static_cast<const char*>(found);
            unquoted_.append(p, quote);
            if (quote[1] != '"' || quote + 1 == end_) {
                p = quote + 1;
                break;
            }
            unquoted_ += '"';
            p = quote + 2;
        }
        while (is_blank(*p, separator) || *p == '\r') ++p;
        if (p == end_ && !is_last_) return field;
        if (*p != separator && *p != '\n')
            reject("there is text behind a quoted field",
                   "in the row of line " + std::to_string(line_) + ": '" + unquoted_.substr(0, 40) +
                       "'",
                   "double the quotes within fields");
        field.text = trimmed(unquoted_);
        field.end = p;
        field.quoted = true;
        return field;
    }

    /// The number that a field is, by the rules for decimal commas.
    std::optional<double> number_of(std::string_view field) {
        const std::size_t comma = field.find(',');
        const bool may_be_comma = table_.decimal_comma || table_.separator != ',';
        if (comma == field.npos || !may_be_comma) {
            const std::optional<double> number = number_in(field);
            if (number && field.find('.') != field.npos) has_point_ = true;
            return number;
        }
        if (field.find('.') != field.npos || field.find(',', comma + 1) != field.npos) return {};
        std::string point(field);
        point[comma] = '.';
        const std::optional<double> number = number_in(point);
        if (number) {
            table_.decimal_comma = true;
            if (!may_be_thousands(field, comma)) {
                has_decimal_comma_ = true;
            } else if (thousands_line_ == 0) {
                thousands_line_ = line_;
                thousands_ = field;
            }
        }
        return number;
    }

    /// 1,300 but not 0,125 or 1300,250.
    static bool may_be_thousands(std::string_view field, std::size_t comma) {
        const std::string_view behind = field.substr(comma + 1);
        std::string_view before = field.substr(0, comma);
        if (before.starts_with('-') || before.starts_with('+')) before.remove_prefix(1);
        return behind.size() == 3 && std::all_of(behind.begin(), behind.end(), is_digit) &&
               !before.empty() && before.size() <= 3 && before[0] != '0';
    }

    void check_utf8(const std::string& text) { table_.is_utf8 = table_.is_utf8 && is_utf8(text); }

    /// Reads the row at at_ and goes behind it; false: the block ends before its end, and nothing
    /// was done.
    bool record() {
        const char* p = at_;
        const char separator = table_.separator;
        T* row = table_.values.grow(kept_);
        std::size_t kept = 0;
        long lines = 1;
        bool is_complete = true;  // nothing is missing
        for (std::size_t column = 0; column < columns_; ++column) {
            const Column kind = kinds_[column];
            const bool is_end = column + 1 == columns_;
            const char* end = nullptr;
            if (kind == Column::number) {
                while (is_blank(*p, separator)) ++p;
                double value;
                const char* behind = read_simple(p, value, has_point_);
                if (behind) {
                    while (is_blank(*behind, separator) || *behind == '\r') ++behind;
                    const bool ends = is_end ? *behind == '\n' : *behind == separator;
                    if (ends && (behind != end_ || is_last_)) {
                        row[kept++] = static_cast<T>(value);
                        if constexpr (sizeof(T) < sizeof(double))
                            if (!std::isfinite(row[kept - 1]))
                                reject_field("a number is too large for float32", column,
                                             {p, static_cast<std::size_t>(behind - p)},
                                             "use float64");
                        p = behind + 1;
                        continue;
                    }
                }
            }
            const Field field = field_at(p);
            if (!field.end) {
                table_.values.drop(kept_);
                return false;
            }
            if (field.quoted) lines += std::count(p, field.end, '\n');
            end = field.end;
            if ((*end != separator) != is_end) reject_length();
            if (kind != Column::skipped) {
                if (is_missing(field.text)) {
                    if (options_.missing == Missing::rejected)
                        reject_field("a value is missing", column, field.text, options_.if_missing);
                    is_complete = false;
                    row[kept++] = T(0);
                } else if (kind == Column::category) {
                    row[kept] = category(kept, column, field.text);
                    ++kept;
                } else {
                    row[kept++] = checked_number(column, field.text);
                }
            }
            p = end + 1;
        }
        if (table_.decimal_comma && has_point_)
            reject("there are decimal commas and decimal points",
                   "by line " + std::to_string(line_) + " both have come up",
                   "write all numbers alike");
        if (is_complete) {
            ++table_.rows;
        } else {
            table_.values.drop(kept_);
            if (table_.dropped++ == 0) table_.first_dropped = line_;
        }
        line_ += lines;
        at_ = p > end_ ? end_ : buffer_.data() + (p - buffer_.data());
        return true;
    }

    T category(std::size_t kept, std::size_t column, std::string_view text) {
        const std::size_t place = categories_[kept].place_of(text);
        if (place >= most_categories)
            reject_field("a column has too many different texts", column, text,
                         "choose one with fewer");
        return static_cast<T>(place);
    }

    T checked_number(std::size_t column, std::string_view text) {
        const std::optional<double> number = number_of(text);
        if (!number) {
            if (text.find(',') != text.npos && table_.separator == ',')
                reject_field("a field is not a finite number", column, text, options_.if_comma);
            reject_field("a field is not a finite number", column, text, options_.if_text);
        }
        const T value = static_cast<T>(*number);
        if (!std::isfinite(*number))
            reject_field("a field is not a finite number", column, text, "mend the file");
        if (!std::isfinite(value))
            reject_field("a number is too large for float32", column, text, "use float64");
        return value;
    }

    [[noreturn]] void reject_length() {
        std::size_t count = 0;
        for (const char* p = at_;;) {
            const Field field = field_at(p);
            if (!field.end) {  // of the whole row, whatever the block
                fill(at_);
                p = at_;
                count = 0;
                continue;
            }
            ++count;
            if (*field.end != table_.separator) break;
            p = field.end + 1;
        }
        reject("rows have different lengths",
               "line " + std::to_string(line_) + " has " + std::to_string(count) +
                   " fields, the first has " + std::to_string(columns_));
    }

    void sort_categories() {
        for (std::size_t c = 0; c < kept_; ++c) {
            if (categories_[c].size() == 0) continue;
            std::vector<std::size_t> places;
            table_.categories[c] = categories_[c].sorted(places);
            for (long i = 0; i < table_.rows; ++i) {
                T& value = table_.values[static_cast<std::size_t>(i) * kept_ + c];
                value = static_cast<T>(places[static_cast<std::size_t>(value)]);
            }
        }
    }

    Pull pull_;
    const CsvOptions& options_;
    const std::string& name_;
    const std::size_t block_;
    std::vector<char> buffer_;
    char* at_ = nullptr;   // the first byte that is not read
    char* end_ = nullptr;  // behind the block, where there is an end of a line
    bool is_last_ = false;
    std::size_t bytes_ = 0;
    long line_ = 1;
    bool has_point_ = false, has_decimal_comma_ = false;
    long thousands_line_ = 0;  // of the first number that may have a comma before thousands
    std::string thousands_;

    std::vector<std::string> names_;  // of all columns, as kinds_
    std::vector<Column> kinds_;
    std::size_t columns_ = 0, kept_ = 0;
    std::string unquoted_;
    std::vector<Categories> categories_;
    Table<T> table_;
};

/// Letters put in, left out, changed, or swapped with the next (Damerau 1964).
std::size_t edits_between(const std::string& a, const std::string& b) {
    std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last = std::exchange(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
    }
    return row[b.size()];
}

}  // namespace

template <class T>
Table<T> read_csv(const std::string& path, const CsvOptions& options) {
    Input input(path);
    return Parser<T>([&](char* to, std::size_t size) { return input.read(to, size); }, options,
                     path == "-" ? "standard input" : path)
        .run();
}

template <class T>
Table<T> parse_csv(std::string_view text, const CsvOptions& options, const std::string& name) {
    const auto pull = [&](char* to, std::size_t size) {
        const std::size_t count = std::min(size, text.size());
        if (count > 0) std::memcpy(to, text.data(), count);
        text.remove_prefix(count);
        return count;
    };
    return Parser<T>(pull, options, name).run();
}

std::size_t utf8_length(std::string_view text, std::size_t i) {
    const auto at = [&](std::size_t j) {
        return j < text.size() ? static_cast<unsigned char>(text[j]) : 0U;
    };
    const unsigned lead = at(i), next = at(i + 1);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                               : lead >= 0xE0 && lead <= 0xEF ? 3
                               : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                              : 0;
    for (std::size_t k = 1; k < length; ++k)
        if ((at(i + k) & 0xC0U) != 0x80) return 0;
    // Longer than need be, surrogates, beyond U+10FFFF.
    if ((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) ||
        (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F))
        return 0;
    return length;
}

std::string most_alike(const std::string& name, const std::vector<std::string>& names) {
    const auto lower = [](std::string text) {
        for (char& c : text)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return text.substr(0, 64);
    };
    std::string best;
    std::size_t fewest = name.size() / 2 + 1;
    for (const std::string& other : names) {
        const std::size_t edits = edits_between(lower(name), lower(other));
        if (edits < fewest) {
            fewest = edits;
            best = other;
        }
    }
    return best;
}

std::size_t column_named(const std::string& name, const std::vector<std::string>& names,
                         const std::string& path) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size() && number >= 1 &&
        number <= names.size())
        return number - 1;
    const std::string alike = most_alike(name, names);
    std::string all;
    constexpr std::size_t shown = 12;
    for (std::size_t c = 0; c < std::min(names.size(), shown); ++c)
        all += (c ? ", " : "") + names[c];
    if (names.size() > shown) all += ", ... (" + std::to_string(names.size()) + " columns)";
    throw NoSuchColumn("there is no such column ('" + name + "' in '" + path +
                           "', which has: " + all + ") " +
                           (alike.empty() ? "name one of those, or its number from 1"
                                          : "did you mean '" + alike + "'?"),
                       name);
}

#define CUNEWTON_INSTANTIATE(T)                                        \
    template Table<T> read_csv(const std::string&, const CsvOptions&); \
    template Table<T> parse_csv(std::string_view, const CsvOptions&, const std::string&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::readers
