#include "utils/pmemckpt-filed/unflushed.hh"

#include "lib/sync/file_io.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::size_t kMostFiles = 256;

}  // namespace

void Unflushed::note(const std::shared_ptr<const OpenFile>& file) {
    if (are_more_)
        return;
    if (files_.size() < kMostFiles)
        files_.insert(file);
    else if (!files_.contains(file))
        are_more_ = true;
}

Status Unflushed::flush(const ServedDirectory& directory) {
    if (are_more_)
        TRY(directory.flush_all());
    for (const auto& file : files_)
        TRY(sync::bring_to_disk(file->file.get(), file->path));
    clear();
    return {};
}

void Unflushed::clear() {
    files_.clear();
    are_more_ = false;
}

}  // namespace pmemckpt::filed
