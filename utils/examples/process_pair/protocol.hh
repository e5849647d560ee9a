#pragma once
// What is said between the service and its clients, a line each:
//
//     transfer CLIENT NUMBER FROM TO AMOUNT      done NUMBER FROM_BALANCE TO_BALANCE EPOCH
//                                                refused NUMBER FROM_BALANCE TO_BALANCE EPOCH
//                                                superseded NUMBER     a later one of this client was done
//     ping                                       pong EPOCH
//     anything                                   backup                ask the other one
//                                                error SENTENCE
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "utils/examples/process_pair/bank.hh"

namespace process_pair {

std::vector<std::string_view> words_of(std::string_view line);
/// A whole number without sign, or nothing.
std::optional<std::uint64_t> to_number(std::string_view word);

/// Nothing when it is no transfer.
std::optional<Transfer> parse_transfer(std::string_view line);
std::string to_line(const Transfer& transfer);

struct Answer {
    std::uint64_t number = 0;
    Result result;
    std::uint64_t epoch = 0;  ///< of who answered
};
/// Nothing when it is no answer to a transfer.
std::optional<Answer> parse_answer(std::string_view line);
std::string to_line(const Answer& answer);

const char* to_word(Outcome outcome);
std::optional<Outcome> to_outcome(std::string_view word);

}  // namespace process_pair
