#pragma once
// Where a generation is restored to, or a file copied to: a file that gets its name when it is complete, or
// an open stream.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::ctl {

/// What an Output of this name makes is a file: not standard output, a device or a pipe.
bool is_file_name(const std::string& path);

/// Of files that are made, unless something else is known: less the umask.
inline constexpr unsigned kNewFileMode = 0666;
unsigned without_umask(unsigned mode);

/// One that is there already will do. ENOTDIR when something else is.
Status make_folder(const std::string& path);

class Output {
public:
    /// "" is standard output. A regular file is written beside its name, a device or a pipe directly. ENOSPC
    /// at once when `length` bytes have no room. One that is there keeps its mode.
    static Result<Output> open(const std::string& path, std::uint64_t length, unsigned mode = kNewFileMode);
    Output(Output&& other) noexcept = default;
    Output& operator=(Output&&) = delete;
    /// A file not committed is gone.
    ~Output();

    const std::string& name() const { return name_; }
    /// Nothing is seen under its name before commit().
    bool is_file() const { return !path_.empty(); }
    Status write(std::span<const std::byte> bytes);
    /// Brings a file to disk and gives it its name, in place of one that was there.
    Status commit();

private:
    Output() = default;
    Status make_file(unsigned mode);
    Status give_draft_a_name();

    std::string name_;
    std::string path_, directory_;  ///< of a file, symbolic links resolved; empty for a stream
    std::string draft_;             ///< the draft's name, while it has one
    FileDescriptor file_;
    std::uint64_t written_ = 0;
};

}  // namespace pmemckpt::ctl
