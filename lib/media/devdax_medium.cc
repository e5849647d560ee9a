#include "lib/media/devdax_medium.hh"

#include <cerrno>

namespace pmemckpt::media {

Result<std::unique_ptr<Medium>> DevdaxMedium::map(FileDescriptor file, FileDescriptor lock, DaxDevice device,
                                                  std::string path, Use use) {
    if (use == Use::exclusive)
        TRY(check_deep_flush(device, path));
    auto mapping = TRY(map_whole(file, use, path));
    if (mapping.granularity == PMEM2_GRANULARITY_PAGE)
        return fail(EINVAL, "{}: libpmem2 takes it for a plain file, and not for memory", path);
    return std::unique_ptr<Medium>(new DevdaxMedium(std::move(file), std::move(lock), std::move(device),
                                                    std::move(path), use, std::move(mapping)));
}

DevdaxMedium::DevdaxMedium(FileDescriptor file, FileDescriptor lock, DaxDevice device, std::string path,
                           Use use, Mapping mapping)
    : MappedMedium(std::move(file), std::move(path), use, std::move(mapping)),
      lock_(std::move(lock)),
      device_(std::move(device)),
      list_(bad_block_list(device_)) {
    look_for_bad_blocks();
    known_ = bad_extents();
}

Status DevdaxMedium::persist(Extent extent) {
    TRY(check(extent, "written"));
    if (extent.size.bytes == 0)
        return {};
    TRY(flush(extent));
    return device_.domain == PersistenceDomain::unknown ? deep_flush(extent) : Status();
}

Status DevdaxMedium::blank(Extent extent) {
    TRY(check(extent, "blanked"));
    return extent.size.bytes == 0 ? Status() : set_zero(extent);
}

Status DevdaxMedium::check_present(std::span<const Extent> extents) const {
    auto list = bad_block_list(device_);
    const std::lock_guard lock(looking_);
    if (list != list_) {
        known_ = known_bad_blocks(file(), {mapping().bytes.size()}, path());
        list_ = std::move(list);
    }
    for (const auto& extent : extents)
        for (const auto& bad : known_)
            if (overlap(extent, bad))
                return fail(EBADMSG, "{} bytes at {} are a bad block", bad.size.bytes, bad.at.bytes);
    return {};
}

}  // namespace pmemckpt::media
