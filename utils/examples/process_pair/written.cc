#include "utils/examples/process_pair/written.hh"

#include <fstream>
#include <stdexcept>

#include "utils/examples/process_pair/protocol.hh"

namespace process_pair {

namespace {

/// The words of a line, taken one after the other.
class Words {
public:
    explicit Words(std::string_view line) : words_(words_of(line)) {}
    std::string_view next() {
        if (at_ == words_.size())
            throw std::invalid_argument("it is too short");
        return words_[at_++];
    }
    template <class Number>
    Number number() {
        const auto word = next();
        const auto value = to_number(word);
        const auto number = static_cast<Number>(value.value_or(0));
        if (!value || static_cast<std::uint64_t>(number) != *value)
            throw std::invalid_argument("\"" + std::string(word) + "\" is not the number it should be");
        return number;
    }
    Transfer transfer() {
        Transfer transfer;
        transfer.client = number<std::uint64_t>();
        transfer.number = number<std::uint64_t>();
        transfer.from = number<std::uint32_t>();
        transfer.to = number<std::uint32_t>();
        transfer.amount = number<std::uint64_t>();
        return transfer;
    }
    Result result() {
        const auto word = next();
        const auto outcome = to_outcome(word);
        if (!outcome)
            throw std::invalid_argument("\"" + std::string(word) + "\" is no outcome");
        Result result{*outcome, 0, 0};
        result.from_balance = number<std::int64_t>();
        result.to_balance = number<std::int64_t>();
        return result;
    }
    void expect_end() const {
        if (at_ != words_.size())
            throw std::invalid_argument("it is too long");
    }

private:
    std::vector<std::string_view> words_;
    std::size_t at_ = 0;
};

std::string text_of(const Result& result) {
    return std::string(to_word(result.outcome)) + " " + std::to_string(result.from_balance) + " " +
           std::to_string(result.to_balance);
}

/// The same words as to the service, without the first.
std::string text_of(const Transfer& transfer) {
    const auto line = to_line(transfer);
    return line.substr(line.find(' ') + 1);
}

void read_lines(const std::string& path, const std::function<void(Words&)>& take) {
    std::ifstream file(path);
    if (!file)
        throw std::runtime_error("can't read " + path);
    std::uint64_t count = 0;
    for (std::string line; std::getline(file, line);) {
        if (file.eof())
            return;  // without its end
        ++count;
        try {
            Words words(line);
            take(words);
            words.expect_end();
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(path + ", line " + std::to_string(count) + ": " + error.what());
        }
    }
}

}  // namespace

std::string to_line(const Answered& answered) {
    return "answered " + text_of(answered.transfer) + " " + text_of(answered.result) + " " +
           std::to_string(answered.epoch) + " " + std::to_string(answered.time_ns);
}

std::string to_line(const Unanswered& unanswered) {
    return "unanswered " + text_of(unanswered.transfer);
}

std::string to_line(const Archived& archived) {
    return "record " + std::to_string(archived.entry.order) + " " + text_of(archived.entry.transfer) + " " +
           text_of(archived.entry.result) + " " + std::to_string(archived.epoch);
}

void read_answers(const std::string& path, const std::function<void(const Answered&)>& answered,
                  const std::function<void(const Unanswered&)>& unanswered) {
    read_lines(path, [&](Words& words) {
        const auto kind = words.next();
        const auto transfer = words.transfer();
        if (kind == "unanswered")
            return unanswered({transfer});
        if (kind != "answered")
            throw std::invalid_argument("it is no answer");
        const auto result = words.result();
        const auto epoch = words.number<std::uint64_t>();
        answered({transfer, result, epoch, words.number<std::int64_t>()});
    });
}

void read_archive(const std::string& path, const std::function<void(const Archived&)>& archived) {
    read_lines(path, [&](Words& words) {
        if (words.next() != "record")
            throw std::invalid_argument("it is no record");
        Archived one;
        one.entry.order = words.number<std::uint64_t>();
        one.entry.transfer = words.transfer();
        one.entry.result = words.result();
        one.epoch = words.number<std::uint64_t>();
        archived(one);
    });
}

}  // namespace process_pair
