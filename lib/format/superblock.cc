#include "lib/format/superblock.hh"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "lib/base/crc32c.hh"
#include "lib/format/little.hh"

namespace pmemckpt::format {

namespace {

constexpr std::array<char, 8> kMagic{'P', 'M', 'E', 'M', 'C', 'K', 'P', 'T'};

// man/pmemckpt-format.5, SUPERBLOCK
struct Image {
    std::array<char, 8> magic;
    LittleU32 crc32c;  // of everything after it, to the end of the 4096 bytes
    LittleU16 major;
    LittleU16 minor;
    LittleU64 sequence;
    std::array<std::uint8_t, 16> uuid;
    LittleI64 created_ns;
    LittleU64 pool_size;
    LittleU64 page_size;
    LittleU64 pages_offset;
    LittleU64 page_count;
    LittleU64 half_offset[2];
    LittleU64 half_size;
    LittleU32 active_half;
    LittleU32 reserved;
    LittleU64 first_sequence;
    LittleU64 snapshot_records;
    LittleU64 next_region_id;
    PublicKey manager_key;
    PublicKey former_key;
    std::array<std::uint8_t, 32> mac;  // of all before it but the CRC, and of all after it
};
constexpr std::size_t kCheckedFrom = 12;
static_assert(std::is_standard_layout_v<Image> && std::is_trivially_copyable_v<Image>);
static_assert(offsetof(Image, crc32c) == 8 && offsetof(Image, major) == kCheckedFrom);
static_assert(offsetof(Image, minor) == 14 && offsetof(Image, sequence) == 16);
static_assert(offsetof(Image, uuid) == 24 && offsetof(Image, created_ns) == 40);
static_assert(offsetof(Image, pool_size) == 48 && offsetof(Image, page_size) == 56);
static_assert(offsetof(Image, pages_offset) == 64 && offsetof(Image, page_count) == 72);
static_assert(offsetof(Image, half_offset) == 80 && offsetof(Image, half_size) == 96);
static_assert(offsetof(Image, active_half) == 104 && offsetof(Image, reserved) == 108);
static_assert(offsetof(Image, first_sequence) == 112 && offsetof(Image, snapshot_records) == 120);
static_assert(offsetof(Image, next_region_id) == 128 && offsetof(Image, manager_key) == 136);
static_assert(offsetof(Image, former_key) == 168 && offsetof(Image, mac) == 200);
static_assert(sizeof(Image) == 232);

std::uint32_t checksum(std::span<const std::byte> bytes) {
    return crc32c(bytes.first(kSuperblockBytes).subspan(kCheckedFrom));
}

struct Authenticated {
    std::span<const std::byte> magic, fields, rest;
};
Authenticated authenticated(std::span<const std::byte> bytes) {
    const auto superblock = bytes.first(kSuperblockBytes);
    return {superblock.first(offsetof(Image, crc32c)),
            superblock.first(offsetof(Image, mac)).subspan(kCheckedFrom),
            superblock.subspan(offsetof(Image, mac) + sizeof(Image::mac))};
}

bool is_authentic(const Image& image, std::span<const std::byte> bytes, const Key& manager_key) {
    const MacKey key(manager_key, image.uuid);
    const auto [magic, fields, rest] = authenticated(bytes);
    return image.manager_key == key.manager_key() && key.verifies({magic, fields, rest}, image.mac);
}

Superblock decode(const Image& image) {
    Superblock superblock;
    superblock.major = image.major;
    superblock.minor = image.minor;
    superblock.sequence = image.sequence;
    superblock.uuid = image.uuid;
    superblock.created_ns = image.created_ns;
    superblock.pool_size = image.pool_size;
    superblock.page_size = image.page_size;
    superblock.pages_offset = image.pages_offset;
    superblock.page_count = image.page_count;
    superblock.half_offset = {image.half_offset[0], image.half_offset[1]};
    superblock.half_size = image.half_size;
    superblock.active_half = image.active_half;
    superblock.first_sequence = image.first_sequence;
    superblock.snapshot_records = image.snapshot_records;
    superblock.next_region_id = image.next_region_id;
    superblock.manager_key = image.manager_key;
    superblock.former_key = image.former_key;
    return superblock;
}

bool journal_is_sound(const Superblock& s) {
    const auto inside = [&](std::uint64_t offset) {
        return offset >= kJournalOffset && offset % kJournalAlignment == 0 &&
               fits({{offset}, {s.half_size}}, {s.pages_offset});
    };
    const bool apart =
        s.half_offset[0] < s.half_offset[1] && s.half_offset[1] - s.half_offset[0] >= s.half_size;
    return s.half_size >= kJournalBytesAtLeast && s.half_size % kJournalAlignment == 0 &&
           inside(s.half_offset[0]) && inside(s.half_offset[1]) && apart && s.active_half <= 1;
}

bool pages_are_sound(const Superblock& s) {
    return std::has_single_bit(s.page_size) && s.page_size >= kMinimumPageSize &&
           s.page_size <= kMaximumPageSize && s.pages_offset % s.page_size == 0 &&
           s.pages_offset <= s.pool_size && s.page_count >= 1 && s.page_count <= kMaximumPages &&
           s.page_count <= (s.pool_size - s.pages_offset) / s.page_size;
}

bool sequences_are_sound(const Superblock& s) {
    return s.sequence >= 1 && s.sequence <= kMaximumSequence && s.first_sequence >= 1 &&
           s.first_sequence <= kMaximumSequence && s.snapshot_records <= s.half_size &&
           s.next_region_id >= 1 && s.next_region_id < kMaximumSequence;
}

}  // namespace

bool names_same_state(const Superblock& a, const Superblock& b) {
    return a.active_half == b.active_half && a.first_sequence == b.first_sequence &&
           a.snapshot_records == b.snapshot_records && a.manager_key == b.manager_key;
}

bool is_before_change_of_key(const Superblock& other, const Superblock& newest) {
    return newest.former_key != PublicKey{} && newest.former_key == other.manager_key &&
           newest.uuid == other.uuid && newest.sequence > other.sequence;
}

SuperblockBytes encode(const Superblock& superblock, const MacKey& key) {
    require(superblock.manager_key == key.manager_key(), "a superblock is written with the key it names");
    Image image{};
    image.magic = kMagic;
    image.major = superblock.major;
    image.minor = superblock.minor;
    image.sequence = superblock.sequence;
    image.uuid = superblock.uuid;
    image.created_ns = superblock.created_ns;
    image.pool_size = superblock.pool_size;
    image.page_size = superblock.page_size;
    image.pages_offset = superblock.pages_offset;
    image.page_count = superblock.page_count;
    image.half_offset[0] = superblock.half_offset[0];
    image.half_offset[1] = superblock.half_offset[1];
    image.half_size = superblock.half_size;
    image.active_half = superblock.active_half;
    image.first_sequence = superblock.first_sequence;
    image.snapshot_records = superblock.snapshot_records;
    image.next_region_id = superblock.next_region_id;
    image.manager_key = superblock.manager_key;
    image.former_key = superblock.former_key;
    SuperblockBytes bytes{};
    std::memcpy(bytes.data(), &image, sizeof image);
    const auto [magic, fields, rest] = authenticated(bytes);
    key.compute({magic, fields, rest}, image.mac);
    std::memcpy(bytes.data(), &image, sizeof image);
    // Over the MAC, too: a superblock whose MAC is torn is no forged one.
    image.crc32c = checksum(bytes);
    std::memcpy(bytes.data(), &image, sizeof image);
    return bytes;
}

SuperblockReading read_superblock(std::span<const std::byte> bytes, const Key* manager_key) {
    if (bytes.size() < kMagic.size() || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
        return {};
    if (bytes.size() < kSuperblockBytes)
        return {SuperblockState::damaged, {}};
    Image image;
    std::memcpy(&image, bytes.data(), sizeof image);
    if (image.crc32c != checksum(bytes))
        return {SuperblockState::damaged, {}};
    const bool is_forged = manager_key && !is_authentic(image, bytes, *manager_key);
    return {is_forged ? SuperblockState::forged : SuperblockState::valid, decode(image)};
}

Status check(const Superblock& superblock, std::uint64_t medium_size, const std::string& path) {
    if (superblock.major != kMajorVersion)
        return fail(EPROTONOSUPPORT,
                    "{} has pool format {}, and this program knows format {}; use one that knows it", path,
                    superblock.major, kMajorVersion);
    if (superblock.pool_size > medium_size)
        return fail(EUCLEAN,
                    "{} is cut short: it has {} bytes, and the pool in it is of {}; restore it from a copy",
                    path, medium_size, superblock.pool_size);
    const char* wrong = !pages_are_sound(superblock)       ? "page size, number and place"
                        : !journal_is_sound(superblock)    ? "journal's size and place"
                        : !sequences_are_sound(superblock) ? "sequences"
                                                           : nullptr;
    if (wrong)
        return fail(EUCLEAN, "{}: the superblock's {} contradict the rest of it; the pool is damaged", path,
                    wrong);
    return {};
}

}  // namespace pmemckpt::format
