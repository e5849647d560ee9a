#pragma once
// Files that were changed and are not known to be on disk. They are kept open, so that the kernel tells of
// what it could not write, whatever they are called meanwhile.
#include <cstddef>
#include <memory>
#include <set>

#include "lib/base/result.hh"
#include "utils/pmemckpt-filed/open_files.hh"
#include "utils/pmemckpt-filed/served_directory.hh"

namespace pmemckpt::filed {

/// Threads: one at a time.
class Unflushed {
public:
    void note(const std::shared_ptr<const OpenFile>& file);
    /// All of them are on disk. Of very many, and for the first time, the whole file system is.
    Status flush(const ServedDirectory& directory);
    /// They were brought back, and are on disk.
    void clear();

private:
    std::set<std::shared_ptr<const OpenFile>> files_;
    bool are_more_ = true;  // what one before has left is not known
};

}  // namespace pmemckpt::filed
