// A random life of a pool, compared with a model of plain maps: regions, drafts, seals, drops, held
// generations, restarts and power cuts. The same seed gives the same life.
#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include <fmt/format.h>

#include "lib/base/crc32c.hh"
#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Reached;

constexpr std::uint64_t kPageSize = 64 * kKiB;

struct ModelRegion {
    std::uint32_t keep = 1;
    std::uint64_t next = 1;
    std::map<std::uint64_t, std::vector<std::byte>> generations;
};

struct OpenDraft {
    std::unique_ptr<Draft> draft;
    std::vector<std::byte> bytes;
    bool orphan = false;  ///< its region was destroyed
};

struct Held {
    std::shared_ptr<const Generation> generation;
    std::vector<std::byte> bytes;
};

class Life {
public:
    Life() : tape_(test::make_tape(test::fresh_image(kMinimumPoolSize, kPageSize))) {
        reopen(Reached::durable);
    }

    void step() {
        const auto choice = random(100);
        if (choice < 8)
            create();
        else if (choice < 11)
            destroy();
        else if (choice < 40)
            begin();
        else if (choice < 75)
            seal();
        else if (choice < 82)
            drop_draft();
        else if (choice < 90)
            hold();
        else if (choice < 97)
            let_go();
        else
            reopen(static_cast<Reached>(random(3)));
    }

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

private:
    std::uint64_t random(std::uint64_t below) { return test::generator()() % below; }

    std::string some_region() {
        if (model_.empty() || random(20) == 0)
            return "nobody";
        return std::next(model_.begin(), static_cast<std::ptrdiff_t>(random(model_.size())))->first;
    }

    void create() {
        static constexpr const char* kNames[] = {"a", "a/b", "a/b/c", "d", "d-e", "f/1", "f/2", "f/3", "g"};
        const std::string name = kNames[random(std::size(kNames))];
        const auto keep = static_cast<std::uint32_t>(1 + random(6));
        const bool blocked = std::ranges::any_of(model_, [&](const auto& other) {
            return other.first == name || other.first.starts_with(name + "/") ||
                   name.starts_with(other.first + "/");
        });
        const auto made = pool_->create_region(name, "alice", {.keep = keep});
        if (blocked)
            return void(test::error(made, EEXIST));
        CHECK(test::ok(made).id > newest_id_);
        newest_id_ = made->id;
        model_[name] = {keep, 1, {}};
    }

    void destroy() {
        const auto name = some_region();
        const auto status = pool_->destroy_region(name);
        if (model_.erase(name) == 0)
            return void(test::error(status, ENOENT));
        test::ok(status);
        for (auto& open : drafts_)
            open.orphan |= open.draft->region() == name;
    }

    void begin() {
        const auto name = some_region();
        const auto size = random(4) == 0 ? random(40) * kPageSize : random(3 * kPageSize);
        const bool fits = divide_up(size, kPageSize) <= pool_->info().free_pages;
        auto draft = pool_->begin(name, size);
        if (!model_.contains(name))
            return void(test::error(draft, ENOENT));
        if (!fits)
            return void(test::error(draft, ENOSPC));
        OpenDraft open{test::ok(std::move(draft)), test::random_bytes(size)};
        const auto blank = test::content(*pool_, open.draft->page_offsets(), size);
        CHECK(std::ranges::all_of(blank, [](std::byte byte) { return byte == std::byte{0}; }));
        test::fill(*pool_, *open.draft, open.bytes);
        drafts_.push_back(std::move(open));
    }

    void seal() {
        if (drafts_.empty())
            return;
        auto open = take_draft();
        const auto length = random(3) == 0 ? random(open.bytes.size() + 1) : open.bytes.size();
        open.bytes.resize(length);
        const auto name = open.draft->region();
        const auto info = pool_->seal(std::move(open.draft), length, crc32c(open.bytes), "bob");
        if (open.orphan)
            return void(test::error(info, ENOENT));
        auto& region = model_.at(name);
        test::equal(test::ok(info).number, region.next);
        region.generations[region.next++] = std::move(open.bytes);
        while (region.generations.size() > region.keep)
            region.generations.erase(region.generations.begin());
    }

    OpenDraft take_draft() {
        const auto at = drafts_.begin() + static_cast<std::ptrdiff_t>(random(drafts_.size()));
        auto open = std::move(*at);
        drafts_.erase(at);
        return open;
    }

    void drop_draft() {
        if (!drafts_.empty())
            take_draft();
    }

    void hold() {
        const auto name = some_region();
        const auto region = model_.find(name);
        if (region == model_.end() || region->second.generations.empty() || held_.size() > 10)
            return;
        const auto& generations = region->second.generations;
        const auto chosen =
            std::next(generations.begin(), static_cast<std::ptrdiff_t>(random(generations.size())));
        held_.push_back({test::ok(pool_->open_generation(name, chosen->first)), chosen->second});
    }

    void let_go() {
        if (!held_.empty())
            held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(random(held_.size())));
    }

    /// Drafts and holds end with the process; sealed generations and regions stay.
    void reopen(Reached reached) {
        drafts_.clear();
        held_.clear();
        pool_.reset();
        tape_ = test::make_tape(test::cut(*tape_, reached, test::generator()));
        pool_ = test::ok(test::open_tape(tape_));
    }

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
            sum += generation.length;
            ++wanted;
        }
        test::equal(info.bytes, sum);
        test::equal(info.newest, infos.empty() ? std::uint64_t{0} : infos.back().number);
    }

    /// Each page has one owner, or is free.
    void compare_pages() {
        test::equal(test::pages_owned_twice(*pool_), std::string());
        std::set<std::uint64_t> owned;
        for (const auto& [name, region] : model_)
            for (const auto& [number, bytes] : region.generations) {
                const auto& offsets = test::ok(pool_->open_generation(name, number))->page_offsets();
                owned.insert(offsets.begin(), offsets.end());
            }
        for (const auto& held : held_)
            owned.insert(held.generation->page_offsets().begin(), held.generation->page_offsets().end());
        for (const auto& open : drafts_)
            for (const auto offset : open.draft->page_offsets())
                CHECK(owned.insert(offset).second);
        const auto info = pool_->info();
        test::equal(info.free_pages, info.pages - owned.size());
        test::equal(info.drafts, std::uint64_t{drafts_.size()});
    }

    std::shared_ptr<test::Tape> tape_;
    std::unique_ptr<Pool> pool_;
    std::map<std::string, ModelRegion> model_;
    std::vector<OpenDraft> drafts_;
    std::vector<Held> held_;
    std::uint64_t newest_id_ = 0;
};

void lives_as_the_model_says() {
    Life life;
    const int steps = test::under_valgrind() ? 100 : 1500;
    for (int step = 0; step < steps; ++step) {
        life.step();
        if (step % 10 == 0)
            life.compare();
    }
    life.compare();
}

}  // namespace

int main() {
    return test::run("pool_model", {{"lives_as_the_model_says", lives_as_the_model_says}});
}
