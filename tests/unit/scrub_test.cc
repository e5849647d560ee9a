// The scrub: what it goes through, how fast it may, what it finds, and whom it must not disturb.
#include <filesystem>
#include <set>

#include "driver/scrub.hh"
#include "driver/scrub_pace.hh"
#include "lib/base/crc32c.hh"
#include "tests/support/check.hh"
#include "tests/support/manager_fixture.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace std::chrono_literals;
using driver::Scrub;
using driver::ScrubPace;
using driver::ScrubPass;
using driver::ScrubSettings;
using driver::ScrubVerdict;

namespace {

constexpr std::uint64_t kAll = UINT64_MAX;
constexpr std::uint64_t kFast = driver::kMaximumScrubBandwidth;
constexpr unsigned kLimitMs = 60'000;

/// Pools as a manager serves them, and a scrub of them that ends before they do.
struct Stage {
    Stage() { log::set_level(log::Level::error); }
    ~Stage() {
        if (scrub)
            scrub->stop();
        services.workers.stop();
        services.deadlines.stop();
    }

    /// In memory, with pages of 4 KiB. All of these have one UUID.
    pool::Pool& add_pool() {
        auto served = std::make_shared<driver::ServedPool>();
        served->name = served->path = "pool";
        served->pool = test::ok(test::open_image(test::fresh_image()));
        return enter(std::move(served));
    }
    /// A file, with pages of 2 MiB.
    pool::Pool& add_file(const std::string& name) {
        const auto keys = (test::directory() / "keys").string();
        return enter(test::ok(driver::open_pool({name, test::make_pool(name, keys)}, keys)));
    }
    pool::Pool& enter(std::shared_ptr<driver::ServedPool> served) {
        auto& pool = *served->pool;
        test::ok(services.pools.add({std::move(served)}));
        return pool;
    }
    Scrub& begin(const ScrubSettings& settings) {
        scrub = std::make_unique<Scrub>(services, settings);
        scrub->start();
        return *scrub;
    }

    driver::Config config;
    driver::Services services{config};
    std::unique_ptr<Scrub> scrub;
};

/// Flips a bit of a generation's byte on the medium.
void damage(pool::Pool& pool, const std::string& region, std::uint64_t number, std::uint64_t at = 0) {
    const auto runs = test::ok(pool.locate(region, number, {{at}, {1}}));
    pool.medium().bytes()[runs.at(0).at.bytes] ^= std::byte{1};
}

void save(pool::Pool& pool, const std::string& region, std::size_t size, int count = 1) {
    for (; count > 0; --count)
        test::ok(test::save(pool, region, test::random_bytes(size)));
}

void create(pool::Pool& pool, const std::string& region, std::uint32_t keep = 100) {
    test::ok(pool.create_region(region, "tester", {.keep = keep}));
}

std::string name_of(const ScrubVerdict& verdict) {
    return fmt::format("{}/{}@{}{}", verdict.served->name, verdict.region, verdict.generation.number,
                       verdict.damage.empty() ? "" : " damaged");
}

/// All that is left of a pass.
std::vector<std::string> rest_of(ScrubPass& pass, std::uint64_t piece = kMiB) {
    std::vector<std::string> seen;
    for (;;) {
        const auto step = pass.step(piece);
        CHECK(step.bytes <= piece);
        if (step.verdict)
            seen.push_back(name_of(*step.verdict));
        if (step.over)
            return seen;
    }
}

std::vector<std::string> whole_pass(const driver::ServedPools& pools) {
    ScrubPass pass(pools);
    return rest_of(pass);
}

void a_pace_is_never_faster_than_its_bandwidth() {
    for (const std::uint64_t bandwidth : {driver::kMinimumScrubBandwidth, std::uint64_t{5000}, 64 * kKiB,
                                          kMiB + 1, 16 * kMiB, kGiB, driver::kMaximumScrubBandwidth}) {
        const ScrubPace pace(bandwidth);
        CHECK(pace.piece() >= 4 * kKiB && pace.piece() <= kMiB && pace.piece() % (4 * kKiB) == 0);
        for (const std::uint64_t bytes : {std::uint64_t{1}, pace.piece() / 2, pace.piece()}) {
            const auto seconds = std::chrono::duration<double>(pace.pause(bytes)).count();
            CHECK(static_cast<double>(bytes) <= seconds * static_cast<double>(bandwidth) + 1e-3);
        }
    }
    CHECK(ScrubPace(16 * kMiB).piece() == kMiB);
    CHECK(ScrubPace(16 * kMiB).pause(kMiB) == 62'500us);
    // Nothing at all has its price as well, or a million empty generations had none.
    CHECK(ScrubPace(16 * kMiB).pause(0) == ScrubPace(16 * kMiB).pause(64 * kKiB));
}

void a_pass_sees_each_generation_once() {
    Stage stage;
    auto& pool = stage.add_pool();
    for (const char* region : {"a", "team/app", "team/empty"})
        create(pool, region);
    save(pool, "team/app", 0);
    save(pool, "team/app", 1);
    save(pool, "a", 9000, 2);
    const std::vector<std::string> all{"pool/a@1", "pool/a@2", "pool/team/app@1", "pool/team/app@2"};
    CHECK(whole_pass(stage.services.pools) == all);
    CHECK(whole_pass(stage.services.pools) == all);
    test::equal(driver::kept_bytes(stage.services.pools), 18'001U);
    ScrubPass slow(stage.services.pools);
    CHECK(rest_of(slow, 100) == all);
}

void what_comes_behind_the_place_is_seen_in_the_same_pass() {
    Stage stage;
    auto& one = stage.add_file("one");
    for (const char* region : {"a", "c"})
        create(one, region);
    save(one, "a", 10);
    save(one, "c", 10);
    ScrubPass pass(stage.services.pools);
    test::equal(name_of(*pass.step(kAll).verdict), "one/a@1");
    save(one, "a", 10);
    create(one, "b");
    save(one, "b", 10);
    auto& two = stage.add_file("two");
    create(two, "a");
    save(two, "a", 3 * kMiB);
    CHECK((rest_of(pass) == std::vector<std::string>{"one/a@2", "one/b@1", "one/c@1", "two/a@1"}));
}

void many_regions_are_walked_in_bounded_steps() {
    Stage stage;
    auto& pool = stage.add_pool();
    constexpr int kRegions = 1000;
    for (int region = 0; region < kRegions; ++region)
        create(pool, fmt::format("r{:04}", region));
    ScrubPass empty(stage.services.pools);
    int steps = 1;
    while (!empty.step(kAll).over)
        ++steps;
    CHECK(steps >= 3);  // not all of them at a time
    for (int region = 0; region < kRegions; region += 10)
        save(pool, fmt::format("r{:04}", region), 10, 3);
    const auto seen = whole_pass(stage.services.pools);
    test::equal(seen.size(), std::size_t{3 * kRegions / 10});
    test::equal(std::set(seen.begin(), seen.end()).size(), seen.size());
    test::equal(driver::kept_bytes(stage.services.pools), 3U * kRegions);
}

void damage_is_seen_wherever_it_is() {
    Stage stage;
    auto& pool = stage.add_pool();
    create(pool, "r");
    constexpr std::uint64_t kSize = 3 * 4096 + 5;
    save(pool, "r", kSize, 4);
    const auto bytes = test::content(pool, *test::ok(pool.open_generation("r", 4)));
    test::ok(test::save_clone(pool, "r", bytes, {{{5000}, {1}}}));
    damage(pool, "r", 1, 0);
    damage(pool, "r", 3, kSize - 1);
    damage(pool, "r", 4, 5000);  // the clone has a page of its own there
    for (const std::uint64_t piece : {std::uint64_t{1000}, kMiB}) {
        ScrubPass pass(stage.services.pools);
        const auto seen = rest_of(pass, piece);
        CHECK((seen == std::vector<std::string>{"pool/r@1 damaged", "pool/r@2", "pool/r@3 damaged",
                                                "pool/r@4 damaged", "pool/r@5"}));
    }
    ScrubPass pass(stage.services.pools);
    const auto verdict = *pass.step(kAll).verdict;
    const auto got = test::content(pool, *test::ok(pool.open_generation("r", 1)));
    test::equal(*verdict.found_crc32c, crc32c(got));
    test::contains(verdict.damage, fmt::format("its {} bytes have CRC-32C {:08x}, and {:08x} was sealed",
                                               kSize, crc32c(got), verdict.generation.crc32c));
}

void what_is_dropped_while_it_is_read_is_no_finding() {
    Stage stage;
    auto& pool = stage.add_pool();
    struct Drop {
        const char* region;
        std::function<void()> drop;
    };
    const std::vector<Drop> drops{{"a", [&] { test::ok(pool.clear("a")); }},
                                  {"b", [&] { test::ok(pool.destroy_region("b")); }},
                                  {"c",
                                   [&] {
                                       test::ok(pool.destroy_region("c"));
                                       create(pool, "c");
                                       save(pool, "c", 20'000);  // the same name and number, not the same
                                   }},
                                  {"d", [&] { save(pool, "d", 20'000); }}};
    for (const auto& [region, drop] : drops) {
        create(pool, region, 1);
        save(pool, region, 20'000);
    }
    const auto free_pages = pool.info().free_pages;
    ScrubPass pass(stage.services.pools);
    for (const auto& [region, drop] : drops) {
        test::equal(pass.step(4096).bytes, 4096U);  // it is in the midst of it
        damage(pool, region, 1);
        drop();
        const auto step = pass.step(kAll);
        CHECK(!step.verdict && !step.over);
    }
    // What stands behind the place is seen, and no page of the others is held: two have none left.
    CHECK((rest_of(pass) == std::vector<std::string>{"pool/d@2"}));
    test::equal(pool.info().free_pages, free_pages + 2 * 5);
}

void a_scrub_in_the_midst_of_it_keeps_no_writer_from_the_pages() {
    Stage stage;
    auto& pool = stage.add_pool();
    create(pool, "r", 1);
    const auto half = pool.info().pages / 2 * 4096;
    save(pool, "r", half);
    ScrubPass pass(stage.services.pools);
    for (int round = 0; round < 3; ++round) {
        CHECK(!pass.step(4096).verdict);
        save(pool, "r", half, 2);  // the first drops the one that is being read, the second needs its pages
        CHECK(!pass.step(4096).verdict);
    }
}

void a_file_cut_short_is_a_finding() {
    Stage stage;
    auto& pool = stage.add_file("pool");
    create(pool, "r");
    save(pool, "r", 3 * kMiB, 2);
    const auto path = pool.info().path;
    const auto size = std::filesystem::file_size(path);
    std::filesystem::resize_file(path, test::ok(pool.locate("r", 2, {{2 * kMiB}, {1}})).at(0).at.bytes);
    ScrubPass pass(stage.services.pools);
    auto step = pass.step(kMiB);
    while (!step.verdict || step.verdict->generation.number != 2) {
        CHECK(!step.over);
        step = pass.step(kMiB);
    }
    CHECK(!step.verdict->found_crc32c);
    test::contains(step.verdict->damage, "can't be read from the disk");
    CHECK(pass.step(kMiB).over);
    std::filesystem::resize_file(path, size);
}

// In real time; load can only make it slower.
void passes_take_their_time_and_rest() {
    Stage stage;
    auto& pool = stage.add_pool();
    create(pool, "r");
    constexpr std::uint64_t kSize = 256 * kKiB;
    save(pool, "r", kSize);
    const auto began = Scrub::Clock::now();
    auto& scrub = stage.begin({kMiB, 1});
    test::eventually([&] { return scrub.status().passes >= 1; }, kLimitMs);
    CHECK(Scrub::Clock::now() - began >= 250ms);
    test::eventually([&] { return scrub.status().passes >= 2; }, kLimitMs);
    CHECK(Scrub::Clock::now() - began >= 250ms + 1s + 250ms);
    const auto status = scrub.status();
    test::equal(status.last->counts.bytes, kSize);
    test::equal(status.last->kept_bytes, kSize);
    test::equal(status.last->counts.generations, 1U);
    const auto present = status.pass ? status.pass->counts : driver::ScrubCounts{};
    test::equal(status.counts.bytes, status.passes * kSize + present.bytes);
    test::equal(status.counts.generations, status.passes + present.generations);
}

void passes_over_nothing_rest_as_well() {
    Stage stage;
    stage.add_pool();
    const auto began = Scrub::Clock::now();
    auto& scrub = stage.begin({kFast, 1});
    test::eventually([&] { return scrub.status().passes >= 3; }, kLimitMs);
    CHECK(Scrub::Clock::now() - began >= 2s);
}

void a_finding_stays_until_its_generation_is_gone() {
    Stage stage;
    auto& pool = stage.add_pool();
    create(pool, "r", 2);
    save(pool, "r", 5000, 2);
    damage(pool, "r", 1);
    auto& scrub = stage.begin({kFast, 1});
    test::eventually([&] { return scrub.status().passes >= 1; }, kLimitMs);
    const auto first = scrub.status().findings.at(0);
    test::eventually([&] { return scrub.status().passes >= 2; }, kLimitMs);
    const auto status = scrub.status();
    test::equal(status.findings.size(), 1U);
    test::equal(name_of(status.findings[0].verdict), "pool/r@1 damaged");
    test::equal(status.findings[0].since_ns, first.since_ns);
    test::equal(status.last->counts.damaged, 1U);
    save(pool, "r", 100);  // drops generation 1
    CHECK(scrub.status().findings.empty());
}

void what_verifies_again_is_no_finding_any_more() {
    Stage stage;
    auto& pool = stage.add_pool();
    create(pool, "r");
    save(pool, "r", 5000, 2);
    damage(pool, "r", 2, 4999);
    auto& scrub = stage.begin({kFast, 1});
    test::eventually([&] { return scrub.status().findings.size() == 1; }, kLimitMs);
    damage(pool, "r", 2, 4999);  // the same bit: it is as it was
    test::eventually([&] { return scrub.status().findings.empty(); }, kLimitMs);
}

ScrubVerdict verdict_of(const std::shared_ptr<const driver::ServedPool>& served, std::uint64_t number) {
    auto info = test::ok(served->pool->generations("r", number - 1, 1)).at(0);
    return {served, "r", info, 1, "it is damaged"};
}

void findings_are_told_once_and_counted_beyond_their_limit() {
    Stage stage;
    auto& pool = stage.add_pool();
    constexpr std::uint64_t kLimit = driver::ScrubFindings::kMaximum;
    create(pool, "r", kLimit + 2);
    save(pool, "r", 1, kLimit + 2);
    const auto served = stage.services.pools.all().at(0);
    driver::ScrubFindings findings;
    for (int pass = 0; pass < 2; ++pass) {
        for (std::uint64_t number = 1; number <= kLimit + 2; ++number)
            test::equal(findings.add(verdict_of(served, number), pass), pass == 0 && number <= kLimit);
        findings.end_pass();
        test::equal(findings.all().size(), kLimit);
        test::equal(findings.more(), 2U);
    }
    test::equal(findings.all().at(0).since_ns, 0);
    // One that verifies makes room, and so does one that is gone.
    CHECK(findings.remove(verdict_of(served, 5)));
    CHECK(!findings.remove(verdict_of(served, 5)));
    CHECK(findings.add(verdict_of(served, kLimit + 1), 3));
    test::ok(pool.set_retention("r", kLimit + 1, 0));
    CHECK(findings.add(verdict_of(served, kLimit + 2), 3));
    CHECK(!findings.add(verdict_of(served, kLimit + 2), 3));
    findings.end_pass();
    test::equal(findings.more(), 0U);
    test::equal(findings.all().size(), kLimit);
}

void off_is_off_and_new_settings_count_at_once() {
    Stage stage;
    auto& pool = stage.add_pool();
    create(pool, "r");
    constexpr std::uint64_t kSize = 1'000'000;
    save(pool, "r", kSize);
    auto& scrub = stage.begin({0, 86'400});
    test::equal(scrub.status().counts.bytes, 0U);
    CHECK(!scrub.status().pass && !scrub.status().next_pass_s);
    // A pass that takes four minutes, and would rest for a day.
    scrub.configure({driver::kMinimumScrubBandwidth, 86'400});
    test::eventually([&] { return scrub.status().counts.bytes > 0; }, kLimitMs);
    scrub.configure({0, 86'400});
    test::equal(scrub.status().passes, 0U);
    CHECK(scrub.status().pass.has_value());
    scrub.configure({kFast, 86'400});
    test::eventually([&] { return scrub.status().passes == 1; }, kLimitMs);
    test::equal(scrub.status().last->counts.bytes, kSize);  // it went on where it was
    CHECK(*scrub.status().next_pass_s > 80'000);
    scrub.configure({kFast, 1});
    test::eventually([&] { return scrub.status().passes >= 2; }, kLimitMs);
}

void what_is_stopped_begins_nothing() {
    Stage stage;
    auto& pool = stage.add_pool();
    create(pool, "r");
    save(pool, "r", 1'000'000);
    auto& scrub = stage.begin({driver::kMinimumScrubBandwidth, 1});
    test::eventually([&] { return scrub.status().counts.bytes > 0; }, kLimitMs);
    scrub.stop();
    stage.services.workers.stop();  // and with it a piece that was under way
    const auto bytes = scrub.status().counts.bytes;
    CHECK(bytes < 1'000'000);
    scrub.configure({kFast, 1});
    stage.services.deadlines.stop();
    test::equal(scrub.status().counts.bytes, bytes);
}

}  // namespace

int main() {
    return test::run(
        "scrub",
        {{"a pace is never faster than its bandwidth", a_pace_is_never_faster_than_its_bandwidth},
         {"a pass sees each generation once", a_pass_sees_each_generation_once},
         {"what comes behind the place is seen in the same pass",
          what_comes_behind_the_place_is_seen_in_the_same_pass},
         {"many regions are walked in bounded steps", many_regions_are_walked_in_bounded_steps},
         {"damage is seen wherever it is", damage_is_seen_wherever_it_is},
         {"what is dropped while it is read is no finding", what_is_dropped_while_it_is_read_is_no_finding},
         {"a scrub in the midst of it keeps no writer from the pages",
          a_scrub_in_the_midst_of_it_keeps_no_writer_from_the_pages},
         {"a file cut short is a finding", a_file_cut_short_is_a_finding},
         {"passes take their time and rest", passes_take_their_time_and_rest},
         {"passes over nothing rest as well", passes_over_nothing_rest_as_well},
         {"a finding stays until its generation is gone", a_finding_stays_until_its_generation_is_gone},
         {"what verifies again is no finding any more", what_verifies_again_is_no_finding_any_more},
         {"findings are told once and counted beyond their limit",
          findings_are_told_once_and_counted_beyond_their_limit},
         {"off is off and new settings count at once", off_is_off_and_new_settings_count_at_once},
         {"what is stopped begins nothing", what_is_stopped_begins_nothing}});
}
