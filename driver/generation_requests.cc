// Requests about drafts and generations.
#include <cerrno>

#include "driver/convert.hh"
#include "driver/drop_watch.hh"
#include "driver/list_answer.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

Status Requests::check_draft_limit() const {
    const auto limit = services_.limits.drafts_per_session;
    if (drafts_.size() + clones_.size() >= limit)
        return fail(EMFILE, "this session has {} unsealed generations already, the limit: seal or abort one",
                    limit);
    return {};
}

Status Requests::check_draft_bytes(std::uint64_t more) const {
    const auto limit = services_.limits.draft_bytes_per_session;
    std::uint64_t held = 0;
    for (const auto& [id, draft] : drafts_)
        held += draft.size;
    for (const auto& [id, clone] : clones_)
        held += clone.size;
    if (limit != 0 && (held > limit || more > limit - held))
        return fail(
            EDQUOT,
            "unsealed generations of this session have {} bytes, and with {} more they would be over the "
            "limit of {} (limits.draft_bytes_per_session): seal or abort one",
            held, more, limit);
    return {};
}

Requests::Answer<wire::Begun> Requests::begin(const wire::Begin& request) {
    TRY(check_draft_limit());
    TRY(check_draft_bytes(request.size));
    const auto entered = TRY(enter(request.region, Right::write));
    return grant_draft(++last_handle_, entered, TRY(pool().begin(entered.info, request.size)));
}

Result<wire::Begun> Requests::grant_draft(std::uint64_t draft_id, const Entered& entered,
                                          std::unique_ptr<pool::Draft> draft) {
    auto pages = draft->page_offsets();
    const auto& writable = draft->writable();
    for (std::size_t page = 0; page < writable.size() && page < pages.size(); ++page)
        if (!writable[page])
            pages[page] = rdma::kNoPage;
    const auto size = draft->size();
    const auto slot = std::make_shared<DraftSlot>(std::move(draft));
    auto what = subject(entered.info);
    what.handle = draft_id;

    const Locked lock(entered.live->mutex);
    const auto now = TRY(check_entered(entered, lock));
    if (slot->epoch() != now.epoch)
        return tl::unexpected<Error>(fenced(now.name, *entered.live, now.epoch));
    const auto window = TRY(grant(std::move(what), {std::move(pages), 0, size}, rdma::Access::write));
    entered.live->add_draft(slot);
    drafts_.emplace(draft_id, OpenDraft{now.name, now.id, slot, window.key, size, false});
    become_primary(entered, lock);
    return wire::Begun{draft_id, {window.key, window.base, size}, now.epoch};
}

Result<Requests::OpenDraft> Requests::extract_draft(std::uint64_t draft_id) {
    if (clones_.contains(draft_id))
        return fail(EINVAL, "draft {} is a clone whose last dirty range has not been named", draft_id);
    auto found = drafts_.extract(draft_id);
    if (!found)
        return fail(ENOENT, "this session has no draft {}: it is sealed, dropped or was never begun",
                    draft_id);
    services_.tables.revoke(who_.session_id, found.mapped().window);
    return std::move(found.mapped());
}

Requests::Answer<wire::Generation> Requests::seal(const wire::Seal& request) {
    const auto open = TRY(extract_draft(request.draft_id));  // from here on nobody can change the bytes
    auto draft = open.slot->take();
    const auto entered = TRY(open.is_clone ? enter_to_clone(open.region) : enter(open.region, Right::write));
    if (entered.info.id != open.region_id)
        return fail(ENOENT, "region {} was destroyed, and made anew, while draft {} was written", open.region,
                    request.draft_id);
    TRY(begin_seal(entered, draft != nullptr));
    auto sealed = finish_seal(entered, std::move(draft), request);
    const Locked lock(entered.live->mutex);
    --entered.live->seals;
    if (!sealed && sealed.error().code == ESTALE)
        return tl::unexpected<Error>(
            fenced(open.region, *entered.live, TRY(pool().find_region(open.region)).epoch));
    return to_wire(TRY(std::move(sealed)));
}

// The log ends with the seal: its windows die before the commit, and nobody opens it till then.
Status Requests::begin_seal(const Entered& entered, bool has_draft) {
    const Locked lock(entered.live->mutex);
    const auto now = TRY(check_entered(entered, lock));
    if (!has_draft)  // a takeover, be it this session's own, has dropped it
        return tl::unexpected<Error>(fenced(now.name, *entered.live, now.epoch));
    end_log(services_.tables, *entered.live, lock);
    ++entered.live->seals;
    return {};
}

Result<pool::GenerationInfo> Requests::finish_seal(const Entered& entered, std::unique_ptr<pool::Draft> draft,
                                                   const wire::Seal& request) {
    const auto expected = request.has_crc != 0 ? std::optional(request.crc32c) : std::nullopt;
    const DropWatch drops(pool(), entered.info);
    auto sealed = pool().seal(std::move(draft), request.length, expected, who_.principal);
    if (sealed)
        drops.publish(services_.events);
    return sealed;
}

Requests::Answer<wire::Empty> Requests::abort(const wire::Abort& request) {
    if (clones_.erase(request.draft_id) == 0)
        TRY(extract_draft(request.draft_id));
    return wire::Empty{};
}

Requests::Answer<wire::Empty> Requests::pin(const wire::Pin& request) {
    const auto region = TRY(allowed(request.region, Right::administer));
    TRY(pool().pin(region, request.number, request.pinned != 0));
    return wire::Empty{};
}

Status Requests::check_reading_limit() const {
    const auto limit = services_.limits.generations_per_session;
    if (reading_.size() >= limit)
        return fail(EMFILE,
                    "this session has {} generations and logs open for reading already, the limit: close one",
                    limit);
    return {};
}

Requests::Answer<wire::OpenedGeneration> Requests::open_generation(const wire::OpenGeneration& request) {
    TRY(check_reading_limit());
    const auto region = TRY(allowed(request.region, Right::read));
    const auto generation = TRY(pool().open_generation(region, request.number));
    const auto& info = generation->info();
    auto what = subject(region);
    what.generation = info.number;
    what.handle = ++last_handle_;
    const auto window =
        TRY(grant(std::move(what), {generation->page_offsets(), 0, info.length}, rdma::Access::read));
    wire::OpenedGeneration answer{last_handle_, to_wire(info), {window.key, window.base, info.length}};
    reading_.emplace(last_handle_, OpenForReading{generation, {window.key}});
    return answer;
}

Requests::Answer<wire::Empty> Requests::close_generation(const wire::CloseGeneration& request) {
    const auto found = reading_.find(request.handle);
    if (found == reading_.end())
        return fail(ENOENT, "this session has no generation and no log open under handle {}", request.handle);
    revoke(found->second.windows);
    reading_.erase(found);
    return wire::Empty{};
}

Requests::Answer<wire::GenerationList> Requests::list_generations(const wire::ListGenerations& request) {
    const auto region = TRY(allowed(request.region, Right::read));
    wire::GenerationList list;
    ListAnswer room;
    for (const auto& info : TRY(pool().generations(region, request.after, ListAnswer::kMaximumElements)))
        if (!room.add(list.generations, to_wire(info)))
            break;
    return list;
}

Requests::Answer<wire::Generation> Requests::find_generation(const wire::FindGeneration& request) {
    const auto region = TRY(allowed(request.region, Right::read));
    const auto generation = TRY(pool().open_generation(region, request.number));
    return to_wire(generation->info());
}

}  // namespace pmemckpt::driver
