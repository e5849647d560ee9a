// Was every answered transfer done, and done once? Three things are compared that don't know of each other:
// what the clients were answered, the records that the archive saw in the logs, and the state that a backup
// would begin with now.
#include <iostream>
#include <map>
#include <numeric>
#include <set>
#include <thread>
#include <utility>

#include "utils/examples/process_pair/bytes.hh"
#include "utils/examples/process_pair/load.hh"
#include "utils/examples/process_pair/member.hh"
#include "utils/examples/process_pair/written.hh"

namespace process_pair {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostSentences = 20;
constexpr std::chrono::milliseconds kLookAgain{50};

using Key = std::pair<std::uint64_t, std::uint64_t>;  // client, number

Key key_of(const Transfer& transfer) {
    return {transfer.client, transfer.number};
}

std::string name_of(const Transfer& transfer) {
    return "transfer " + std::to_string(transfer.number) + " of client " + std::to_string(transfer.client);
}

class Auditor {
public:
    explicit Auditor(const Audit& audit) : audit_(audit) {}

    bool run() {
        read_region();
        read_records();
        drop_what_is_gone();
        replay();
        read_answers(
            audit_.answers, [this](const Answered& answered) { check_answer(answered); },
            [this](const Unanswered& unanswered) { asked_.insert(key_of(unanswered.transfer)); });
        check_all_was_asked();
        check_state();
        report();
        return lost_ + doubled_ + wrong_ == 0;
    }

private:
    void complain(std::uint64_t& count, const std::string& sentence) {
        ++count;
        if (++sentences_ <= kMostSentences)
            std::cout << "  " << sentence << '\n';
    }

    /// As a backup that has just started would.
    void read_region() {
        ckpt::Client client;
        client.read_all(audit_.region, [this](const ckpt::Item& item) {
            if (item.generation) {
                std::string bytes(item.generation->generation().length, '\0');
                bytes.resize(item.generation->read(0, bytes.data(), bytes.size()));
                bank_ = Bank::decode(bytes);
                return true;
            }
            const auto read =
                decode_log_item({static_cast<const char*>(item.record->bytes), item.record->size});
            if (read.kind != LogItem::Kind::transfer)
                return true;
            if (!bank_)
                throw WrongContent("region " + audit_.region + " has a log of transfers and no generation");
            bank_->replay(read.entry);
            add_record(read.entry);
            return true;
        });
        if (!bank_)
            throw WrongContent("region " + audit_.region + " has no bank yet");
    }

    void add_record(const Entry& entry) {
        const auto [place, is_new] = records_.emplace(entry.order, entry);
        if (!is_new && place->second != entry)
            complain(wrong_,
                     "record " + std::to_string(entry.order) + " was seen twice, with different contents");
    }

    /// A record that is missing proves nothing: neither that it is lost, nor that it is not.
    void read_records() {
        const auto end = Clock::now() + audit_.patience;
        for (;;) {
            std::vector<Entry> archived;
            read_archive(audit_.archive, [&](const Archived& one) { archived.push_back(one.entry); });
            const auto missing = first_missing(archived);
            if (missing == 0) {
                for (const auto& entry : archived)
                    add_record(entry);
                return;
            }
            if (Clock::now() >= end)
                throw std::runtime_error("the archive has no record of transfer " + std::to_string(missing) +
                                         " of " + std::to_string(bank_->transfers()) + ": nothing is proved");
            std::this_thread::sleep_for(kLookAgain);
        }
    }
    /// Of all the transfers that the region has; 0: none is missing.
    std::uint64_t first_missing(const std::vector<Entry>& archived) const {
        std::set<std::uint64_t> missing;
        for (std::uint64_t order = 1; order <= bank_->transfers(); ++order)
            if (!records_.contains(order))
                missing.insert(order);
        for (const auto& entry : archived)
            missing.erase(entry.order);
        return missing.empty() ? 0 : *missing.begin();
    }
    /// What the archive saw, and a backup that begins now would not.
    void drop_what_is_gone() {
        const auto gone = records_.upper_bound(bank_->transfers());
        for (auto one = gone; one != records_.end(); ++one)
            complain(wrong_, "record " + std::to_string(one->first) + " was there, and is no more");
        records_.erase(gone, records_.end());
    }

    /// All records, in their order, with plain arithmetic.
    void replay() {
        balances_.assign(bank_->balances().size(), bank_->opening_balance());
        for (const auto& [order, entry] : records_) {
            const auto& transfer = entry.transfer;
            if (!done_.emplace(key_of(transfer), &entry).second)
                complain(doubled_, name_of(transfer) + " was done again: record " + std::to_string(order));
            auto& from = balances_.at(transfer.from);
            auto& to = balances_.at(transfer.to);
            const auto amount = static_cast<std::int64_t>(transfer.amount);
            const bool enough = from >= amount;
            from -= enough ? amount : 0;
            to += enough ? amount : 0;
            if (entry.result != Result{enough ? Outcome::done : Outcome::refused, from, to})
                complain(wrong_, "record " + std::to_string(order) + " tells of wrong balances");
        }
    }

    void check_answer(const Answered& answered) {
        const auto& transfer = answered.transfer;
        ++answered_;
        if (!asked_.insert(key_of(transfer)).second)
            throw std::runtime_error(audit_.answers + " has two answers to " + name_of(transfer));
        if (answered.result.outcome == Outcome::done) {
            by_answers_[transfer.from] -= static_cast<std::int64_t>(transfer.amount);
            by_answers_[transfer.to] += static_cast<std::int64_t>(transfer.amount);
        }
        const auto found = done_.find(key_of(transfer));
        if (found == done_.end())
            return complain(lost_, name_of(transfer) + " was answered, and is not there");
        if (found->second->transfer != transfer || found->second->result != answered.result)
            complain(wrong_, name_of(transfer) + " was answered with something else than what was done");
    }

    void check_all_was_asked() {
        for (const auto& [key, entry] : done_)
            if (!asked_.contains(key))
                complain(wrong_, name_of(entry->transfer) + " was done, and nobody asked for it");
    }

    /// The balances, by the records; and, when everything was answered, by the answers alone.
    void check_state() {
        const bool all_answered = asked_.size() == answered_;
        for (std::uint32_t account = 0; account < balances_.size(); ++account) {
            const auto is = bank_->balances()[account];
            const auto name = "account " + std::to_string(account) + " has " + std::to_string(is);
            if (is != balances_[account])
                complain(wrong_, name + ", and by the records " + std::to_string(balances_[account]));
            const auto by_answers = bank_->opening_balance() + by_answers_[account];
            if (all_answered && is != by_answers)
                complain(wrong_, name + ", and by the answers " + std::to_string(by_answers));
        }
    }

    void report() const {
        const auto money =
            std::accumulate(bank_->balances().begin(), bank_->balances().end(), std::int64_t{0});
        if (sentences_ > kMostSentences)
            std::cout << "  ... and " << sentences_ - kMostSentences << " more\n";
        std::cout << "transfers answered  " << answered_ << "\nlost                " << lost_
                  << "\ndoubled             " << doubled_ << "\notherwise wrong     " << wrong_
                  << "\nmoney               " << money << " on " << balances_.size() << " accounts, "
                  << (money == bank_->opening_balance() * static_cast<std::int64_t>(balances_.size())
                          ? "as at the start\n"
                          : "NOT as at the start\n");
    }

    const Audit audit_;
    std::optional<Bank> bank_;
    std::map<std::uint64_t, Entry> records_;            // by their order
    std::map<Key, const Entry*> done_;                  // into records_
    std::set<Key> asked_;                               // by the clients
    std::vector<std::int64_t> balances_;                // by the records
    std::map<std::uint32_t, std::int64_t> by_answers_;  // what each account gained
    std::uint64_t answered_ = 0, lost_ = 0, doubled_ = 0, wrong_ = 0;
    std::size_t sentences_ = 0;
};

}  // namespace

bool run_audit(const Audit& audit) {
    return Auditor(audit).run();
}

}  // namespace process_pair
