// Tables of numbers as text: comma-separated values (RFC 4180) as programs really write them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cunewton/error.h"
#include "readers/numbers.h"

namespace cunewton::readers {

/// What a column is read as.
enum class Column : unsigned char {
    number,    ///< finite numbers; anything else is refused
    category,  ///< any text: its place 0, 1, ... in the sorted list of those that occur
    skipped,   ///< not looked at, and not in the table
};

enum class Missing : unsigned char {
    rejected,
    rows_dropped,
};

struct CsvOptions {
    /// 0: what is in the first row outside of quotes, ';' or else a tab, or else ','.
    char separator = 0;
    /// The first row has names. Nothing: it has where none of its fields is a number.
    std::optional<bool> header{};
    /// 1,5 is one and a half. Where fields are not separated by commas that is found out; such
    /// numbers are refused in a file that has decimal points too, or where all of them may as well
    /// be thousands, as 1,300.
    bool decimal_comma = false;
    /// Of a field that is empty, NA, N/A, NaN, null, none, '?' or '.', in any case.
    Missing missing = Missing::rejected;
    /// What each column is; the argument has their names. Empty: all numbers.
    std::function<std::vector<Column>(const std::vector<std::string>&)> choose{};
    /// Called after each block with the bytes of text so far; may throw.
    std::function<void(std::size_t)> progress{};
    std::size_t block = std::size_t{1} << 20;  ///< bytes read at a time
    /// Ends of messages, for those who can do more about it.
    std::string if_missing = "mend the file", if_text = "mend the file",
                if_comma = "say whether these are decimal commas",
                if_first_row = "say that the first row has names";
};

/// A table of finite numbers.
template <class T>
struct Table {
    std::vector<std::string> names;  ///< of the columns; "column 3" where it has none
    /// Of each column what its numbers stand for, sorted (as numbers if all are); of columns of
    /// numbers empty.
    std::vector<std::vector<std::string>> categories;
    bool has_header = false;
    bool is_utf8 = true;  ///< names and categories
    char separator = ',';
    bool decimal_comma = false;
    long rows = 0, columns = 0;
    Numbers<T> values;       ///< row by row
    long dropped = 0;        ///< rows, for missing values
    long first_dropped = 0;  ///< its line
};

/// Reads a file, unpacked if it is gzipped; "-": the standard input. Fields may be in double
/// quotes, with separators and ends of lines in them and "" for a quote; lines end by LF or CR LF;
/// a byte-order mark, blanks around fields and empty lines do not count. Takes little more memory
/// than the table's numbers.
///
/// Throws FileError, with line and column, for a file that cannot be read or is not in UTF-8, for
/// no rows, rows of unequal length, quotes that do not close, names that occur twice, missing
/// values (see Missing), and fields that are not finite numbers or overflow T.
template <class T>
Table<T> read_csv(const std::string& path, const CsvOptions& options = {});

/// The same of text; `name` is for messages.
template <class T>
Table<T> parse_csv(std::string_view text, const CsvOptions& options = {},
                   const std::string& name = "text");

/// Thrown by column_named(). From CsvOptions::choose it becomes a FileError that tells whether the
/// name is in a first row that was taken as data.
struct NoSuchColumn : FileError {
    NoSuchColumn(const std::string& message, std::string column)
        : FileError(message), name(std::move(column)) {}
    std::string name;
};

/// The column of that name, or else of that number from 1. Throws NoSuchColumn with what is alike
/// among the names.
std::size_t column_named(const std::string& name, const std::vector<std::string>& names,
                         const std::string& path);

/// Bytes of the character of UTF-8 (RFC 3629) that begins at byte i < text.size(); 0: none does.
std::size_t utf8_length(std::string_view text, std::size_t i);

/// The most alike of them, by the fewest edits, if any is; empty else.
std::string most_alike(const std::string& name, const std::vector<std::string>& names);

#define CUNEWTON_DECLARE(T)                                                   \
    extern template Table<T> read_csv(const std::string&, const CsvOptions&); \
    extern template Table<T> parse_csv(std::string_view, const CsvOptions&, const std::string&);
CUNEWTON_DECLARE(double)
CUNEWTON_DECLARE(float)
#undef CUNEWTON_DECLARE

}  // namespace cunewton::readers
