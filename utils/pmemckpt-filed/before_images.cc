#include "utils/pmemckpt-filed/before_images.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/base/units.hh"
#include "lib/sync/file_io.hh"

namespace pmemckpt::filed {

namespace {

constexpr std::uint64_t kBlock = kMiB;

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
    auto& kept = *TRY(find(file, log));
    const Blocks wanted{at / kBlock, (std::min(end, kept.size) + kBlock - 1) / kBlock};
    for (Blocks left; !(left = kept.blocks.first_missing(wanted)).empty();)
        TRY(keep_first_of(file, left, kept, log));
    return log.flush();
}

/// A first change is one of its size as well.
Result<BeforeImages::Kept*> BeforeImages::find(const OpenFile& file, UndoLog& log) {
    if (const auto found = files_.find(file.identity); found != files_.end())
        return &found->second;
    struct stat status;
    if (::fstat(file.file.get(), &status) != 0)
        return fail(sync::as_files(errno), "can't look at {}: {}", file.path, ::strerror(errno));
    Kept kept{static_cast<std::uint64_t>(status.st_size), {}};
    TRY(log.add({Change::Kind::size, file.path, {}, 0, kept.size}));
    return &files_.emplace(file.identity, std::move(kept)).first->second;
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
    bytes.resize(TRY(sync::read_up_to(file.file.get(), at, bytes, file.path)));
    if (bytes.empty())
        return {};
    const bool is_zeros = std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
    return is_zeros ? log.add({Change::Kind::zeros, file.path, {}, at, bytes.size()})
                    : log.add_shared({Change::Kind::bytes, file.path, {}, at, bytes.size()}, bytes,
                                     file.file.get());
}

}  // namespace pmemckpt::filed
