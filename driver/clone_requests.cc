// begin_clone and dirty: a draft that starts as another generation, of which only the dirty pages may be
// written.
#include <cerrno>

#include "driver/convert.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

// Who writes over parts of a generation is told of the rest: by the checksum of the whole.
Result<Requests::Entered> Requests::enter_to_clone(const std::string& region) {
    auto entered = TRY(enter(region, Right::write));
    TRY(services_.access.check(pool(), pool::RegionRef(entered.info), who_.principal, Right::read));
    return entered;
}

Requests::Answer<wire::Cloning> Requests::begin_clone(const wire::BeginClone& request) {
    TRY(check_draft_limit());
    TRY(check_draft_bytes(request.size));
    const auto entered = TRY(enter_to_clone(request.region));
    const auto maximum = entered.info.settings.max_size;
    if (maximum != 0 && request.size > maximum)
        return fail(EFBIG, "a generation of {} bytes is larger than region {} allows: {} bytes", request.size,
                    request.region, maximum);
    const auto base = TRY(pool().open_generation(entered.info, request.base))->info();
    const auto id = ++last_handle_;
    clones_.emplace(id,
                    Clone{request.region, request.size, base, DirtyRanges(request.size, pool().page_size())});
    return wire::Cloning{id, to_wire(base)};
}

Requests::Answer<wire::Begun> Requests::dirty(const wire::Dirty& request) {
    const auto found = clones_.find(request.draft_id);
    if (found == clones_.end())
        return fail(ENOENT, "this session has no clone {} whose dirty ranges are awaited", request.draft_id);
    TRY(check_other_clones(request.draft_id));
    for (const auto& range : request.ranges)
        TRY(found->second.dirty.add({{range.offset}, {range.length}}));
    if (request.last == 0)
        return wire::Begun{request.draft_id, {0, 0, found->second.size}, 0};
    const auto clone = std::move(clones_.extract(found).mapped());
    const auto entered = TRY(enter_to_clone(clone.region));
    if (entered.info.id != clone.base.region_id)
        return fail(ENOENT, "region {} was destroyed, and made anew, while clone {} was begun", clone.region,
                    request.draft_id);
    auto draft =
        TRY(pool().begin_clone(entered.info, clone.size, {clone.base.number, clone.dirty.extents()}));
    auto begun = TRY(grant_draft(request.draft_id, entered, std::move(draft)));
    drafts_.at(request.draft_id).is_clone = true;
    return begun;
}

Status Requests::check_other_clones(std::uint64_t draft_id) const {
    std::size_t count = 0;
    for (const auto& [id, clone] : clones_)
        count += id == draft_id ? 0 : clone.dirty.count();
    if (count > DirtyRanges::kMaximum)
        return fail(E2BIG,
                    "other clones of this session have {} dirty ranges already, and wait for more: name the "
                    "last range of one before the next is begun",
                    count);
    return {};
}

}  // namespace pmemckpt::driver
