// Any bytes as a table: read, or refused by an exception that says why, and alike whatever the size
// of blocks. scripts/fuzz makes a program of it; tests/tool/corpus_test.cpp runs what it has found.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "cunewton/error.h"
#include "readers/csv.h"

#if !defined(CUNEWTON_FUZZ_TARGET)
#define CUNEWTON_FUZZ_TARGET LLVMFuzzerTestOneInput
#endif

namespace {

using namespace cunewton::readers;

/// What is read, as text; of what is refused the message.
std::string outcome(std::string_view text, const CsvOptions& options) {
    try {
        const Table<double> table = parse_csv<double>(text, options, "x");
        if (table.values.size() != static_cast<std::size_t>(table.rows * table.columns))
            std::abort();
        std::string result = std::to_string(table.rows) + " x " + std::to_string(table.columns);
        for (const std::string& name : table.names) result += "\n" + name;
        for (const double value : table.values.all()) {
            if (!(value - value == 0)) std::abort();  // not finite
            result.append(reinterpret_cast<const char*>(&value), sizeof(value));
        }
        for (std::size_t c = 0; c < table.categories.size(); ++c)
            for (const std::string& text_of : table.categories[c]) result += "\n" + text_of;
        return result;
    } catch (const cunewton::FileError& error) {
        if (std::strlen(error.what()) == 0) std::abort();
        return error.what();
    }
}

}  // namespace

extern "C" int CUNEWTON_FUZZ_TARGET(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const int choices = data[0];  // the first byte chooses options
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    CsvOptions options;
    if (choices & 1) options.missing = Missing::rows_dropped;
    if (choices & 2) options.header = (choices & 4) != 0;
    if (choices & 8) options.separator = choices & 16 ? ';' : '\t';
    options.decimal_comma = (choices & 32) != 0;
    if (choices & 64)
        options.choose = [](const std::vector<std::string>& names) {
            std::vector<Column> kinds;
            for (std::size_t c = 0; c < names.size(); ++c)
                kinds.push_back(static_cast<Column>(c % 3));
            return kinds;
        };
    options.block = 8192;
    const std::string whole = outcome(text, options);
    options.block = 16;
    if (outcome(text, options) != whole) std::abort();
    return 0;
}
