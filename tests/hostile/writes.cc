// RDMA Writes that miss: through no window, through another's, past the end of one's own.
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

constexpr std::size_t kLargest = 65535 - 14;  // bytes of payload that an FPDU has room for

/// Through a window of the attacker's or a victim's.
auto through(const std::function<std::uint32_t(Field&)>& stag, std::uint64_t offset, std::size_t size,
             const test::Named& rule) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        attacker.write(stag(field), offset, field.poison(size));
        return terminated(attacker, rule);
    };
}

std::uint32_t own_draft(Field& field) {
    return field.armed->draft.window.key;
}
std::uint32_t own_generation(Field& field) {
    return field.armed->opened.window.key;
}
std::uint32_t victims_draft(Field& field) {
    return field.victim.draft.window.key;
}
std::uint32_t victims_generation(Field& field) {
    return field.victim.opened.window.key;
}
std::uint32_t victims_log(Field& field) {
    return field.victim.log.segments.at(0).window.key;
}

std::string stags_drawn(Field& field) {
    constexpr unsigned kTimes = 40;
    for (unsigned i = 0; i < kTimes; ++i) {
        auto attacker = field.login();
        attacker.write(static_cast<std::uint32_t>(test::generator()()), 0, field.poison(100));
        terminated(attacker, rule::kStag);
    }
    return fmt::format("Terminate, {}, {} times", to_string(rule::kStag), kTimes);
}

/// What follows from one's own: the next, the one before, one bit off, the bytes turned round.
std::string stags_near_the_own(Field& field) {
    const std::function<std::uint32_t(std::uint32_t)> guesses[] = {
        [](std::uint32_t stag) { return stag + 1; },
        [](std::uint32_t stag) { return stag - 1; },
        [](std::uint32_t stag) { return stag + 0x100; },
        [](std::uint32_t stag) { return stag ^ 1; },
        [](std::uint32_t stag) { return stag ^ 1U << 31; },
        [](std::uint32_t stag) { return ~stag; },
        [](std::uint32_t stag) { return __builtin_bswap32(stag); }};
    for (const auto& guess : guesses) {
        auto armed = field.arm();
        armed.session.write(guess(armed.draft.window.key), 0, field.poison(100));
        terminated(armed.session, rule::kStag);
    }
    return fmt::format("Terminate, {}, {} guesses", to_string(rule::kStag), std::size(guesses));
}

/// Those behind it in the stream are good: the stream has ended.
std::string good_ones_behind(Field& field) {
    auto& armed = *field.armed;
    auto bytes = armed.session.write_frame(victims_draft(field), 0, field.poison(100));
    for (unsigned i = 0; i < 20; ++i) {
        const auto good = armed.session.write_frame(armed.draft.window.key, i * 64, field.poison(64));
        bytes.insert(bytes.end(), good.begin(), good.end());
    }
    armed.session.peer.send_raw(bytes);
    return terminated(armed.session, rule::kStag) + ", and nothing behind it was placed";
}

/// A clone's pages that are its base's: outside, as if they were beyond the end.
auto into_a_hole(std::uint64_t offset, std::size_t size) {
    return [=](Field& field) {
        auto attacker = field.login();
        const auto clone =
            test::ok(attacker.ask<wire::Cloning>(wire::BeginClone{kOwnRegion, kGeneration, 1}));
        const auto draft =
            test::ok(attacker.ask<wire::Begun>(wire::Dirty{clone.draft_id, 1, {{kPage + 10, 5}}}));
        attacker.write(draft.window.key, offset, field.poison(size));
        return terminated(attacker, rule::kBounds);
    };
}

/// Its whole length is what has to fit, not what has come of it.
std::string cut_in_its_middle(Field& field) {
    auto& armed = *field.armed;
    const auto frame = armed.session.write_frame(armed.draft.window.key, kDraft - 1000, field.poison(2000));
    armed.session.peer.send_raw(std::span(frame).first(500));
    return terminated(armed.session, rule::kBounds) + ", before the rest had come";
}

}  // namespace

Attacks writes() {
    const auto none = [](std::uint32_t stag) { return [stag](Field&) { return stag; }; };
    return {
        {"write: 40 STags that were drawn", stags_drawn},
        {"write: STags near the attacker's own", stags_near_the_own, Moves::own},
        {"write: STag 0", through(none(0), 0, 100, rule::kStag)},
        {"write: STag 2^32 - 1", through(none(UINT32_MAX), 0, 100, rule::kStag)},
        {"write: nothing, through STag 0", through(none(0), 0, 0, rule::kStag)},
        {"write: the victim's draft", through(victims_draft, 0, 100, rule::kStag)},
        {"write: nothing, into the victim's draft", through(victims_draft, 0, 0, rule::kStag)},
        {"write: the victim's generation", through(victims_generation, 0, 100, rule::kStag)},
        {"write: the victim's log", through(victims_log, 0, 100, rule::kStag)},
        {"write: a generation that is open for reading", through(own_generation, 0, 100, rule::kAccess)},
        {"write: nothing, into what is open for reading", through(own_generation, 0, 0, rule::kAccess)},
        {"write: far beyond what is open for reading",
         through(own_generation, 1ULL << 60, 100, rule::kAccess)},
        {"write: one byte past the end", through(own_draft, kDraft - 99, 100, rule::kBounds)},
        {"write: one byte, at the end", through(own_draft, kDraft, 1, rule::kBounds)},
        {"write: nothing, one past the end", through(own_draft, kDraft + 1, 0, rule::kBounds)},
        {"write: the rest of the draft's last page", through(own_draft, kDraft, kPage - 100, rule::kBounds)},
        {"write: the largest FPDU, from the middle of the last page",
         through(own_draft, kDraft - 50, kLargest, rule::kBounds)},
        {"write: at 2^40", through(own_draft, 1ULL << 40, 100, rule::kBounds)},
        {"write: at 2^63", through(own_draft, 1ULL << 63, 100, rule::kBounds)},
        {"write: one before the beginning", through(own_draft, UINT64_MAX, 1, rule::kWrap)},
        {"write: from one before the beginning on", through(own_draft, UINT64_MAX, 100, rule::kWrap)},
        {"write: round 2^64 into the draft", through(own_draft, UINT64_MAX - 49, 100, rule::kWrap)},
        {"write: up to 2^64", through(own_draft, UINT64_MAX - 99, 100, rule::kWrap)},
        {"write: a clone's page that is its base's", into_a_hole(10, 100), Moves::own},
        {"write: from a clone's own page into its base's", into_a_hole(2 * kPage - 50, 100), Moves::own},
        {"write: from its base's into a clone's own page", into_a_hole(kPage - 50, 100), Moves::own},
        {"write: one that misses, and good ones behind it", good_ones_behind},
        {"write: past the end, and cut in its middle", cut_in_its_middle},
    };
}

}  // namespace pmemckpt::hostile
