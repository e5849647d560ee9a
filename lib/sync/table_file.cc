#include "lib/sync/table_file.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "lib/sync/file_io.hh"
#include "lib/sync/table_copy.hh"

namespace pmemckpt::sync {

namespace {

constexpr std::uint64_t kCopyBytes = kTableCopyBytes;
static_assert(TableFile::kBytes == 2 * kCopyBytes);

Status check_are_of_one(const std::array<TableCopy, 2>& copies, const std::string& path) {
    const auto &first = copies[0].snapshot.participant, &second = copies[1].snapshot.participant;
    if (first == second)
        return {};
    return fail(
        EBADMSG,
        "the two copies of the table in {} are of two participants, {} and {}: it was put together from "
        "two files, and nothing was changed",
        path, to_string(first), to_string(second));
}

/// Empty, or its very first commit was cut: then its first copy is torn, and nothing is behind it. A later
/// one that was cut off held something.
bool is_unborn(std::span<const std::byte> bytes, std::uint64_t size) {
    const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    return size <= kCopyBytes && (begins_as_first_table_copy(bytes) || std::ranges::all_of(bytes, is_zero));
}

Result<FileDescriptor> open_and_lock(const std::string& path) {
    FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file)
        return fail(as_files(errno), "can't open checkpoint file {}: {}", path, ::strerror(errno));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return fail(EBUSY,
                        "checkpoint file {} is in use by another participant: end it, or take another file",
                        path);
        return fail(as_files(errno), "can't lock checkpoint file {}: {}", path, ::strerror(errno));
    }
    struct stat status;
    if (::fstat(file.get(), &status) != 0)
        return fail(as_files(errno), "can't look at checkpoint file {}: {}", path, ::strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail(EINVAL, "{} is no plain file", path);
    if ((status.st_mode & 077) != 0)
        return fail(EPERM, "others may use checkpoint file {}, which holds states and a key: chmod 600 {}",
                    path, path);
    return file;
}

}  // namespace

Result<TableFile> TableFile::open(const std::string& path, Beginning beginning) {
    TableFile file(TRY(open_and_lock(path)), path);
    file.synchronous_.reset(::open(path.c_str(), O_WRONLY | O_DSYNC | O_CLOEXEC));
    if (!file.synchronous_)
        return fail(as_files(errno), "can't open checkpoint file {}: {}", path, ::strerror(errno));
    TRY(file.load(beginning));
    TRY(bring_directory_to_disk(path));
    return file;
}

Status TableFile::load(Beginning beginning) {
    const auto size = ::lseek(file_.get(), 0, SEEK_END);
    if (size < 0)
        return fail(as_files(errno), "can't tell the size of {}: {}", path_, ::strerror(errno));
    std::vector<std::byte> bytes(kBytes);
    const auto there = std::min<std::uint64_t>(kBytes, static_cast<std::uint64_t>(size));
    TRY(read_at(file_.get(), 0, std::span(bytes).first(static_cast<std::size_t>(there)), path_));
    std::array<TableCopy, 2> copies;
    std::array<TableReading, 2> readings;
    for (std::size_t i = 0; i < 2; ++i)
        readings[i] = decode_table_copy(std::span(bytes).subspan(i * kCopyBytes, kCopyBytes), copies[i]);

    const auto any = [&](TableReading wanted) { return readings[0] == wanted || readings[1] == wanted; };
    if (any(TableReading::other_version))
        return fail(EBADMSG, "checkpoint file {} is of another version of pmemckpt", path_);
    if (readings[0] == TableReading::good && readings[1] == TableReading::good)
        TRY(check_are_of_one(copies, path_));
    if (any(TableReading::good)) {
        auto& newest = readings[1] != TableReading::good ||
                               (readings[0] == TableReading::good && copies[0].sequence >= copies[1].sequence)
                           ? copies[0]
                           : copies[1];
        sequence_ = newest.sequence;
        return commit(std::move(newest.snapshot));  // so that it is there twice again
    }
    if (beginning == Beginning::refused || !is_unborn(bytes, static_cast<std::uint64_t>(size)))
        return fail(EBADMSG,
                    "{} is no checkpoint file, or both copies of its table are damaged: nothing was changed",
                    path_);
    return commit(new_participant());
}

Status TableFile::commit(Snapshot next) {
    const auto copy = TRY(encode_table_copy(sequence_ + 1, next, path_));
    for (const std::uint64_t at : {std::uint64_t{0}, kCopyBytes})  // cut before: the former one; after: this
        TRY(write_at(synchronous_.get(), at, copy, path_));
    ++sequence_;
    snapshot_ = std::move(next);
    return {};
}

}  // namespace pmemckpt::sync
