#pragma once
// What a name in the view stands for, before the kernel knows it.
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "fuse/unread.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::view {

inline constexpr std::uint64_t kRootInode = 1;

enum class Kind : std::uint8_t {
    folder,              ///< /, /team: its regions' newest generations
    generations_folder,  ///< /.generations, /.generations/team, /.generations/team/app
    generation,          ///< a sealed generation, under whatever name it was reached
    logs_folder,         ///< /.log, /.log/team
    log,                 ///< the records behind a region's newest generation
    unread_folder,       ///< /.unread, /.unread/backup, /.unread/backup/team
    unread,              ///< what a backup has not read of a region
    status,              ///< /.status
};

struct Entry {
    Kind kind = Kind::folder;
    std::string path;  ///< of a folder: the region names below it start with this; of a file: its region
    wire::Generation generation{};                ///< of a generation
    wire::LogState log{};                         ///< of a log
    std::string backup{};                         ///< of what is unread; of /.unread itself: empty
    std::shared_ptr<const UnreadParts> unread{};  ///< of what is unread
    timespec changed{};  ///< of a log, and of what is unread: since when it is as long

    /// Two entries with equal keys are one inode.
    using Key = std::tuple<Kind, std::string, std::uint64_t, std::uint64_t>;
    Key key() const;
    bool is_folder() const;
    std::uint64_t length() const;  ///< of a file, bytes; of /.status 0, which is not known before its open
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

/// user.pmemckpt.*; of generations and logs.
std::vector<std::string> extended_attribute_names(const Entry& entry);
/// ENODATA when it has none of this name.
Result<std::string> extended_attribute(const Entry& entry, std::string_view name);

}  // namespace pmemckpt::view
