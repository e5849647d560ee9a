#pragma once
// What the batch knows: its part of each sync point. And what it writes to the two files.
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ledger_batch {

/// What lies in the master file, or in a sync point, is not what this program has written.
struct Damaged : std::runtime_error {
    using runtime_error::runtime_error;
};

struct Transaction {
    std::string account;
    std::int64_t amount = 0;  // below 0: it is taken from the account
};

/// "ACCOUNT AMOUNT"; none when it is something else.
std::optional<Transaction> parse_transaction(std::string_view line);

/// An account in the master file: a record of fixed size, as text, which is the same on all systems.
struct Record {
    std::string account;
    std::int64_t balance = 0;
    std::uint64_t transactions = 0;
};
constexpr std::size_t kRecordBytes = 48;

/// Throws std::runtime_error when it does not fit.
std::string text_of(const Record& record);
/// Throws Damaged when it is none.
Record parse_record(std::string_view text);

/// A record of the master file, and whether it is to be appended.
struct Place {
    std::uint64_t record = 0;
    bool is_new = false;
};

/// All that must go back with the files when they go back to a sync point.
struct Ledger {
    enum class Phase : char { nothing_done = 'n', at_work = 'w', done = 'd' };

    /// A new account has the next record: they stand in the order in which they came.
    Place place_of(const std::string& account);
    void count(std::int64_t amount);

    /// As text, so that the batch may be started anew on a system of another kind.
    std::string text() const;
    /// Throws Damaged when it is no ledger's.
    static Ledger from_text(const std::string& text);

    Phase phase = Phase::nothing_done;
    std::uint64_t transactions = 0;
    std::int64_t credits = 0, debits = 0;
    std::uint32_t input = 0, master = 0, report = 0;  // handles: they stay the same after a rollback
    std::vector<std::string> accounts;                // the master file's records
    std::map<std::string, std::uint64_t> records;     // where each account is in it
    std::string unread;  // what was read from the input, and not applied yet: its position is behind that
};

/// A line of the report.
std::string report_line(std::uint64_t number, const Transaction& transaction, std::int64_t balance);
std::string report_end(const Ledger& ledger);

/// Throws std::runtime_error where it would overflow.
std::int64_t sum(std::int64_t one, std::int64_t other);

}  // namespace ledger_batch
