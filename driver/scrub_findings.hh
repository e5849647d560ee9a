#pragma once
// What the scrub found damaged, and has told.
#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "driver/scrub_pass.hh"

namespace pmemckpt::driver {

struct ScrubFinding {
    ScrubVerdict verdict;
    std::int64_t since_ns = 0;  ///< wall clock, to be shown
};

/// In memory: a restart forgets them, and its first pass finds them again. Threads: its owner's lock.
class ScrubFindings {
public:
    /// So many are remembered; further ones are counted, and told when there is room for them.
    static constexpr std::size_t kMaximum = 256;

    /// True when it is to be told: it is new, and remembered from here on.
    bool add(ScrubVerdict verdict, std::int64_t now_ns);
    /// It verifies. True when it was damaged before.
    bool remove(const ScrubVerdict& verdict);
    /// Generations that are not kept any more take what was found along.
    void forget_dropped();
    /// The count of further ones begins anew with each pass.
    void end_pass();

    std::vector<ScrubFinding> all() const;
    /// How many generations more are damaged than are remembered.
    std::uint64_t more() const { return std::max(more_, more_before_); }

private:
    using Key = std::tuple<const ServedPool*, std::uint64_t, std::uint64_t>;
    static Key key_of(const ScrubVerdict& verdict);

    std::map<Key, ScrubFinding> findings_;
    std::uint64_t more_ = 0, more_before_ = 0;  ///< in this pass, in the one before
};

}  // namespace pmemckpt::driver
