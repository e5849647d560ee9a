// Messages between coordinators and participants, of sync points and of files, and what a checkpoint file's
// table is made of.
//
// input: which type the body is of, by its place below; a whole message
#include "lib/sync/checkpoint_file.hh"
#include "lib/sync/file_messages.hh"
#include "tests/fuzz/bodies.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;

namespace {

const std::vector<fuzz::BodyKind>& kinds() {
    static const auto all =
        fuzz::kinds_of<Open, Opened, Prepare, Prepared, Complete, Abort, Verify, Rollback, RolledBack, List,
                       Listed, Goodbye, FileJoin, FileJoined, FileLeave, FileOpen, FileOpened, FileClose,
                       FileRead, FileWrite, FileMoved, FileSeek, FileTruncate, FileRename, FileRemove,
                       FileStat, FileStatus, FileFlush, Snapshot, Table::Held, Place>();
    return all;
}

void run(std::span<const std::byte> input) {
    fuzz::run_message(kinds(), input);
}
std::vector<fuzz::Seed> seeds() {
    return fuzz::message_seeds(kinds());
}
void mend(fuzz::Bytes& input, unsigned seed) {
    fuzz::mend_message(kinds(), input, seed);
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
