#include "lib/pool/superblock_choice.hh"

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/base/uuid.hh"
#include "lib/media/readable.hh"

namespace pmemckpt::pool {

namespace {

using format::SuperblockReading;
using format::SuperblockState;
using Copies = std::array<SuperblockReading, 2>;

std::span<const std::byte> part(std::span<const std::byte> whole, std::uint64_t at, std::uint64_t size) {
    const auto begin = std::min<std::uint64_t>(at, whole.size());
    return whole.subspan(begin, std::min<std::uint64_t>(size, whole.size() - begin));
}

bool is_whole(const SuperblockReading& copy) {
    return copy.state == SuperblockState::valid || copy.state == SuperblockState::forged;
}

Status check_there(const media::Medium& medium, const Copies& copies) {
    if (copies[0].state == SuperblockState::foreign && copies[1].state == SuperblockState::foreign)
        return fail(EUCLEAN, "{} is not a pmemckpt pool: {}", medium.path(),
                    medium.bytes().size() < format::kSuperblockBytes
                        ? fmt::format("it has {} bytes", medium.bytes().size())
                        : "neither superblock is there");
    if (!is_whole(copies[0]) && !is_whole(copies[1]))
        return fail(EUCLEAN,
                    "{} ({} bytes): both superblocks are damaged or cut off; restore the pool from a copy",
                    medium.path(), medium.bytes().size());
    return {};
}

tl::unexpected<Error> rejected(const media::Medium& medium, unsigned slot, const SuperblockReading& copy,
                               const Key& manager_key) {
    const auto name = slot == 0 ? "A" : "B";
    const auto at = format::kSuperblockOffset[slot];
    if (copy.superblock.manager_key != public_key(manager_key))
        return fail(
            EKEYREJECTED,
            "{}: superblock {} at byte {} names another manager key than the one at hand: that is not "
            "the key of pool {}, or somebody without it wrote the superblock; bring back the key made "
            "with the pool, or the first {} bytes from a copy",
            medium.path(), name, at, to_string(copy.superblock.uuid), 2 * format::kSuperblockBytes);
    return fail(EKEYREJECTED,
                "{}: superblock {} at byte {} was not written by a manager with the pool's key: its checksum "
                "holds, and its MAC does not; find out who can write there, and restore the pool from a copy",
                medium.path(), name, at);
}

}  // namespace

Result<SuperblockChoice> choose_superblock(const media::Medium& medium, const Key* manager_key) {
    TRY(check_metadata(medium, 2 * format::kSuperblockBytes));
    Copies copies;
    for (unsigned slot = 0; slot < copies.size(); ++slot)
        copies[slot] = format::read_superblock(
            part(medium.bytes(), format::kSuperblockOffset[slot], format::kSuperblockBytes), manager_key);
    TRY(check_there(medium, copies));
    const bool second = is_whole(copies[1]) && (!is_whole(copies[0]) || copies[1].superblock.sequence >
                                                                            copies[0].superblock.sequence);
    const auto& newest = copies[second];
    const auto& other = copies[!second];
    if (newest.superblock.major == format::kMajorVersion) {
        if (newest.state == SuperblockState::forged)
            return rejected(medium, second, newest, *manager_key);
        if (other.state == SuperblockState::forged &&
            !format::is_before_change_of_key(other.superblock, newest.superblock))
            return rejected(medium, !second, other, *manager_key);
    }
    SuperblockChoice choice{second, newest.superblock, !is_whole(other), true};
    choice.other_differs =
        choice.other_damaged || !format::names_same_state(copies[0].superblock, copies[1].superblock);
    return choice;
}

Status check_metadata(const media::Medium& medium, std::uint64_t size) {
    const auto metadata = part(medium.bytes(), 0, size);
    Status good;
    for (const auto& bad : medium.bad_extents())
        if (good && overlap(bad, {{0}, {metadata.size()}}))
            good = fail(EUCLEAN, "{} bytes at {} are a bad block", bad.size.bytes, bad.at.bytes);
    if (good && medium.durability() != media::Durability::page)
        good = media::check_readable(metadata, 0);
    if (good)
        return {};
    return fail(
        EUCLEAN,
        "{}: the pool's metadata, its first {} bytes, can't be read: {}; ndctl clear-errors makes zeros "
        "of what is bad, and pmemckpt-ctl check --repair then mends what can be",
        medium.path(), metadata.size(), good.error().message);
}

}  // namespace pmemckpt::pool
