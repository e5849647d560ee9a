#include "utils/examples/process_pair/protocol.hh"

#include <charconv>
#include <limits>

namespace process_pair {

namespace {

/// The numbers behind the first word, if there are exactly so many.
std::optional<std::vector<std::uint64_t>> numbers_behind(const std::vector<std::string_view>& words,
                                                         std::size_t count) {
    if (words.size() != count + 1)
        return std::nullopt;
    std::vector<std::uint64_t> numbers;
    for (std::size_t at = 1; at < words.size(); ++at) {
        const auto number = to_number(words[at]);
        if (!number)
            return std::nullopt;
        numbers.push_back(*number);
    }
    return numbers;
}

constexpr bool is_account(std::uint64_t number) {
    return number <= std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        if (end > 0)
            words.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return words;
}

std::optional<std::uint64_t> to_number(std::string_view word) {
    std::uint64_t value = 0;
    const char* end = word.data() + word.size();
    const auto [stop, status] = std::from_chars(word.data(), end, value);
    return status == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

std::optional<Transfer> parse_transfer(std::string_view line) {
    const auto words = words_of(line);
    const auto numbers = numbers_behind(words, 5);
    if (!numbers || words[0] != "transfer" || !is_account((*numbers)[2]) || !is_account((*numbers)[3]))
        return std::nullopt;
    return Transfer{(*numbers)[0], (*numbers)[1], static_cast<std::uint32_t>((*numbers)[2]),
                    static_cast<std::uint32_t>((*numbers)[3]), (*numbers)[4]};
}

std::string to_line(const Transfer& transfer) {
    return "transfer " + std::to_string(transfer.client) + " " + std::to_string(transfer.number) + " " +
           std::to_string(transfer.from) + " " + std::to_string(transfer.to) + " " +
           std::to_string(transfer.amount);
}

std::optional<Answer> parse_answer(std::string_view line) {
    const auto words = words_of(line);
    const auto numbers = numbers_behind(words, 4);
    if (!numbers)
        return std::nullopt;
    const auto outcome = to_outcome(words[0]);
    if (!outcome)
        return std::nullopt;
    return Answer{
        (*numbers)[0],
        {*outcome, static_cast<std::int64_t>((*numbers)[1]), static_cast<std::int64_t>((*numbers)[2])},
        (*numbers)[3]};
}

std::string to_line(const Answer& answer) {
    return std::string(to_word(answer.result.outcome)) + " " + std::to_string(answer.number) + " " +
           std::to_string(answer.result.from_balance) + " " + std::to_string(answer.result.to_balance) + " " +
           std::to_string(answer.epoch);
}

const char* to_word(Outcome outcome) {
    return outcome == Outcome::done ? "done" : "refused";
}

std::optional<Outcome> to_outcome(std::string_view word) {
    if (word == "done")
        return Outcome::done;
    if (word == "refused")
        return Outcome::refused;
    return std::nullopt;
}

}  // namespace process_pair
