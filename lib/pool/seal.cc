// From a draft to a generation. The order of the persists is the promise: payload, then the record, then the
// answer.
#include <algorithm>
#include <cerrno>
#include <mutex>

#include "lib/base/keys.hh"
#include "lib/media/readable.hh"
#include "lib/pool/clock.hh"
#include "lib/pool/pool_on_medium.hh"

namespace pmemckpt::pool {

Result<std::uint32_t> PoolOnMedium::checksum(const Pages& pages, std::uint64_t length) const {
    const std::span<const std::byte> bytes = std::as_const(*medium_).bytes();
    std::uint32_t crc = 0;
    for (const auto extent : pages.extents()) {
        const auto [at, size] = pages_->bytes_of(extent);
        const auto here = std::min(size.bytes, length);
        crc = TRY(media::checksum(bytes.subspan(at.bytes, here), at.bytes, crc));
        length -= here;
    }
    return crc;
}

Status PoolOnMedium::check_seal(const PagesDraft& draft, std::uint64_t length,
                                const std::string& writer) const {
    require(draft.is_of(drafts_), "a draft is sealed by the pool that it is of");
    if (length > draft.size())
        return fail(EINVAL, "a draft of {} bytes of region {} can't be sealed with {} bytes", draft.size(),
                    draft.region(), length);
    return check_principal(writer);
}

Result<std::uint32_t> PoolOnMedium::finish_payload(PagesDraft& draft, std::uint64_t length,
                                                   std::optional<std::uint32_t> expected_crc) {
    draft.truncate(divide_up(length, page_size()));
    const auto sum = checksum(draft.pages(), length);
    if (!sum) {
        withhold_unreadable(draft.pages());
        return fail(EBADMSG, "{}; nothing is sealed, write them again", sum.error().message);
    }
    const auto crc = *sum;
    if (expected_crc && *expected_crc != crc)
        return fail(
            EBADMSG,
            "the {} bytes that arrived for region {} have CRC-32C {:08x}, and their sender says {:08x}; "
            "nothing is sealed, write them again",
            length, draft.region(), crc, *expected_crc);
    // Whole pages: what lies behind `length` in the last one was blanked, and may not come back either.
    // Cut before or after: the old generation; no record names these pages. Those shared with a base are
    // durable.
    for (const auto extent : own_extents(draft.pages(), draft.writable()))
        TRY(medium_->persist(pages_->bytes_of(extent)));
    return crc;
}

/// Number and epoch are the region's at this moment, which writing_ makes last.
Status PoolOnMedium::complete(const PagesDraft& draft, format::GenerationSeal& record) const {
    const Region* region = catalog_.find(draft.region());
    if (!region || region->info.id != draft.region_id())
        return fail(ENOENT, "region {} was destroyed while this generation was being written",
                    draft.region());
    if (region->info.epoch != draft.epoch())
        return fail(
            ESTALE,
            "fenced: region {} was taken over, and is at epoch {}; this generation was begun in epoch "
            "{}, and is not sealed; open the region anew",
            draft.region(), region->info.epoch, draft.epoch());
    if (region->next_number + 1 >= format::kMaximumSequence)
        return fail(EOVERFLOW, "region {} has used up its generation numbers: make another region",
                    draft.region());
    record.region_id = region->info.id;
    record.number = region->next_number;
    record.epoch = region->info.epoch;
    record.sealed_ns = now_ns();
    record.dropped = region->over_retention(region->info.settings.keep - 1, record.sealed_ns);
    return {};
}

PoolOnMedium::Sealed PoolOnMedium::enter(const format::GenerationSeal& record,
                                         std::shared_ptr<const Pages> pages, Discarded& discarded) {
    const std::lock_guard tables(tables_);
    require(catalog_.apply(record, std::move(pages), discarded).has_value(),
            "a new generation's record holds");
    const Region& region = *catalog_.find(record.region_id);
    return {region.describe(), region.generation_info(*region.generations.find(record.number))};
}

Result<PoolOnMedium::Sealed> PoolOnMedium::commit(PagesDraft& draft, format::GenerationSeal record) {
    Discarded discarded;  // declared first: dies when no lock is held
    const std::lock_guard writing(writing_);
    TRY(complete(draft, record));
    record.extents = draft.pages().list();
    auto pages = std::make_shared<const Pages>(std::move(draft.pages()));
    // Cut before it returns: the old generations, or the new one and what it drops; never one without the
    // other.
    const auto appended =
        journal_.append(format::Kind::generation_seal, format::encode(record), Effect::grows, catalog_);
    if (!appended) {
        // The record may be on the medium all the same: nobody may get these pages before the next recovery.
        if (journal_.failed())
            doubtful_.push_back(std::move(pages));
        return tl::unexpected<Error>(appended.error());
    }
    return enter(record, std::move(pages), discarded);
}

Result<GenerationInfo> PoolOnMedium::seal(std::unique_ptr<Draft> draft, std::uint64_t length,
                                          std::optional<std::uint32_t> expected_crc,
                                          const std::string& writer) {
    auto* own = dynamic_cast<PagesDraft*>(draft.get());
    require(own != nullptr, "a draft is one that a pool's begin() made");
    TRY(check_seal(*own, length, writer));
    format::GenerationSeal record;
    record.crc32c = TRY(finish_payload(*own, length, expected_crc));
    record.length = length;
    record.durability = static_cast<std::uint8_t>(medium_->durability());
    record.writer = writer;
    const auto sealed = TRY(commit(*own, std::move(record)));
    draft.reset();
    std::shared_ptr<const SealListener> listener;
    {
        const std::shared_lock lock(tables_);
        listener = listener_;
    }
    if (listener && *listener)
        (*listener)(sealed.region, sealed.generation);
    return sealed.generation;
}

}  // namespace pmemckpt::pool
