#pragma once
// The records of a region's log, as they lie on its pages. man/pmemckpt-format.5, LOG RECORDS.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "lib/base/units.hh"
#include "lib/format/little.hh"

namespace pmemckpt::format {

inline constexpr std::uint32_t kLogRecordMagic = 0x474f4c50;  ///< "PLOG" as it lies on the medium
inline constexpr std::size_t kLogRecordAlignment = 8;
inline constexpr std::uint64_t kMaximumLogPayload = kGiB;

/// Then the payload, then padding to the next multiple of kLogRecordAlignment.
struct LogRecordHeader {
    LittleU32 magic;
    LittleU32 crc32c;  ///< log_record_crc()
    LittleU64 log_id;
    LittleU64 sequence;  ///< 1, 2, … without a gap
    LittleU64 epoch;     ///< never falls
    LittleU64 length;    ///< of the payload, bytes: 1 to kMaximumLogPayload
    LittleU32 term;      ///< never falls
    LittleU32 zero;
};
inline constexpr std::size_t kLogRecordHeaderBytes = sizeof(LogRecordHeader);
static_assert(std::is_standard_layout_v<LogRecordHeader> && std::is_trivially_copyable_v<LogRecordHeader>);
static_assert(offsetof(LogRecordHeader, crc32c) == 4 && offsetof(LogRecordHeader, log_id) == 8);
static_assert(offsetof(LogRecordHeader, sequence) == 16 && offsetof(LogRecordHeader, epoch) == 24);
static_assert(offsetof(LogRecordHeader, length) == 32 && offsetof(LogRecordHeader, term) == 40);
static_assert(offsetof(LogRecordHeader, zero) == 44 && kLogRecordHeaderBytes == 48);

/// The size of a whole record, padded, for a payload of at most kMaximumLogPayload bytes.
constexpr std::uint64_t log_record_bytes(std::uint64_t payload) {
    return round_up(kLogRecordHeaderBytes + payload, kLogRecordAlignment);
}

/// Of the header behind its crc32c: what the CRC of a payload that comes in pieces starts from.
std::uint32_t log_header_crc(const LogRecordHeader& header);
/// Of the header behind its crc32c, and the payload.
std::uint32_t log_record_crc(const LogRecordHeader& header, std::span<const std::byte> payload);

/// The last good record of a log; as it is made: there is none yet.
struct LogPosition {
    std::uint64_t sequence = 0;
    std::uint64_t epoch = 0;
    std::uint32_t term = 0;
};
/// What no record may be beyond.
struct LogBounds {
    std::uint64_t log_id = 0;
    std::uint64_t epoch = 0;  ///< of the region
    std::uint32_t term = 0;   ///< of the log
};

/// Of a record that an opening of this log, epoch and term makes.
LogRecordHeader log_record_header(const LogBounds& opening, std::uint64_t sequence,
                                  std::span<const std::byte> payload);
/// The header at the start of `bytes`, when it may be the one of the next record after `last`, with `room`
/// bytes to the log's end; all that is left to check is its CRC.
std::optional<LogRecordHeader> claimed_log_record(std::span<const std::byte> bytes, const LogPosition& last,
                                                  const LogBounds& bounds, std::uint64_t room);

}  // namespace pmemckpt::format
