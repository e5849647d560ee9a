#pragma once
// A medium in memory that records every store, flush and fence, and knows of each cache line what a power cut
// may leave of it. The rules are those of processors with persistent memory, and of devices that write to it:
//
// - An aligned word of 8 bytes is stored whole or not at all.
// - A line may reach the medium at any moment, as it is at that moment: after a cut it has one of the
// contents
//   that it had since it was made persistent last. Lines are free of each other.
// - persist() flushes the lines of its extent, and fences: from its return on they have what they had then.
// - A store() is a copy, and nobody says in which direction it goes: within a line, words land forwards or
//   backwards.
// - What a peer writes one-sided lands in any order: each word of it may be there without the others.
//
// A file persists by msync, whole pages at a time, and reaches the disk in any order as well: what it may
// leave is among these.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/media/medium.hh"

namespace pmemckpt::crash {

inline constexpr std::size_t kLineBytes = 64;
using LineBytes = std::array<std::byte, kLineBytes>;

/// All that a power cut may leave of a line; the first is what is persistent, the last what is stored.
using Contents = std::vector<LineBytes>;
/// By number: line n has the bytes from n * kLineBytes on. None has a single content.
using OpenLines = std::map<std::uint64_t, Contents>;

struct Recorded {
    std::uint64_t stores = 0;   ///< of words, those of peers too
    std::uint64_t flushes = 0;  ///< of lines that had something to be flushed
    std::uint64_t fences = 0;
};

/// Not for several threads.
class LineMedium final : public media::Medium {
public:
    /// The memory is the caller's, a multiple of kLineBytes, and persistent as it is.
    explicit LineMedium(std::span<std::byte> memory) : memory_(memory) {}

    std::span<std::byte> bytes() override { return memory_; }
    void store(Offset at, std::span<const std::byte> bytes) override;
    Status persist(Extent extent) override;
    Status blank(Extent extent) override;
    media::Durability durability() const override { return media::Durability::page; }
    const std::string& path() const override { return path_; }

    /// What a peer writes.
    void arrive(Offset at, std::span<const std::byte> bytes);

    /// Called before the flush, and after the fence.
    std::function<void(Extent)> before_persist, after_persist;
    /// Which extents a persist of this one really makes persistent; unset: that one. For writers that are
    /// wrong.
    std::function<std::vector<Extent>(Extent)> effect;

    const OpenLines& open_lines() const { return open_; }
    const Recorded& recorded() const { return recorded_; }

    /// All is as it was at the start, and persistent.
    void revert();
    /// Where the memory was changed, and not by store(), blank() or arrive(); nothing when it was not.
    /// Compares with the image that the memory was at the start.
    std::vector<std::uint64_t> lines_changed_behind_its_back(std::span<const std::byte> at_the_start) const;

private:
    enum class Order { either_direction, any };
    void put(Offset at, std::span<const std::byte> bytes, Order order);
    void put_in_line(std::uint64_t line, std::size_t from, std::span<const std::byte> bytes, Order order);
    LineBytes content(std::uint64_t line) const;
    void make_persistent(Extent extent);

    std::span<std::byte> memory_;
    OpenLines open_;
    std::map<std::uint64_t, LineBytes>
        first_;  ///< of each line that was ever stored to: as it was at the start
    Recorded recorded_;
    std::string path_ = "recording";
};

/// The same medium, for a pool that wants to own its own.
class Borrowed final : public media::Medium {
public:
    explicit Borrowed(media::Medium& medium) : medium_(medium) {}
    std::span<std::byte> bytes() override { return medium_.bytes(); }
    void store(Offset at, std::span<const std::byte> bytes) override { medium_.store(at, bytes); }
    Status persist(Extent extent) override { return medium_.persist(extent); }
    Status blank(Extent extent) override { return medium_.blank(extent); }
    media::Durability durability() const override { return medium_.durability(); }
    const std::string& path() const override { return medium_.path(); }

private:
    media::Medium& medium_;
};

}  // namespace pmemckpt::crash
