#pragma once
// What the files were that were changed since the last sync point: which of it is in the undo log.
#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <utility>

#include "lib/base/result.hh"
#include "utils/pmemckpt-filed/block_set.hh"
#include "utils/pmemckpt-filed/open_files.hh"
#include "utils/pmemckpt-filed/undo_log.hh"

namespace pmemckpt::filed {

/// Threads: one at a time.
class BeforeImages {
public:
    /// What bytes [at, end) of the file were at the sync point is in the log, and on disk: they may be
    /// changed.
    Status keep(const OpenFile& file, std::uint64_t at, std::uint64_t end, UndoLog& log);
    /// It was made since: there is nothing to keep of it.
    void note_made(const struct stat& status) { files_[FileIdentity{status.st_dev, status.st_ino}] = {}; }
    /// A new sync point.
    void clear() { files_.clear(); }

private:
    struct Kept {
        std::uint64_t size = 0;  // at the sync point
        BlockSet blocks;
    };
    Result<Kept*> find(const OpenFile& file, UndoLog& log);
    static Status keep_first_of(const OpenFile& file, Blocks blocks, Kept& kept, UndoLog& log);
    static Status keep_block(const OpenFile& file, std::uint64_t block, const Kept& kept, UndoLog& log);

    std::map<FileIdentity, Kept> files_;
};

}  // namespace pmemckpt::filed
