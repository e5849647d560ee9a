#pragma once
// The pages of a window, mapped side by side: what a device needs, which knows one address range for a key.
#include <cstddef>
#include <memory>
#include <span>

#include "lib/base/handle.hh"
#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma::verbs {

/// Memory that stands in for pages that a window has not (kNoPage). Whoever writes there changes no pool, and
/// reads back what he wrote himself: each connection has its own.
class Scrap {
public:
    /// One page of this size, made of zeros; the same for all calls. EINVAL for another size than before.
    Result<int> descriptor(std::uint64_t page_size);

private:
    FileDescriptor file_;
    std::uint64_t page_size_ = 0;
};

/// Of the whole process: the system has 65530 (vm.max_map_count), and an allocation that gets none ends it.
inline constexpr std::size_t kMaximumMappings = 32'768;

/// Unmapped with its owner; the pages themselves stay where they are.
class SideBySide {
public:
    /// EINVAL when the translation is not within its mapping, or pages are no multiple of the system's;
    /// ENOSPC beyond kMaximumMappings, ENOMEM when the system has no room for more. The medium must be mapped
    /// shared.
    static Result<SideBySide> map(const Translation& translation, Scrap& scrap);

    SideBySide(SideBySide&& other) noexcept;
    SideBySide& operator=(SideBySide&&) = delete;
    ~SideBySide();

    /// Byte i is byte i of the range [0, size).
    std::span<std::byte> bytes() const { return bytes_; }

private:
    SideBySide() = default;
    Status take_mappings(std::size_t count);
    Status reserve(std::uint64_t size, std::uint64_t alignment);
    Status place(const Translation& translation, Scrap& scrap);

    std::size_t mappings_ = 0;
    std::span<std::byte> reserved_;  // empty: the pages lie side by side in the medium
    std::span<std::byte> bytes_;
};

}  // namespace pmemckpt::rdma::verbs
