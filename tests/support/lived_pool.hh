#pragma once
// A pool in which something of everything is, and ways to damage it.
#include <memory>
#include <string>
#include <vector>

#include "lib/format/log_record.hh"
#include "lib/format/record.hh"
#include "lib/format/superblock.hh"
#include "lib/pool/pool_on_medium.hh"
#include "lib/pool/rescue.hh"
#include "tests/support/check.hh"
#include "tests/support/forger.hh"
#include "tests/support/pool_images.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::test {

/// Regions, generations, a clone, a log with five records, cursors, of two names.
inline void live(pool::Pool& pool) {
    ok(pool.create_region("team/app", "alice", {.keep = 3}));
    ok(pool.create_region("b", "bob", {.keep = 1}));
    for (std::size_t size : {9000, 100, 0, 5000, 12345})
        ok(save(pool, "team/app", random_bytes(size)));
    ok(save(pool, "b", random_bytes(20'000)));
    const auto bytes = content(pool, *ok(pool.open_generation("team/app", 0)));
    ok(save_clone(pool, "team/app", bytes, {{{0}, {5}}}));
    LogWriter writer(pool, ok(pool.open_log("team/app", 40'000)));
    for (int record = 0; record < 5; ++record)
        writer.append(random_bytes(3000));
    ok(pool.advance_cursor("team/app", {"backup", 6, 4}));
    ok(pool.advance_cursor("b", {"backup", 1, 0}));
    ok(pool.take_over("team/app"));
}

inline Image lived_in() {
    const auto tape = std::make_shared<Tape>(fresh_image(), false);
    live(*ok(open_tape(tape)));
    return tape->stored;
}

inline void flip(Image& image, std::uint64_t at) {
    image[at] ^= static_cast<std::byte>(1 + generator()() % 255);
}

struct RecordPlace {
    std::uint64_t at = 0, length = 0;  ///< bytes of the medium
};
inline std::vector<RecordPlace> records_of(const Image& image, unsigned half = 0) {
    const auto superblock = superblock_of(image);
    const auto bytes =
        std::span<const std::byte>(image).subspan(superblock.half_offset[half], superblock.half_size);
    std::vector<RecordPlace> records;
    std::uint64_t at = 0;
    const auto seed = format::journal_seed(superblock, format::claimed_sequence(bytes, 0).value_or(0));
    while (const auto record = format::read_record(seed, bytes, at)) {
        records.push_back({superblock.half_offset[half] + at, record->length});
        at += record->length;
    }
    return records;
}

/// Where a byte of a generation lies; 0: of the newest.
inline std::uint64_t place_in_generation(const Image& image, const std::string& region, std::uint64_t number,
                                         std::uint64_t at) {
    const auto pool = ok(open_image(image));
    const auto page = pool->page_size();
    return ok(pool->open_generation(region, number))->page_offsets().at(at / page) + at % page;
}

/// Where a byte of a region's log lies.
inline std::uint64_t place_in_log(const Image& image, const std::string& region, std::uint64_t at) {
    const auto pool = ok(open_image(image));
    const auto page = pool->page_size();
    return ok(pool->read_log(region)).segments.at(0).page_offsets.at(at / page) + at % page;
}

/// The pool that rescue() finds, to be asked; it is on a copy.
inline std::unique_ptr<pool::PoolOnMedium> rescued_pool(const Image& image) {
    auto medium = std::make_unique<RecordingMedium>(std::make_shared<Tape>(image, false));
    auto rescued = ok(pool::rescue(*medium, &pool_key()));
    return std::make_unique<pool::PoolOnMedium>(std::move(medium), std::move(rescued.recovered));
}

inline std::string rescued_digest(const Image& image) {
    const auto pool = rescued_pool(image);
    return pages_owned_twice(*pool) + digest(*pool);
}

}  // namespace pmemckpt::test
