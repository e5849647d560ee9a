// A draft that starts as an older generation: the manager is told which ranges will be written, in as many
// messages as they need.
#include <algorithm>

#include "lib/client/calls.hh"
#include "lib/client/writer.hh"

namespace pmemckpt::client {

namespace {

constexpr std::size_t kRangeBytes = 16;                              // wire::Range
constexpr std::size_t kDirtyBytes = wire::kHeaderBytes + 8 + 1 + 2;  // wire::Dirty without its ranges
constexpr std::size_t kRangesOfOneMessage = (rdma::kMaximumMessage - kDirtyBytes) / kRangeBytes;
static_assert(kRangesOfOneMessage <= UINT16_MAX);  // a list's count on the wire

wire::Dirty message_of(std::uint64_t draft_id, std::span<const Extent> ranges) {
    wire::Dirty request;
    request.draft_id = draft_id;
    request.ranges.reserve(ranges.size());
    for (const auto& range : ranges)
        request.ranges.push_back({range.at.bytes, range.size.bytes});
    return request;
}

/// The last answer has the window.
Result<wire::Begun> tell_dirty(Session& session, const wire::Cloning& cloning, const Ranges& dirty,
                               std::uint64_t size) {
    std::span<const Extent> left(dirty.list());
    for (;;) {
        const auto part = left.first(std::min(left.size(), kRangesOfOneMessage));
        left = left.subspan(part.size());
        auto request = message_of(cloning.draft_id, part);
        request.last = left.empty() ? 1 : 0;
        // The last one copies pages that are dirty in part, and blanks others.
        auto begun =
            TRY(session.call<wire::Begun>(request, left.empty() ? work_limit(size) : session.change_limit()));
        if (begun.draft_id != cloning.draft_id)
            return fail(EPROTO, "the manager spoke of draft {}, not {}", begun.draft_id, cloning.draft_id);
        if (left.empty())
            return begun;
    }
}

void drop_draft(Session& session, std::uint64_t draft_id) {
    wire::Abort request;
    request.draft_id = draft_id;
    if (session.exchange().state())
        static_cast<void>(session.call<wire::Empty>(request, kFarewellLimit, WhenLate::forget));
}

}  // namespace

Result<std::unique_ptr<Writer>> Client::begin_clone(const std::string& region, std::uint64_t size,
                                                    std::span<const Extent> dirty, std::uint64_t base) {
    TRY(check_region(region));
    auto ranges = TRY(Ranges::normalize(dirty, size));
    wire::BeginClone request;
    request.region = region;
    request.size = size;
    request.base = base;
    const auto cloning = TRY(session_->call<wire::Cloning>(request, work_limit(size)));
    auto good = check_answer(cloning.base);
    if (!good)
        return tl::unexpected(session_->distrust(good.error()));
    const auto begun = tell_dirty(*session_, cloning, ranges, size);
    if (!begun) {
        drop_draft(*session_, cloning.draft_id);
        return tl::unexpected(begun.error().code == EPROTO ? session_->distrust(begun.error())
                                                           : begun.error());
    }
    good = check_window(begun->window, ranges.list().empty() ? 0 : size);
    if (!good)
        return tl::unexpected(session_->distrust(good.error()));
    auto state = std::make_unique<Writer::State>(session_, region, *begun, size, std::move(ranges));
    return std::unique_ptr<Writer>(new Writer(std::move(state)));
}

}  // namespace pmemckpt::client
