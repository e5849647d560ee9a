#pragma once
// The requests of the file service: pmemckpt-sync.7, FILES.
//
// A connection that has joined a job is one session: it has open files, each with a position, under handles
// that the session's owner uses. They outlive the connection: who joins with the same number finds them
// again.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/sync/messages.hh"

namespace pmemckpt::sync {

/// Raw bytes of one read or write, at most.
inline constexpr std::uint32_t kMostFileBytes = 1024 * 1024;

enum class FileType : std::uint16_t {
    join = 0x0801,
    leave = 0x0802,
    open = 0x0803,
    close = 0x0804,
    read = 0x0805,
    write = 0x0806,
    seek = 0x0807,
    truncate = 0x0808,
    rename = 0x0809,
    remove = 0x080a,
    stat = 0x080b,
    flush = 0x080c,
};

/// How a file is opened: as open(2) has it, whatever the numbers there.
enum OpenFlags : std::uint32_t {
    kOpenRead = 1,
    kOpenWrite = 2,
    kOpenCreate = 4,
    kOpenExclusive = 8,
    kOpenTruncate = 16,
    kOpenAppend = 32,  ///< each write goes to the end
    kAllOpenFlags = 63,
};
enum class Whence : std::uint8_t { begin = 0, position = 1, end = 2 };

struct FileJoin {  // answer: FileJoined
    static constexpr FileType kType = FileType::join;
    std::string job;            ///< empty: of no coordinator; its handles are closed with the connection
    Uuid instance{};            ///< of the coordinator that has the job open
    std::uint64_t session = 0;  ///< its owner's choice
    static void fields(auto& s, auto& c) { c(s.job), c(s.instance), c(s.session); }
};
struct FileJoined {
    std::uint32_t open_files = 0;  ///< of this session, from before
    static void fields(auto& s, auto& c) { c(s.open_files); }
};
struct FileLeave {  // answer: Empty: the session's files are closed
    static constexpr FileType kType = FileType::leave;
    static void fields(auto&, auto&) {}
};
struct FileOpen {  // answer: FileOpened
    static constexpr FileType kType = FileType::open;
    std::string path;  ///< within the served directory, its parts joined by single slashes
    std::uint32_t flags = 0;
    std::uint32_t mode = 0;  ///< permission bits of one that is made
    static void fields(auto& s, auto& c) { c(s.path), c(s.flags), c(s.mode); }
};
struct FileOpened {
    std::uint32_t handle = 0;
    std::uint64_t size = 0;
    static void fields(auto& s, auto& c) { c(s.handle), c(s.size); }
};
struct FileClose {  // answer: Empty
    static constexpr FileType kType = FileType::close;
    std::uint32_t handle = 0;
    static void fields(auto& s, auto& c) { c(s.handle); }
};
struct FileRead {  // from the position on; answer: FileMoved, and behind it the bytes; 0 at the end
    static constexpr FileType kType = FileType::read;
    std::uint32_t handle = 0, bytes = 0;
    static void fields(auto& s, auto& c) { c(s.handle), c(s.bytes); }
};
struct FileWrite {  // and behind it the bytes; answer: FileMoved
    static constexpr FileType kType = FileType::write;
    std::uint32_t handle = 0, bytes = 0;
    static void fields(auto& s, auto& c) { c(s.handle), c(s.bytes); }
};
struct FileMoved {
    std::uint32_t bytes = 0;
    std::uint64_t position = 0;  ///< after it
    static void fields(auto& s, auto& c) { c(s.bytes), c(s.position); }
};
struct FileSeek {  // answer: FileMoved, of no bytes
    static constexpr FileType kType = FileType::seek;
    std::uint32_t handle = 0;
    std::int64_t offset = 0;
    Whence whence = Whence::begin;
    static void fields(auto& s, auto& c) { c(s.handle), c(s.offset), c(s.whence); }
};
struct FileTruncate {  // answer: Empty
    static constexpr FileType kType = FileType::truncate;
    std::uint32_t handle = 0;
    std::uint64_t size = 0;
    static void fields(auto& s, auto& c) { c(s.handle), c(s.size); }
};
struct FileRename {  // answer: Empty. What `to` was is gone
    static constexpr FileType kType = FileType::rename;
    std::string from, to;
    static void fields(auto& s, auto& c) { c(s.from), c(s.to); }
};
struct FileRemove {  // answer: Empty
    static constexpr FileType kType = FileType::remove;
    std::string path;
    static void fields(auto& s, auto& c) { c(s.path); }
};
struct FileStat {  // answer: FileStatus
    static constexpr FileType kType = FileType::stat;
    std::string path;
    static void fields(auto& s, auto& c) { c(s.path); }
};
struct FileStatus {
    std::uint64_t size = 0;
    std::uint32_t mode = 0;
    std::int64_t modified_ns = 0;
    static void fields(auto& s, auto& c) { c(s.size), c(s.mode), c(s.modified_ns); }
};
struct FileFlush {  // answer: Empty: what was written through this handle is on disk
    static constexpr FileType kType = FileType::flush;
    std::uint32_t handle = 0;
    static void fields(auto& s, auto& c) { c(s.handle); }
};

}  // namespace pmemckpt::sync
