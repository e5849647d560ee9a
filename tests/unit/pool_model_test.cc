// A random life of a pool, compared with a model of plain maps: regions, drafts, clones, seals, drops, pins,
// logs, cursors, takeovers, held generations, restarts and power cuts. The same seed gives the same life.
#include <algorithm>
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "tests/unit/pool_model.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Reached;

class Life : public Modelled {
public:
    Life() {
        tape_ = test::make_tape(test::fresh_image(kMinimumPoolSize, kPageSize));
        reopen(Reached::durable);
    }

    void step() {
        if (random(2) == 0)
            return later_step();
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

    void later_step() {
        const auto choice = random(100);
        if (choice < 25)
            begin_clone();
        else if (choice < 35)
            seal();
        else if (choice < 45)
            pin();
        else if (choice < 47)
            clear();
        else if (choice < 50)
            set_retention();
        else if (choice < 53)
            take_over();
        else if (choice < 60)
            open_log();
        else if (choice < 65)
            grow_log();
        else if (choice < 85)
            append();
        else if (choice < 97)
            advance_cursor();
        else
            drop_cursor();
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
        model_[name] = {};
        model_[name].keep = keep;
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
        OpenDraft open{test::ok(std::move(draft)), test::random_bytes(size), false, nullptr};
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
        const auto epoch = open.draft->epoch();
        const auto info = pool_->seal(std::move(open.draft), length, crc32c(open.bytes), "bob");
        if (open.orphan)
            return void(test::error(info, ENOENT));
        auto& region = model_.at(name);
        if (epoch != region.epoch)
            return void(test::error(info, ESTALE));
        test::equal(test::ok(info).number, region.next);
        region.generations[region.next++] = std::move(open.bytes);
        region.log.reset();
        region.retain();
    }

    void begin_clone() {
        const auto name = some_region();
        const auto region = model_.find(name);
        if (region == model_.end() || region->second.generations.empty()) {
            const auto refused = pool_->begin_clone(name, 10, {});
            return void(test::error(refused, region == model_.end() ? ENOENT : ENODATA));
        }
        const auto& generations = region->second.generations;
        const auto& [number, base] =
            *std::next(generations.begin(), static_cast<std::ptrdiff_t>(random(generations.size())));
        Bytes bytes = base;
        if (random(3) == 0)
            bytes.resize(random(4 * kPageSize));
        std::vector<Extent> dirty;
        for (auto count = bytes.empty() ? 0 : random(4); count > 0; --count) {
            const auto at = random(bytes.size());
            dirty.push_back({{at}, {random(bytes.size() - at + 1)}});
        }
        auto held = test::ok(pool_->open_generation(name, number));
        auto draft = pool_->begin_clone(name, bytes.size(), {number, dirty});
        if (!draft)
            return void(test::error(draft, ENOSPC));
        write_clone(**draft, dirty, bytes);
        drafts_.push_back({std::move(*draft), std::move(bytes), false, std::move(held)});
    }

    void write_clone(const Draft& draft, const std::vector<Extent>& dirty, Bytes& bytes) {
        const auto medium = pool_->medium().bytes();
        for (const auto& [at, size] : dirty) {
            const auto fresh = test::random_bytes(size.bytes);
            for (std::uint64_t byte = 0; byte < size.bytes; ++byte) {
                const auto place = at.bytes + byte;
                CHECK(draft.writable().at(place / kPageSize));
                medium[draft.page_offsets()[place / kPageSize] + place % kPageSize] = bytes[place] =
                    fresh[byte];
            }
        }
    }

    /// nullptr: no region of this name.
    ModelRegion* some_model(std::string& name) {
        name = some_region();
        const auto found = model_.find(name);
        return found == model_.end() ? nullptr : &found->second;
    }

    void pin() {
        std::string name;
        auto* region = some_model(name);
        if (!region || region->generations.empty())
            return void(test::error(pool_->pin(name, 1, true), ENOENT));
        const auto number = region->newest() - std::min(random(4), region->newest() - 1);
        const bool pinned = random(2) == 0;
        const auto status = pool_->pin(name, number, pinned);
        if (!region->generations.contains(number))
            return void(test::error(status, ENOENT));
        test::ok(status);
        pinned ? void(region->pinned.insert(number)) : void(region->pinned.erase(number));
        test::ok(pool_->expire(0));
        region->retain();
    }

    void clear() {
        std::string name;
        auto* region = some_model(name);
        const auto status = pool_->clear(name);
        if (!region)
            return void(test::error(status, ENOENT));
        test::ok(status);
        region->generations.clear();
        region->pinned.clear();
        region->log.reset();
        for (auto& [cursor, at] : region->cursors)
            if (at.first == 0)
                at.second = 0;
    }

    void set_retention() {
        std::string name;
        auto* region = some_model(name);
        const auto keep = static_cast<std::uint32_t>(1 + random(6));
        const auto info = pool_->set_retention(name, keep, 0);
        if (!region)
            return void(test::error(info, ENOENT));
        region->keep = keep;
        region->retain();
        test::equal(test::ok(info).generations, std::uint64_t{region->generations.size()});
    }

    void take_over() {
        std::string name;
        auto* region = some_model(name);
        const auto info = pool_->take_over(name);
        if (!region)
            return void(test::error(info, ENOENT));
        test::equal(test::ok(info).epoch, ++region->epoch);
        if (region->log)
            region->log->writer.reset();  // its windows are dead
    }

    void open_log() {
        std::string name;
        auto* region = some_model(name);
        const auto room = random(2 * kPageSize);
        auto grant = pool_->open_log(name, room);
        if (!region)
            return void(test::error(grant, ENOENT));
        if (!grant)
            return void(test::error(grant, ENOSPC));
        if (!region->log)
            region->log = {grant->log.id, 0, {}, {}};
        auto& log = *region->log;
        CHECK(grant->log.id == log.id && grant->log.id != 0 && grant->epoch == region->epoch);
        test::equal(grant->log.term, ++log.term);
        test::equal(grant->next_sequence, std::uint64_t{log.payloads.size() + 1});
        CHECK(grant->log.capacity - grant->log.bytes >= room);
        log.writer.emplace(*pool_, std::move(*grant));
    }

    void grow_log() {
        std::string name;
        auto* region = some_model(name);
        if (!region || !region->log || !region->log->writer)
            return;
        auto& writer = *region->log->writer;
        const auto room = writer.room();
        auto more = pool_->grow_log(name, region->log->id, region->log->term, 1);
        if (!more)
            return void(test::error(more, ENOSPC));
        writer.add_segments(std::move(*more));
        CHECK(writer.room() >= room + kPageSize);
        test::error(pool_->grow_log(name, region->log->id, region->log->term - 1, 1), ESTALE);
    }

    void append() {
        std::string name;
        auto* region = some_model(name);
        if (!region || !region->log || !region->log->writer)
            return;
        auto payload = test::random_bytes(1 + random(kPageSize));
        if (region->log->writer->room() < 100 + payload.size())
            return grow_log();
        region->log->writer->append(payload);
        region->log->payloads.push_back(std::move(payload));
    }

    void advance_cursor() {
        std::string name;
        auto* region = some_model(name);
        const std::string who = random(2) ? "one" : "two";
        const std::pair<std::uint64_t, std::uint64_t> to{region ? random(region->next + 1) : 0, random(5)};
        const auto status = pool_->advance_cursor(name, {who, to.first, to.second});
        if (!region)
            return void(test::error(status, ENOENT));
        const auto records = region->log ? region->log->payloads.size() : 0;
        const bool ahead = to.first >= region->next || (to.first == region->newest() && to.second > records);
        const auto before = region->cursors.find(who);
        const bool anew = region->generations.empty() && to.first == 0;
        const bool back =
            before != region->cursors.end() && to < before->second && !(anew && before->second.first != 0);
        if (ahead || back)
            return void(test::error(status, EINVAL));
        test::ok(status);
        region->cursors[who] = to;
    }

    void drop_cursor() {
        std::string name;
        auto* region = some_model(name);
        const auto status = pool_->drop_cursor(name, "one");
        if (!region || region->cursors.erase("one") == 0)
            return void(test::error(status, ENOENT));
        test::ok(status);
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
        for (auto& [name, region] : model_)
            if (region.log)
                region.log->writer.reset();
        pool_.reset();
        tape_ = test::make_tape(test::cut(*tape_, reached, test::generator()));
        pool_ = test::ok(test::open_tape(tape_));
    }
};

void lives_as_the_model_says() {
    Life life;
    const int steps = test::under_valgrind() ? 150 : 4000;
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
