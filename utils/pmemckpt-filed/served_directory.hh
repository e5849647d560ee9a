#pragma once
// The directory that is served, and nothing outside it: each path is resolved by openat2(2) beneath it,
// without symbolic links, magic links and other file systems, so that no rename meanwhile leads out of it.
#include <sys/types.h>

#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::filed {

/// What the service keeps for itself in the directory; no path leads there.
inline constexpr const char* kOwnFolder = ".pmemckpt-filed";

/// Threads: all calls may come from any thread.
class ServedDirectory {
public:
    /// Makes its own folder, mode 0700, when it is not there. ENOENT, ENOTDIR; ENOSYS before Linux 5.6.
    static Result<ServedDirectory> open(const std::string& path);

    /// A plain file. EACCES when the path leaves the directory, or could: a "..", a link in it; EINVAL.
    Result<FileDescriptor> open_file(const std::string& path, int flags, mode_t mode = 0) const;
    /// Moves a file; what `to` was is gone. Both folders' names are on disk on return. ENOENT.
    Status rename(const std::string& from, const std::string& to) const;
    /// ENOENT.
    Status remove(const std::string& path) const;
    enum class Kind { none, file, folder, other };
    /// A link is other: it is not followed. EACCES, EINVAL.
    Result<Kind> kind_of(const std::string& path) const;
    bool exists(const std::string& path) const { return kind_of(path).value_or(Kind::none) != Kind::none; }
    /// Out of what is served, into a folder of the same file system, and back. On disk on return. ENOENT.
    Status move_out(const std::string& path, int folder, const std::string& name) const;
    Status move_in(int folder, const std::string& name, const std::string& path) const;
    /// The names in the folder that holds it are on disk.
    Status flush_folder_of(const std::string& path) const;

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
    Result<FileDescriptor> resolve(const std::string& path, int flags, mode_t mode) const;
    Result<Place> place_of(const std::string& path) const;
    static Status move(int from, const std::string& old, int to, const std::string& name);

    FileDescriptor root_, own_;
    std::string path_;
};

/// What a client names; EINVAL, EACCES.
Status check_path(const std::string& path);

}  // namespace pmemckpt::filed
