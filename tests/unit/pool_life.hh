#pragma once
// A random life of a pool: operations drawn one by one, done to the pool and to its model.
#include <algorithm>
#include <cerrno>
#include <iterator>

#include "tests/unit/pool_model_compare.hh"

namespace pmemckpt::pool {

constexpr std::uint64_t kLargestDraft = 24 * kPageSize;
constexpr std::size_t kMostDrafts = 12;
constexpr std::size_t kMostHeld = 10;
constexpr std::int64_t kLongAge_ns = std::int64_t{10'000} * 3600 * 1'000'000'000;

class Life : public Modelled {
public:
    /// `recording`: power cuts take what is not durable. Otherwise the pool is only closed and opened again.
    Life(test::Image image, bool recording) : recording_(recording) {
        tape_ = std::make_shared<test::Tape>(std::move(image), recording);
        pool_ = test::ok(test::open_tape(tape_));
        all_pages_ = 20 + random(200);
        newest_id_ = test::ok(pool_->create_region(kFiller, "alice", {})).id;
        test::ok(test::save(*pool_, kFiller, Bytes((pool_->info().free_pages - all_pages_) * kPageSize)));
    }
    ~Life() { close(); }
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;

    struct Operation {
        const char* name;
        unsigned weight;
        bool (Life::*run)();  ///< false: it was refused, as it should be, or there was nothing to do it with
    };
    static const std::vector<Operation>& operations() {
        static const std::vector<Operation> kAll{{"create a region", 40, &Life::create},
                                                 {"destroy a region", 12, &Life::destroy},
                                                 {"set retention", 15, &Life::set_retention},
                                                 {"expire", 10, &Life::expire},
                                                 {"clear", 15, &Life::clear},
                                                 {"take over", 15, &Life::take_over},
                                                 {"take over a busy region", 10, &Life::take_over_busy},
                                                 {"pin, unpin", 40, &Life::pin},
                                                 {"begin", 110, &Life::begin},
                                                 {"begin a clone", 130, &Life::begin_clone},
                                                 {"write", 200, &Life::write},
                                                 {"seal", 160, &Life::seal},
                                                 {"drop a draft", 20, &Life::drop_draft},
                                                 {"hold", 40, &Life::hold},
                                                 {"let go", 35, &Life::let_go},
                                                 {"read a part", 80, &Life::read},
                                                 {"open the log", 60, &Life::open_log},
                                                 {"grow the log", 20, &Life::grow_log},
                                                 {"append", 130, &Life::append},
                                                 {"flush the log", 30, &Life::flush},
                                                 {"advance a cursor", 60, &Life::advance_cursor},
                                                 {"drop a cursor", 10, &Life::drop_cursor},
                                                 {"grant rights", 20, &Life::grant},
                                                 {"withdraw rights", 20, &Life::withdraw},
                                                 {"set the owner", 10, &Life::set_owner},
                                                 {"switch the journal", 1, &Life::switch_journal},
                                                 {"reopen", 3, &Life::reopen}};
        return kAll;
    }

    /// One operation and the comparison.
    bool run(const Operation& operation, bool compare_everything) {
        const bool done = (this->*operation.run)();
        drop_writers();
        compare_everything ? compare_all() : compare_touched();
        return done;
    }

private:
    static std::uint64_t random(std::uint64_t below) { return test::generator()() % below; }
    template <class Container>
    static auto some(Container& all) {
        return std::next(all.begin(), static_cast<std::ptrdiff_t>(random(all.size())));
    }

    ModelRegion* some_region() {
        return find(model_.empty() || random(30) == 0 ? "nobody" : some(model_)->first);
    }
    /// One whose log is open, if there is any.
    ModelRegion* some_region_with_writer() {
        return writers_.empty() ? nullptr : find(some(writers_)->first);
    }
    bool create() {
        static constexpr const char* kNames[] = {"a", "a/b", "a/b/c", "d", "d-e", "f/1", "f/2", "f/3", "g"};
        const std::string name = kNames[random(std::size(kNames))];
        touched_ = name;
        RegionSettings settings;
        settings.keep = static_cast<std::uint32_t>(1 + random(6));
        settings.max_size = random(4) == 0 ? 1 + random(12 * kPageSize) : 0;
        settings.keep_age_ns = random(10) == 0 ? kLongAge_ns : 0;
        const bool blocked = std::ranges::any_of(model_, [&](const auto& other) {
            return other.first == name || other.first.starts_with(name + "/") ||
                   name.starts_with(other.first + "/");
        });
        const auto made = pool_->create_region(name, "alice", settings);
        if (!done(made, blocked ? EEXIST : 0))
            return false;
        CHECK(made->id > newest_id_);
        newest_id_ = made->id;
        auto& region = model_[name];
        region.id = newest_id_;
        region.keep = settings.keep;
        region.max_size = settings.max_size;
        region.keeps_young = settings.keep_age_ns != 0;
        return true;
    }

    bool destroy() {
        const auto* region = some_region();
        const auto dropped = pool_->destroy_region(touched_);
        if (!done(dropped, region ? 0 : ENOENT))
            return false;
        test::equal(*dropped, region->id);
        model_.erase(touched_);
        return true;
    }

    bool set_retention() {
        auto* region = some_region();
        const auto keep = static_cast<std::uint32_t>(1 + random(6));
        const bool keeps_young = random(6) == 0;
        const auto info = pool_->set_retention(touched_, keep, keeps_young ? kLongAge_ns : 0);
        if (!done(info, region ? 0 : ENOENT))
            return false;
        region->keep = keep;
        region->keeps_young = keeps_young;
        region->retain(false);
        return true;
    }

    bool expire() {
        const bool all_are_old = random(2) == 0;
        std::size_t wanted = 0;
        for (auto& [name, region] : model_) {
            wanted += region.generations.size();
            region.retain(all_are_old);
            wanted -= region.generations.size();
        }
        test::equal(test::ok(pool_->expire(all_are_old ? INT64_MAX : 0)), wanted);
        compare_all();
        return wanted > 0;
    }

    bool clear() {
        auto* region = some_region();
        if (!done(pool_->clear(touched_), region ? 0 : ENOENT))
            return false;
        region->clear();
        return true;
    }

    bool take_over_of(ModelRegion* region) {
        const auto info = pool_->take_over(touched_);
        if (!done(info, region ? 0 : ENOENT))
            return false;
        test::equal(info->epoch, ++region->epoch);
        writers_.erase(touched_);  // its windows are dead
        return true;
    }
    bool take_over() { return take_over_of(some_region()); }

    /// One with drafts and a log open: what they hold stays, and they are fenced.
    bool take_over_busy() {
        for (const auto& open : drafts_) {
            auto* region = find(open.draft->region());
            if (region && region->id == open.region_id && writer_of(touched_))
                return take_over_of(region);
        }
        return false;
    }

    bool pin() {
        auto* region = some_region();
        const auto newest = region ? region->newest() : 0;
        const auto number = newest - std::min(random(5), newest);
        const bool pinned = random(2) == 0;
        const bool there = region && region->generations.contains(number);
        if (!done(pool_->pin(touched_, number, pinned), there ? 0 : ENOENT))
            return false;
        pinned ? void(region->pinned.insert(number)) : void(region->pinned.erase(number));
        return true;
    }

    int check_size(const ModelRegion& region, std::uint64_t size) const {
        return region.max_size != 0 && size > region.max_size ? EFBIG : 0;
    }

    bool begin() {
        if (drafts_.size() >= kMostDrafts)
            return seal();
        const auto* region = some_region();
        const auto size = random(random(4) == 0 ? kLargestDraft : 3 * kPageSize);
        const auto pages = divide_up(size, kPageSize);
        const int code = region ? check_size(*region, size) : ENOENT;
        const int no_room = pages > free_pages() ? ENOSPC : 0;
        auto draft = pool_->begin(touched_, size);
        if (!done(draft, code ? code : no_room))
            return false;
        OpenDraft open{std::move(*draft), region->id, {}, {{{0}, {size}}}, {}};
        test::equal(open.draft->epoch(), region->epoch);
        CHECK(open.draft->writable().empty());
        add_blank(open.pages, pages);
        drafts_.push_back(std::move(open));
        return true;
    }

    std::vector<Extent> some_ranges(std::uint64_t size) const {
        std::vector<Extent> ranges;
        for (auto count = size == 0 ? 0 : random(4); count > 0; --count) {
            const auto at = random(size);
            ranges.push_back({{at}, {random(size - at + 1)}});
        }
        return ranges;
    }

    int check_clone(const ModelRegion* region, std::uint64_t size, std::uint64_t base) const {
        if (!region)
            return ENOENT;
        if (const int code = check_size(*region, size))
            return code;
        if (base == 0)
            return region->generations.empty() ? ENODATA : 0;
        return region->generations.contains(base) ? 0 : ENOENT;
    }

    bool begin_clone() {
        if (drafts_.size() >= kMostDrafts)
            return seal();
        const auto* region = some_region();
        const auto base = region && random(3) == 0 ? random(region->next + 1) : 0;
        const auto* from = region && region->generations.contains(base ? base : region->newest())
                               ? &region->generations.at(base ? base : region->newest())
                               : nullptr;
        const auto size = from && random(3) != 0 ? from->length : random(5 * kPageSize);
        auto dirty = some_ranges(size);
        const auto free = free_pages();
        auto draft = pool_->begin_clone(touched_, size, {base, dirty});
        if (const int code = check_clone(region, size, base))
            return done(draft, code);
        std::string marks(size, '-');
        for (const auto& [at, length] : dirty)
            marks.replace(at.bytes, length.bytes, length.bytes, 'x');
        OpenDraft open{nullptr, region->id, from->clone(marks), std::move(dirty), from->pages};
        std::vector<bool> own;
        for (std::size_t page = 0; page < open.pages.size(); ++page)
            own.push_back(page >= from->pages.size() || open.pages[page] != from->pages[page]);
        if (!done(draft, static_cast<std::uint64_t>(std::ranges::count(own, true)) > free ? ENOSPC : 0))
            return false;
        open.draft = std::move(*draft);
        CHECK(open.draft->writable() == own && open.draft->epoch() == region->epoch);
        drafts_.push_back(std::move(open));
        return true;
    }

    bool write() {
        if (drafts_.empty())
            return false;
        auto& open = *some(drafts_);
        touched_ = open.draft->region();
        const auto where = open.writable.empty() ? Extent{} : *some(open.writable);
        if (where.size.bytes == 0)
            return false;
        const auto skip = random(3) == 0 ? random(where.size.bytes) : 0;
        const auto left = where.size.bytes - skip;
        write_part(open, where.at.bytes + skip, test::random_bytes(random(3) == 0 ? 1 + random(left) : left));
        return true;
    }

    void write_part(OpenDraft& open, std::uint64_t at, std::span<const std::byte> bytes) {
        const auto medium = pool_->medium().bytes();
        while (!bytes.empty()) {
            const auto page = at / kPageSize, within = at % kPageSize;
            const auto part = bytes.first(std::min(kPageSize - within, bytes.size()));
            CHECK(open.draft->writable().empty() || open.draft->writable()[page]);
            std::ranges::copy(part, medium.subspan(open.draft->page_offsets()[page] + within).begin());
            std::ranges::copy(part, open.pages[page]->bytes.begin() + static_cast<std::ptrdiff_t>(within));
            bytes = bytes.subspan(part.size());
            at += part.size();
        }
    }

    OpenDraft take_draft() {
        const auto at = some(drafts_);
        auto open = std::move(*at);
        drafts_.erase(at);
        touched_ = open.draft->region();
        return open;
    }

    bool seal() {
        if (drafts_.empty())
            return false;
        auto open = take_draft();
        auto* region = find(touched_);
        const auto size = open.draft->size(), epoch = open.draft->epoch();
        const auto length = random(3) == 0 ? random(size + 1) : size;
        const bool too_long = random(50) == 0, torn = random(50) == 0;
        open.pages.resize(divide_up(length, kPageSize));
        const auto crc = crc_of(open.pages, length);
        const auto told = random(3) == 0 && !torn ? std::nullopt : std::optional(crc ^ (torn ? 1 : 0));
        int code = 0;
        if (!region || region->id != open.region_id)
            code = ENOENT;
        else if (epoch != region->epoch)
            code = ESTALE;
        code = too_long ? EINVAL : torn ? EBADMSG : code;
        const auto info = pool_->seal(std::move(open.draft), too_long ? size + 1 : length, told, "bob");
        if (!done(info, code))
            return false;
        test::equal(info->number, region->next);
        region->seal({std::move(open.pages), length, epoch, crc});
        return true;
    }

    bool drop_draft() {
        if (drafts_.empty())
            return false;
        take_draft();
        return true;
    }

    bool hold() {
        const auto* region = some_region();
        if (!region || region->generations.empty() || held_.size() >= kMostHeld)
            return false;
        const auto& [number, wanted] = *some(region->generations);
        held_.push_back({touched_, test::ok(pool_->open_generation(touched_, number)), wanted});
        return true;
    }

    bool let_go() {
        if (held_.empty())
            return false;
        const auto at = some(held_);
        touched_ = at->region;
        held_.erase(at);
        return true;
    }

    /// Of one that is held, or by its number.
    bool read() {
        if (!held_.empty() && random(2) == 0) {
            const auto& held = *some(held_);
            touched_ = held.region;
            read_part(*held.generation, held.wanted);
            return true;
        }
        const auto* region = some_region();
        const auto number = region ? random(region->next + 1) : 0;
        const auto generation = pool_->open_generation(touched_, number);
        const auto wanted = number != 0 || !region ? number : region->newest();
        const bool there = region && region->generations.contains(wanted);
        if (!done(generation, there ? 0 : region && number == 0 ? ENODATA : ENOENT))
            return false;
        test::equal((*generation)->info().number, wanted);
        read_part(**generation, region->generations.at(wanted));
        return true;
    }

    void read_part(const Generation& generation, const ModelGeneration& wanted) {
        test::equal(generation.info().length, wanted.length);
        const auto medium = std::as_const(pool_->medium()).bytes();
        const auto from = random(wanted.length + 1), to = from + random(wanted.length - from + 1);
        for (auto at = from; at < to; ++at)
            CHECK(medium[generation.page_offsets().at(at / kPageSize) + at % kPageSize] ==
                  wanted.pages.at(at / kPageSize)->bytes[at % kPageSize]);
    }

    bool open_log() {
        auto* region = some_region();
        const auto room = random(2 * kPageSize);
        const auto end = region && region->log ? region->log->end() : 0;
        const auto have = region && region->log ? region->log->pages.size() : 0;
        const auto left = have * kPageSize - end;
        const auto least = std::max(divide_up(room - std::min(room, left), kPageSize), have ? 0 : kOne);
        auto grant = pool_->open_log(touched_, room);
        if (region && region->log)
            region->log->durable = region->log->records.size();
        if (!done(grant, region ? region->check_growth(least, free_pages()) : ENOENT))
            return false;
        if (!region->log)
            region->log = ModelLog{grant->log.id, 0, {}, {}, 0};
        auto& log = *region->log;
        CHECK(grant->log.id == log.id && log.id != 0 && grant->epoch == region->epoch);
        test::equal(grant->log.term, ++log.term);
        test::equal(grant->log.bytes, end);
        test::equal(grant->next_sequence, std::uint64_t{log.records.size() + 1});
        CHECK(grant->log.capacity >= (have + least) * kPageSize);
        add_blank(log.pages, grant->log.capacity / kPageSize - have);
        writers_.insert_or_assign(touched_, test::LogWriter(*pool_, std::move(*grant)));
        return true;
    }

    bool grow_log() {
        auto* region = some_region_with_writer();
        auto* writer = writer_of(touched_);
        if (!region || !writer)
            return false;
        auto& log = *region->log;
        if (random(4) == 0)
            return done(pool_->grow_log(touched_, log.id + random(2), log.term - 1, 1), ESTALE);
        const auto more = 1 + random(3);
        auto grant = pool_->grow_log(touched_, log.id, log.term, more * kPageSize);
        if (!done(grant, region->check_growth(more, free_pages())))
            return false;
        const auto before = log.pages.size();
        CHECK(grant->log.capacity >= (before + more) * kPageSize);
        add_blank(log.pages, grant->log.capacity / kPageSize - before);
        writer->add_segments(std::move(*grant));
        return true;
    }

    bool append() {
        auto* region = some_region_with_writer();
        auto* writer = writer_of(touched_);
        if (!region || !writer)
            return false;
        auto record = test::random_bytes(1 + random(kPageSize / 2));
        if (writer->room() < format::log_record_bytes(record.size()))
            return grow_log();
        writer->store(record);
        region->log->records.push_back(std::move(record));
        return true;
    }

    /// All that was appended, as the engine's answer to a read of the log's end makes sure of it.
    bool flush() {
        auto* region = some_region_with_writer();
        auto* writer = writer_of(touched_);
        if (!region || !writer || region->log->durable == region->log->records.size())
            return false;
        writer->persist(0, writer->end());
        region->log->durable = region->log->records.size();
        return true;
    }

    bool advance_cursor() {
        auto* region = some_region();
        const std::string who = random(2) ? "one" : "two";
        const ModelCursor to{region ? random(region->next + 1) : 0, random(6)};
        const auto status = pool_->advance_cursor(touched_, {who, to.first, to.second});
        if (region && region->log)
            region->log->durable = region->log->records.size();
        if (!done(status, !region ? ENOENT : region->may_go(who, to) ? 0 : EINVAL))
            return false;
        region->cursors[who] = to;
        return true;
    }

    bool drop_cursor() {
        auto* region = some_region();
        const bool there = region && region->cursors.contains("one");
        if (!done(pool_->drop_cursor(touched_, "one"), there ? 0 : ENOENT))
            return false;
        region->cursors.erase("one");
        return true;
    }

    bool grant() { return change_rights(true); }
    bool withdraw() { return change_rights(false); }
    bool change_rights(bool more) {
        auto* region = some_region();
        const std::string who = random(2) ? "bob" : "%ops";
        const auto rights = test::ok(Rights::of_bits(static_cast<std::uint8_t>(random(32))));
        const auto now =
            more ? pool_->grant(touched_, {who, rights}) : pool_->withdraw(touched_, {who, rights});
        if (!done(now, region ? 0 : ENOENT))
            return false;
        auto& bits = region->grants[who];
        bits = more ? bits | rights.bits() : bits & ~unsigned{rights.bits()};
        test::equal(unsigned{now->bits()}, bits);
        if (bits == 0)
            region->grants.erase(who);
        return true;
    }

    bool set_owner() {
        auto* region = some_region();
        const std::string owner = random(2) ? "alice" : "bob";
        if (!done(pool_->set_owner(touched_, owner), region ? 0 : ENOENT))
            return false;
        region->owner = owner;
        return true;
    }

    /// Fills its half with records that say nothing new, till all there is goes into the other one.
    bool switch_journal() {
        const auto before = pool_->info();
        for (std::uint64_t records = 0; pool_->info().journal_switches == before.journal_switches;
             ++records) {
            CHECK(records < before.journal_half_bytes / kFiller.size());
            test::ok(pool_->set_retention(kFiller, kDefaultKeep, 0));
        }
        compare_all();
        return true;
    }

    /// Drafts and holds end with the process; regions and sealed generations stay, and of logs what is
    /// durable.
    bool reopen() {
        close();
        const auto reached = recording_ ? static_cast<test::Reached>(random(3)) : test::Reached::all;
        if (recording_)
            tape_->stored = tape_->durable = test::cut(*tape_, reached, test::generator());
        pool_ = test::ok(test::open_tape(tape_));
        for (auto& [name, region] : model_)
            if (region.log)
                recover(name, *region.log, reached);
        compare_all();
        return true;
    }

    void recover(const std::string& name, ModelLog& log, test::Reached reached) {
        const auto records = test::ok(pool_->read_log(name)).log.records;
        CHECK(records <= log.records.size() && records >= log.durable);
        CHECK(reached != test::Reached::all || records == log.records.size());
        CHECK(reached != test::Reached::durable || records == log.durable);
        log.records.resize(records);
        log.durable = records;
    }

    static constexpr std::uint64_t kOne = 1;
    const bool recording_;
    std::uint64_t newest_id_ = 0;
};

}  // namespace pmemckpt::pool
