#pragma once
// What has been written of a draft, and the CRC-32C of what was meant: ranges that touch become one.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

namespace pmemckpt::client {

class Coverage {
public:
    /// `bytes` were written at `offset`. After an overlap, or with more than kMaximumExtents separate ranges,
    /// there is no checksum any more.
    void add(std::uint64_t offset, std::span<const std::byte> bytes);
    /// The checksum of [0, length) if exactly that was written, each byte once.
    std::optional<std::uint32_t> checksum(std::uint64_t length) const;

private:
    struct Range {
        std::uint64_t end = 0;
        std::uint32_t crc = 0;
    };
    void join_with_next(std::map<std::uint64_t, Range>::iterator range);

    std::map<std::uint64_t, Range> ranges_;  // by their start
    bool lost_ = false;
};

}  // namespace pmemckpt::client
