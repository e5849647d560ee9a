// Formats a medium.
#include <unistd.h>

#include <bit>
#include <cerrno>

#include "lib/format/layout.hh"
#include "lib/format/superblock.hh"
#include "lib/pool/clock.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

namespace {

Status check_page_size(const CreateOptions& options) {
    if (!std::has_single_bit(options.page_size) || options.page_size < format::kMinimumPageSize ||
        options.page_size > format::kMaximumPageSize)
        return fail(EINVAL, "pages of {} bytes can't be had: a page is a power of two, {} to {}",
                    options.page_size, format_size(format::kMinimumPageSize),
                    format_size(format::kMaximumPageSize));
    return {};
}

Status check_sizes(const CreateOptions& options) {
    if (options.size < kMinimumPoolSize || options.size > kMaximumPoolSize)
        return fail(ERANGE, "a pool of {} ({} bytes) can't be made: it takes {} to {}",
                    format_size(options.size), options.size, format_size(kMinimumPoolSize),
                    format_size(kMaximumPoolSize));
    return check_page_size(options);
}

/// What a pool of these sizes asks of its medium.
Status check_medium(const media::Medium& medium, const CreateOptions& options, const format::Layout& layout) {
    if (options.size > medium.bytes().size())
        return fail(ENOSPC, "a pool of {} ({} bytes) does not fit {}, which has {} bytes",
                    format_size(options.size), options.size, medium.path(), medium.bytes().size());
    if (options.page_size % medium.alignment() != 0)
        return fail(
            EINVAL,
            "pages of {} ({} bytes) can't be had on {}: its alignment is {} ({} bytes), and a page is a "
            "multiple of it",
            format_size(options.page_size), options.page_size, medium.path(), format_size(medium.alignment()),
            medium.alignment());
    for (const auto& bad : medium.bad_extents())
        if (overlap(bad, {{0}, {layout.pages_offset}}))
            return fail(EIO,
                        "{}: {} bytes at {} are a bad block, and the pool's metadata would lie there, in its "
                        "first {}; ndctl clear-errors clears it",
                        medium.path(), bad.size.bytes, bad.at.bytes, format_size(layout.pages_offset));
    return {};
}

format::Superblock first_superblock(const CreateOptions& options, const format::Layout& layout,
                                    const Uuid& uuid, const format::MacKey& key) {
    format::Superblock superblock;
    superblock.sequence = 1;
    superblock.uuid = uuid;
    superblock.created_ns = now_ns();
    superblock.pool_size = options.size;
    superblock.page_size = options.page_size;
    superblock.pages_offset = layout.pages_offset;
    superblock.page_count = layout.page_count;
    superblock.half_offset = {format::kJournalOffset, format::kJournalOffset + layout.journal_half_bytes};
    superblock.half_size = layout.journal_half_bytes;
    superblock.manager_key = key.manager_key();
    return superblock;
}

Status write_superblocks(media::Medium& medium, format::Superblock superblock, const format::MacKey& key) {
    const Extent both{{0}, {2 * format::kSuperblockBytes}};
    TRY(medium.blank(both));
    for (const auto offset : format::kSuperblockOffset) {
        medium.store({offset}, format::encode(superblock, key));
        ++superblock.sequence;
    }
    return medium.persist(
        both);  // cut before or in it: no pool, or one that is empty; cut after: an empty pool
}

}  // namespace

Result<Uuid> Pool::create(media::Medium& medium, const CreateOptions& options, const Key& manager_key) {
    TRY(check_sizes(options));
    const auto layout = TRY(format::plan_layout(options.size, options.page_size));
    TRY(check_medium(medium, options, layout));
    const Uuid uuid = options.uuid ? *options.uuid : random_uuid();
    const format::MacKey key(manager_key, uuid);
    TRY(write_superblocks(medium, first_superblock(options, layout, uuid, key), key));
    return uuid;
}

namespace {

/// Of a device, which can't be made beside the old one. Old records are of another pool and would not verify;
/// but nothing of them is to be taken for a record that is not whole.
Status wipe(media::Medium& medium, const CreateOptions& options, const format::Layout& layout) {
    const Extent superblocks{{0}, {2 * format::kSuperblockBytes}};
    const Extent journal{{superblocks.size.bytes}, {layout.pages_offset - superblocks.size.bytes}};
    if (!options.replace && TRY(media::is_in_use(medium)))
        return fail(EEXIST, "{} is not empty; say --force to lose what is in it", medium.path());
    TRY(medium.blank(superblocks));
    TRY(medium.persist(superblocks));  // cut before or in it: the old pool, or none; cut after: none
    TRY(medium.blank(journal));
    return medium.persist(journal);  // cut before, in it or after: no pool
}

Result<Uuid> create_on_device(CreateOptions options, const Key& manager_key) {
    const auto medium = TRY(media::open_medium(options.path, media::Use::exclusive));
    if (options.size == 0)
        options.size = medium->bytes().size();
    TRY(check_sizes(options));
    const auto layout = TRY(format::plan_layout(options.size, options.page_size));
    TRY(check_medium(*medium, options, layout));
    TRY(wipe(*medium, options, layout));
    return Pool::create(*medium, options, manager_key);
}

}  // namespace

Result<Uuid> Pool::create(const CreateOptions& options, const Key& manager_key) {
    if (media::is_device(options.path))
        return create_on_device(options, manager_key);
    TRY(check_sizes(options));
    TRY(format::plan_layout(options.size, options.page_size));
    const auto medium = TRY(media::create_file_medium(options.path, {options.size}, options.replace));
    auto made = create(*medium, options, manager_key);
    if (!made)
        ::unlink(options.path.c_str());  // half a pool helps nobody
    return made;
}

}  // namespace pmemckpt::pool
