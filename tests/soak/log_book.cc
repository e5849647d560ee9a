#include "tests/soak/log_book.hh"

#include <algorithm>
#include <set>

#include "tests/soak/view_files.hh"

namespace soak {

namespace {

constexpr std::uint64_t kMostAhead = 100'000;  // records between one that is told of and the one before it

}  // namespace

/// An earlier writer may be heard later: so what lies between may be filled later.
void LogBook::begin(std::uint64_t writer, std::uint64_t sequence, const Content& content) {
    if (sequence == 0 || sequence > entries_.size() + kMostAhead)
        return;  // answer() will miss it
    if (sequence > entries_.size())
        entries_.resize(sequence);
    auto& entry = entries_[sequence - 1];
    std::erase_if(entry, [writer](const Begun& begun) { return begun.writer == writer; });
    entry.push_back({writer, content});
}

bool LogBook::answer(std::uint64_t writer, std::uint64_t sequence) {
    const auto is_own = [writer](const Begun& begun) { return begun.writer == writer; };
    if (sequence > entries_.size())
        return false;
    const auto& last = entries_[sequence - 1];
    if (sequence > certain_ && std::none_of(last.begin(), last.end(), is_own))
        return false;
    for (auto at = certain_; at < sequence; ++at) {
        const auto own = std::find_if(entries_[at].begin(), entries_[at].end(), is_own);
        if (own != entries_[at].end())
            entries_[at] = {*own};
    }
    certain_ = std::max(certain_, sequence);
    return true;
}

bool LogBook::see(std::uint64_t sequence, const Content& content) {
    if (sequence == 0 || sequence > entries_.size())
        return false;
    auto& entry = entries_[sequence - 1];
    const auto found = std::find_if(entry.begin(), entry.end(),
                                    [&content](const Begun& begun) { return begun.content == content; });
    if (found == entry.end())
        return false;
    entry = {*found};
    certain_ = std::max(certain_, sequence);
    return true;
}

bool LogBook::see_chain(std::uint64_t count, std::uint64_t chain) {
    if (count > entries_.size())
        return false;
    std::set<std::uint64_t> chains{0};
    for (std::uint64_t at = 0; at < count; ++at) {
        std::set<std::uint64_t> next;
        for (const auto before : chains)
            for (const auto& begun : entries_[at])
                next.insert(chained(before, begun.content.hash));
        chains = std::move(next);
    }
    if (chains.count(chain) == 0)
        return false;
    certain_ = std::max(certain_, count);
    return true;
}

bool LogBook::has_run(std::uint64_t count, std::uint64_t sum) const {
    const auto hash_at = [this](std::uint64_t at) { return entries_[at].back().content.hash; };
    std::uint64_t run = 0;
    for (std::uint64_t at = 0; at < entries_.size(); ++at) {
        if (entries_[at].size() != 1)
            return true;  // which of them it was is not known yet
        run += hash_at(at);
        if (at >= count)
            run -= hash_at(at - count);
        if (at + 1 >= count && run == sum)
            return true;
    }
    return count == 0;
}

void LogBook::forget_beyond(std::uint64_t writer, std::uint64_t sequence) {
    for (auto at = sequence; at < entries_.size(); ++at)
        std::erase_if(entries_[at], [writer](const Begun& begun) { return begun.writer == writer; });
    while (!entries_.empty() && entries_.back().empty())
        entries_.pop_back();
}

void LogBook::settle(std::uint64_t sequence) {
    if (sequence < entries_.size())
        entries_.resize(sequence);
    certain_ = sequence;
}

}  // namespace soak
