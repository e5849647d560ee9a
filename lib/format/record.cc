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
    std::array<std::uint8_t, 16> mac;
};
constexpr std::size_t kCheckedFrom = 8;
static_assert(std::is_standard_layout_v<Header> && std::is_trivially_copyable_v<Header>);
static_assert(offsetof(Header, crc32c) == 4 && offsetof(Header, sequence) == kCheckedFrom);
static_assert(offsetof(Header, length) == 16 && offsetof(Header, kind) == 20);
static_assert(offsetof(Header, version) == 22 && offsetof(Header, mac) == 24);
static_assert(sizeof(Header) == kRecordHeaderBytes);

std::optional<Header> read_header(std::span<const std::byte> half, std::uint64_t at) {
    if (!fits({{at}, {sizeof(Header)}}, {half.size()}))
        return std::nullopt;
    Header header;
    std::memcpy(&header, half.data() + at, sizeof header);
    if (header.magic != kRecordMagic)
        return std::nullopt;
    return header;
}

/// What a record's MAC is of: the use of the half, and all that its checksum covers but the MAC.
struct Authenticated {
    LittleU64 first_sequence;
    std::span<const std::byte> header, body;
};
Authenticated authenticated(const JournalSeed& seed, std::span<const std::byte> record) {
    return {seed.first_sequence, record.first(offsetof(Header, mac)).subspan(kCheckedFrom),
            record.subspan(sizeof(Header))};
}

/// The whole record at `at`, when its checksum holds.
std::optional<std::span<const std::byte>> whole_record(const JournalSeed& seed,
                                                       std::span<const std::byte> half, std::uint64_t at) {
    const auto length = claimed_length(half, at);
    if (length == 0)
        return std::nullopt;
    const auto record = half.subspan(at, length);
    if (crc32c(record.subspan(kCheckedFrom), seed.crc32c) != read_header(half, at)->crc32c)
        return std::nullopt;
    return record;
}

bool is_authentic(const JournalSeed& seed, std::span<const std::byte> record) {
    const auto [first_sequence, header, body] = authenticated(seed, record);
    const auto mac = read_header(record, 0)->mac;
    return seed.key->verifies({std::as_bytes(std::span(&first_sequence, 1)), header, body}, mac);
}

}  // namespace

std::vector<std::byte> frame_record(const JournalSeed& seed, std::uint64_t sequence, Kind kind,
                                    std::span<const std::byte> body) {
    std::vector<std::byte> bytes(record_bytes(body.size()));
    require(bytes.size() <= kMaximumRecordBytes, "a record's length is within 32 bits");
    require(seed.key, "a record is written with the pool's key");
    Header header;
    header.magic = kRecordMagic;
    header.sequence = sequence;
    header.length = static_cast<std::uint32_t>(bytes.size());
    header.kind = static_cast<std::uint16_t>(kind);
    header.version = kKindVersion;
    header.mac = {};
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!body.empty())
        std::memcpy(bytes.data() + sizeof header, body.data(), body.size());
    const auto [first_sequence, head, rest] = authenticated(seed, bytes);
    seed.key->compute({std::as_bytes(std::span(&first_sequence, 1)), head, rest}, header.mac);
    std::memcpy(bytes.data(), &header, sizeof header);
    // Over the MAC, too: a record whose MAC is torn is no forged one.
    header.crc32c = crc32c(std::span(bytes).subspan(kCheckedFrom), seed.crc32c);
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

std::optional<RecordView> read_record(const JournalSeed& seed, std::span<const std::byte> half,
                                      std::uint64_t at) {
    const auto record = whole_record(seed, half, at);
    if (!record || (seed.key && !is_authentic(seed, *record)))
        return std::nullopt;
    const auto header = *read_header(half, at);
    return RecordView{header.sequence, record->size(), header.kind, header.version,
                      record->subspan(sizeof(Header))};
}

bool is_forged_record(const JournalSeed& seed, std::span<const std::byte> half, std::uint64_t at) {
    const auto record = seed.key ? whole_record(seed, half, at) : std::nullopt;
    return record && !is_authentic(seed, *record);
}

}  // namespace pmemckpt::format
