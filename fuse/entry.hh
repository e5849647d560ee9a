#pragma once
// What a name in the view stands for, before the kernel knows it.
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "lib/wire/messages.hh"

namespace pmemckpt::view {

inline constexpr std::uint64_t kRootInode = 1;

enum class Kind : std::uint8_t {
    folder,              ///< /, /team: its regions' newest generations
    generations_folder,  ///< /.generations, /.generations/team, /.generations/team/app
    generation,          ///< a sealed generation, under whatever name it was reached
    status,              ///< /.status
};

struct Entry {
    Kind kind = Kind::folder;
    std::string
        path;  ///< of a folder: the region names below it start with this; of a generation: its region
    wire::Generation generation;  ///< of a generation

    /// Two entries with equal keys are one inode.
    using Key = std::tuple<Kind, std::string, std::uint64_t, std::uint64_t>;
    Key key() const;
};

/// Stable through mounts: made of the region's id and the number, or of the path.
std::uint64_t inode_number(const Entry& entry);
std::uint64_t generation_inode_number(std::uint64_t region_id, std::uint64_t number);

inline constexpr std::uint64_t kPreferredReadBytes = 1 << 20;  ///< st_blksize: what cp(1) reads at a time

/// Whose everything is, and since when folders are.
struct Owner {
    uid_t user = 0;
    gid_t group = 0;
    timespec since{};
};
struct stat attributes(const Entry& entry, const Owner& owner);

/// "page"; "unknown-9" for a value that is none.
std::string durability_text(std::uint8_t durability);

/// user.pmemckpt.*; only generations have any.
std::vector<std::string> extended_attribute_names(const Entry& entry);
/// ENODATA when it has none of this name.
Result<std::string> extended_attribute(const Entry& entry, std::string_view name);

}  // namespace pmemckpt::view
