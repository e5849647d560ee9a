#pragma once
// One rollback of the served directory: changes are undone, the newest first. One that was undone before, or
// was never made, is found so, and nothing happens.
#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"
#include "utils/pmemckpt-filed/served_directory.hh"
#include "utils/pmemckpt-filed/trash.hh"
#include "utils/pmemckpt-filed/undo_log.hh"

namespace pmemckpt::filed {

/// Threads: one.
class Rollback {
public:
    Rollback(const ServedDirectory& directory, const Trash& trash) : directory_(directory), trash_(trash) {}

    /// A change of names is on disk on return. EEXIST, ENOENT when somebody else has changed names, too.
    Status undo(const Change& change, std::span<const std::byte> raw);
    /// So are the bytes that were put back.
    Status flush();

private:
    Status undo_bytes(const Change& change, std::span<const std::byte> raw);
    Status undo_created(const std::string& path) const;
    Status undo_removed(const std::string& path, const std::string& name) const;
    Status undo_renamed(const std::string& from, const std::string& to) const;
    Status check_is_back(const std::string& path) const;

    const ServedDirectory& directory_;
    const Trash& trash_;
    std::map<std::string, FileDescriptor> files_;  // that are to be flushed
};

}  // namespace pmemckpt::filed
