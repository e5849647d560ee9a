#pragma once
// What is saved or copied: a file, or whatever comes on standard input.
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::ctl {

class Input {
public:
    /// "" and "-" are standard input. ENOENT, EISDIR, EACCES.
    static Result<Input> open(const std::string& path);

    const std::string& name() const { return name_; }
    /// Bytes from here to the end; not known for pipes, devices and files that the kernel makes up as they
    /// are read.
    std::optional<std::uint64_t> size() const { return size_; }

    /// Fills `into`; less only at the end.
    Result<std::size_t> read(std::span<std::byte> into);
    /// Back to where it began, when its size is known.
    void rewind() { position_ = start_; }
    /// EAGAIN when a file of known size was cut short, grown or written to since it was opened.
    Status check_unchanged() const;

    /// All the rest, copied into a file without a name in $TMPDIR: then its size is known. ENOSPC.
    Result<Input> spool();

private:
    Result<std::size_t> read_some(std::span<std::byte> into);
    Status look_at_file();

    std::string name_;
    FileDescriptor file_;
    std::optional<std::uint64_t> size_;
    std::uint64_t start_ = 0, position_ = 0;  ///< where the next byte is read, with a known size
    off_t end_ = 0;
    timespec changed_{};
};

}  // namespace pmemckpt::ctl
