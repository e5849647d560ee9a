#include "lib/media/mapping.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/base/memory_fault.hh"

namespace pmemckpt::media {

namespace {

inline void delete_config(pmem2_config* config) {
    pmem2_config_delete(&config);
}
inline void delete_source(pmem2_source* source) {
    pmem2_source_delete(&source);
}
inline void delete_bad_blocks(pmem2_badblock_context* context) {
    pmem2_badblock_context_delete(&context);
}
using Config = std::unique_ptr<pmem2_config, Closer<delete_config>>;
using Source = std::unique_ptr<pmem2_source, Closer<delete_source>>;
using BadBlocks = std::unique_ptr<pmem2_badblock_context, Closer<delete_bad_blocks>>;

Status pmem2_status(int code, const char* call, const std::string& path) {
    if (code == 0)
        return {};
    // libpmem2 gives an errno, negated, or one of its own codes, which start at PMEM2_E_UNKNOWN.
    return fail(code > PMEM2_E_UNKNOWN ? -code : EINVAL, "{}: {}: {}", path, call, pmem2_errormsg());
}

Result<Config> make_config(Use use, const std::string& path) {
    pmem2_config* config = nullptr;
    TRY(pmem2_status(pmem2_config_new(&config), "pmem2_config_new", path));
    Config owner(config);
    const unsigned protection =
        use == Use::exclusive ? unsigned{PMEM2_PROT_READ | PMEM2_PROT_WRITE} : unsigned{PMEM2_PROT_READ};
    TRY(pmem2_status(pmem2_config_set_required_store_granularity(config, PMEM2_GRANULARITY_PAGE),
                     "pmem2_config_set_required_store_granularity", path));
    TRY(pmem2_status(pmem2_config_set_sharing(config, PMEM2_SHARED), "pmem2_config_set_sharing", path));
    TRY(pmem2_status(pmem2_config_set_protection(config, protection), "pmem2_config_set_protection", path));
    return owner;
}

Result<Source> make_source(const FileDescriptor& file, const std::string& path) {
    pmem2_source* source = nullptr;
    TRY(pmem2_status(pmem2_source_from_fd(&source, file.get()), "pmem2_source_from_fd", path));
    return Source(source);
}

Result<std::vector<Extent>> list_bad_blocks(const FileDescriptor& file, Length size,
                                            const std::string& path) {
    const auto source = TRY(make_source(file, path));
    pmem2_badblock_context* context = nullptr;
    TRY(pmem2_status(pmem2_badblock_context_new(&context, source.get()), "pmem2_badblock_context_new", path));
    const BadBlocks owner(context);
    std::vector<Extent> found;
    pmem2_badblock block{};
    int code = 0;
    while ((code = pmem2_badblock_next(context, &block)) == 0)
        if (block.offset < size.bytes && block.length > 0)
            found.push_back({{block.offset}, {std::min(block.length, size.bytes - block.offset)}});
    if (code != PMEM2_E_NO_BAD_BLOCK_FOUND)
        TRY(pmem2_status(code, "pmem2_badblock_next", path));
    std::ranges::sort(found, {}, [](const Extent& extent) { return extent.at.bytes; });
    return found;
}

}  // namespace

Result<Mapping> map_whole(const FileDescriptor& file, Use use, const std::string& path) {
    const auto config = TRY(make_config(use, path));
    const auto source = TRY(make_source(file, path));
    std::size_t alignment = 0;
    TRY(pmem2_status(pmem2_source_alignment(source.get(), &alignment), "pmem2_source_alignment", path));
    pmem2_map* map = nullptr;
    TRY(pmem2_status(pmem2_map_new(&map, config.get(), source.get()), "pmem2_map_new", path));
    catch_memory_faults();
    auto* address = static_cast<std::byte*>(pmem2_map_get_address(map));
    return Mapping{
        Map(map), {address, pmem2_map_get_size(map)}, pmem2_map_get_store_granularity(map), alignment};
}

std::vector<Extent> known_bad_blocks(const FileDescriptor& file, Length size, const std::string& path) {
    auto found = list_bad_blocks(file, size, path);
    if (found)
        return std::move(*found);
    log::warning("bad blocks that are known already are not avoided: {}", found.error().message);
    return {};
}

}  // namespace pmemckpt::media
