#pragma once
// The directory that is served, and nothing outside it: each path is resolved by openat2(2) beneath it,
// without symbolic links, magic links and other file systems, so that no rename meanwhile leads out of it.
#include <sys/types.h>

#include <string>
#include <utility>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::filed {

/// What the service keeps for itself in the directory; no path leads there.
inline constexpr const char* kOwnFolder = ".pmemckpt-filed";

/// Device and inode.
using FileIdentity = std::pair<dev_t, ino_t>;

/// Where names were changed: what was done is on disk when they are flushed.
class ChangedFolders {
public:
    explicit ChangedFolders(FileDescriptor one, FileDescriptor other = {})
        : one_(std::move(one)), other_(std::move(other)) {}
    Status flush() const;

private:
    FileDescriptor one_, other_;
};

/// Threads: all calls may come from any thread.
class ServedDirectory {
public:
    /// Makes its own folder, mode 0700, when it is not there, and locks it. ENOENT, ENOTDIR; EBUSY when
    /// another one serves it; ENOTSUP when names there ignore case; ENOSYS before Linux 5.8.
    static Result<ServedDirectory> open(const std::string& path);

    // EACCES when a path leaves the directory, or could: a "..", a link in it; EINVAL. Changes of names are
    // made, or not: what is not known is whether they are on disk.

    /// A plain file: what is none is not opened at all.
    Result<FileDescriptor> open_file(const std::string& path, int flags) const;
    /// EEXIST. Its owner may always read and write it: so it can be rolled back.
    Result<FileDescriptor> make_file(const std::string& path, int flags, mode_t mode) const;
    enum class Target { replaced, must_be_free };
    /// ENOENT, EEXIST.
    Result<ChangedFolders> rename(const std::string& from, const std::string& to, Target target) const;
    /// ENOENT.
    Result<ChangedFolders> remove(const std::string& path) const;
    enum class Kind { none, file, folder, other };
    struct Found {
        Kind kind = Kind::none;
        FileIdentity identity{};
    };
    /// A link is other: it is not followed.
    Result<Found> look_at(const std::string& path) const;
    Result<Kind> kind_of(const std::string& path) const { return TRY(look_at(path)).kind; }
    /// Out of what is served, into a folder of the same file system, and back, where nothing may be. ENOENT,
    /// EEXIST.
    Result<ChangedFolders> move_out(const std::string& path, int folder, const std::string& name) const;
    Result<ChangedFolders> move_in(int folder, const std::string& name, const std::string& path) const;
    /// The file is there under that name, too.
    Result<ChangedFolders> link_out(const std::string& path, int folder, const std::string& name) const;
    /// Whether both are one file.
    Result<bool> is_linked(const std::string& path, int folder, const std::string& name) const;
    Result<ChangedFolders> folder_of(const std::string& path) const;
    /// All that was written to files of its file system is on disk. An error is told once.
    Status flush_all() const;

    /// Of its own folder.
    int own() const { return own_.get(); }
    const std::string& path() const { return path_; }

private:
    struct Place {
        FileDescriptor folder;
        std::string name;
    };
    ServedDirectory(FileDescriptor root, FileDescriptor own, std::string path)
        : root_(std::move(root)), own_(std::move(own)), path_(std::move(path)) {}
    Status check_names_keep_case() const;
    Result<FileDescriptor> resolve(const std::string& path, int flags, mode_t mode) const;
    Result<Place> place_of(const std::string& path) const;

    FileDescriptor root_, own_;
    std::string path_;
};

/// Of a path, in bytes.
inline constexpr std::size_t kLongestPath = 4000;
/// What a client names; EINVAL, EACCES.
Status check_path(const std::string& path);

}  // namespace pmemckpt::filed
