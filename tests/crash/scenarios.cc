#include "tests/crash/scenarios.hh"

#include <fmt/format.h>

#include <algorithm>

#include "lib/format/superblock.hh"
#include "lib/pool/recovery.hh"
#include "lib/pool/rekey.hh"
#include "tests/crash/deeds.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::crash {

namespace {

/// The smallest free runs of pages are given first, and what was freed lately is among them.
constexpr int kDraftsBeside = 8;

std::uint64_t pages_offset(World& world) {
    return test::ok(format::plan_layout(world.memory().size(), format::kMinimumPageSize)).pages_offset;
}

/// A pool that was lived in, made ready, with the power cut from there on. What fails by itself is a failure
/// too.
template <class Ready, class Play>
Tally play(const Limits& limits, std::uint64_t seed, const Ready& ready, const Play& body) {
    const auto world = lived_in();
    ready(*world);
    Explorer explorer(*world, limits, seed);
    body(*world, explorer);
    return explorer.tally();
}

/// Of what must not be refused.
template <class Run>
std::function<Status()> going_well(const Run& run) {
    return [run] {
        test::ok(run());
        return Status();
    };
}

void prepare(World& world, const Deed& deed) {
    if (deed.prepare)
        test::ok(deed.prepare(world));
}

void step(World& world, Explorer& explorer, const Deed& deed) {
    explorer.step(deed.name, going_well([&] { return deed.run(world); }), deed.between);
}

Scenario alone(const Deed& deed) {
    return {"one thing alone", deed.name, [deed](const Limits& limits, std::uint64_t seed) {
                return play(
                    limits, seed, [&](World& world) { prepare(world, deed); },
                    [&](World& world, Explorer& explorer) { step(world, explorer, deed); });
            }};
}

Scenario at_a_switch(const Deed& deed) {
    return {"when the journal's half is full", deed.name, [deed](const Limits& limits, std::uint64_t seed) {
                return play(
                    fewer(limits), seed,
                    [&](World& world) {
                        prepare(world, deed);
                        test::ok(fill_half(world));
                    },
                    [&](World& world, Explorer& explorer) {
                        step(world, explorer, deed);
                        explorer.lose_a_superblock();
                    });
            }};
}

/// The other half has records of an earlier time, which are blanked first.
Scenario at_a_second_switch() {
    return {"when the journal's half is full", "seal, into a half that was in use before",
            [](const Limits& limits, std::uint64_t seed) {
                const auto deed = deeds("a").front();
                return play(
                    fewer(limits), seed,
                    [&](World& world) {
                        test::ok(fill_half(world));
                        test::ok(world.pool().take_over("b"));
                        test::ok(world.pool().destroy_region(filler()));
                        test::ok(fill_half(world));
                    },
                    [&](World& world, Explorer& explorer) { step(world, explorer, deed); });
            }};
}

/// At each persist of `outer` before its record is stored, in turn, another one is done, whole.
Tally play_half_done(const Limits& limits, std::uint64_t seed, const Deed& outer, const Deed& inner) {
    Tally tally;
    bool reached = true;
    for (unsigned at = 0; reached; ++at) {
        reached = false;
        tally.add(play(
            limits, seed + at,
            [&](World& world) {
                prepare(world, outer);
                if (inner.prepare)  // refused where the other one has ended the log
                    (void)inner.prepare(world);
            },
            [&](World& world, Explorer& explorer) {
                const auto pages = pages_offset(world);
                unsigned persists = 0;
                explorer.meanwhile = [&](Extent extent) {
                    if (extent.at.bytes < pages || persists++ != at)
                        return;
                    reached = true;
                    explorer.step(
                        fmt::format("{}, while {} is half done", inner.name, outer.name),
                        [&] { return inner.run(world); }, inner.between);
                };
                explorer.step(
                    fmt::format("{}, with {} in its middle", outer.name, inner.name),
                    [&] { return outer.run(world); }, outer.between);
            }));
    }
    return tally;
}

Scenario half_done(const Deed& outer, const Deed& inner, const std::string& where) {
    return {"while another one is half done, in the " + where, inner.name + " in the middle of " + outer.name,
            [=](const Limits& limits, std::uint64_t seed) {
                return play_half_done(fewer(limits), seed, outer, inner);
            }};
}

/// A peer appends to another log, and is told that it is durable, while a journal record is being persisted.
Scenario beside_an_append(const Deed& deed) {
    return {"beside a peer's append", deed.name, [deed](const Limits& limits, std::uint64_t seed) {
                return play(
                    limits, seed, [&](World& world) { prepare(world, deed); },
                    [&](World& world, Explorer& explorer) {
                        explorer.meanwhile = [&](Extent) {
                            test::ok(world.write_record("b", Payload(8, std::byte{7})));
                            test::ok(world.flush_records("b"));
                        };
                        step(world, explorer, deed);
                    });
            }};
}

/// Peers get pages and write to them while a journal record is being persisted: none that it frees.
Scenario beside_drafts(const Deed& deed) {
    return {"beside a peer's drafts", deed.name, [deed](const Limits& limits, std::uint64_t seed) {
                return play(
                    fewer(limits), seed, [&](World& world) { prepare(world, deed); },
                    [&](World& world, Explorer& explorer) {
                        std::vector<std::unique_ptr<pool::Draft>> drafts;
                        explorer.meanwhile = [&](Extent) {
                            for (int draft = 0; draft < kDraftsBeside; ++draft) {
                                drafts.push_back(test::ok(world.pool().begin("b", format::kMinimumPageSize)));
                                world.write(*drafts.back(), 0, Payload(8, std::byte{9}));
                            }
                        };
                        step(world, explorer, deed);
                    });
            }};
}

struct Killed {};

/// The process is killed before its journal record is persistent, and another one opens the pool: what that
/// one has read stays, though nobody has persisted it before.
Scenario killed_and_opened(const Deed& deed) {
    return {"a manager killed, and another one", deed.name, [deed](const Limits& limits, std::uint64_t seed) {
                State before;
                return play(
                    limits, seed,
                    [&](World& world) {
                        prepare(world, deed);
                        before = observe(world.pool());
                        world.medium().before_persist = [&](Extent extent) {
                            if (extent.at.bytes < pages_offset(world))
                                throw Killed{};
                        };
                        try {
                            (void)deed.run(world);
                        } catch (const Killed&) {
                        }
                        world.close();
                    },
                    [&](World& world, Explorer& explorer) {
                        explorer.step("open", going_well([&] { return world.open(); }),
                                      [&](const State&) { return before; });
                    });
            }};
}

Scenario create_pool() {
    return {"pools", "create", [](const Limits& limits, std::uint64_t seed) {
                World world;
                Explorer explorer(world, limits, seed);
                explorer.step("create a pool", [&] {
                    test::ok(pool::Pool::create(world.medium(), world.options(), test::pool_key()));
                    return Status();
                });
                explorer.step("open it", going_well([&] { return world.open(); }));
                explorer.lose_a_superblock();
                return explorer.tally();
            }};
}

Scenario open_damaged(unsigned slot) {
    return {"pools", fmt::format("open without superblock {}", "AB"[slot]),
            [slot](const Limits& limits, std::uint64_t seed) {
                return play(
                    fewer(limits), seed,
                    [&](World& world) {
                        world.close();
                        const Extent copy{{format::kSuperblockOffset[slot]}, {format::kSuperblockBytes}};
                        test::ok(world.medium().blank(copy));
                        test::ok(world.medium().persist(copy));
                    },
                    [&](World& world, Explorer& explorer) {
                        explorer.step("open", going_well([&] { return world.open(); }));
                        explorer.lose_a_superblock();
                    });
            }};
}

/// With whichever of the two keys the pool is of: one of them, and never both.
Result<std::unique_ptr<pool::Pool>> open_with_either(std::unique_ptr<media::Medium> medium, const Key& next) {
    const bool is_of_next = pool::recover(*medium, &next).has_value();
    const bool is_of_former = pool::recover(*medium, &test::pool_key()).has_value();
    CHECK(!is_of_next || !is_of_former);
    return pool::Pool::open(std::move(medium), is_of_next ? next : test::pool_key());
}

Scenario rekey(bool full) {
    return {"pools", full ? "another manager key, with the half full" : "another manager key",
            [full](const Limits& limits, std::uint64_t seed) {
                const auto next = test::key_of(8);
                const auto world = lived_in();
                if (full)
                    test::ok(fill_half(*world));
                world->close();
                Explorer explorer(*world, fewer(limits), seed, [&](std::unique_ptr<media::Medium> medium) {
                    return open_with_either(std::move(medium), next);
                });
                explorer.step("rekey", going_well([&] {
                                  return pool::rekey(world->medium(), test::pool_key(), next);
                              }));
                test::ok(pool::recover(world->medium(), &next));
                explorer.lose_a_superblock();
                return explorer.tally();
            }};
}

/// One after the other, in one pool, for as long as they go.
Scenario life() {
    return {"pools", "a life", [](const Limits& limits, std::uint64_t seed) {
                return play(
                    fewer(limits), seed, [](World&) {},
                    [&](World& world, Explorer& explorer) {
                        for (const auto& deed : deeds("a")) {
                            test::ok(live_on(world, "a"));
                            prepare(world, deed);
                            step(world, explorer, deed);
                        }
                    });
            }};
}

}  // namespace

Limits fewer(Limits limits) {
    limits.images = std::max<std::uint64_t>(limits.images / 8, 1);
    limits.images_in_recovery = std::max<std::uint64_t>(limits.images_in_recovery / 8, 1);
    return limits;
}

std::vector<Scenario> scenarios() {
    std::vector<Scenario> all{create_pool(), open_damaged(0), open_damaged(1),
                              rekey(false),  rekey(true),     life()};
    for (const auto& scenario : repair_scenarios())
        all.push_back(scenario);
    for (const auto& deed : deeds("a"))
        all.push_back(alone(deed));
    for (const auto& deed : deeds("a"))
        all.push_back(at_a_switch(deed));
    all.push_back(at_a_second_switch());
    for (const auto& deed : deeds("a"))
        all.push_back(beside_an_append(deed));
    for (const auto& deed : deeds("a"))
        all.push_back(beside_drafts(deed));
    for (const auto& deed : deeds("a"))
        all.push_back(killed_and_opened(deed));
    for (const char* region : {"a", "b"})
        for (const auto& outer : deeds_with_a_middle("a"))
            for (const auto& inner : deeds(region))
                all.push_back(half_done(outer, inner, *region == 'a' ? "same region" : "other region"));
    return all;
}

}  // namespace pmemckpt::crash
