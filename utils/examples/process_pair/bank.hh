#pragma once
// The state of the service: accounts, and of each client the last transfer it had done, with its answer.
// Whoever repeats that transfer gets the same answer; nothing is done twice.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace process_pair {

inline constexpr std::uint32_t kMostAccounts = 1 << 20;
inline constexpr std::size_t kMostClients = 4096;
inline constexpr std::uint64_t kLargestAmount = 1'000'000'000;
inline constexpr std::size_t kNameBytes = 32;  ///< of a member of the pair

struct Transfer {
    std::uint64_t client = 0;
    std::uint64_t number = 0;  ///< from 1; each client counts its own
    std::uint32_t from = 0, to = 0;
    std::uint64_t amount = 0;
    bool operator==(const Transfer&) const = default;
};

enum class Outcome : std::uint32_t { done = 1, refused = 2 };  // refused: there is not so much on the account

struct Result {
    Outcome outcome = Outcome::done;
    std::int64_t from_balance = 0, to_balance = 0;  ///< after it
    bool operator==(const Result&) const = default;
};

/// One transfer, as it stands in the log.
struct Entry {
    std::uint64_t order = 0;  ///< from 1, without a gap, over all logs of the region
    Transfer transfer;
    Result result;
    bool operator==(const Entry&) const = default;
};

/// What a client's last transfer has come to.
struct Last {
    std::uint64_t number = 0;
    Result result;
};

/// Threads: one at a time.
class Bank {
public:
    Bank(std::uint32_t accounts, std::int64_t opening_balance);
    /// From a generation. WrongContent.
    static Bank decode(std::string_view bytes);
    std::string encode() const;

    /// Why it can't be done at all, by anyone; empty: it can be tried.
    std::string objection(const Transfer& transfer) const;
    std::optional<Last> last_of(std::uint64_t client) const;
    /// Does a transfer that has no objection and was not done before.
    Entry execute(const Transfer& transfer);
    /// Does what the log says was done, and sees that it comes to the same. WrongContent.
    void replay(const Entry& entry);

    std::uint64_t transfers() const { return order_; }
    std::int64_t opening_balance() const { return opening_balance_; }
    const std::vector<std::int64_t>& balances() const { return balances_; }

private:
    std::int64_t opening_balance_;
    std::uint64_t order_ = 0;
    std::vector<std::int64_t> balances_;
    std::map<std::uint64_t, Last> clients_;
};

/// A record of the log: who serves from here on, a transfer, or nothing but that its writer is alive.
struct LogItem {
    enum class Kind : std::uint16_t { opened = 1, transfer = 2, alive = 3 };
    Kind kind = Kind::alive;
    std::string name;  // opened
    Entry entry;       // transfer
};
std::string encode(const LogItem& item);
/// WrongContent.
LogItem decode_log_item(std::string_view bytes);

}  // namespace process_pair
