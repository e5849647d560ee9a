#pragma once
// What a pool should hold, as plain maps, and the comparison of a pool with them.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

namespace pmemckpt::pool {

constexpr std::uint64_t kPageSize = 64 * kKiB;

using Bytes = std::vector<std::byte>;

struct ModelLog {
    std::uint64_t id = 0;
    std::uint32_t term = 0;
    std::vector<Bytes> payloads;
    std::optional<test::LogWriter> writer;
};

struct ModelRegion {
    std::uint32_t keep = 1;
    std::uint64_t next = 1;
    std::map<std::uint64_t, Bytes> generations;
    std::uint64_t epoch = 1;
    std::set<std::uint64_t> pinned;
    std::optional<ModelLog> log;
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> cursors;

    std::uint64_t newest() const { return generations.empty() ? 0 : generations.rbegin()->first; }
    /// Keeps the newest `keep`, and those that are pinned.
    void retain() {
        auto left = generations.size();
        for (auto entry = generations.begin(); left > keep; --left)
            entry = pinned.contains(entry->first) ? std::next(entry) : generations.erase(entry);
    }
};

struct OpenDraft {
    std::unique_ptr<Draft> draft;
    std::vector<std::byte> bytes;
    bool orphan = false;                     ///< its region was destroyed
    std::shared_ptr<const Generation> base;  ///< a clone holds it
};

struct Held {
    std::shared_ptr<const Generation> generation;
    std::vector<std::byte> bytes;
};

/// A pool and what it should hold.
class Modelled {
public:
    void compare() {
        std::vector<std::string> names;
        for (const auto& info : pool_->regions("", SIZE_MAX))
            names.push_back(info.name);
        std::vector<std::string> wanted;
        for (const auto& [name, region] : model_)
            wanted.push_back(name);
        test::equal(fmt::format("{}", fmt::join(names, " ")), fmt::format("{}", fmt::join(wanted, " ")));
        for (const auto& [name, region] : model_)
            compare_region(name, region);
        for (const auto& held : held_)
            CHECK(test::content(*pool_, *held.generation) == held.bytes);
        compare_pages();
    }

protected:
    std::shared_ptr<test::Tape> tape_;
    std::unique_ptr<Pool> pool_;
    std::map<std::string, ModelRegion> model_;
    std::vector<OpenDraft> drafts_;
    std::vector<Held> held_;
    std::uint64_t newest_id_ = 0;

private:
    void compare_region(const std::string& name, const ModelRegion& region) {
        const auto info = test::ok(pool_->find_region(name));
        const auto infos = test::ok(pool_->generations(name, 0, SIZE_MAX));
        test::equal(infos.size(), region.generations.size());
        test::equal(info.generations, std::uint64_t{infos.size()});
        std::uint64_t sum = 0;
        auto wanted = region.generations.begin();
        for (const auto& generation : infos) {
            test::equal(generation.number, wanted->first);
            CHECK(test::content(*pool_, *test::ok(pool_->open_generation(name, generation.number))) ==
                  wanted->second);
            test::equal(generation.pinned, region.pinned.contains(generation.number));
            sum += generation.length;
            ++wanted;
        }
        test::equal(info.bytes, sum);
        test::equal(info.newest, infos.empty() ? std::uint64_t{0} : infos.back().number);
        test::equal(info.epoch, region.epoch);
        compare_log(name, region);
        std::string cursors, wanted_cursors;
        for (const auto& cursor : test::ok(pool_->cursors(name)))
            cursors += fmt::format("{} {} {}\n", cursor.name, cursor.generation, cursor.sequence);
        for (const auto& [who, at] : region.cursors)
            wanted_cursors += fmt::format("{} {} {}\n", who, at.first, at.second);
        test::equal(cursors, wanted_cursors);
    }

    void compare_log(const std::string& name, const ModelRegion& region) {
        const auto view = test::ok(pool_->read_log(name));
        test::equal(view.log.id, region.log ? region.log->id : 0);
        test::equal(view.generation, region.newest());
        if (!region.log)
            return;
        test::equal(view.log.term, region.log->term);
        CHECK(test::log_payloads(*pool_, name) == region.log->payloads);
    }

    /// Each page is of generations of one region, or of one log or draft, or is free.
    void compare_pages() {
        test::equal(test::pages_owned_twice(*pool_), std::string());
        std::set<std::uint64_t> owned;
        for (const auto& [name, region] : model_) {
            for (const auto& [number, bytes] : region.generations) {
                const auto& offsets = test::ok(pool_->open_generation(name, number))->page_offsets();
                owned.insert(offsets.begin(), offsets.end());
            }
            for (const auto& segment : test::ok(pool_->read_log(name)).segments)
                for (const auto offset : segment.page_offsets)
                    CHECK(owned.insert(offset).second);
        }
        for (const auto& held : held_)
            owned.insert(held.generation->page_offsets().begin(), held.generation->page_offsets().end());
        for (const auto& open : drafts_)
            if (open.base)
                owned.insert(open.base->page_offsets().begin(), open.base->page_offsets().end());
        for (const auto& open : drafts_)
            for (std::size_t page = 0; page < open.draft->page_offsets().size(); ++page) {
                const bool own = open.draft->writable().empty() || open.draft->writable()[page];
                const bool added = owned.insert(open.draft->page_offsets()[page]).second;
                CHECK(added || !own);
            }
        const auto info = pool_->info();
        test::equal(info.free_pages, info.pages - owned.size());
        test::equal(info.drafts, std::uint64_t{drafts_.size()});
    }
};

}  // namespace pmemckpt::pool
