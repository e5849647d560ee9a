#include "lib/client/coverage.hh"

#include <iterator>

#include "lib/base/crc32c.hh"
#include "lib/client/limits.hh"

namespace pmemckpt::client {

void Coverage::add(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (lost_ || bytes.empty())
        return;
    const auto end = offset + bytes.size();
    const auto next = ranges_.lower_bound(offset);
    const auto before = next == ranges_.begin() ? ranges_.end() : std::prev(next);
    if ((next != ranges_.end() && next->first < end) ||
        (before != ranges_.end() && before->second.end > offset)) {
        lost_ =
            true;  // a byte written twice: which one arrives last is known, its old checksum is not undone
        ranges_.clear();
        return;
    }
    if (before != ranges_.end() && before->second.end == offset) {
        before->second = {end, crc32c(bytes, before->second.crc)};
        join_with_next(before);
        return;
    }
    join_with_next(ranges_.emplace_hint(next, offset, Range{end, crc32c(bytes)}));
    if (ranges_.size() > kMaximumExtents) {
        lost_ = true;
        ranges_.clear();
    }
}

void Coverage::join_with_next(std::map<std::uint64_t, Range>::iterator range) {
    const auto next = std::next(range);
    if (next == ranges_.end() || next->first != range->second.end)
        return;
    const auto length = next->second.end - next->first;
    range->second = {next->second.end, crc32c_combine(range->second.crc, next->second.crc, length)};
    ranges_.erase(next);
}

std::optional<std::uint32_t> Coverage::checksum(std::uint64_t length) const {
    if (lost_)
        return std::nullopt;
    if (ranges_.empty())
        return length == 0 ? std::optional(crc32c({})) : std::nullopt;
    const auto& [start, range] = *ranges_.begin();
    if (ranges_.size() != 1 || start != 0 || range.end != length)
        return std::nullopt;
    return range.crc;
}

}  // namespace pmemckpt::client
