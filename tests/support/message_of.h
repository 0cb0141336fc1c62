// What an exception says.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace cunewton::test {

/// The message of the Error that the call throws; the test fails if it throws none.
template <class Error, class Call>
std::string message_of(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    ADD_FAILURE() << "nothing of the expected type was thrown";
    return "";
}

}  // namespace cunewton::test
