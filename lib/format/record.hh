#pragma once
// The journal's records. man/pmemckpt-format.5, JOURNAL and RECORDS.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/format/journal_seed.hh"

namespace pmemckpt::format {

inline constexpr std::size_t kRecordAlignment = 8;
inline constexpr std::size_t kRecordHeaderBytes = 40;
inline constexpr std::uint64_t kMaximumRecordBytes = UINT32_MAX - UINT32_MAX % kRecordAlignment;
inline constexpr std::uint16_t kKindVersion = 1;           ///< of every kind, so far
inline constexpr std::uint32_t kRecordMagic = 0x4352434b;  ///< "KCRC" as it lies on the medium

enum class Kind : std::uint16_t {
    region_put = 1,
    region_drop = 2,
    generation_seal = 3,
    generation_drop = 4,
    generation_pin = 5,
    region_clear = 6,
    log_grow = 7,
    cursor_put = 8,
    cursor_drop = 9,
    rights_put = 10,
};

/// The size of a whole record, padded, for a body of so many bytes.
constexpr std::uint64_t record_bytes(std::uint64_t body_bytes) {
    return (kRecordHeaderBytes + body_bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
/// A body of at most kMaximumRecordBytes - kRecordHeaderBytes bytes; a seed with a key.
std::vector<std::byte> frame_record(const JournalSeed& seed, std::uint64_t sequence, Kind kind,
                                    std::span<const std::byte> body);

struct RecordView {
    std::uint64_t sequence = 0;
    std::uint64_t length = 0;  ///< bytes, with header and padding
    std::uint16_t kind = 0;    ///< any number, of a newer version too
    std::uint16_t version = 0;
    std::span<const std::byte> body;  ///< with the padding
};
/// The sequence that the bytes at `at` claim, if they start like a record; not verified.
std::optional<std::uint64_t> claimed_sequence(std::span<const std::byte> half, std::uint64_t at);
/// The length that they claim; 0 when it can't be one.
std::uint64_t claimed_length(std::span<const std::byte> half, std::uint64_t at);
/// The record at `at`, when it verifies: its checksum, and with a key its MAC.
std::optional<RecordView> read_record(const JournalSeed& seed, std::span<const std::byte> half,
                                      std::uint64_t at);
/// The checksum of what is there holds, and its MAC does not: it was written by somebody without the key, in
/// one piece. Never without a key.
bool is_forged_record(const JournalSeed& seed, std::span<const std::byte> half, std::uint64_t at);

struct PageExtent {
    std::uint32_t start = 0;  ///< index of a page
    std::uint32_t count = 0;
    bool operator==(const PageExtent&) const = default;
};

struct RegionPut {
    std::uint64_t id = 0;
    std::uint64_t next_number = 1;  ///< the number that the next generation gets
    std::uint64_t epoch = 1;
    std::uint64_t max_size = 0;
    std::int64_t created_ns = 0;
    std::uint32_t keep = 1;
    std::string name;
    std::string owner;
    std::int64_t keep_age_ns = 0;
};

struct RegionDrop {
    std::uint64_t id = 0;
};

struct GenerationSeal {
    std::uint64_t region_id = 0;
    std::uint64_t number = 0;
    std::uint64_t length = 0;
    std::int64_t sealed_ns = 0;
    std::uint64_t epoch = 1;
    std::uint32_t crc32c = 0;
    std::uint8_t durability = 0;
    std::string writer;
    std::vector<PageExtent> extents;     ///< in the order of the bytes
    std::vector<std::uint64_t> dropped;  ///< numbers that go by the same record, rising
};

struct GenerationDrop {
    std::uint64_t region_id = 0;
    std::vector<std::uint64_t> numbers;  ///< rising
};

struct GenerationPin {
    std::uint64_t region_id = 0;
    std::uint64_t number = 0;
    std::uint8_t pinned = 0;  ///< 0 or 1
};

struct RegionClear {
    std::uint64_t id = 0;
};

struct LogGrow {
    std::uint64_t region_id = 0;
    std::uint64_t log_id = 0;
    std::uint32_t term = 0;
    std::vector<PageExtent> extents;  ///< of the segment that is appended; none: only the term rises
};

struct CursorPut {
    std::uint64_t region_id = 0;
    std::uint64_t generation = 0;
    std::uint64_t sequence = 0;
    std::string name;
};

struct CursorDrop {
    std::uint64_t region_id = 0;
    std::string name;
};

/// What a principal or a group may do from here on; 0: nothing.
struct RightsPut {
    std::uint64_t region_id = 0;
    std::uint8_t rights = 0;
    std::string grantee;
};

std::vector<std::byte> encode(const RegionPut& record);
std::vector<std::byte> encode(const RegionDrop& record);
std::vector<std::byte> encode(const GenerationSeal& record);
std::vector<std::byte> encode(const GenerationDrop& record);
std::vector<std::byte> encode(const GenerationPin& record);
std::vector<std::byte> encode(const RegionClear& record);
std::vector<std::byte> encode(const LogGrow& record);
std::vector<std::byte> encode(const CursorPut& record);
std::vector<std::byte> encode(const CursorDrop& record);
std::vector<std::byte> encode(const RightsPut& record);

/// EUCLEAN when the counts in it and its length contradict each other. What the fields mean is the caller's
/// to check.
Result<RegionPut> decode_region_put(std::span<const std::byte> body);
Result<RegionDrop> decode_region_drop(std::span<const std::byte> body);
Result<GenerationSeal> decode_generation_seal(std::span<const std::byte> body);
Result<GenerationDrop> decode_generation_drop(std::span<const std::byte> body);
Result<GenerationPin> decode_generation_pin(std::span<const std::byte> body);
Result<RegionClear> decode_region_clear(std::span<const std::byte> body);
Result<LogGrow> decode_log_grow(std::span<const std::byte> body);
Result<CursorPut> decode_cursor_put(std::span<const std::byte> body);
Result<CursorDrop> decode_cursor_drop(std::span<const std::byte> body);
Result<RightsPut> decode_rights_put(std::span<const std::byte> body);

}  // namespace pmemckpt::format
