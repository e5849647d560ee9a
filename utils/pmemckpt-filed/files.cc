#include "utils/pmemckpt-filed/files.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/base/log.hh"
#include "lib/base/units.hh"
#include "lib/sync/table_file.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::uint64_t kBlock = kMiB;  // of before-images

Result<FileDescriptor> own_folder(const ServedDirectory& directory, const char* name) {
    if (::mkdirat(directory.own(), name, 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "can't make {}/{}/{}", directory.path(), kOwnFolder, name);
    FileDescriptor folder(::openat(directory.own(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder)
        return fail_errno(errno, "can't open {}/{}/{}", directory.path(), kOwnFolder, name);
    TRY(sync::bring_to_disk(directory.own(), kOwnFolder));
    return folder;
}

std::filesystem::path path_of(int folder) {
    return fmt::format("/proc/self/fd/{}", folder);
}

/// The highest number that is a name there.
std::uint64_t highest_in(int folder) {
    std::uint64_t highest = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_of(folder), ignored))
        highest =
            std::max<std::uint64_t>(highest, std::strtoull(entry.path().filename().c_str(), nullptr, 10));
    return highest;
}

Result<struct stat> status_of(const FileDescriptor& file, const std::string& path) {
    struct stat status;
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "can't look at {}", path);
    return status;
}

Status check_flags(std::uint32_t flags) {
    const bool writes = (flags & kOpenWrite) != 0;
    if ((flags & ~std::uint32_t{kAllOpenFlags}) != 0 || (flags & (kOpenRead | kOpenWrite)) == 0 ||
        (!writes && (flags & ~std::uint32_t{kOpenRead}) != 0))
        return fail(EINVAL, "a file can't be opened with flags {:#x}", flags);
    return {};
}

/// Who writes reads, too: what was there before.
int system_flags(std::uint32_t flags) {
    return (flags & kOpenWrite) != 0 ? O_RDWR : O_RDONLY;
}

}  // namespace

Result<std::unique_ptr<Files>> Files::open(const std::string& path) {
    auto directory = TRY(ServedDirectory::open(path));
    auto trash = TRY(own_folder(directory, "trash"));
    auto folder = TRY(own_folder(directory, "undo"));
    auto undo = TRY(UndoLog::open(std::move(folder)));
    auto files = std::unique_ptr<Files>(new Files(std::move(directory), std::move(trash), std::move(undo)));
    files->last_trash_ = highest_in(files->trash_.get());
    return files;
}

Result<std::shared_ptr<OpenFile>> Files::find(std::uint64_t session, std::uint32_t handle,
                                              std::uint32_t flag) {
    const std::lock_guard lock(mutex_);
    auto file = TRY(open_files_.find(session, handle));
    if (flag != 0 && (file->flags & flag) == 0)
        return fail(EBADF, "{} is not open for {}", file->path, flag == kOpenWrite ? "writing" : "reading");
    return file;
}

Result<std::uint32_t> Files::open(std::uint64_t session, const std::string& path, std::uint32_t flags,
                                  std::uint32_t mode) {
    TRY(check_flags(flags));
    auto file = std::make_shared<OpenFile>();
    file->file = TRY(open_or_make(path, flags, mode));
    file->path = path;
    file->flags = flags;
    if ((flags & kOpenTruncate) != 0)
        TRY(truncate(*file, 0));
    const std::lock_guard lock(mutex_);
    return open_files_.add(session, std::move(file));
}

Result<FileDescriptor> Files::open_or_make(const std::string& path, std::uint32_t flags, std::uint32_t mode) {
    if ((flags & kOpenCreate) == 0)
        return directory_.open_file(path, system_flags(flags));
    const std::lock_guard lock(mutex_);
    auto there = directory_.open_file(path, system_flags(flags));
    if (there && (flags & kOpenExclusive) != 0)
        return fail(EEXIST, "{} is there already", path);
    if (there || there.error().code != ENOENT)
        return there;
    return make(path, system_flags(flags), mode);
}

Result<FileDescriptor> Files::make(const std::string& path, int flags, std::uint32_t mode) {
    if (undo_.is_on()) {
        TRY(undo_.add({Change::Kind::created, path, {}, 0, 0}));
        TRY(undo_.flush());
    }
    auto made = directory_.open_file(path, flags | O_CREAT | O_EXCL, static_cast<mode_t>(mode));
    if (!made) {
        if (undo_.is_on())
            TRY(undo_.withdraw());
        return made;
    }
    TRY(directory_.flush_folder_of(path));
    const auto status = TRY(status_of(*made, path));
    tracked_[status.st_ino] = {};  // nothing of it was there
    changed_.insert(path);
    return made;
}

Status Files::close(std::uint64_t session, std::uint32_t handle) {
    const std::lock_guard lock(mutex_);
    return open_files_.close(session, handle);
}

void Files::close_all_of(std::uint64_t session) {
    const std::lock_guard lock(mutex_);
    open_files_.close_all_of(session);
}

Result<Moved> Files::read(std::uint64_t session, std::uint32_t handle, std::span<std::byte> into) {
    const auto file = TRY(find(session, handle, kOpenRead));
    std::size_t count = 0;
    while (count < into.size()) {
        const auto got = ::pread(file->file.get(), into.data() + count, into.size() - count,
                                 static_cast<off_t>(file->position + count));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(sync::as_files(errno), "can't read a file: {}", ::strerror(errno));
        if (got == 0)
            break;
        count += static_cast<std::size_t>(got);
    }
    file->position += count;
    return Moved{count, file->position};
}

Result<Moved> Files::write(std::uint64_t session, std::uint32_t handle, std::span<const std::byte> bytes) {
    const auto file = TRY(find(session, handle, kOpenWrite));
    std::unique_lock lock(mutex_);
    const auto size = static_cast<std::uint64_t>(TRY(status_of(file->file, file->path)).st_size);
    const auto at = (file->flags & kOpenAppend) != 0 ? size : file->position;
    if (at > INT64_MAX - bytes.size())
        return fail(EFBIG, "a file can't have {} bytes at {}", bytes.size(), at);
    TRY(will_change(*file, at, bytes.size()));
    const auto path = file->path;
    // Two that append must not choose the same place.
    if ((file->flags & kOpenAppend) == 0)
        lock.unlock();
    TRY(sync::write_at(file->file.get(), at, bytes, path));
    file->position = at + bytes.size();
    return Moved{bytes.size(), file->position};
}

Result<Moved> Files::seek(std::uint64_t session, std::uint32_t handle, std::int64_t offset, Whence whence) {
    const auto file = TRY(find(session, handle, 0));
    std::int64_t from = 0;
    if (whence == Whence::position)
        from = static_cast<std::int64_t>(file->position);
    else if (whence == Whence::end)
        from = TRY(status_of(file->file, "a file")).st_size;
    std::int64_t to = 0;
    if (__builtin_add_overflow(from, offset, &to) || to < 0)
        return fail(EINVAL, "{} from {} is no place in a file", offset, from);
    file->position = static_cast<std::uint64_t>(to);
    return Moved{0, file->position};
}

Status Files::truncate(std::uint64_t session, std::uint32_t handle, std::uint64_t size) {
    const auto file = TRY(find(session, handle, kOpenWrite));
    return truncate(*file, size);
}

Status Files::truncate(OpenFile& file, std::uint64_t size) {
    if (size > INT64_MAX)
        return fail(EFBIG, "a file can't have {} bytes", size);
    const std::lock_guard lock(mutex_);
    TRY(will_change(file, size, UINT64_MAX - size));
    if (::ftruncate(file.file.get(), static_cast<off_t>(size)) != 0)
        return fail(sync::as_files(errno), "can't give {} {} bytes: {}", file.path, size, ::strerror(errno));
    return {};
}

Result<Files::Seen> Files::look_at(const std::string& path) {
    const auto file = TRY(directory_.open_file(path, O_RDONLY));
    const auto status = TRY(status_of(file, path));
    constexpr std::int64_t kSecond_ns = 1'000'000'000;
    return Seen{static_cast<std::uint64_t>(status.st_size),
                static_cast<std::uint32_t>(status.st_mode & 07777),
                status.st_mtim.tv_sec * kSecond_ns + status.st_mtim.tv_nsec};
}

Result<std::uint64_t> Files::size_of(std::uint64_t session, std::uint32_t handle) {
    const auto file = TRY(find(session, handle, 0));
    return static_cast<std::uint64_t>(TRY(status_of(file->file, "a file")).st_size);
}

std::size_t Files::count_of(std::uint64_t session) {
    const std::lock_guard lock(mutex_);
    const auto found = open_files_.sessions().find(session);
    return found == open_files_.sessions().end() ? 0 : found->second.size();
}

Status Files::flush(std::uint64_t session, std::uint32_t handle) {
    const auto file = TRY(find(session, handle, 0));
    return sync::bring_to_disk(file->file.get(), "a file");
}

/// What these bytes were goes into the log, if they were there at the sync point and are not in it yet.
Status Files::will_change(const OpenFile& file, std::uint64_t at, std::uint64_t bytes) {
    changed_.insert(file.path);
    if (!undo_.is_on())
        return {};
    const auto status = TRY(status_of(file.file, file.path));
    const auto [found, is_first] = tracked_.try_emplace(status.st_ino);
    auto& tracked = found->second;
    auto saved = [&]() -> Status {
        bool is_any = is_first;
        if (is_first) {
            tracked.size_before = static_cast<std::uint64_t>(status.st_size);
            TRY(undo_.add({Change::Kind::size, file.path, {}, 0, tracked.size_before}));
        }
        const auto end = at + std::min(bytes, tracked.size_before - std::min(at, tracked.size_before));
        for (auto block = at / kBlock; block * kBlock < end; ++block) {
            if (tracked.saved_blocks.contains(block))
                continue;
            TRY(save_block(file, tracked, block));
            is_any = true;
        }
        return is_any ? undo_.flush() : Status();
    }();
    if (!saved)
        tracked_.erase(status.st_ino);  // it is not known what of it is in the log
    return saved;
}

Status Files::save_block(const OpenFile& file, Tracked& tracked, std::uint64_t block) {
    const auto at = block * kBlock;
    std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(kBlock, tracked.size_before - at)));
    const auto got = ::pread(file.file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (got < 0)
        return fail(sync::as_files(errno), "can't read {} at {}: {}", file.path, at, ::strerror(errno));
    bytes.resize(static_cast<std::size_t>(got));  // less: it was cut off before, and saved then
    const bool is_zeros = std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
    if (!bytes.empty() && is_zeros)
        TRY(undo_.add({Change::Kind::zeros, file.path, {}, at, bytes.size()}));
    else if (!bytes.empty())
        TRY(undo_.add({Change::Kind::bytes, file.path, {}, at, bytes.size()}, bytes));
    tracked.saved_blocks.insert(block);
    return {};
}

/// It is not served any more; what it was is kept as long as a sync point needs it.
Status Files::put_away(const std::string& path) {
    if (open_files_.has(path))
        return fail(EBUSY, "{} is open: close it before", path);
    if (!undo_.is_on())
        return directory_.remove(path);
    const auto name = std::to_string(++last_trash_);
    TRY(undo_.add({Change::Kind::removed, path, name, 0, 0}));
    TRY(undo_.flush());
    auto moved = directory_.move_out(path, trash_.get(), name);
    if (!moved)
        TRY(undo_.withdraw());
    return moved;
}

Status Files::check_is_file(const std::string& path) const {
    switch (TRY(directory_.kind_of(path))) {
        case ServedDirectory::Kind::none: return fail_errno(ENOENT, "{}", path);
        case ServedDirectory::Kind::file: return {};
        case ServedDirectory::Kind::folder: return fail(EACCES, "{} is a folder", path);
        case ServedDirectory::Kind::other: break;
    }
    return fail(EACCES, "{} is no plain file, and is left alone", path);
}

Status Files::remove(const std::string& path) {
    TRY(check_path(path));
    const std::lock_guard lock(mutex_);
    TRY(check_is_file(path));
    return put_away(path);
}

Status Files::rename(const std::string& from, const std::string& to) {
    TRY(check_path(from));
    TRY(check_path(to));
    const std::lock_guard lock(mutex_);
    if (TRY(directory_.kind_of(from)) != ServedDirectory::Kind::folder)
        TRY(check_is_file(from));
    if (from == to)
        return {};
    if (to.starts_with(from + "/"))
        return fail(EINVAL, "{} can't be moved into itself", from);
    if (TRY(directory_.kind_of(to)) != ServedDirectory::Kind::none) {
        TRY(check_is_file(to));
        TRY(put_away(to));
    }
    if (undo_.is_on()) {
        TRY(undo_.add({Change::Kind::renamed, from, to, 0, 0}));
        TRY(undo_.flush());
    }
    if (auto renamed = directory_.rename(from, to); !renamed) {
        if (undo_.is_on())
            TRY(undo_.withdraw());
        return renamed;
    }
    open_files_.rename(from, to);
    changed_.insert(to);
    return {};
}

sync::Program Files::program() {
    return {[this](const sync::SyncPointId& id, const sync::Sink& sink) { return save(id, sink); },
            [this](const sync::SyncPointId& id, const sync::Source& source) { return restore(id, source); },
            [this](const sync::SyncPointId& oldest) {
                if (const auto forgotten = forget_before(oldest); !forgotten)
                    log::warning("{}", forgotten.error().message);
            }};
}

Result<std::vector<SavedFile>> Files::saved_files() const {
    std::vector<SavedFile> all;
    for (const auto& [session, files] : open_files_.sessions())
        for (const auto& [handle, file] : files) {
            const auto status = TRY(status_of(file->file, file->path));
            all.push_back({session, handle, file->flags, static_cast<std::uint32_t>(status.st_mode & 07777),
                           file->path, file->position, static_cast<std::uint64_t>(status.st_size),
                           status.st_ino});
        }
    return all;
}

Status Files::flush_changed() {
    for (const auto& path : changed_) {
        const auto file = directory_.open_file(path, O_RDONLY);
        if (file)
            TRY(sync::bring_to_disk(file->get(), path));
        else if (file.error().code != ENOENT && file.error().code != EINVAL)  // it was removed; a folder
            return tl::unexpected(file.error());
    }
    return {};
}

Status Files::save(const sync::SyncPointId& id, const sync::Sink& sink) {
    const std::unique_lock quiet(quiet_);
    const std::lock_guard lock(mutex_);
    TRY(flush_changed());
    wire::Encoder encoder;
    encoder(TRY(saved_files()));
    TRY(sink(encoder.bytes()));
    TRY(undo_.begin(id));
    changed_.clear();
    tracked_.clear();
    return {};
}

Status Files::restore(const sync::SyncPointId& id, const sync::Source& source) {
    const std::unique_lock quiet(quiet_);
    const std::lock_guard lock(mutex_);
    std::vector<std::byte> bytes, piece(64 * kKiB);
    for (std::size_t got; (got = TRY(source(piece))) != 0;)
        bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
    const auto saved = TRY(wire::decode_body<std::vector<SavedFile>>(bytes));
    open_files_.clear();
    TRY(undo_.undo_since(
        id, [this](const Change& change, std::span<const std::byte> raw) { return undo(change, raw); },
        [this] { return flush_undone(); }));
    changed_.clear();
    tracked_.clear();
    for (const auto& one : saved)
        TRY(reopen(one));
    return {};
}

Status Files::reopen(const SavedFile& saved) {
    auto file = std::make_shared<OpenFile>();
    file->file = TRY(directory_.open_file(saved.path, system_flags(saved.flags)));
    const auto status = TRY(status_of(file->file, saved.path));
    if (static_cast<std::uint64_t>(status.st_size) != saved.size)
        return fail(EBADMSG, "{} has {} bytes, and had {}: somebody else has changed it", saved.path,
                    status.st_size, saved.size);
    file->path = saved.path;
    file->flags = saved.flags;
    file->position = saved.position;
    open_files_.put(saved.session, saved.handle, std::move(file));
    return {};
}

Status Files::undo(const Change& change, std::span<const std::byte> raw) {
    if (change.is_of_names())
        return undo_names(change);
    auto& file = undone_[change.path];
    if (!file)
        file = TRY(directory_.open_file(change.path, O_RDWR));
    switch (change.kind) {
        case Change::Kind::size:
            if (::ftruncate(file.get(), static_cast<off_t>(change.size)) != 0)
                return fail_errno(errno, "can't give {} its {} bytes back", change.path, change.size);
            return {};
        case Change::Kind::zeros: {
            const std::vector<std::byte> zeros(static_cast<std::size_t>(change.size));
            if (::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            static_cast<off_t>(change.at), static_cast<off_t>(change.size)) == 0)
                return {};
            return sync::write_at(file.get(), change.at, zeros, change.path);
        }
        default: return sync::write_at(file.get(), change.at, raw, change.path);
    }
}

/// One that was undone before a crash, and not cut off the log, is found undone.
Status Files::undo_names(const Change& change) {
    switch (change.kind) {
        case Change::Kind::created:
            return directory_.exists(change.path) ? directory_.remove(change.path) : Status();
        case Change::Kind::removed: {
            auto moved = directory_.move_in(trash_.get(), change.other, change.path);
            return !moved && moved.error().code == ENOENT && directory_.exists(change.path) ? Status()
                                                                                            : moved;
        }
        default: {
            auto moved = directory_.rename(change.other, change.path);
            return !moved && moved.error().code == ENOENT && directory_.exists(change.path) ? Status()
                                                                                            : moved;
        }
    }
}

Status Files::flush_undone() {
    for (const auto& [path, file] : undone_)
        if (file)
            TRY(sync::bring_to_disk(file.get(), path));
    undone_.clear();
    return {};
}

Status Files::forget_before(const sync::SyncPointId& oldest) {
    const std::lock_guard lock(mutex_);
    for (const auto& name : TRY(undo_.forget_before(oldest))) {
        std::error_code ignored;  // it may fail: nothing is lost but room
        std::filesystem::remove_all(path_of(trash_.get()) / name, ignored);
    }
    return {};
}

}  // namespace pmemckpt::filed
