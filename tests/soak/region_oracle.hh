#pragma once
// What one region must hold, may hold and can't hold, by what its writers have told: nothing here knows how a
// pool is made. Written for one thread. Throws Failure.
//
// A writer tells what it is about to do (begin) before it does it, and what was answered (tell) after that.
// All lines of a writer that was killed are here before its successor starts. Beginnings may come before
// earlier answers: they are taken as soon as they were read, so that no reader can be ahead of them.
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "tests/soak/counts.hh"
#include "tests/soak/line.hh"
#include "tests/soak/log_book.hh"

namespace soak {

/// A process that writes to the region, as the oracle sees it.
struct Writer {
    std::uint64_t id = 0;
    std::uint64_t first_epoch = 0, last_epoch = 0;  ///< it has one of these
    std::uint64_t newest = 0, records = 0;          ///< were certain when it was started
    struct Fence {
        std::uint64_t newest = 0, records = 0;
    };
    std::optional<Fence> fence;  ///< taken over: beyond that nothing of it may be answered, or be there
    std::optional<Fence> taken;  ///< it has taken over, and was told that
};

/// Generation, and record behind it.
using Cursor = std::pair<std::uint64_t, std::uint64_t>;

/// What an audit has found.
struct FoundRegion {
    struct Found {
        Content content;
        std::uint64_t epoch = 0;
        bool pinned = false;
    };
    struct FoundRecord {
        std::uint64_t generation = 0, sequence = 0;
        Content content;
    };
    std::uint64_t epoch = 0, keep = 0;
    std::map<std::uint64_t, Found> generations;
    std::vector<FoundRecord> records;
    std::map<std::string, Cursor> cursors;
};

class RegionOracle {
public:
    RegionOracle(std::string name, Counts& counts) : name_(std::move(name)), counts_(counts) {}

    static bool is_beginning(const std::string& verb);
    void begin(const Writer& writer, const Line& line);
    void tell(Writer& writer, const Line& line);
    /// By anybody, of any time since the last audit.
    void generation_read(std::uint64_t number, const Content& content, std::uint64_t epoch);
    void record_read(std::uint64_t generation, std::uint64_t sequence, const Content& content);
    void log_read(std::uint64_t generation, std::uint64_t count, std::uint64_t chain);
    void unread_read(std::uint64_t generation, std::uint64_t count, std::uint64_t sum);

    /// A writer is about to be started, or a backup to be told to take over.
    void expect(Writer& writer) const;
    /// A taker has taken over: `old` is fenced by it.
    void fence(Writer& old, const Writer& taker);
    /// A fenced writer has ended.
    void forget(const Writer& writer);

    /// Nobody writes, and nothing of those who did can come any more. None: the region is not there.
    void audit(const std::optional<FoundRegion>& found);
    /// It was destroyed, and that was seen.
    void wiped();

    bool exists() const { return life().created; }
    /// Something was begun that must be settled by an audit before anybody else writes.
    bool is_unsettled() const;
    std::uint64_t life_number() const { return life_number_; }
    std::uint64_t clears() const { return life().clears; }
    bool may_have_been_taken_over() const { return life().takeovers_begun != 0; }
    std::uint64_t newest() const;
    std::uint64_t certain_records() const;
    /// How far a cursor is known to be.
    std::optional<Cursor> cursor(const std::string& name) const;

private:
    struct Sealed {
        Content content;
        std::uint64_t epoch = 0;  ///< 0: not known
        bool pinned = false, pin_in_doubt = false;
        bool was_pinned = false;  ///< since the last audit
    };
    struct Sealing {
        std::uint64_t writer = 0;
        Content content;
    };
    using LogKey = std::pair<std::uint64_t, std::uint64_t>;  // generation, clears
    /// From creation to destruction.
    struct Life {
        bool creating = false, created = false, destroying = false, destroyed = false;
        bool clearing = false;
        std::uint64_t clears = 0;
        std::uint64_t least_keep = 0, most_keep = 0;  ///< since the last audit, or perhaps
        std::uint64_t epoch = 1, takeovers_begun = 0;
        std::map<std::uint64_t, Sealed> sealed;
        std::set<std::uint64_t> numbers;  ///< of all since the last clear
        std::uint64_t highest = 0;
        std::vector<Sealing> sealing;
        std::map<LogKey, LogBook> logs;
        std::map<std::string, Cursor> cursors;
    };

    /// What was before an audit: a reader of a mount, which outlives the manager, may tell it late.
    struct Past {
        std::map<std::uint64_t, std::vector<Content>> was_there;
        std::map<std::uint64_t, Life> lives;
    };
    static constexpr std::size_t kPasts = 8;
    using BookTest = std::function<bool(LogBook&)>;

    void remember();
    bool was_before(std::uint64_t number, const Content& content) const;
    static bool any_book(std::map<std::uint64_t, Life>& lives, std::uint64_t generation,
                         const BookTest& test);
    bool any_book_ever(std::uint64_t generation, const BookTest& test);
    /// Forward only; but one of a region that was cleared may begin with its new log, which follows no
    /// generation.
    bool may_move(const Life& life, const Cursor& from, const Cursor& to) const;
    Life& life() { return lives_[life_number_]; }
    const Life& life() const { return lives_.at(life_number_); }
    void add(Life& life, std::uint64_t number, const Content& content, std::uint64_t epoch);
    bool take_sealing(Life& life, std::uint64_t number, const Content& content, std::uint64_t epoch);
    void tell_sealed(const Writer& writer, const Line& line);
    void tell_answered(const Writer& writer, const Line& line);
    void tell_taken(Writer& writer, const Line& line);
    void tell_recovered(Writer& writer, const Line& line);
    void tell_pinned(const Line& line);
    void tell_cursor(const Line& line);
    void tell_change(const Line& line);
    void may_keep(Life& life, std::uint64_t keep);
    std::pair<std::uint64_t, LogBook*> log_now();

    bool settle_existence(bool found);
    void settle_clear(const FoundRegion& found);
    void audit_present(const FoundRegion& found);
    void audit_epoch(const FoundRegion& found);
    void audit_generations(const FoundRegion& found);
    void audit_lost(const FoundRegion& found);
    void audit_retention(const FoundRegion& found) const;
    void audit_log(const FoundRegion& found);
    void audit_cursors(const FoundRegion& found);
    void begin_anew(const FoundRegion& found);

    std::string name_;
    Counts& counts_;
    std::uint64_t life_number_ = 0;
    std::map<std::uint64_t, Life> lives_{{0, {}}};
    std::map<std::uint64_t, std::vector<Content>> was_there_;  ///< since the last audit, by number
    std::deque<Past> past_;
};

}  // namespace soak
