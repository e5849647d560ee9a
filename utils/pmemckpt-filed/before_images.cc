#include "utils/pmemckpt-filed/before_images.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/base/units.hh"
#include "lib/sync/table_file.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::uint64_t kBlock = kMiB;

/// Fewer than asked for only at the end of the file.
Result<std::size_t> read_there(const OpenFile& file, std::uint64_t at, std::span<std::byte> into) {
    std::size_t count = 0;
    while (count < into.size()) {
        const auto got = ::pread(file.file.get(), into.data() + count, into.size() - count,
                                 static_cast<off_t>(at + count));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(sync::as_files(errno), "can't read {} at {}: {}", file.path, at + count,
                        ::strerror(errno));
        if (got == 0)
            break;
        count += static_cast<std::size_t>(got);
    }
    return count;
}

/// The first of these blocks that has data; their end when none has.
std::uint64_t first_with_data(const OpenFile& file, Blocks blocks) {
    const auto found = ::lseek(file.file.get(), static_cast<off_t>(blocks.begin * kBlock), SEEK_DATA);
    if (found >= 0)
        return std::min(blocks.end, static_cast<std::uint64_t>(found) / kBlock);
    return errno == ENXIO ? blocks.end : blocks.begin;  // otherwise the file system can't tell
}

}  // namespace

Status BeforeImages::keep(const OpenFile& file, std::uint64_t at, std::uint64_t end, UndoLog& log) {
    if (!log.is_on())
        return {};
    struct stat status;
    if (::fstat(file.file.get(), &status) != 0)
        return fail(sync::as_files(errno), "can't look at {}: {}", file.path, ::strerror(errno));
    auto found = files_.find(file.identity);
    if (found == files_.end()) {
        Kept kept{static_cast<std::uint64_t>(status.st_size), {}};
        TRY(log.add({Change::Kind::size, file.path, {}, 0, kept.size}));
        found = files_.emplace(file.identity, std::move(kept)).first;
    }
    auto& kept = found->second;
    const Blocks wanted{at / kBlock, (std::min(end, kept.size) + kBlock - 1) / kBlock};
    for (Blocks left; !(left = kept.blocks.first_missing(wanted)).empty();)
        TRY(keep_first_of(file, left, kept, log));
    return log.flush();
}

/// A hole is one entry, however large it is.
Status BeforeImages::keep_first_of(const OpenFile& file, Blocks blocks, Kept& kept, UndoLog& log) {
    const auto data = first_with_data(file, blocks);
    if (data > blocks.begin) {
        const auto at = blocks.begin * kBlock;
        TRY(log.add({Change::Kind::zeros, file.path, {}, at, std::min(data * kBlock, kept.size) - at}));
        kept.blocks.add({blocks.begin, data});
        return {};
    }
    TRY(keep_block(file, blocks.begin, kept, log));
    kept.blocks.add({blocks.begin, blocks.begin + 1});
    return {};
}

Status BeforeImages::keep_block(const OpenFile& file, std::uint64_t block, const Kept& kept, UndoLog& log) {
    const auto at = block * kBlock;
    std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(kBlock, kept.size - at)));
    // Fewer: somebody else has cut it off.
    bytes.resize(TRY(read_there(file, at, bytes)));
    if (bytes.empty())
        return {};
    const bool is_zeros = std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
    return is_zeros ? log.add({Change::Kind::zeros, file.path, {}, at, bytes.size()})
                    : log.add_shared({Change::Kind::bytes, file.path, {}, at, bytes.size()}, bytes,
                                     file.file.get());
}

}  // namespace pmemckpt::filed
