#pragma once
// The files that sessions have open: each under a handle of its session, with a position.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"
#include "lib/sync/file_messages.hh"
#include "utils/pmemckpt-filed/served_directory.hh"

namespace pmemckpt::filed {

/// Of all sessions together; fewer where the system allows fewer descriptors.
inline constexpr std::size_t kMostOpenFiles = 16'384;
/// For all else: connections, the undo log, what is to be flushed or rolled back.
inline constexpr std::size_t kOtherDescriptors = 1'000;
/// Sessions that belong to no job have numbers from here on: they end with their connection, and are not
/// rolled back.
inline constexpr std::uint64_t kFirstOfNoJob = std::uint64_t{1} << 63;

using enum sync::OpenFlags;
using sync::Whence;

/// Threads: those of its session; its path is the owner's of all open files.
struct OpenFile {
    FileDescriptor file;
    FileIdentity identity{};
    std::string path;
    std::uint32_t flags = 0;
    std::uint64_t position = 0;
};

/// What a sync point keeps of an open file.
struct SavedFile {
    std::uint64_t session = 0;
    std::uint32_t handle = 0, flags = 0, mode = 0;
    std::string path;
    std::uint64_t position = 0, size = 0;
    static void fields(auto& s, auto& c) {
        c(s.session), c(s.handle), c(s.flags), c(s.mode), c(s.path), c(s.position), c(s.size);
    }
};

/// Threads: one at a time.
class OpenFiles {
public:
    using Session = std::map<std::uint32_t, std::shared_ptr<OpenFile>>;

    OpenFiles();
    /// EMFILE when as many are open as may be.
    Status check_room() const;
    /// The lowest handle of the session that is free. As check_room().
    Result<std::uint32_t> add(std::uint64_t session, std::shared_ptr<OpenFile> file);
    /// With this handle, which is free.
    void put(std::uint64_t session, std::uint32_t handle, std::shared_ptr<OpenFile> file);
    /// EBADF.
    Result<std::shared_ptr<OpenFile>> find(std::uint64_t session, std::uint32_t handle) const;
    Status close(std::uint64_t session, std::uint32_t handle);
    void close_all_of(std::uint64_t session);
    void clear() { sessions_.clear(), count_ = 0; }

    /// Under whatever name.
    bool has(const FileIdentity& identity) const;
    /// What paths are when `from`, and what lies under it, is `to`.
    class NewPaths {
    public:
        std::size_t longest() const;  ///< in bytes; 0 when there are none
        void take_effect() noexcept;

    private:
        friend class OpenFiles;
        std::vector<std::pair<OpenFile*, std::string>> paths_;
    };
    NewPaths paths_after(const std::string& from, const std::string& to) const;
    std::size_t count() const { return count_; }
    const std::map<std::uint64_t, Session>& sessions() const { return sessions_; }

private:
    std::map<std::uint64_t, Session> sessions_;
    std::size_t count_ = 0, most_ = kMostOpenFiles;
};

}  // namespace pmemckpt::filed
