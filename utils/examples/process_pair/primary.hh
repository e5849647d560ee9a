#pragma once
// The one who serves. Nothing is answered before the log has it, durably.
#include <string>
#include <vector>

#include "utils/examples/process_pair/backup.hh"

namespace process_pair {

class Primary {
public:
    /// Writes the opening balances when there is no bank yet.
    Primary(const Member& member, Inheritance inheritance);

    /// Does what is asked, all of it with one flush, and returns the answers, in the order of the requests.
    /// Without requests it only shows that it is alive. Throws ESTALE when another one has taken over: then
    /// nothing is to be answered any more, ever.
    std::vector<std::string> answer(const std::vector<std::string>& requests);
    /// A new generation when it is time for one: the log begins anew behind it.
    void seal_when_due();

    std::uint64_t epoch() const { return inheritance_.epoch; }
    std::uint64_t transfers() const { return bank().transfers(); }

private:
    Bank& bank() { return *inheritance_.bank; }
    const Bank& bank() const { return *inheritance_.bank; }
    std::string answer_one(const std::string& request);
    std::string do_transfer(const Transfer& transfer);
    void append(const LogItem& item);
    void seal();

    const Member member_;
    Inheritance inheritance_;
    std::size_t appended_ = 0;  // records since the last flush
};

}  // namespace process_pair
