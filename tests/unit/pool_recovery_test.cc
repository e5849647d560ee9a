// time-limit: 240
// The power is cut at every persist, with nothing, some and all of what was not durable on the medium. What
// is recovered is the state before the step that was going on, or the one after it.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "lib/base/crc32c.hh"
#include "lib/base/log.hh"
#include "lib/format/layout.hh"
#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Reached;
using test::Tape;

constexpr std::uint64_t kPagesOffset = 2 * kMiB;

std::shared_ptr<Tape> coarse_tape() {
    return test::make_tape(test::fresh_image(kMinimumPoolSize, 2 * kMiB));
}

/// Recovers, with the power cut in recovery too; goes on working in what was recovered.
std::string recover(const test::Image& image, bool thoroughly) {
    const auto tape = test::make_tape(image);
    std::vector<std::string> nested;
    if (thoroughly)
        tape->before_persist = [&](Extent) {
            for (const auto reached : {Reached::durable, Reached::random, Reached::all})
                nested.push_back(test::digest_of(test::cut(*tape, reached, test::generator())));
        };
    auto pool = test::open_tape(tape);
    tape->before_persist = nullptr;
    if (!pool)
        return pool.error().message;
    const auto state = test::digest(**pool);
    for (const auto& other : nested)
        if (other != state)
            return "recovered twice, with two results:\n" + state + "and\n" + other;
    if (const auto twice = test::pages_owned_twice(**pool); !twice.empty())
        return twice;
    if (!thoroughly)
        return state;
    const auto made = (*pool)->create_region("after", "alice", {});
    const auto after = test::digest(**pool);
    const auto again = test::digest_of(tape->durable);
    return made && again == after ? state : "can't go on after recovery:\n" + again + "wanted\n" + after;
}

struct Step {
    const char* name;
    std::function<void(Pool&)> run;
    /// Of a step that is two records: the state between them, from the one before.
    std::function<std::string(std::string)> between = {};
};

/// What goes wrong, if anything: the step, and a state that is neither the old nor the new one.
std::string cut_everywhere(const std::shared_ptr<Tape>& tape, Pool& pool, const std::vector<Step>& steps) {
    std::uint64_t cuts = 0;
    for (const auto& step : steps) {
        const auto old_state = test::digest(pool);
        std::vector<std::string> states;
        const auto cut_now = [&](Reached reached) {
            states.push_back(recover(test::cut(*tape, reached, test::generator()), ++cuts % 7 == 0));
        };
        tape->before_persist = [&](Extent) {
            for (const auto reached : {Reached::durable, Reached::random, Reached::all})
                cut_now(reached);
        };
        tape->after_persist = [&](Extent) { cut_now(Reached::durable); };
        step.run(pool);
        tape->before_persist = tape->after_persist = nullptr;
        const auto new_state = test::digest(pool);
        const auto between = step.between ? step.between(old_state) : new_state;
        for (const auto& state : states)
            if (state != old_state && state != new_state && state != between)
                return fmt::format("{}: {}\nneither\n{}nor\n{}", step.name, state, old_state, new_state);
        const auto durable = recover(tape->durable, false);
        if (durable != new_state)
            return fmt::format("{}: not durable when it returned: {}\ninstead of\n{}", step.name, durable,
                               new_state);
    }
    return {};
}

std::vector<Step> all_steps() {
    const auto save = [](const char* region, std::uint64_t size) {
        return [=](Pool& pool) { test::ok(test::save(pool, region, test::random_bytes(size))); };
    };
    const auto drop_draft = [](Pool& pool) {
        const auto draft = test::ok(pool.begin("team/a", 3 * kMiB));
        test::fill(pool, *draft, test::random_bytes(3 * kMiB));
    };
    return {
        {"create", [](Pool& pool) { test::ok(pool.create_region("team/a", "alice", {.keep = 2})); }},
        {"create another", [](Pool& pool) { test::ok(pool.create_region("b", "bob", {.keep = 1})); }},
        {"first seal", save("team/a", 3 * kMiB)},
        {"second seal", save("team/a", 100)},
        {"seal that drops", save("team/a", 2 * kMiB)},
        {"seal in the other", save("b", 5000)},
        {"draft dropped", drop_draft},
        {"overwrite", save("b", 2 * kMiB + 1)},
        {"overwrite again", save("b", 10)},
        {"destroy", [](Pool& pool) { test::ok(pool.destroy_region("b")); }},
        {"seal in freed pages", save("team/a", 4 * kMiB)},
        {"empty seal", save("team/a", 0)},
        {"create it anew", [](Pool& pool) { test::ok(pool.create_region("b", "bob", {})); }},
    };
}

std::vector<Step> later_steps() {
    const auto clone = [](const char* region, std::uint64_t size, std::vector<Extent> dirty) {
        return [=](Pool& pool) {
            auto draft = test::ok(pool.begin_clone(region, size, {0, dirty}));
            const auto medium = pool.medium().bytes();
            for (std::size_t page = 0; page < draft->page_offsets().size(); ++page)
                if (draft->writable()[page])
                    medium[draft->page_offsets()[page]] ^= std::byte{1};
            test::ok(pool.seal(std::move(draft), size, std::nullopt, "alice"));
        };
    };
    const auto pin = [](std::uint64_t number, bool pinned) {
        return [=](Pool& pool) { test::ok(pool.pin("a", number, pinned)); };
    };
    const auto cursor = [](std::uint64_t generation, std::uint64_t sequence) {
        return [=](Pool& pool) { test::ok(pool.advance_cursor("a", {"backup", generation, sequence})); };
    };
    const auto writer = std::make_shared<std::optional<test::LogWriter>>();
    const auto open = [=](std::uint64_t room) {
        return [=](Pool& pool) { writer->emplace(pool, test::ok(pool.open_log("a", room))); };
    };
    // From afar, as its appender does it, without the pool's knowledge.
    const auto append = [=](Pool&) { (*writer)->append(test::random_bytes(100)); };
    const auto no_writer = [=](auto step) {
        return [=](Pool& pool) {
            writer->reset();
            step(pool);
        };
    };
    const auto keep_one_not_yet_dropped = [](std::string state) {
        return state.replace(state.find(" keep 2 "), 8, " keep 1 ");
    };
    const auto save = [](Pool& pool) { test::ok(test::save(pool, "a", test::random_bytes(4 * kMiB - 5))); };
    return {
        {"create", [](Pool& pool) { test::ok(pool.create_region("a", "alice", {.keep = 2})); }},
        {"seal", save},
        {"clone", clone("a", 4 * kMiB - 5, {{{0}, {1}}})},
        {"clone that drops its base's base", clone("a", 4 * kMiB - 5, {{{3 * kMiB}, {1}}})},
        {"clone that grows", clone("a", 4 * kMiB + 5, {})},
        {"pin", pin(3, true)},
        {"clone beside the pinned one", clone("a", 100, {})},
        {"unpin", pin(3, false)},
        {"start a log", open(100)},
        {"append", append},
        {"append too", append},
        {"grow the log",
         [](Pool& pool) {
             const auto log = test::ok(pool.read_log("a")).log;
             test::ok(pool.grow_log("a", log.id, log.term, 1));
         }},
        {"new cursor", cursor(4, 1)},
        {"cursor goes on", cursor(5, 2)},
        {"take over", [](Pool& pool) { test::ok(pool.take_over("a")); }},
        {"open the log anew", open(1)},
        {"append in the second epoch", append},
        {"seal that ends the log", no_writer(clone("a", 100, {{{0}, {100}}}))},
        {"log again", open(1)},
        {"keep one", [](Pool& pool) { test::ok(pool.set_retention("a", 1, 0)); }, keep_one_not_yet_dropped},
        {"append to it", append},
        {"clear", no_writer([](Pool& pool) { test::ok(pool.clear("a")); })},
        {"log of a cleared one", open(1)},
        {"drop the cursor", [](Pool& pool) { test::ok(pool.drop_cursor("a", "backup")); }},
        {"seal in freed pages", no_writer(save)},
        {"keep by age", [](Pool& pool) { test::ok(pool.set_retention("a", 1, 1'000'000'000'000)); }},
        {"another seal", clone("a", 10, {})},
        {"expire", [](Pool& pool) { test::equal(test::ok(pool.expire(INT64_MAX)), std::size_t{1}); }},
        {"destroy", [](Pool& pool) { test::ok(pool.destroy_region("a")); }},
    };
}

void old_or_new_at_every_cut() {
    const auto tape = coarse_tape();
    const auto pool = test::ok(test::open_tape(tape));
    test::equal(cut_everywhere(tape, *pool, all_steps()), std::string());
}

/// Starts with so full a half that the steps have to switch it, after so many switches before.
void cut_around_a_switch(std::uint64_t room, std::uint64_t switches) {
    const auto tape = coarse_tape();
    const auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("filler", "alice", {.keep = 1}));
    const auto full = pool->info().journal_half_bytes - format::kJournalReserveBytes - room;
    while (pool->info().journal_switches < switches || pool->info().journal_used_bytes + 96 < full)
        test::ok(test::save(*pool, "filler", {}));
    test::equal(cut_everywhere(tape, *pool, all_steps()), std::string());
    test::equal(pool->info().journal_switches, switches + 1);
}

void old_or_new_when_the_half_is_switched() {
    cut_around_a_switch(100, 0);
}
void old_or_new_when_it_is_switched_again() {
    cut_around_a_switch(500, 2);
}

/// The tests above can fail: a medium that does not keep what it says it keeps is found out.
void a_lying_medium_is_caught() {
    for (const auto lies_from : {kPagesOffset, format::kJournalOffset}) {
        const auto tape = coarse_tape();
        const auto pool = test::ok(test::open_tape(tape));
        tape->lies_from = lies_from;
        const auto wrong = cut_everywhere(tape, *pool, all_steps());
        test::contains(wrong, lies_from == kPagesOffset ? "TORN" : "not durable");
    }
}

void later_records_old_or_new_at_every_cut() {
    const auto tape = coarse_tape();
    const auto pool = test::ok(test::open_tape(tape));
    test::equal(cut_everywhere(tape, *pool, later_steps()), std::string());
    test::equal(pool->info().free_pages, pool->info().pages);
}

/// The half is switched within each of the steps in turn.
void later_records_when_the_half_is_switched() {
    const auto count = later_steps().size();
    for (std::size_t at = 0; at < count; at += 3) {
        const auto tape = coarse_tape();
        const auto pool = test::ok(test::open_tape(tape));
        test::ok(pool->create_region("filler", "alice", {.keep = 1}));
        auto steps = later_steps();
        for (std::size_t step = 0; step < at; ++step)
            steps[step].run(*pool);
        const auto full = pool->info().journal_half_bytes - format::kJournalReserveBytes;
        while (pool->info().journal_used_bytes + 88 <= full)
            test::ok(test::save(*pool, "filler", {}));
        steps.erase(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(at));
        test::equal(cut_everywhere(tape, *pool, steps), std::string());
    }
}

void payload_then_record_then_answer() {
    const auto tape = coarse_tape();
    const auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {}));
    const auto bytes = test::random_bytes(5 * kMiB);
    auto draft = test::ok(pool->begin("a", bytes.size()));
    const auto pages = draft->page_offsets();
    test::fill(*pool, *draft, bytes);
    const auto journal = [&] {
        return crc32c(std::span<const std::byte>(tape->stored)
                          .subspan(format::kJournalOffset, kPagesOffset - format::kJournalOffset));
    };
    const auto journal_before = journal();
    std::uint64_t payload_persisted = 0, records = 0;
    tape->before_persist = [&](Extent extent) {
        if (extent.at.bytes >= kPagesOffset) {
            payload_persisted += extent.size.bytes;
            CHECK(records == 0 && journal() == journal_before);  // not even stored yet
        } else {
            ++records;
            test::equal(payload_persisted, pages.size() * 2 * kMiB);
        }
    };
    bool heard = false;
    pool->set_seal_listener([&](const RegionInfo&, const GenerationInfo&) {
        heard = true;
        test::contains(test::digest_of(tape->durable), "newest 1");
    });
    test::ok(pool->seal(std::move(draft), bytes.size(), std::nullopt, "alice"));
    CHECK(heard && records == 1);
}

/// One page in the middle of the old generations is freed by the very record that seals the new one: it may
/// not be given away before that record is durable.
void dropped_pages_are_not_reused_early() {
    const auto tape = coarse_tape();
    const auto pool = test::ok(test::open_tape(tape));
    test::ok(pool->create_region("a", "alice", {.keep = 1}));
    test::ok(test::save(*pool, "a", test::random_bytes(8 * kMiB)));
    // 4 of 7 pages are in use: overwriting needs room for both.
    test::error(pool->begin("a", 8 * kMiB), ENOSPC);
    auto draft = test::ok(pool->begin("a", 6 * kMiB));
    tape->before_persist = [&](Extent) { test::equal(pool->info().free_pages, std::uint64_t{0}); };
    test::ok(pool->seal(std::move(draft), 6 * kMiB, std::nullopt, "alice"));
    tape->before_persist = nullptr;
    test::equal(pool->info().free_pages, std::uint64_t{4});
}

}  // namespace

int main() {
    log::set_level(log::Level::error);  // each torn tail is a notice
    return test::run("pool_recovery",
                     {{"old_or_new_at_every_cut", old_or_new_at_every_cut},
                      {"old_or_new_when_the_half_is_switched", old_or_new_when_the_half_is_switched},
                      {"old_or_new_when_it_is_switched_again", old_or_new_when_it_is_switched_again},
                      {"later_records_old_or_new_at_every_cut", later_records_old_or_new_at_every_cut},
                      {"later_records_when_the_half_is_switched", later_records_when_the_half_is_switched},
                      {"a_lying_medium_is_caught", a_lying_medium_is_caught},
                      {"payload_then_record_then_answer", payload_then_record_then_answer},
                      {"dropped_pages_are_not_reused_early", dropped_pages_are_not_reused_early}});
}
