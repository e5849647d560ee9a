#include "tests/support/pool_history.hh"

#include "lib/format/record.hh"
#include "lib/pool/pool_on_medium.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::test {

namespace {

constexpr std::uint64_t kPageSize = 64 * kKiB;

format::SuperblockReading copy_of(const Image& image, unsigned slot) {
    return format::read_superblock(
        std::span<const std::byte>(image).subspan(format::kSuperblockOffset[slot], format::kSuperblockBytes));
}

/// Looks at the tape from inside of a persist, with a pool of its own that can change nothing.
Moment moment_of(const std::shared_ptr<Tape>& tape) {
    tape->read_only = true;
    const auto superblock = newest_superblock(tape->stored);
    Moment moment;
    moment.metadata.assign(tape->stored.begin(),
                           tape->stored.begin() + static_cast<std::ptrdiff_t>(superblock.pages_offset));
    auto medium = std::make_unique<RecordingMedium>(tape);
    auto recovered = ok(pool::recover(*medium, &pool_key()));
    moment.tables = tables_of(recovered.catalog);
    moment.next_sequence = recovered.position.next_sequence;
    pool::PoolOnMedium pool(std::move(medium), std::move(recovered));
    moment.state = digest(pool);
    tape->read_only = false;
    return moment;
}

class Life {
public:
    explicit Life(Image image) : tape_(std::make_shared<Tape>(std::move(image), false)) {
        pages_offset_ = newest_superblock(tape_->stored).pages_offset;
        remember();
        tape_->after_persist = [this](Extent extent) { persisted(extent); };
    }

    void keep(std::string name) {
        history_.bases.push_back({std::move(name), tape_->stored, history_.moments.size() - 1});
    }
    /// Every kind of record; names differ from use to use.
    void use(const std::string& tag);
    /// A pool that believes its half to be full: its next change switches.
    void fill_half();
    History end() {
        tape_->after_persist = nullptr;
        return std::move(history_);
    }

private:
    void remember() { history_.moments.push_back(moment_of(tape_)); }
    void persisted(Extent extent);
    void use_generations(pool::Pool& pool, const std::string& region);
    void use_log(pool::Pool& pool, const std::string& region);

    std::shared_ptr<Tape> tape_;
    std::unique_ptr<pool::Pool> full_;
    std::uint64_t pages_offset_ = 0;
    unsigned superblocks_written_ = 0;
    History history_;
};

void Life::persisted(Extent extent) {
    if (extent.at.bytes >= pages_offset_ || extent.size.bytes == 2 * format::kSuperblockBytes)
        return;
    remember();
    if (extent.at.bytes < 2 * format::kSuperblockBytes && ++superblocks_written_ == 1)
        keep("one superblock of two is written");
}

void Life::use_generations(pool::Pool& pool, const std::string& region) {
    for (const std::size_t size : {900, 100, 0, 66'000})
        ok(save(pool, region, random_bytes(size)));
    const auto newest = ok(pool.open_generation(region, 0));
    ok(pool.pin(region, newest->info().number - 1, true));
    ok(save_clone(pool, region, content(pool, *newest), {{{65'000}, {5}}}));
    ok(pool.set_retention(region, 2, 0));
    ok(pool.pin(region, newest->info().number - 1, false));
}

void Life::use_log(pool::Pool& pool, const std::string& region) {
    const auto generation = ok(pool.find_region(region)).newest;
    LogWriter writer(pool, ok(pool.open_log(region, 40'000)));
    for (int record = 0; record < 3; ++record)
        writer.append(random_bytes(1000));
    ok(pool.advance_cursor(region, {"backup", generation, 2}));
    ok(pool.advance_cursor(region, {"other", generation, 3}));
    ok(pool.drop_cursor(region, "backup"));
    ok(pool.grow_log(region, writer.grant().log.id, writer.grant().log.term, 100'000));
    ok(pool.take_over(region));
    ok(pool.open_log(region, 5000));
}

void Life::use(const std::string& tag) {
    const auto pool = full_ ? std::move(full_) : ok(open_tape(tape_));
    ok(pool->create_region("gone/" + tag, "bob", {}));
    ok(save(*pool, "gone/" + tag, random_bytes(5000)));
    ok(pool->create_region("team/" + tag, "alice", {.keep = 4}));
    ok(pool->grant("team/" + tag, {"bob", Right::read}));
    ok(pool->grant("team/" + tag, {"%ops", Rights::all()}));
    ok(pool->withdraw("team/" + tag, {"%ops", Rights::all()}));
    use_generations(*pool, "team/" + tag);
    ok(pool->destroy_region("gone/" + tag));
    ok(pool->create_region("cleared/" + tag, "bob", {.keep = 1}));
    ok(save(*pool, "cleared/" + tag, random_bytes(2000)));
    ok(pool->clear("cleared/" + tag));
    use_log(*pool, "team/" + tag);
    ok(save(*pool, "cleared/" + tag, random_bytes(300)));
}

void Life::fill_half() {
    auto medium = std::make_unique<RecordingMedium>(tape_);
    auto recovered = ok(pool::recover(*medium, &pool_key()));
    recovered.position.used = recovered.position.superblock.half_size;
    full_ = std::make_unique<pool::PoolOnMedium>(std::move(medium), std::move(recovered));
}

}  // namespace

std::string tables_of(const pool::Catalog& catalog) {
    std::string text = std::to_string(catalog.next_region_id());
    catalog.for_each_record([&](format::Kind kind, std::span<const std::byte> body) {
        text += fmt::format("|{}:", static_cast<unsigned>(kind));
        text.append(reinterpret_cast<const char*>(body.data()), body.size());
    });
    return text;
}

format::Superblock newest_superblock(const Image& image) {
    const auto a = copy_of(image, 0), b = copy_of(image, 1);
    CHECK(a.state == format::SuperblockState::valid || b.state == format::SuperblockState::valid);
    return a.state != format::SuperblockState::valid       ? b.superblock
           : b.state != format::SuperblockState::valid     ? a.superblock
           : a.superblock.sequence > b.superblock.sequence ? a.superblock
                                                           : b.superblock;
}

std::vector<PlacedRecord> records_in_half(const Image& image, const format::Superblock& superblock,
                                          unsigned half) {
    const auto start = superblock.half_offset[half];
    const auto bytes = std::span<const std::byte>(image).subspan(start, superblock.half_size);
    const auto first = format::claimed_sequence(bytes, 0).value_or(0);
    const auto seed = format::journal_seed(superblock, first);
    std::vector<PlacedRecord> records;
    std::uint64_t at = 0;
    for (auto record = format::read_record(seed, bytes, at);
         record && record->sequence == first + records.size();
         record = format::read_record(seed, bytes, at)) {
        records.push_back({start + at, record->length, record->sequence});
        at += record->length;
    }
    return records;
}

History live_through_three_halves() {
    Life life(fresh_image(pool::kMinimumPoolSize, kPageSize));
    life.use("first");
    life.keep("first use of half 0");
    life.fill_half();
    life.use("second");
    life.keep("half 1");
    life.fill_half();
    life.use("third");
    life.keep("second use of half 0");
    return life.end();
}

History live_on_apart(const Base& base) {
    Life life(base.image);
    life.use("twin");
    life.keep("the twin, in the same half");
    life.fill_half();
    life.use("later");
    life.keep("the twin, in the other half");
    return life.end();
}

}  // namespace pmemckpt::test
