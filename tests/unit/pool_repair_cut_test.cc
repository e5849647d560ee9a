// time-limit: 300
// repair: cut at any persist the pool is as it was, or repaired, and repaired again comes to the same; and
// any damage anywhere.
#include "lib/pool/repair.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"
#include "lib/format/layout.hh"
#include "tests/support/repairs.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Bytes;
using test::Image;
using test::kPage;
using test::Reached;
using test::repair_tape;
using test::repaired;
using test::switched;
using test::Tape;

struct Damage {
    const char* name;
    Image image;
    RepairOptions options;
};
std::vector<Damage> damages() {
    std::vector<Damage> all;
    const auto lived = test::lived_in();
    const auto in_half_1 = switched();
    const auto add = [&](const char* name, const Image& from, std::uint64_t at, RepairOptions options = {}) {
        all.push_back({name, from, options});
        test::flip(all.back().image, at);
    };
    add("superblock A", lived, 100);
    add("superblock B", lived, 4196);
    add("superblock A, half 1", in_half_1, 100);
    add("superblock B, half 1", in_half_1, 4196);
    add("the newest", lived, test::place_in_generation(lived, "team/app", 0, 3));
    add("the newest, half 1", in_half_1, test::place_in_generation(in_half_1, "team/app", 0, 3));
    add("a log", lived, test::place_in_log(lived, "team/app", 4000));
    add("a log, half 1", in_half_1, test::place_in_log(in_half_1, "team/app", 4000));
    const auto records = test::records_of(lived);
    add("journal", lived, records.at(4).at + 30, {.older_state = true});
    add("journal's last", lived, records.back().at + 30);
    const auto half_1 = test::records_of(in_half_1, 1);
    add("snapshot", in_half_1, half_1.at(3).at + 30);
    add("snapshot, and a superblock", in_half_1, half_1.at(3).at + 30);
    test::flip(all.back().image, 100);
    const auto half_0 = test::records_of(in_half_1, 0);
    const auto lost = [&](const char* name, std::size_t record) {
        add(name, in_half_1, half_1.at(record).at + 30, {.older_state = true});
        test::flip(all.back().image, half_0.at(half_0.size() - 2).at + 30);
    };
    lost("snapshot and the half before", 3);
    lost("snapshot's first and the half before", 0);
    lost("snapshot, the half before and a superblock", 3);
    test::flip(all.back().image, 100);
    return all;
}

/// As it was or repaired, and a repair of that comes to the same.
void the_power_is_cut() {
    for (const auto& damage : damages()) {
        const auto before = test::rescued_digest(damage.image);
        const auto whole = std::make_shared<Tape>(damage.image, false);
        test::ok(repair_tape(whole, damage.options));
        const auto after = test::digest_of(whole->stored);
        const auto tape = test::make_tape(damage.image);
        const auto look = [&](Extent) {
            for (const auto reached : {Reached::durable, Reached::random, Reached::all}) {
                const auto image = test::cut(*tape, reached, test::generator());
                const auto state = test::rescued_digest(image);
                if (state != before && state != after)
                    test::fail_at(test::Place::current(),
                                  fmt::format("{}: after a cut it is\n{}and was\n{}or is\n{}", damage.name,
                                              state, before, after));
                const auto again = std::make_shared<Tape>(image, false);
                test::ok(repair_tape(again, damage.options));
                test::equal(test::digest_of(again->stored), after);
            }
        };
        tape->before_persist = look;
        tape->after_persist = look;
        test::ok(repair_tape(tape, damage.options));
        test::equal(test::digest_of(tape->durable), after);
    }
}

/// A failed persist: the same, and it is told.
void the_disk_fails() {
    for (const auto& damage : damages()) {
        const auto before = test::rescued_digest(damage.image);
        const auto whole = std::make_shared<Tape>(damage.image, false);
        test::ok(repair_tape(whole, damage.options));
        const auto after = test::digest_of(whole->stored);
        for (std::uint64_t failing = 1;; ++failing) {
            const auto tape = std::make_shared<Tape>(damage.image, false);
            tape->persist_result = [&](Extent) { return tape->persists == failing ? EIO : 0; };
            const auto report = repair_tape(tape, damage.options);
            tape->persist_result = nullptr;
            if (report)
                break;
            test::error(report, EIO);
            const auto state = test::rescued_digest(tape->stored);
            CHECK(state == before || state == after);
        }
    }
}

std::uint64_t random_place(const Image& image, const std::vector<std::uint64_t>& used) {
    auto& random = test::generator();
    switch (random() % 4) {
        case 0: return random() % (2 * format::kSuperblockBytes);
        case 1: return format::kJournalOffset + random() % 3000;
        case 2: return test::superblock_of(image).half_offset[1] + random() % 3000;
        default: return used[random() % used.size()] + random() % kPage;
    }
}

/// Pages that generations and logs have.
std::vector<std::uint64_t> used_pages(const Image& image) {
    std::vector<std::uint64_t> used;
    const auto pool = test::ok(test::open_image(image));
    for (const auto& region : pool->regions("", SIZE_MAX)) {
        for (const auto& info : test::ok(pool->generations(region.name, 0, SIZE_MAX)))
            std::ranges::copy(test::ok(pool->open_generation(region.name, info.number))->page_offsets(),
                              std::back_inserter(used));
        for (const auto& segment : test::ok(pool->read_log(region.name)).segments)
            std::ranges::copy(segment.page_offsets, std::back_inserter(used));
    }
    return used;
}

/// Anything anywhere: it is repaired, or it is said that it can't be and nothing is changed.
void random_damage() {
    std::size_t mended = 0, refused = 0;
    for (const auto& good : {test::lived_in(), switched()}) {
        const auto used = used_pages(good);
        for (int round = 0; round < (test::under_valgrind() ? 3 : 50); ++round) {
            auto& random = test::generator();
            auto image = good;
            for (auto places = 1 + random() % 3; places > 0; --places) {
                const auto junk =
                    random() % 2 ? test::random_bytes(1 + random() % 600) : Bytes(1 + random() % 600);
                const auto at = random_place(image, used);
                std::copy_n(junk.begin(), std::min<std::size_t>(junk.size(), image.size() - at),
                            image.begin() + static_cast<std::ptrdiff_t>(at));
            }
            const auto tape = std::make_shared<Tape>(image, false);
            const auto first = repair_tape(tape, {.older_state = true});
            if (!first) {
                test::error(first, EUCLEAN);
                CHECK(tape->stored == image);
                ++refused;
                continue;
            }
            mended += !first->plan.changes.empty();
            repaired(image, {.older_state = true});
        }
    }
    CHECK(mended > 0 && (refused > 0 || test::under_valgrind()));
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run("pool_repair_cut", {{"the_power_is_cut", the_power_is_cut},
                                         {"the_disk_fails", the_disk_fails},
                                         {"random_damage", random_damage}});
}
