#include "lib/media/devdax_medium.hh"

#include <cerrno>

namespace pmemckpt::media {

Result<std::unique_ptr<Medium>> DevdaxMedium::map(FileDescriptor file, FileDescriptor lock,
                                                  const DaxDevice& device, std::string path, Use use) {
    auto mapping = TRY(map_whole(file, use, path));
    if (mapping.granularity == PMEM2_GRANULARITY_PAGE)
        return fail(EINVAL, "{}: libpmem2 takes it for a plain file, and not for memory", path);
    return std::unique_ptr<Medium>(new DevdaxMedium(std::move(file), std::move(lock), device.domain,
                                                    std::move(path), use, std::move(mapping)));
}

DevdaxMedium::DevdaxMedium(FileDescriptor file, FileDescriptor lock, PersistenceDomain domain,
                           std::string path, Use use, Mapping mapping)
    : MappedMedium(std::move(file), std::move(path), use, std::move(mapping)),
      lock_(std::move(lock)),
      domain_(domain),
      alignment_(this->mapping().alignment) {
    look_for_bad_blocks();
}

Status DevdaxMedium::persist(Extent extent) {
    TRY(check(extent, "written"));
    if (extent.size.bytes == 0)
        return {};
    TRY(flush(extent));
    return domain_ == PersistenceDomain::unknown ? deep_flush(extent) : Status();
}

Status DevdaxMedium::blank(Extent extent) {
    TRY(check(extent, "blanked"));
    return extent.size.bytes == 0 ? Status() : set_zero(extent);
}

}  // namespace pmemckpt::media
