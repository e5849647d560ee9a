#include "lib/format/record.hh"

#include <cstring>

#include "lib/base/crc32c.hh"
#include "lib/base/units.hh"
#include "lib/format/little.hh"

namespace pmemckpt::format {

namespace {

// man/pmemckpt-format.5, JOURNAL
struct Header {
    LittleU32 magic;
    LittleU32 crc32c;
    LittleU64 sequence;
    LittleU32 length;
    LittleU16 kind;
    LittleU16 version;
};
constexpr std::size_t kCheckedFrom = 8;
static_assert(std::is_standard_layout_v<Header> && std::is_trivially_copyable_v<Header>);
static_assert(offsetof(Header, crc32c) == 4 && offsetof(Header, sequence) == kCheckedFrom);
static_assert(offsetof(Header, length) == 16 && offsetof(Header, kind) == 20);
static_assert(offsetof(Header, version) == 22 && sizeof(Header) == kRecordHeaderBytes);

std::optional<Header> read_header(std::span<const std::byte> half, std::uint64_t at) {
    if (!fits({{at}, {sizeof(Header)}}, {half.size()}))
        return std::nullopt;
    Header header;
    std::memcpy(&header, half.data() + at, sizeof header);
    if (header.magic != kRecordMagic)
        return std::nullopt;
    return header;
}

}  // namespace

std::uint32_t journal_seed(const std::array<std::uint8_t, 16>& pool_uuid, std::uint64_t first_sequence) {
    const LittleU64 sequence = first_sequence;
    const auto of_uuid = crc32c(std::as_bytes(std::span(pool_uuid)));
    return crc32c(std::as_bytes(std::span(&sequence, 1)), of_uuid);
}

std::vector<std::byte> frame_record(std::uint32_t seed, std::uint64_t sequence, Kind kind,
                                    std::span<const std::byte> body) {
    std::vector<std::byte> bytes(record_bytes(body.size()));
    require(bytes.size() <= kMaximumRecordBytes, "a record's length is within 32 bits");
    Header header;
    header.magic = kRecordMagic;
    header.sequence = sequence;
    header.length = static_cast<std::uint32_t>(bytes.size());
    header.kind = static_cast<std::uint16_t>(kind);
    header.version = kKindVersion;
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!body.empty())
        std::memcpy(bytes.data() + sizeof header, body.data(), body.size());
    header.crc32c = crc32c(std::span(bytes).subspan(kCheckedFrom), seed);
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

std::optional<std::uint64_t> claimed_sequence(std::span<const std::byte> half, std::uint64_t at) {
    const auto header = read_header(half, at);
    return header ? std::optional<std::uint64_t>(header->sequence) : std::nullopt;
}

std::uint64_t claimed_length(std::span<const std::byte> half, std::uint64_t at) {
    const auto header = read_header(half, at);
    const bool possible = header && header->length >= sizeof(Header) &&
                          header->length % kRecordAlignment == 0 &&
                          fits({{at}, {header->length}}, {half.size()});
    return possible ? std::uint64_t{header->length} : 0;
}

std::optional<RecordView> read_record(std::uint32_t seed, std::span<const std::byte> half, std::uint64_t at) {
    const auto length = claimed_length(half, at);
    if (length == 0)
        return std::nullopt;
    const auto header = *read_header(half, at);
    const auto record = half.subspan(at, length);
    if (crc32c(record.subspan(kCheckedFrom), seed) != header.crc32c)
        return std::nullopt;
    return RecordView{header.sequence, length, header.kind, header.version, record.subspan(sizeof(Header))};
}

}  // namespace pmemckpt::format
