#include "lib/format/log_record.hh"

#include <cstring>

#include "lib/base/crc32c.hh"

namespace pmemckpt::format {

namespace {

constexpr std::size_t kCheckedFrom = offsetof(LogRecordHeader, log_id);

bool follows(const LogRecordHeader& header, const LogPosition& last, const LogBounds& bounds) {
    return header.log_id == bounds.log_id && header.sequence == last.sequence + 1 &&
           header.epoch >= last.epoch && header.epoch <= bounds.epoch && header.term >= last.term &&
           header.term <= bounds.term;
}

}  // namespace

std::uint32_t log_header_crc(const LogRecordHeader& header) {
    return crc32c(std::as_bytes(std::span(&header, 1)).subspan(kCheckedFrom));
}

std::uint32_t log_record_crc(const LogRecordHeader& header, std::span<const std::byte> payload) {
    return crc32c(payload, log_header_crc(header));
}

LogRecordHeader log_record_header(const LogBounds& opening, std::uint64_t sequence,
                                  std::span<const std::byte> payload) {
    LogRecordHeader header{};
    header.magic = kLogRecordMagic;
    header.log_id = opening.log_id;
    header.sequence = sequence;
    header.epoch = opening.epoch;
    header.length = payload.size();
    header.term = opening.term;
    header.crc32c = log_record_crc(header, payload);
    return header;
}

std::optional<LogRecordHeader> claimed_log_record(std::span<const std::byte> bytes, const LogPosition& last,
                                                  const LogBounds& bounds, std::uint64_t room) {
    if (bytes.size() < kLogRecordHeaderBytes)
        return std::nullopt;
    LogRecordHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kLogRecordMagic || header.zero != 0 || !follows(header, last, bounds))
        return std::nullopt;
    if (header.length < 1 || header.length > kMaximumLogPayload || log_record_bytes(header.length) > room)
        return std::nullopt;
    return header;
}

}  // namespace pmemckpt::format
