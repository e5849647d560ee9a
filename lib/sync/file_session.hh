#pragma once
// Files on another system, of a pmemckpt-filed: a session, and what it has open there.
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lib/sync/caller.hh"
#include "lib/sync/file_messages.hh"

namespace pmemckpt::sync {

/// Threads: one at a time.
class FileSession {
public:
    /// Of which job: that which a coordinator has open.
    struct Membership {
        std::string job;            ///< empty: of none; its files are closed at its end
        Uuid instance{};            ///< the coordinator's
        std::uint64_t session = 0;  ///< below 2^63
        /// Of the coordinator, its rollbacks that have ended: what is asked after one joins the session anew.
        std::shared_ptr<const std::atomic<std::uint64_t>> rollbacks = {};
    };
    /// As Caller::connect(); ESTALE when another coordinator has the job.
    static Result<std::unique_ptr<FileSession>> connect(const Caller::Wanted& wanted, const Membership& of);

    // As Caller::ask(). Handles are the session's: after a rollback those that were open at the sync point
    // are open again, at their positions. Nothing that was asked before a rollback, and is still on its way,
    // is done after it: ESTALE, or EUCLEAN while it runs. The first call after it joins the session again.
    // EBUSY when another connection has joined it; EUCLEAN when the job must be rolled back first.

    Result<FileOpened> open(const std::string& path, std::uint32_t flags, std::uint32_t mode = 0644);
    Status close(std::uint32_t handle);
    /// How many bytes there were from the position on; fewer than asked for only at the end.
    Result<std::size_t> read(std::uint32_t handle, std::span<std::byte> into);
    /// All of them.
    Status write(std::uint32_t handle, std::span<const std::byte> bytes);
    /// The new position.
    Result<std::uint64_t> seek(std::uint32_t handle, std::int64_t offset, Whence whence = Whence::begin);
    Status truncate(std::uint32_t handle, std::uint64_t size);
    Status flush(std::uint32_t handle);
    Status rename(const std::string& from, const std::string& to);
    Status remove(const std::string& path);
    Result<FileStatus> stat(const std::string& path);
    /// Its files are closed.
    Status leave();
    /// After a rollback, of no job: its files are closed. Others join by themselves.
    Status join();

    bool is_lost() const { return caller_.is_lost(); }
    const std::string& address() const { return caller_.address(); }
    /// That were open when it joined.
    std::uint32_t open_files() const { return open_files_; }

private:
    FileSession(Caller caller, Membership of) : caller_(std::move(caller)), of_(std::move(of)) {}
    Status begin();
    template <class Answer, class Request>
    Result<Answer> ask(const Request& request);
    Result<std::size_t> read_piece(std::uint32_t handle, std::span<std::byte> into);
    Status write_piece(std::uint32_t handle, std::span<const std::byte> piece);

    Caller caller_;
    const Membership of_;
    std::uint64_t joined_after_ = 0;  // so many rollbacks
    std::uint32_t open_files_ = 0;
};

}  // namespace pmemckpt::sync
