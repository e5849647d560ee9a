#include "utils/pmemckpt-filed/rollback.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "lib/base/units.hh"
#include "lib/sync/file_io.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::size_t kMostFiles = 256;  // open at the same time

/// Whatever it holds there.
Status write_zeros(int file, std::uint64_t at, std::uint64_t end, const std::string& path) {
    const std::vector<std::byte> zeros(kMiB);
    while (at < end) {
        const auto data = ::lseek(file, static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return {};  // holes, to the end of the file
        if (data > 0)
            at = static_cast<std::uint64_t>(data);
        const auto count = at < end ? std::min<std::uint64_t>(zeros.size(), end - at) : 0;
        TRY(sync::write_at(file, at, std::span(zeros).first(static_cast<std::size_t>(count)), path));
        at += count;
    }
    return {};
}

Status make_zeros(int file, const Change& change) {
    if (::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(change.at),
                    static_cast<off_t>(change.size)) == 0)
        return {};
    return write_zeros(file, change.at, change.at + change.size, change.path);
}

}  // namespace

Status Rollback::undo(const Change& change, std::span<const std::byte> raw) {
    switch (change.kind) {
        case Change::Kind::created: return undo_created(change.path);
        case Change::Kind::removed: return undo_removed(change.path, change.other);
        case Change::Kind::renamed: return undo_renamed(change.path, change.other);
        default: return undo_bytes(change, raw);
    }
}

Status Rollback::undo_bytes(const Change& change, std::span<const std::byte> raw) {
    if (files_.size() == kMostFiles && !files_.contains(change.path))
        TRY(flush());
    auto& file = files_[change.path];
    if (!file)
        file = TRY(directory_.open_file(change.path, O_RDWR));
    if (change.kind == Change::Kind::bytes)
        return sync::write_at(file.get(), change.at, raw, change.path);
    if (change.kind == Change::Kind::zeros)
        return make_zeros(file.get(), change);
    if (::ftruncate(file.get(), static_cast<off_t>(change.size)) != 0)
        return fail_errno(errno, "can't give {} its {} bytes back", change.path, change.size);
    return {};
}

Status Rollback::flush() {
    for (const auto& [path, file] : files_)
        if (file)
            TRY(sync::bring_to_disk(file.get(), path));
    files_.clear();
    return {};
}

Status Rollback::undo_created(const std::string& path) const {
    if (TRY(directory_.kind_of(path)) == ServedDirectory::Kind::none)
        return {};
    return TRY(directory_.remove(path)).flush();
}

Status Rollback::undo_removed(const std::string& path, const std::string& name) const {
    const auto moved = directory_.move_in(trash_.folder(), name, path);
    if (!moved && moved.error().code == ENOENT)
        return check_is_back(path);
    if (!moved && moved.error().code == EEXIST && TRY(directory_.is_linked(path, trash_.folder(), name))) {
        trash_.remove(name);  // it was about to be replaced
        return {};
    }
    return moved ? moved->flush() : Status(tl::unexpected(moved.error()));
}

Status Rollback::undo_renamed(const std::string& from, const std::string& to) const {
    if (TRY(directory_.kind_of(from)) != ServedDirectory::Kind::none)
        return {};
    return TRY(directory_.rename(to, from, ServedDirectory::Target::must_be_free)).flush();
}

Status Rollback::check_is_back(const std::string& path) const {
    if (TRY(directory_.kind_of(path)) != ServedDirectory::Kind::none)
        return {};
    return fail(ENOENT, "{} was removed, and is not in the service's trash: somebody else has taken it away",
                path);
}

}  // namespace pmemckpt::filed
