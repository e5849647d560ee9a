#include "utils/pmemckpt-ctl/metadata_copy.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/format/layout.hh"
#include "lib/format/superblock.hh"
#include "lib/media/medium.hh"
#include "lib/media/reserve.hh"
#include "lib/pool/recovery.hh"
#include "utils/pmemckpt-ctl/output.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::uint64_t kSequencesOfARepair = 2;  // it writes both superblocks
constexpr int kCopiesOfASecond = 100;
constexpr std::size_t kPieceBytes = 64 * kKiB;  // one that is all zeros becomes a hole

std::string parent_of(const std::string& path) {
    const auto parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

Status sync_folder(const std::string& path) {
    const FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Some file systems can't, and say EINVAL; they have no other way either.
    if (!folder || (::fsync(folder.get()) != 0 && errno != EINVAL))
        return fail_errno(errno, "can't bring the folder {} to disk", path);
    return {};
}

Status write_all(const FileDescriptor& file, std::span<const std::byte> bytes, std::uint64_t at,
                 const std::string& path) {
    while (!bytes.empty()) {
        const auto wrote = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fail_errno(errno, "can't write {} bytes at {} to {}", bytes.size(), at, path);
        at += static_cast<std::uint64_t>(wrote);
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
}

Status fill(const FileDescriptor& file, std::span<const std::byte> metadata, const std::string& path) {
    if (::ftruncate(file.get(), static_cast<off_t>(metadata.size())) != 0)
        return fail_errno(errno, "can't give {} its {} bytes", path, metadata.size());
    for (std::uint64_t at = 0; at < metadata.size(); at += kPieceBytes) {
        const auto piece = metadata.subspan(at, std::min<std::uint64_t>(kPieceBytes, metadata.size() - at));
        if (std::ranges::any_of(piece, [](std::byte byte) { return byte != std::byte{}; }))
            TRY(write_all(file, piece, at, path));
    }
    if (::fsync(file.get()) != 0)
        return fail_errno(errno, "can't bring {} to disk", path);
    return sync_folder(parent_of(path));
}

Result<std::vector<std::byte>> read_file(const std::string& path, std::uint64_t size_at_most) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat there {};
    if (!file || ::fstat(file.get(), &there) != 0)
        return fail_errno(errno, "can't read the copy {}", path);
    if (!S_ISREG(there.st_mode) || static_cast<std::uint64_t>(there.st_size) > size_at_most)
        return fail(EINVAL, "{} is no copy of this pool's metadata: it is larger than the pool, or no file",
                    path);
    std::vector<std::byte> bytes(static_cast<std::size_t>(there.st_size));
    for (std::size_t got = 0; got < bytes.size();) {
        const auto read =
            ::pread(file.get(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
        if (read < 0 && errno == EINTR)
            continue;
        if (read <= 0)
            return fail_errno(read < 0 ? errno : EIO, "can't read {} after {} bytes", path, got);
        got += static_cast<std::size_t>(read);
    }
    return bytes;
}

/// Of the first copy that verifies.
std::optional<format::Superblock> superblock_in(std::span<const std::byte> bytes) {
    for (const auto offset : format::kSuperblockOffset) {
        const auto at = std::min<std::uint64_t>(offset, bytes.size());
        const auto reading = format::read_superblock(
            bytes.subspan(at, std::min<std::uint64_t>(format::kSuperblockBytes, bytes.size() - at)));
        if (reading.state == format::SuperblockState::valid)
            return reading.superblock;
    }
    return std::nullopt;
}

/// The copy has its size from a superblock in it, and where both have one it is of the same pool.
Status check_copy(const media::Medium& medium, std::span<const std::byte> copy, const std::string& path) {
    const auto own = superblock_in(copy);
    if (!own)
        return fail(EINVAL, "{} is no copy of a pool's metadata: neither superblock in it verifies", path);
    TRY(format::check(*own, medium.bytes().size(), path));
    if (own->pages_offset != copy.size())
        return fail(EINVAL, "{} has {} bytes, and the metadata of the pool that it is of has {}", path,
                    copy.size(), own->pages_offset);
    const auto there = superblock_in(medium.bytes());
    if (there && there->uuid != own->uuid)
        return fail(EINVAL, "{} is of pool {}, and {} is pool {}", path, pool::to_string(own->uuid),
                    medium.path(), pool::to_string(there->uuid));
    return {};
}

/// Of the newer superblock in it that verifies.
std::uint64_t newest_sequence(std::span<const std::byte> metadata) {
    std::uint64_t newest = 0;
    for (const auto offset : format::kSuperblockOffset) {
        const auto reading = format::read_superblock(metadata.subspan(offset, format::kSuperblockBytes));
        if (reading.state == format::SuperblockState::valid)
            newest = std::max(newest, reading.superblock.sequence);
    }
    return newest;
}

std::span<const std::byte> journal_in(std::span<const std::byte> metadata) {
    return metadata.subspan(format::kJournalOffset);
}

/// What a manager has written since the repair would be lost, and newer bytes lie where older ones lay.
Status check_unchanged(const media::Medium& medium, std::span<const std::byte> copy,
                       const std::string& path) {
    if (std::ranges::equal(journal_in(medium.bytes().first(copy.size())), journal_in(copy)))
        return {};
    const auto recovered = pool::recover(medium, nullptr);
    if (!recovered)
        return fail(
            EINVAL,
            "{} can't be opened, so nothing tells what was changed since {} was made; what was is lost "
            "with the copy: say --force, and the metadata as it is now is kept beside the pool",
            medium.path(), path);
    const auto& position = recovered->position;
    const auto since =
        position.next_sequence - position.superblock.first_sequence - position.superblock.snapshot_records;
    if (since == 0 && position.superblock.sequence <= newest_sequence(copy) + kSequencesOfARepair)
        return {};
    return fail(EINVAL,
                "{} was changed since {} was made, by more than a repair: {} records follow its newest "
                "snapshot; what they "
                "and others say is lost with the copy: say --force, and the metadata as it is now is kept "
                "beside the pool",
                medium.path(), path, since);
}

/// Zeros over zeros may be a hole, which needs no space.
void store_where_it_differs(media::Medium& medium, std::span<const std::byte> copy) {
    constexpr std::size_t kBlockBytes = 4096;
    for (std::size_t at = 0; at < copy.size(); at += kBlockBytes) {
        const auto block = copy.subspan(at, std::min(kBlockBytes, copy.size() - at));
        if (!std::ranges::equal(block, std::as_const(medium).bytes().subspan(at, block.size())))
            medium.store({at}, block);
    }
}

}  // namespace

std::string default_copy_name(const std::string& pool) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    auto time = iso_time(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    time.resize(time.find('.'));
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    // Beside a device is the kernel's own folder, which is empty after the next start.
    const auto beside = media::is_device(pool) ? std::filesystem::path(pool).filename().string() : pool;
    return beside + ".metadata-" + time + "Z";
}

Status write_copy(const std::string& path, std::span<const std::byte> metadata) {
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file && errno == EEXIST)
        return fail(EEXIST, "{} is there already; name another file with --copy", path);
    if (!file)
        return fail_errno(errno, "can't make {}, for a copy of the metadata", path);
    auto filled = fill(file, metadata, path);
    if (!filled)
        ::unlink(path.c_str());
    return filled;
}

Result<std::string> write_copy_beside(const std::string& pool, std::span<const std::byte> metadata) {
    const auto name = default_copy_name(pool);
    auto written = write_copy(name, metadata);
    for (int number = 2; !written && written.error().code == EEXIST && number <= kCopiesOfASecond; ++number) {
        const auto other = fmt::format("{}.{}", name, number);
        written = write_copy(other, metadata);
        if (written)
            return other;
    }
    TRY(std::move(written));
    return name;
}

std::string file_of(const pool::LogRemains& remains) {
    return fmt::format("{}/{}.log{}", remains.region, remains.generation,
                       remains.behind_end ? ".behind" : "");
}

Status write_remains(const std::string& directory, const std::vector<pool::LogRemains>& remains) {
    if (remains.empty())
        return {};
    if (::mkdir(directory.c_str(), 0700) != 0)
        return fail_errno(errno, "can't make folder {}, for records of logs", directory);
    TRY(sync_folder(parent_of(directory)));
    for (const auto& log : remains) {
        TRY(pool::check_region_name(log.region));
        for (std::size_t slash = 0; slash != std::string::npos;) {
            slash = log.region.find('/', slash + 1);
            const auto folder = directory + "/" + log.region.substr(0, slash);
            TRY(make_folder(folder));
            TRY(sync_folder(parent_of(folder)));
        }
        auto output = TRY(Output::open(directory + "/" + file_of(log), log.bytes));
        TRY(log.read([&](std::span<const std::byte> piece) { return output.write(piece); }));
        TRY(output.commit());
    }
    return {};
}

Result<std::string> restore_copy(media::Medium& medium, const std::string& path, bool force) {
    const auto copy = TRY(read_file(path, medium.bytes().size()));
    TRY(check_copy(medium, copy, path));
    if (!force)
        TRY(check_unchanged(medium, copy, path));
    auto kept = TRY(write_copy_beside(medium.path(), std::as_const(medium).bytes().first(copy.size())));
    TRY(media::reserve(medium, {0}, copy));
    // Cut before it returns: any mixture of the two. The copy is there to be put back again.
    store_where_it_differs(medium, copy);
    TRY(medium.persist({{0}, {copy.size()}}));
    return kept;
}

}  // namespace pmemckpt::ctl
