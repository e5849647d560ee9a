// Requests about drafts and generations.
#include <cerrno>

#include "driver/convert.hh"
#include "driver/list_answer.hh"
#include "driver/requests.hh"

namespace pmemckpt::driver {

Result<rdma::Grant> Requests::grant(std::string region, std::uint64_t generation, std::uint64_t handle,
                                    const std::vector<std::uint64_t>& pages, std::uint64_t size,
                                    rdma::Access access) {
    return services_.tables.grant(
        *channel_, {who_.session_id, pool_->name, std::move(region), generation, handle},
        translate(pool().medium(), pool().page_size(), pages, size, access), access);
}

Requests::Answer<wire::Begun> Requests::begin(const wire::Begin& request) {
    const auto limit = services_.limits.drafts_per_session;
    if (drafts_.size() >= limit)
        return fail(EMFILE, "this session has {} unsealed generations already, the limit: seal or abort one",
                    limit);
    OpenDraft open{TRY(pool().begin(request.region, request.size)), 0};
    const auto id = ++last_handle_;
    const auto window =
        TRY(grant(request.region, 0, id, open.draft->page_offsets(), request.size, rdma::Access::write));
    open.window = window.key;
    drafts_.emplace(id, std::move(open));
    return wire::Begun{id, {window.key, window.base, request.size}};
}

Result<std::unique_ptr<pool::Draft>> Requests::take_draft(std::uint64_t draft_id) {
    const auto found = drafts_.find(draft_id);
    if (found == drafts_.end())
        return fail(ENOENT, "this session has no draft {}: it is sealed, dropped or was never begun",
                    draft_id);
    services_.tables.revoke(*channel_, who_.session_id, found->second.window);
    auto draft = std::move(found->second.draft);
    drafts_.erase(found);
    return draft;
}

Requests::Answer<wire::Generation> Requests::seal(const wire::Seal& request) {
    auto draft = TRY(take_draft(request.draft_id));  // from here on nobody can change the bytes
    const auto expected = request.has_crc != 0 ? std::optional(request.crc32c) : std::nullopt;
    return to_wire(TRY(pool().seal(std::move(draft), request.length, expected, who_.principal)));
}

Requests::Answer<wire::Empty> Requests::abort(const wire::Abort& request) {
    TRY(take_draft(request.draft_id));
    return wire::Empty{};
}

Requests::Answer<wire::OpenedGeneration> Requests::open_generation(const wire::OpenGeneration& request) {
    const auto limit = services_.limits.generations_per_session;
    if (generations_.size() >= limit)
        return fail(EMFILE, "this session has {} generations open already, the limit: close one", limit);
    auto generation = TRY(pool().open_generation(request.region, request.number));
    const auto& info = generation->info();
    const auto id = ++last_handle_;
    const auto window = TRY(
        grant(request.region, info.number, id, generation->page_offsets(), info.length, rdma::Access::read));
    wire::OpenedGeneration answer{id, to_wire(info), {window.key, window.base, info.length}};
    generations_.emplace(id, OpenGeneration{std::move(generation), window.key});
    return answer;
}

Requests::Answer<wire::Empty> Requests::close_generation(const wire::CloseGeneration& request) {
    const auto found = generations_.find(request.handle);
    if (found == generations_.end())
        return fail(ENOENT, "this session has no generation open under handle {}", request.handle);
    services_.tables.revoke(*channel_, who_.session_id, found->second.window);
    generations_.erase(found);
    return wire::Empty{};
}

Requests::Answer<wire::GenerationList> Requests::list_generations(const wire::ListGenerations& request) {
    wire::GenerationList list;
    ListAnswer room;
    for (const auto& info :
         TRY(pool().generations(request.region, request.after, ListAnswer::kMaximumElements)))
        if (!room.add(list.generations, to_wire(info)))
            break;
    return list;
}

Requests::Answer<wire::Generation> Requests::find_generation(const wire::FindGeneration& request) {
    const auto generation = TRY(pool().open_generation(request.region, request.number));
    return to_wire(generation->info());
}

}  // namespace pmemckpt::driver
