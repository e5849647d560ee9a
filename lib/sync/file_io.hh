#pragma once
// Plain files of participants: whole transfers, with sentences for errors.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt::sync {

/// An errno of a file system, as what holds for participants: ENOSPC, EACCES or EIO. Others mean something
/// else in a session.
int as_files(int code);
/// Fewer than asked for only at the end of the file.
Result<std::size_t> read_up_to(int file, std::uint64_t at, std::span<std::byte> into,
                               const std::string& path);
/// All of them: EBADMSG when the file is shorter.
Status read_at(int file, std::uint64_t at, std::span<std::byte> into, const std::string& path);
Status write_at(int file, std::uint64_t at, std::span<const std::byte> bytes, const std::string& path);
Status bring_to_disk(int file, const std::string& path);
/// The names in the directory that holds `path`.
Status bring_directory_to_disk(const std::string& path);

}  // namespace pmemckpt::sync
