#include "utils/examples/ledger_batch/ledger.hh"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>

namespace ledger_batch {

namespace {

constexpr std::size_t kLongestAccount = 16;
constexpr const char* kMagic = "ledger_batch-1";

/// printf, into a string.
template <class... Values>
std::string print(const char* format, Values... values) {
    char line[128];
    const int size = std::snprintf(line, sizeof line, format, values...);
    if (size < 0 || static_cast<std::size_t>(size) >= sizeof line)
        throw std::runtime_error("a line is longer than any can be");
    return std::string(line, static_cast<std::size_t>(size));
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
    const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    return status == std::errc() && stop == text.data() + text.size();
}

bool is_account(std::string_view text) {
    const auto is_printed = [](char one) { return one > ' ' && one <= '~'; };
    return !text.empty() && text.size() <= kLongestAccount &&
           std::all_of(text.begin(), text.end(), is_printed);
}

std::string_view without_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    return first == text.npos ? std::string_view()
                              : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

}  // namespace

std::int64_t sum(std::int64_t one, std::int64_t other) {
    std::int64_t total = 0;
    if (__builtin_add_overflow(one, other, &total))
        throw std::runtime_error(std::to_string(one) + " and " + std::to_string(other) +
                                 " are more than can be counted");
    return total;
}

std::optional<Transaction> parse_transaction(std::string_view line) {
    const auto blank = line.find(' ');
    Transaction transaction;
    if (blank == line.npos || !is_account(line.substr(0, blank)) ||
        !parse_number(line.substr(blank + 1), transaction.amount))
        return std::nullopt;
    transaction.account = line.substr(0, blank);
    return transaction;
}

std::string text_of(const Record& record) {
    const auto text =
        print("%-16s %20lld %9llu\n", record.account.c_str(), static_cast<long long>(record.balance),
              static_cast<unsigned long long>(record.transactions));
    if (text.size() != kRecordBytes)
        throw std::runtime_error("account " + record.account + " does not fit into a record: it has " +
                                 std::to_string(record.transactions) + " transactions");
    return text;
}

Record parse_record(std::string_view text) {
    Record record;
    if (text.size() != kRecordBytes || text.back() != '\n' ||
        !parse_number(without_blanks(text.substr(17, 20)), record.balance) ||
        !parse_number(without_blanks(text.substr(38, 9)), record.transactions))
        throw Damaged("\"" + std::string(text) + "\" is no record of a master file");
    record.account = without_blanks(text.substr(0, kLongestAccount));
    return record;
}

Place Ledger::place_of(const std::string& account) {
    const auto [found, is_new] = records.try_emplace(account, accounts.size());
    if (is_new)
        accounts.push_back(account);
    return {found->second, is_new};
}

void Ledger::count(std::int64_t amount) {
    ++transactions;
    auto& total = amount < 0 ? debits : credits;
    total = sum(total, amount);
}

std::string Ledger::text() const {
    std::ostringstream out;
    out << kMagic << ' ' << static_cast<char>(phase) << ' ' << transactions << ' ' << credits << ' ' << debits
        << ' ' << input << ' ' << master << ' ' << report << ' ' << accounts.size() << '\n';
    for (const auto& account : accounts)
        out << account << '\n';
    out << unread;  // to the end
    return out.str();
}

Ledger Ledger::from_text(const std::string& text) {
    std::istringstream in(text);
    Ledger ledger;
    std::string magic;
    char phase = 0;
    std::uint64_t count = 0;
    in >> magic >> phase >> ledger.transactions >> ledger.credits >> ledger.debits >> ledger.input >>
        ledger.master >> ledger.report >> count;
    for (std::string account; ledger.accounts.size() < count && in >> account;)
        ledger.place_of(account);
    const bool is_phase = std::string_view("nwd").find(phase) != std::string_view::npos;
    if (magic != kMagic || !is_phase || !in || in.get() != '\n' || ledger.accounts.size() != count)
        throw Damaged("the sync point is of another program than ledger_batch");
    ledger.phase = Phase(phase);
    ledger.unread = text.substr(static_cast<std::size_t>(in.tellg()));
    return ledger;
}

std::string report_line(std::uint64_t number, const Transaction& transaction, std::int64_t balance) {
    return print("%9llu %-16s %20lld %20lld\n", static_cast<unsigned long long>(number),
                 transaction.account.c_str(), static_cast<long long>(transaction.amount),
                 static_cast<long long>(balance));
}

std::string report_end(const Ledger& ledger) {
    return print("%llu transactions, %zu accounts, credits %lld, debits %lld\n",
                 static_cast<unsigned long long>(ledger.transactions), ledger.accounts.size(),
                 static_cast<long long>(ledger.credits), static_cast<long long>(ledger.debits));
}

}  // namespace ledger_batch
