#include "tests/crash/state.hh"

#include <fmt/format.h>

#include <cstring>
#include <set>

#include "lib/base/crc32c.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

namespace pmemckpt::crash {

namespace {

using test::ok;

constexpr std::size_t kAll = SIZE_MAX;

class Observer {
public:
    explicit Observer(pool::Pool& pool) : pool_(pool) {}

    State all() {
        for (const auto& region : pool_.regions("", kAll)) {
            line("{} id {} owner {} keep {} age {} max {} epoch {} newest {} n {} bytes {}", region.name,
                 region.id, region.owner, region.settings.keep, region.settings.keep_age_ns,
                 region.settings.max_size, region.epoch, region.newest, region.generations, region.bytes);
            generations(region.name);
            log(region.name);
            cursors(region);
            grants(region.name);
        }
        pages();
        return std::move(state_);
    }

private:
    template <class... A>
    void line(fmt::format_string<A...> format, A&&... a) {
        state_.tables += fmt::format(format, std::forward<A>(a)...) + "\n";
    }

    void generations(const std::string& region) {
        for (const auto& info : ok(pool_.generations(region, 0, kAll))) {
            const auto generation = ok(pool_.open_generation(region, info.number));
            const bool whole = crc32c(test::content(pool_, *generation)) == info.crc32c;
            line("  {} length {} crc {:08x} epoch {} writer {}{}{}", info.number, info.length, info.crc32c,
                 info.epoch, info.writer, info.pinned ? " pinned" : "", whole ? "" : " TORN");
            owned_.insert(generation->page_offsets().begin(), generation->page_offsets().end());
        }
    }

    void log(const std::string& region) {
        const auto view = ok(pool_.read_log(region));
        records_ = 0;
        if (view.log.id == 0)
            return;
        line("  log {:x} term {} after {} capacity {}", view.log.id, view.log.term, view.generation,
             view.log.capacity);
        auto payloads = test::log_payloads(pool_, region);
        records_ = payloads.size();
        state_.logs.emplace(view.log.id, std::move(payloads));
        for (const auto& segment : view.segments)
            owned_.insert(segment.page_offsets.begin(), segment.page_offsets.end());
    }

    void cursors(const pool::RegionInfo& region) {
        for (const auto& cursor : ok(pool_.cursors(region.name))) {
            line("  cursor {} at {} {}", cursor.name, cursor.generation, cursor.sequence);
            if (cursor.generation == region.newest && cursor.sequence > records_)
                state_.wrong += fmt::format("cursor {} of {} has read record {} of {}\n", cursor.name,
                                            region.name, cursor.sequence, records_);
        }
    }

    void grants(const std::string& region) {
        for (const auto& grant : ok(pool_.grants(region)))
            line("  {} may {}", grant.grantee, to_string(grant.rights));
    }

    /// No draft is open: each page is a generation's, a log's, or free.
    void pages() {
        state_.wrong += test::pages_owned_twice(pool_);
        const auto info = pool_.info();
        if (info.drafts == 0 && info.free_pages + owned_.size() != info.pages)
            state_.wrong += fmt::format("{} pages are free, {} have a holder, and there are {}\n",
                                        info.free_pages, owned_.size(), info.pages);
    }

    pool::Pool& pool_;
    State state_;
    std::set<std::uint64_t> owned_;
    std::uint64_t records_ = 0;  ///< of the log of the region at hand
};

}  // namespace

std::string State::describe() const {
    auto text = tables;
    for (const auto& [id, payloads] : logs)
        text += fmt::format("log {:x}: {} records\n", id, payloads.size());
    return text + wrong;
}

State observe(pool::Pool& pool) {
    try {
        return Observer(pool).all();
    } catch (const test::Failure& failure) {
        return {{}, {}, failure.what()};
    }
}

State unopened(int code) {
    return {fmt::format("can't be opened: {}\n", std::strerror(code)), {}, {}};
}

}  // namespace pmemckpt::crash
