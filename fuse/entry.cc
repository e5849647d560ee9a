#include "fuse/entry.hh"

#include <array>
#include <cerrno>
#include <string_view>

#include "lib/media/medium.hh"

namespace pmemckpt::view {

namespace {

constexpr std::uint64_t kStatusInode = 2;
constexpr std::uint64_t kGenerationBit = std::uint64_t{1} << 62;
constexpr std::uint64_t kFolderBit = std::uint64_t{1} << 61;
constexpr unsigned kNumberBits = 38;
constexpr unsigned kRegionBits = 23;
static_assert(kNumberBits + kRegionBits <= 61);

// FNV-1a, 64 bits: a folder's number has to be the same in the next mount, and no more.
std::uint64_t hash(std::string_view text, std::uint64_t before = 0xcbf29ce484222325) {
    for (const unsigned char c : text)
        before = (before ^ c) * 0x100000001b3;
    return before;
}

timespec to_timespec(std::int64_t ns) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    auto seconds = ns / kSecond;
    auto rest = ns % kSecond;
    if (rest < 0) {
        rest += kSecond;
        --seconds;
    }
    return {seconds, rest};
}

template <class Of>
struct ExtendedAttribute {
    std::string_view name;
    std::string (*text)(const Of&);
};
using wire::Generation;
using wire::LogState;
constexpr auto kLogAttributes = std::to_array<ExtendedAttribute<LogState>>({
    {"user.pmemckpt.generation", [](const LogState& log) { return fmt::format("{}", log.generation); }},
    {"user.pmemckpt.records", [](const LogState& log) { return fmt::format("{}", log.records); }},
});
constexpr auto kExtendedAttributes = std::to_array<ExtendedAttribute<Generation>>({
    {"user.pmemckpt.generation", [](const Generation& g) { return fmt::format("{}", g.number); }},
    {"user.pmemckpt.crc32c", [](const Generation& g) { return fmt::format("{:08x}", g.crc32c); }},
    {"user.pmemckpt.writer", [](const Generation& g) { return g.writer; }},
    {"user.pmemckpt.epoch", [](const Generation& g) { return fmt::format("{}", g.epoch); }},
    {"user.pmemckpt.durability", [](const Generation& g) { return durability_text(g.durability); }},
    // What is sealed is whole; nothing else is shown.
    {"user.pmemckpt.complete", [](const Generation&) { return std::string("yes"); }},
});

void set_times(struct stat& attributes, timespec time) {
    attributes.st_atim = attributes.st_mtim = attributes.st_ctim = time;
}

}  // namespace

Entry::Key Entry::key() const {
    switch (kind) {
        case Kind::generation: return {kind, std::string(), generation.region_id, generation.number};
        case Kind::log: return {kind, fmt::format("{:x}", log.log_id), log.region_id, log.generation};
        case Kind::unread_folder: return {kind, backup + "/" + path, 0, 0};  // no backup's name has a slash
        case Kind::unread: return {kind, backup + "/" + path + "/" + unread->identity(), 0, 0};
        default: return {kind, path, 0, 0};
    }
}

bool Entry::is_folder() const {
    return kind == Kind::folder || kind == Kind::generations_folder || kind == Kind::logs_folder ||
           kind == Kind::unread_folder;
}

std::uint64_t Entry::length() const {
    switch (kind) {
        case Kind::generation: return generation.length;
        case Kind::log: return log.payload_bytes;
        case Kind::unread: return unread->size();
        default: return 0;
    }
}

std::uint64_t generation_inode_number(std::uint64_t region_id, std::uint64_t number) {
    if (region_id >> kRegionBits == 0 && number >> kNumberBits == 0)
        return kGenerationBit | region_id << kNumberBits | number;
    // Beyond eight million regions or 274 thousand million generations; alike numbers there disturb nobody
    // but tar(1).
    const auto mixed = hash(fmt::format("{}.{}", region_id, number));
    return kGenerationBit | kFolderBit | mixed >> 3;
}

std::uint64_t inode_number(const Entry& entry) {
    switch (entry.kind) {
        case Kind::generation:
            return generation_inode_number(entry.generation.region_id, entry.generation.number);
        case Kind::status: return kStatusInode;
        case Kind::folder: return entry.path.empty() ? kRootInode : kFolderBit | hash(entry.path) >> 3;
        case Kind::log:
            return kFolderBit | hash(fmt::format("{}.{}.{:x}", entry.log.region_id, entry.log.generation,
                                                 entry.log.log_id),
                                     hash(".log/.")) >>
                                    3;
        case Kind::logs_folder: return kFolderBit | hash(entry.path, hash(".log/")) >> 3;
        case Kind::unread_folder:
            return kFolderBit | hash(entry.backup + "/" + entry.path, hash(".unread/")) >> 3;
        case Kind::unread:
            return kFolderBit | hash(std::get<std::string>(entry.key()), hash(".unread/")) >> 3;
        case Kind::generations_folder: break;
    }
    return kFolderBit | hash(entry.path, hash(".generations/")) >> 3;
}

struct stat attributes(const Entry& entry, const Owner& owner) {
    constexpr std::uint64_t kStatBlock = 512;
    struct stat result {};
    result.st_ino = inode_number(entry);
    result.st_uid = owner.user;
    result.st_gid = owner.group;
    result.st_nlink = 1;  // of a folder, too: nobody counts its folders
    result.st_blksize = kPreferredReadBytes;
    result.st_mode = entry.is_folder() ? S_IFDIR | 0555 : S_IFREG | 0444;
    const auto size = entry.length();
    result.st_size = static_cast<off_t>(size);
    result.st_blocks = static_cast<blkcnt_t>(divide_up(size, kStatBlock));
    set_times(result, owner.since);
    if (entry.kind == Kind::generation)
        set_times(result, to_timespec(entry.generation.sealed_ns));
    else if (entry.kind == Kind::log || entry.kind == Kind::unread)
        set_times(result, entry.changed);
    return result;
}

std::string durability_text(std::uint8_t durability) {
    if (durability < static_cast<std::uint8_t>(media::Durability::page) ||
        durability > static_cast<std::uint8_t>(media::Durability::flush))
        return fmt::format("unknown-{}", durability);
    return media::to_string(static_cast<media::Durability>(durability));
}

std::vector<std::string> extended_attribute_names(const Entry& entry) {
    std::vector<std::string> names;
    if (entry.kind == Kind::generation)
        for (const auto& attribute : kExtendedAttributes)
            names.emplace_back(attribute.name);
    if (entry.kind == Kind::log)
        for (const auto& attribute : kLogAttributes)
            names.emplace_back(attribute.name);
    return names;
}

Result<std::string> extended_attribute(const Entry& entry, std::string_view name) {
    if (entry.kind == Kind::generation)
        for (const auto& attribute : kExtendedAttributes)
            if (attribute.name == name)
                return attribute.text(entry.generation);
    if (entry.kind == Kind::log)
        for (const auto& attribute : kLogAttributes)
            if (attribute.name == name)
                return attribute.text(entry.log);
    return fail(ENODATA, "there is no attribute {}", name);
}

}  // namespace pmemckpt::view
