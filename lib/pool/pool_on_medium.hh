#pragma once
// The pool itself: Pool::open's class. Its parts are in pool_on_medium.cc (open, questions), regions.cc,
// grants.cc, retention.cc, draft.cc (begin), clone.cc, seal.cc, logs.cc and cursors.cc.
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "lib/base/units.hh"
#include "lib/pool/catalog.hh"
#include "lib/pool/draft.hh"
#include "lib/pool/journal.hh"
#include "lib/pool/page_store.hh"
#include "lib/pool/pool.hh"
#include "lib/pool/recovery.hh"
#include "lib/pool/region_log.hh"

namespace pmemckpt::pool {

/// EINVAL.
Status check_retention(const std::string& name, std::uint32_t keep, std::int64_t keep_age_ns);

// Lock order: writing_, then tables_, then the page store's. Payload is blanked, copied, checksummed and
// persisted under none of them, and logs are looked at under a lock of their own.
class PoolOnMedium final : public Pool {
public:
    PoolOnMedium(std::unique_ptr<media::Medium> medium, Recovered recovered);
    /// See Journal::settle.
    Status settle();

    media::Medium& medium() override { return *medium_; }
    std::uint64_t page_size() const override { return superblock_.page_size; }
    const Uuid& uuid() const override { return superblock_.uuid; }
    PoolInfo info() const override;

    Result<RegionInfo> create_region(const std::string& name, const std::string& owner,
                                     RegionSettings settings) override;
    Result<RegionInfo> find_region(const RegionRef& region) const override;
    Result<Rights> rights(const RegionRef& region, const std::vector<std::string>& grantees) const override;
    Result<std::vector<Grant>> grants(const RegionRef& region) const override;
    Result<Rights> grant(const RegionRef& region, const Grant& more) override;
    Result<Rights> withdraw(const RegionRef& region, const Grant& less) override;
    Result<RegionInfo> set_owner(const RegionRef& region, const std::string& owner) override;
    Result<std::uint64_t> destroy_region(const RegionRef& region) override;
    std::vector<RegionInfo> regions(const std::string& after, std::size_t limit) const override;
    Result<RegionInfo> set_retention(const RegionRef& region, std::uint32_t keep,
                                     std::int64_t keep_age_ns) override;
    Status clear(const RegionRef& region) override;
    Status pin(const RegionRef& region, std::uint64_t number, bool pinned) override;
    Result<std::size_t> expire(std::int64_t now_ns) override;
    Result<RegionInfo> take_over(const RegionRef& region) override;

    Result<std::unique_ptr<Draft>> begin(const RegionRef& region, std::uint64_t size) override;
    Result<std::unique_ptr<Draft>> begin_clone(const RegionRef& region, std::uint64_t size,
                                               const Base& base) override;
    Result<GenerationInfo> seal(std::unique_ptr<Draft> draft, std::uint64_t length,
                                std::optional<std::uint32_t> expected_crc,
                                const std::string& writer) override;

    Result<std::shared_ptr<const Generation>> open_generation(const RegionRef& region,
                                                              std::uint64_t number) const override;
    Result<std::vector<Extent>> locate(const RegionRef& region, std::uint64_t number,
                                       Extent range) const override;
    Result<std::vector<GenerationInfo>> generations(const RegionRef& region, std::uint64_t after,
                                                    std::size_t limit) const override;
    Result<LogGrant> open_log(const RegionRef& region, std::uint64_t room) override;
    Result<LogGrant> grow_log(const RegionRef& region, std::uint64_t log_id, std::uint32_t term,
                              std::uint64_t room) override;
    Result<LogView> read_log(const RegionRef& region) override;
    Result<LogPlace> find_in_log(const RegionRef& region, std::uint64_t log_id, LogMeasure by,
                                 std::uint64_t value) override;
    Result<std::optional<Cursor>> cursor(const RegionRef& region, const std::string& name) const override;
    Result<std::vector<Cursor>> cursors(const RegionRef& region) const override;
    Status advance_cursor(const RegionRef& region, const Cursor& cursor, const ReadFrom& from) override;
    Status drop_cursor(const RegionRef& region, const std::string& name) override;

    void set_seal_listener(SealListener listener) override;

private:
    Result<const Region*> region_named(const RegionRef& region) const;
    struct Found {
        GenerationInfo info;
        std::shared_ptr<const Pages> pages;
    };
    Result<Found> find_generation(const RegionRef& region, std::uint64_t number) const;
    Result<RegionInfo> check_begin(const RegionRef& region, std::uint64_t size) const;
    Status blank(std::span<const PageExtent> extents) const;
    Status copy_pages(const Found& base, const std::vector<std::uint64_t>& to,
                      const std::vector<std::size_t>& indexes);
    tl::unexpected<Error> no_room(const Error& error, const std::string& what) const;

    // Under writing_.
    Status put_region(const format::RegionPut& record);
    Result<Rights> put_rights(const Region& region, const Grant& grant);
    Result<std::size_t> drop_unkept(std::uint64_t region_id, std::int64_t now, Discarded& discarded);

    struct LookedAt {
        RegionInfo region;
        std::optional<RegionLog> log;
        LogPlace end;
    };
    enum class Look { from_end, from_opening };  // the latter when the last opening's windows are dead
    Result<LookedAt> log_of(const RegionRef& region) const;  // not looked at
    Result<LookedAt> look(const RegionRef& region, Look from = Look::from_end) const;
    /// Blanks what lies behind its end, at most so much, durably.
    Status blank_tail(const LookedAt& looked, std::uint64_t limit);
    Status make_durable(const LookedAt& looked);
    Result<std::shared_ptr<const Pages>> log_pages(const LookedAt& looked, std::uint64_t least);
    Status put_log(const format::LogGrow& record, std::shared_ptr<const Pages> pages);
    Result<std::optional<LogGrant>> raise_term(const LookedAt& looked, std::shared_ptr<const Pages> pages);
    static Status check_log(const std::string& region, const std::optional<RegionLog>& log,
                            std::uint64_t log_id, std::uint32_t term);

    Result<std::uint32_t> checksum(const Pages& pages, std::uint64_t length) const;
    Status check_good(const Found& found) const;
    void withhold_bad_extents();
    void withhold_unreadable(const Pages& pages);
    Status check_seal(const PagesDraft& draft, std::uint64_t length, const std::string& writer) const;
    Result<std::uint32_t> finish_payload(PagesDraft& draft, std::uint64_t length,
                                         std::optional<std::uint32_t> expected_crc);
    struct Sealed {
        RegionInfo region;
        GenerationInfo generation;
    };
    Result<Sealed> commit(PagesDraft& draft, format::GenerationSeal record);
    Status complete(const PagesDraft& draft, format::GenerationSeal& record) const;
    Sealed enter(const format::GenerationSeal& record, std::shared_ptr<const Pages> pages,
                 Discarded& discarded);

    std::unique_ptr<media::Medium> medium_;
    const format::Superblock superblock_;  ///< as it was at open; its identity and geometry never change
    std::shared_ptr<PageStore> pages_;
    const std::vector<Extent> bad_;  ///< of the medium, when it was opened
    std::shared_ptr<std::atomic<std::uint64_t>> drafts_ = std::make_shared<std::atomic<std::uint64_t>>(0);

    std::mutex writing_;  ///< one metadata change at a time; held over its persists
    Journal journal_;     ///< written under writing_
    std::vector<std::shared_ptr<const Pages>>
        doubtful_;  ///< under writing_: of commits that failed to persist

    mutable std::shared_mutex tables_;  ///< never held over I/O
    Catalog catalog_;                   ///< changed under both locks, so either one is enough to read it
    std::shared_ptr<const SealListener> listener_;  ///< under tables_
};

}  // namespace pmemckpt::pool
