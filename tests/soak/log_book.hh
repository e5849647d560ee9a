#pragma once
// The records of one log, as those who wrote them told: what was answered or seen must stay, what was begun
// may be there.
#include <cstdint>
#include <string>
#include <vector>

namespace soak {

struct Content {
    std::uint64_t size = 0;
    std::uint64_t hash = 0;
    bool operator==(const Content&) const = default;
};

class LogBook {
public:
    /// `writer` is about to append this.
    void begin(std::uint64_t writer, std::uint64_t sequence, const Content& content);
    /// All records of this writer up to `sequence` are durable. False: it has not said that it appends them.
    bool answer(std::uint64_t writer, std::uint64_t sequence);
    /// Somebody has read it. False: nobody has written that.
    bool see(std::uint64_t sequence, const Content& content);
    /// The first `count` records, in order, have this chain of hashes: see chained().
    bool see_chain(std::uint64_t count, std::uint64_t chain);
    /// Some records one after the other have this sum of hashes.
    bool has_run(std::uint64_t count, std::uint64_t sum) const;
    /// `writer` was fenced: what it had begun beyond never comes.
    void forget_beyond(std::uint64_t writer, std::uint64_t sequence);
    /// What is not there now never comes.
    void settle(std::uint64_t sequence);
    std::uint64_t certain() const { return certain_; }

private:
    struct Begun {
        std::uint64_t writer = 0;
        Content content;
    };
    using Entry = std::vector<Begun>;  // more than one: an earlier one has died or was fenced
    std::vector<Entry> entries_;
    std::uint64_t certain_ = 0;
};

}  // namespace soak
