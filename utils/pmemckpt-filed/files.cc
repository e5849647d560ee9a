#include "utils/pmemckpt-filed/files.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "lib/base/log.hh"
#include "lib/base/units.hh"
#include "lib/sync/file_io.hh"
#include "utils/pmemckpt-filed/rollback.hh"

namespace pmemckpt::filed {

namespace {

/// As a whole.
Result<std::vector<std::byte>> read_all(const sync::Source& source) {
    std::vector<std::byte> bytes, piece(64 * kKiB);
    for (std::size_t got; (got = TRY(source(piece))) != 0;)
        bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
    return bytes;
}

Result<FileDescriptor> own_folder(const ServedDirectory& directory, const char* name) {
    if (::mkdirat(directory.own(), name, 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "can't make {}/{}/{}", directory.path(), kOwnFolder, name);
    FileDescriptor folder(::openat(directory.own(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder)
        return fail_errno(errno, "can't open {}/{}/{}", directory.path(), kOwnFolder, name);
    TRY(sync::bring_to_disk(directory.own(), kOwnFolder));
    return folder;
}

Result<struct stat> status_of(const FileDescriptor& file, const std::string& path) {
    struct stat status;
    if (::fstat(file.get(), &status) != 0)
        return fail_errno(errno, "can't look at {}", path);
    return status;
}

FileIdentity identity_of(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

Status check_flags(std::uint32_t flags) {
    const bool writes = (flags & kOpenWrite) != 0;
    if ((flags & ~std::uint32_t{kAllOpenFlags}) != 0 || (flags & (kOpenRead | kOpenWrite)) == 0 ||
        (!writes && (flags & ~std::uint32_t{kOpenRead}) != 0))
        return fail(EINVAL, "a file can't be opened with flags {:#x}", flags);
    return {};
}

Status check_is_file(const std::string& path, const ServedDirectory::Found& found) {
    switch (found.kind) {
        case ServedDirectory::Kind::none: return fail_errno(ENOENT, "{}", path);
        case ServedDirectory::Kind::file: return {};
        case ServedDirectory::Kind::folder: return fail(EACCES, "{} is a folder", path);
        case ServedDirectory::Kind::other: break;
    }
    return fail(EACCES, "{} is no plain file, and is left alone", path);
}

/// Who writes reads, too: what was there before.
int system_flags(std::uint32_t flags) {
    return (flags & kOpenWrite) != 0 ? O_RDWR : O_RDONLY;
}

}  // namespace

Result<std::unique_ptr<Files>> Files::open(const std::string& path) {
    auto directory = TRY(ServedDirectory::open(path));
    auto undo_folder = TRY(own_folder(directory, "undo"));
    auto undo = TRY(UndoLog::open(std::move(undo_folder), fmt::format("{}/{}/undo", path, kOwnFolder)));
    auto trash_folder = TRY(own_folder(directory, "trash"));
    auto trash = TRY(Trash::open(std::move(trash_folder), undo.needed_trash()));
    auto files = std::unique_ptr<Files>(new Files(std::move(directory), std::move(trash), std::move(undo)));
    files->take_reserve();
    return files;
}

void Files::take_reserve() {
    if (const auto taken = reserve_.take(); !taken)
        log::warning("{}", taken.error().message);
}

Status Files::check_can_go_back(const std::vector<sync::SyncPointId>& held, bool is_new) const {
    for (const auto& id : held)
        TRY(undo_.check_has(id));
    return is_new ? undo_.check_is_empty() : Status();
}

Result<Member> Files::join(std::uint64_t session, const std::optional<Member>& before,
                           const std::function<Status()>& may) {
    const auto resting = rest();  // who had it is not in the middle of an operation
    TRY(may());
    return members_.join(session, before);
}

Result<std::shared_lock<std::shared_mutex>> Files::work(const Member& member) {
    const std::unique_lock gate(gate_);
    std::shared_lock working(quiet_);
    TRY(members_.check(member));
    return working;
}

std::unique_lock<std::shared_mutex> Files::rest() {
    const std::lock_guard gate(gate_);
    return std::unique_lock(quiet_);
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
    const auto handle = TRY(open_there(session, path, flags, mode));
    if ((flags & kOpenTruncate) == 0)
        return handle;
    if (const auto cut = truncate(session, handle, 0); !cut) {
        static_cast<void>(close(session, handle));
        return tl::unexpected(cut.error());
    }
    return handle;
}

/// Under the lock from the look at the path on: till it is known to be open, nobody may rename it.
Result<std::uint32_t> Files::open_there(std::uint64_t session, const std::string& path, std::uint32_t flags,
                                        std::uint32_t mode) {
    const std::lock_guard lock(mutex_);
    TRY(open_files_.check_room());
    auto file = std::make_shared<OpenFile>();
    file->file = TRY(open_or_make(path, flags, mode));
    file->identity = identity_of(TRY(status_of(file->file, path)));
    file->path = path;
    file->flags = flags;
    if ((flags & kOpenCreate) != 0)
        unflushed_.note(file);
    return open_files_.add(session, std::move(file));
}

Result<FileDescriptor> Files::open_or_make(const std::string& path, std::uint32_t flags, std::uint32_t mode) {
    auto there = directory_.open_file(path, system_flags(flags));
    if ((flags & kOpenCreate) == 0)
        return there;
    if (there && (flags & kOpenExclusive) != 0)
        return fail(EEXIST, "{} is there already", path);
    if (there || there.error().code != ENOENT)
        return there;
    return make(path, system_flags(flags), mode);
}

/// Its name is on disk on return; one that was made, and can't be opened, is made all the same.
Result<FileDescriptor> Files::make(const std::string& path, int flags, std::uint32_t mode) {
    TRY(undo_.add({Change::Kind::created, path, {}, 0, 0}));
    TRY(undo_.flush());
    const auto folder = TRY(directory_.folder_of(path));
    auto made = directory_.make_file(path, flags, static_cast<mode_t>(mode));
    const auto flushed = note_flush(folder.flush());
    if (!made || !flushed)
        return made ? tl::unexpected(flushed.error()) : tl::unexpected(made.error());
    images_.note_made(TRY(status_of(*made, path)));
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
    const auto count = TRY(sync::read_up_to(file->file.get(), file->position, into, "a file"));
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
    TRY(images_.keep(*file, at, at + bytes.size(), undo_));
    unflushed_.note(file);
    const auto path = file->path;
    // Two that let a file grow must not choose the same place.
    if (at + bytes.size() <= size)
        lock.unlock();
    TRY(sync::write_at(file->file.get(), at, bytes, path));
    file->position = at + bytes.size();
    return Moved{bytes.size(), file->position};
}

Result<Moved> Files::seek(std::uint64_t session, std::uint32_t handle, std::int64_t offset, Whence whence) {
    const auto file = TRY(find(session, handle, 0));
    std::int64_t from = 0;
    switch (whence) {
        case Whence::begin: break;
        case Whence::position: from = static_cast<std::int64_t>(file->position); break;
        case Whence::end: from = TRY(status_of(file->file, "a file")).st_size; break;
        default: return fail(EINVAL, "a file can't be read from {}", static_cast<unsigned>(whence));
    }
    std::int64_t to = 0;
    if (__builtin_add_overflow(from, offset, &to) || to < 0)
        return fail(EINVAL, "{} from {} is no place in a file", offset, from);
    file->position = static_cast<std::uint64_t>(to);
    return Moved{0, file->position};
}

Status Files::truncate(std::uint64_t session, std::uint32_t handle, std::uint64_t size) {
    const auto file = TRY(find(session, handle, kOpenWrite));
    if (size > INT64_MAX)
        return fail(EFBIG, "a file can't have {} bytes", size);
    TRY(keep_behind(*file, size));
    const std::lock_guard lock(mutex_);
    TRY(images_.keep(*file, size, UINT64_MAX, undo_));
    unflushed_.note(file);
    if (::ftruncate(file->file.get(), static_cast<off_t>(size)) != 0)
        return fail(sync::as_files(errno), "can't give {} {} bytes: {}", file->path, size, ::strerror(errno));
    return {};
}

/// In slices, between which others work: of a large file it takes long.
Status Files::keep_behind(const OpenFile& file, std::uint64_t size) {
    constexpr std::uint64_t kSlice = 16 * kMiB;
    constexpr auto kPause = std::chrono::milliseconds(1);
    const auto end = static_cast<std::uint64_t>(TRY(status_of(file.file, "a file")).st_size);
    std::uint64_t at = size;
    while (at < end) {
        const auto data = ::lseek(file.file.get(), static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;  // a hole to its end: one entry
        at = std::max(at, static_cast<std::uint64_t>(std::max<off_t>(data, 0)));
        std::unique_lock lock(mutex_);
        TRY(images_.keep(file, at, at + kSlice, undo_));
        lock.unlock();
        std::this_thread::sleep_for(kPause);  // who waits for the lock would not get it before this one
        at += kSlice;
    }
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
    auto flushed = sync::bring_to_disk(file->file.get(), "a file");
    const std::lock_guard lock(mutex_);
    return note_flush(std::move(flushed));
}

/// The kernel tells of what it could not write once, and of none of it later.
Status Files::note_flush(Status flushed) {
    if (!flushed && !flush_failed_)
        flush_failed_ = flushed.error();
    return flushed;
}

/// Of a file that nobody has open: EBUSY.
Status Files::check_is_closed(const std::string& path, const ServedDirectory::Found& found) const {
    TRY(check_is_file(path, found));
    if (open_files_.has(found.identity))
        return fail(EBUSY, "{} is open: close it before", path);
    return {};
}

Status Files::remove(const std::string& path) {
    TRY(check_path(path));
    const std::lock_guard lock(mutex_);
    const auto found = TRY(directory_.look_at(path));
    TRY(check_is_closed(path, found));
    if (!undo_.is_on())
        return note_flush(TRY(directory_.remove(path)).flush());
    const auto name = trash_.new_name();
    TRY(undo_.add({Change::Kind::removed, path, name, 0, 0}));
    TRY(undo_.flush());
    return note_flush(TRY(directory_.move_out(path, trash_.folder(), name)).flush());
}

Status Files::rename(const std::string& from, const std::string& to) {
    TRY(check_path(from));
    TRY(check_path(to));
    const std::lock_guard lock(mutex_);
    const auto found = TRY(directory_.look_at(from));
    if (found.kind != ServedDirectory::Kind::folder)
        TRY(check_is_file(from, found));
    if (to.starts_with(from + "/"))
        return fail(EINVAL, "{} can't be moved into itself", from);
    auto paths = open_files_.paths_after(from, to);
    if (paths.longest() > kLongestPath)
        return fail(EINVAL, "the path of an open file would have {} bytes: {} at most", paths.longest(),
                    kLongestPath);
    const auto target = TRY(directory_.look_at(to));
    if (target.kind != ServedDirectory::Kind::none && target.identity == found.identity)
        return {};  // two names of one file: nothing happens, as in rename(2)
    if (target.kind != ServedDirectory::Kind::none) {
        TRY(check_is_closed(to, target));
        if (undo_.is_on())
            return move_over(from, to, std::move(paths));
    }
    TRY(undo_.add({Change::Kind::renamed, from, to, 0, 0}));
    TRY(undo_.flush());
    const auto moved = TRY(directory_.rename(from, to,
                                             target.kind == ServedDirectory::Kind::none
                                                 ? ServedDirectory::Target::must_be_free
                                                 : ServedDirectory::Target::replaced));
    paths.take_effect();
    return note_flush(moved.flush());
}

/// What it was is in the trash as well. Where a file can have two names, there is one of the two under this
/// one at each moment.
Status Files::move_over(const std::string& from, const std::string& to, OpenFiles::NewPaths paths) {
    const auto name = trash_.new_name();
    TRY(undo_.add({Change::Kind::removed, to, name, 0, 0}));
    TRY(undo_.add({Change::Kind::renamed, from, to, 0, 0}));
    TRY(undo_.flush());
    auto kept = directory_.link_out(to, trash_.folder(), name);
    if (!kept)
        kept = directory_.move_out(to, trash_.folder(), name);
    if (!kept)
        return tl::unexpected(kept.error());
    TRY(note_flush(kept->flush()));
    const auto moved = directory_.rename(from, to, ServedDirectory::Target::replaced);
    if (!moved) {
        const auto back = directory_.move_in(trash_.folder(), name, to);
        if (back)
            static_cast<void>(note_flush(back->flush()));
        else if (back.error().code == EEXIST)
            trash_.remove(name);  // it never was away
        return tl::unexpected(moved.error());
    }
    paths.take_effect();
    return note_flush(moved->flush());
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
            if (session >= kFirstOfNoJob)
                continue;
            const auto status = TRY(status_of(file->file, file->path));
            all.push_back({session, handle, file->flags, static_cast<std::uint32_t>(status.st_mode & 07777),
                           file->path, file->position, static_cast<std::uint64_t>(status.st_size)});
        }
    return all;
}

Status Files::save(const sync::SyncPointId& id, const sync::Sink& sink) {
    const auto resting = rest();
    const std::lock_guard lock(mutex_);
    TRY(members_.check_is_restored());
    static_cast<void>(reserve_.take());  // there may be room by now
    if (!flush_failed_)
        static_cast<void>(note_flush(unflushed_.flush(directory_)));
    if (flush_failed_)
        return fail(EIO, "what was written is lost, roll back: {}", flush_failed_->message);
    wire::Encoder encoder;
    encoder(TRY(saved_files()));
    TRY(sink(encoder.bytes()));
    TRY(undo_.begin(id));
    images_.clear();
    return {};
}

Status Files::restore(const sync::SyncPointId& id, const sync::Source& source) {
    const auto resting = rest();
    const std::lock_guard lock(mutex_);
    const auto bytes = TRY(read_all(source));
    const auto saved = TRY(wire::decode_body<std::vector<SavedFile>>(bytes));
    members_.begin_rollback();
    open_files_.clear();
    unflushed_.clear();
    images_.clear();
    auto restored = bring_back(id, saved);
    members_.end_rollback(restored);
    if (!restored)
        return restored;
    take_reserve();
    flush_failed_.reset();  // all that was not on disk was changed since, and is brought back
    return {};
}

Status Files::bring_back(const sync::SyncPointId& id, const std::vector<SavedFile>& saved) {
    reserve_.give_back();
    Rollback rollback(directory_, trash_);
    TRY(undo_.undo_since(
        id, [&](const Change& change, std::span<const std::byte> raw) { return rollback.undo(change, raw); },
        [&] { return rollback.flush(); }));
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
    if ((status.st_mode & 07777U) != saved.mode && ::fchmod(file->file.get(), saved.mode) != 0)
        return fail(sync::as_files(errno), "can't give {} its mode {:o} back: {}", saved.path, saved.mode,
                    ::strerror(errno));
    file->identity = identity_of(status);
    file->path = saved.path;
    file->flags = saved.flags;
    file->position = saved.position;
    open_files_.put(saved.session, saved.handle, std::move(file));
    return {};
}

Status Files::forget_before(const sync::SyncPointId& oldest) {
    const std::lock_guard lock(mutex_);
    return undo_.forget_before(oldest, [this](const std::string& name) { trash_.remove(name); });
}

}  // namespace pmemckpt::filed
