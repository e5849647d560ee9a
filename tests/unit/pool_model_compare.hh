#pragma once
// A pool and its model side by side, and the comparison of the two.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"
#include "tests/unit/pool_model.hh"

namespace pmemckpt::pool {

struct OpenDraft {
    std::unique_ptr<Draft> draft;
    std::uint64_t region_id = 0;
    ModelPages pages;
    std::vector<Extent> writable;  ///< of a clone: the dirty ranges
    ModelPages base;               ///< of a clone: held by it
};

struct Held {
    std::string region;
    std::shared_ptr<const Generation> generation;
    ModelGeneration wanted;
};

/// Fills a pool, so that space is short in it; its records are long, and fill a journal. No business of the
/// model's.
inline const std::string kFiller(255, 'z');

class Modelled {
public:
    /// What an operation on a region can have changed.
    void compare_touched() {
        compare_counts();
        const auto region = model_.find(touched_);
        if (region == model_.end())
            return void(test::error(pool_->find_region(touched_), ENOENT));
        compare_region(touched_, region->second);
        for (const auto& open : drafts_)
            if (open.draft->region() == touched_)
                compare_draft(open);
    }

    void compare_all() {
        compare_counts();
        std::string names, wanted;
        for (const auto& info : pool_->regions("", SIZE_MAX))
            names += info.name != kFiller ? info.name + " " : "";
        for (const auto& [name, region] : model_)
            wanted += name + " ";
        test::equal(names, wanted);
        for (const auto& [name, region] : model_)
            compare_region(name, region);
        for (const auto& open : drafts_)
            compare_draft(open);
        for (const auto& [name, generation, held] : held_)
            compare_content("a held one", generation->page_offsets(), held.pages, held.length);
        compare_places();
    }

protected:
    std::shared_ptr<test::Tape> tape_;
    std::unique_ptr<Pool> pool_;
    std::map<std::string, ModelRegion> model_;
    std::map<std::string, test::LogWriter> writers_;  ///< of open logs, by their region
    std::vector<OpenDraft> drafts_;
    std::vector<Held> held_;
    std::uint64_t all_pages_ = 0;  ///< that the filler has left

    std::string touched_ = "nobody";  ///< the region that the last operation was on

    std::uint64_t free_pages() const { return all_pages_ - ModelPage::living; }
    /// nullptr: there is no region of this name.
    ModelRegion* find(const std::string& name) {
        touched_ = name;
        const auto found = model_.find(name);
        return found == model_.end() ? nullptr : &found->second;
    }
    /// nullptr: nobody has the region's log open.
    test::LogWriter* writer_of(const std::string& region) {
        const auto found = writers_.find(region);
        return found == writers_.end() ? nullptr : &found->second;
    }
    /// Those of logs that have ended.
    void drop_writers() {
        std::erase_if(writers_, [this](const auto& entry) {
            const auto& [name, writer] = entry;
            const auto region = model_.find(name);
            return region == model_.end() || !region->second.log ||
                   region->second.log->id != writer.grant().log.id;
        });
    }
    /// It must have gone well when `code` is 0, and have been refused with `code` otherwise.
    template <class T>
    static bool done(const Result<T>& result, int code, const test::Place& place = test::Place::current()) {
        if (!result && result.error().code != code)
            test::fail_at(place, fmt::format("wanted error {}, got {}: {}", code, result.error().code,
                                             result.error().message));
        if (result && code != 0)
            test::fail_at(place, fmt::format("wanted error {}, but it went well", code));
        return code == 0;
    }

    void close() {
        drafts_.clear();
        held_.clear();
        writers_.clear();
        pool_.reset();
    }

private:
    void compare_counts() {
        const auto info = pool_->info();
        std::uint64_t generations = 1;  // the filler's
        for (const auto& [name, region] : model_)
            generations += region.generations.size();
        test::equal(info.free_pages, free_pages());
        test::equal(info.drafts, std::uint64_t{drafts_.size()});
        test::equal(info.regions, std::uint64_t{model_.size()} + 1);
        test::equal(info.generations, generations);
    }

    void compare_content(const std::string& what, const std::vector<std::uint64_t>& offsets,
                         const ModelPages& pages, std::uint64_t length) {
        test::equal(offsets.size(), pages.size());
        const auto medium = std::as_const(pool_->medium()).bytes();
        for (std::size_t page = 0; page < pages.size(); ++page, length -= std::min(length, kPageSize))
            if (std::memcmp(medium.data() + offsets[page], pages[page]->bytes.data(),
                            std::min(length, kPageSize)) != 0)
                throw test::Failure(fmt::format("page {} of {} differs", page, what));
    }

    void compare_draft(const OpenDraft& open) {
        compare_content("a draft of " + open.draft->region(), open.draft->page_offsets(), open.pages,
                        open.draft->size());
    }

    void compare_region(const std::string& name, const ModelRegion& region) {
        const auto info = test::ok(pool_->find_region(name));
        std::uint64_t bytes = 0;
        auto wanted = region.generations.begin();
        for (const auto& generation : test::ok(pool_->generations(name, 0, SIZE_MAX))) {
            CHECK(wanted != region.generations.end());
            compare_generation(name, region, generation, *wanted++);
            bytes += generation.length;
        }
        CHECK(wanted == region.generations.end());
        test::equal(info.id, region.id);
        test::equal(info.generations, std::uint64_t{region.generations.size()});
        test::equal(info.bytes, bytes);
        test::equal(info.newest, region.newest());
        test::equal(info.epoch, region.epoch);
        test::equal(info.settings.keep, region.keep);
        compare_log(name, region);
        compare_cursors(name, region);
        test::equal(info.owner, region.owner);
        compare_grants(name, region);
    }

    void compare_generation(const std::string& name, const ModelRegion& region, const GenerationInfo& info,
                            const std::pair<const std::uint64_t, ModelGeneration>& wanted) {
        test::equal(info.number, wanted.first);
        test::equal(info.length, wanted.second.length);
        test::equal(info.crc32c, wanted.second.crc);
        test::equal(info.epoch, wanted.second.epoch);
        test::equal(info.pinned, region.pinned.contains(info.number));
        compare_content(fmt::format("{}@{}", name, info.number),
                        test::ok(pool_->open_generation(name, info.number))->page_offsets(),
                        wanted.second.pages, info.length);
    }

    void compare_log(const std::string& name, const ModelRegion& region) {
        const auto view = test::ok(pool_->read_log(name));
        test::equal(view.log.id, region.log ? region.log->id : 0);
        test::equal(view.generation, region.newest());
        test::equal(view.epoch, region.epoch);
        if (!region.log)
            return;
        test::equal(view.log.term, region.log->term);
        test::equal(view.log.capacity, region.log->pages.size() * kPageSize);
        test::equal(view.log.records, std::uint64_t{region.log->records.size()});
        CHECK(test::log_payloads(*pool_, name) == region.log->records);
    }

    void compare_cursors(const std::string& name, const ModelRegion& region) {
        const auto cursors = test::ok(pool_->cursors(name));
        CHECK(std::ranges::equal(cursors, region.cursors, [](const Cursor& cursor, const auto& wanted) {
            return cursor.name == wanted.first &&
                   ModelCursor(cursor.generation, cursor.sequence) == wanted.second;
        }));
    }

    void compare_grants(const std::string& name, const ModelRegion& region) {
        const auto grants = test::ok(pool_->grants(name));
        CHECK(std::ranges::equal(grants, region.grants, [](const Grant& grant, const auto& wanted) {
            return grant.grantee == wanted.first && grant.rights.bits() == wanted.second;
        }));
        for (const char* who : {"alice", "bob"}) {
            const auto group = region.grants.find("%ops");
            const auto own = region.grants.find(who);
            const unsigned wanted = (own == region.grants.end() ? 0 : own->second) |
                                    (group == region.grants.end() ? 0 : group->second);
            test::equal(unsigned{test::ok(pool_->rights(name, {who, "%ops"})).bits()},
                        who == region.owner ? unsigned{Rights::all().bits()} : wanted);
        }
    }

    /// Each page of the model lies in one place, and no two in the same.
    class Places {
    public:
        void add(const ModelPages& pages, const std::vector<std::uint64_t>& offsets) {
            CHECK(pages.size() == offsets.size());
            for (std::size_t page = 0; page < pages.size(); ++page) {
                const auto place = places_.emplace(pages[page].get(), offsets[page]).first->second;
                const auto owner = owners_.emplace(offsets[page], pages[page].get()).first->second;
                CHECK(place == offsets[page] && owner == pages[page].get());
            }
        }
        std::size_t count() const { return places_.size(); }

    private:
        std::unordered_map<const ModelPage*, std::uint64_t> places_;
        std::unordered_map<std::uint64_t, const ModelPage*> owners_;
    };

    void compare_places() {
        Places places;
        for (const auto& [name, region] : model_) {
            for (const auto& [number, wanted] : region.generations)
                places.add(wanted.pages, test::ok(pool_->open_generation(name, number))->page_offsets());
            std::vector<std::uint64_t> offsets;
            for (const auto& segment : test::ok(pool_->read_log(name)).segments)
                offsets.insert(offsets.end(), segment.page_offsets.begin(), segment.page_offsets.end());
            places.add(region.log ? region.log->pages : ModelPages(), offsets);
        }
        for (const auto& [name, generation, wanted] : held_)
            places.add(wanted.pages, generation->page_offsets());
        for (const auto& open : drafts_)
            places.add(open.pages, open.draft->page_offsets());
        CHECK(places.count() <= ModelPage::living);  // a clone's base may be gone from everywhere else
    }
};

}  // namespace pmemckpt::pool
