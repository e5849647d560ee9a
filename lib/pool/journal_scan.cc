#include "lib/pool/journal_scan.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/units.hh"
#include "lib/format/record.hh"

namespace pmemckpt::pool {

namespace {

/// After so many zeros the rest of the half was never written: journals take their space in much smaller
/// steps.
constexpr std::uint64_t kQuietBytes = 16 * kMiB;
/// So many bytes of damaged records, in multiples of the half's size, are checksummed before the search gives
/// up.
constexpr std::uint64_t kEffortFactor = 16;

bool is_zero(std::span<const std::byte> half, std::uint64_t at) {
    std::uint64_t word;
    std::memcpy(&word, half.data() + at, sizeof word);
    return word == 0;
}

}  // namespace

Result<std::optional<FoundRecord>> find_later_record(const format::JournalSeed& seed,
                                                     std::span<const std::byte> half, std::uint64_t from,
                                                     std::uint64_t least) {
    std::uint64_t quiet = 0;
    std::uint64_t effort = kEffortFactor * half.size();
    for (std::uint64_t at = from;
         fits({{at}, {format::kRecordAlignment}}, {half.size()}) && quiet < kQuietBytes;
         at += format::kRecordAlignment) {
        quiet = is_zero(half, at) ? quiet + format::kRecordAlignment : 0;
        if (quiet > 0)
            continue;
        const auto sequence = format::claimed_sequence(half, at);
        if (!sequence || *sequence < least)
            continue;
        if (format::read_record(seed, half, at))
            return FoundRecord{at, *sequence};
        const auto cost = format::claimed_length(half, at);
        if (cost > effort)
            return fail(EUCLEAN, "from byte {} on the journal is full of damaged records", from);
        effort -= cost;
    }
    return std::nullopt;
}

std::uint64_t largest_claimed_sequence(std::span<const std::byte> half, std::uint64_t limit) {
    std::uint64_t largest = 0, quiet = 0;
    for (std::uint64_t at = 0; fits({{at}, {format::kRecordAlignment}}, {half.size()}) && quiet < kQuietBytes;
         at += format::kRecordAlignment) {
        quiet = is_zero(half, at) ? quiet + format::kRecordAlignment : 0;
        const auto sequence = quiet > 0 ? std::nullopt : format::claimed_sequence(half, at);
        if (sequence && *sequence <= limit)
            largest = std::max(largest, *sequence);
    }
    return largest;
}

}  // namespace pmemckpt::pool
