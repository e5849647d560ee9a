#pragma once
// One copy of a participant's table, as checkpoint files of all kinds keep it: pmemckpt-sync.7, CHECKPOINT
// FILE.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/sync/checkpoint_file.hh"
#include "lib/sync/table_header.hh"

namespace pmemckpt::sync {

inline constexpr std::uint64_t kFirstTableSequence = 1;

struct TableCopy {
    std::uint64_t sequence = 0;  ///< the higher one is the newer one
    Snapshot snapshot;
};

enum class TableReading { good, empty, other_version, damaged };

/// EMSGSIZE when it has more than kTableCopyBytes; `name` is the file's.
Result<std::vector<std::byte>> encode_table_copy(std::uint64_t sequence, const Snapshot& snapshot,
                                                 const std::string& name);
/// What these bytes are. Behind the copy there may be others.
TableReading decode_table_copy(std::span<const std::byte> bytes, TableCopy& into);
/// Whether it is the first one that was ever written, however much of it was cut.
bool begins_as_first_table_copy(std::span<const std::byte> bytes);

}  // namespace pmemckpt::sync
