#include "utils/pmemckpt-ctl/differences.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>

#include "lib/base/crc32c.hh"
#include "utils/pmemckpt-ctl/progress.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::uint64_t kChunkBytes = 4 * kMiB;
constexpr std::uint64_t kBlockBytes = 4 * kKiB;  // compared at once
constexpr std::uint64_t kGapBytes = 64;          // less is sent along: a range costs as much
constexpr std::size_t kMostRanges = 16'384;      // half of what a manager takes on pages of their own
constexpr std::uint64_t kGapGrowth = 4;

std::uint64_t end_of(const Extent& range) {
    return range.at.bytes + range.size.bytes;
}

/// Appends it, or makes the last one longer when the gap between them is small.
void append(std::vector<Extent>& ranges, const Extent& range, std::uint64_t gap) {
    if (ranges.empty() || range.at.bytes - end_of(ranges.back()) > gap)
        ranges.push_back(range);
    else
        ranges.back().size.bytes = end_of(range) - ranges.back().at.bytes;
}

class Comparison {
public:
    Comparison(client::Reader& generation, Input& input) : generation_(generation), input_(input) {}

    Result<Differences> run() {
        const auto size = *input_.size();
        std::vector<std::byte> mine(std::min(size, kChunkBytes)), theirs(mine.size());
        Progress progress("comparing", size);
        for (std::uint64_t at = 0; at < size;) {
            const auto wanted = std::min<std::uint64_t>(mine.size(), size - at);
            auto reading = std::async(std::launch::async, [&] { return read(at, {theirs.data(), wanted}); });
            const auto got = input_.read({mine.data(), wanted});
            TRY(reading.get());
            if (TRY(got) < wanted)
                return fail(EAGAIN, "{} ended after {} of {} bytes: it was cut short while it was read",
                            input_.name(), at + *got, size);
            crc_ = crc32c(std::span(mine).first(wanted), crc_);
            compare(at, {mine.data(), wanted}, {theirs.data(), wanted});
            at += wanted;
            progress.advance(wanted);
        }
        join_close(ranges_, kMostRanges);
        return Differences{std::move(ranges_), crc_};
    }

private:
    /// Of the generation; zeros beyond its end.
    Status read(std::uint64_t at, std::span<std::byte> into) {
        const auto got = TRY(generation_.read(at, into));
        const auto rest = into.subspan(got);
        std::fill(rest.begin(), rest.end(), std::byte{0});
        return {};
    }

    void compare(std::uint64_t at, std::span<const std::byte> mine, std::span<const std::byte> theirs) {
        for (std::uint64_t block = 0; block < mine.size(); block += kBlockBytes) {
            const auto size = std::min<std::uint64_t>(kBlockBytes, mine.size() - block);
            if (std::memcmp(mine.data() + block, theirs.data() + block, size) != 0)
                compare_block(at + block, mine.subspan(block, size), theirs.subspan(block, size));
        }
        if (ranges_.size() > 2 * kMostRanges)
            join_close(ranges_, kMostRanges);
    }

    void compare_block(std::uint64_t at, std::span<const std::byte> mine, std::span<const std::byte> theirs) {
        for (std::uint64_t byte = 0; byte < mine.size(); ++byte)
            if (mine[byte] != theirs[byte])
                append(ranges_, {{at + byte}, {1}}, kGapBytes);
    }

    client::Reader& generation_;
    Input& input_;
    std::vector<Extent> ranges_;
    std::uint32_t crc_ = 0;
};

}  // namespace

void join_close(std::vector<Extent>& ranges, std::size_t most) {
    for (auto gap = kGapBytes; ranges.size() > most; gap *= kGapGrowth) {
        std::vector<Extent> joined;
        for (const auto& range : ranges)
            append(joined, range, gap);
        ranges = std::move(joined);
    }
}

Result<Differences> find_differences(client::Reader& generation, Input& input) {
    return Comparison(generation, input).run();
}

}  // namespace pmemckpt::ctl
