// Windows that have died: what was sealed, dropped, closed or taken over is out of reach, at once and for
// ever.
#include <set>

#include "lib/base/crc32c.hh"
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

constexpr const char* kGrave = "mallory/grave";

/// A Write through the attacker's own draft, after something has killed its window.
auto write_after(const std::function<void(Armed&)>& death) {
    return [=](Field& field) {
        auto& armed = *field.armed;
        death(armed);
        armed.session.write(armed.draft.window.key, 0, field.poison(1000));
        return terminated(armed.session, rule::kStag);
    };
}

void seal(Armed& armed) {
    test::ok(armed.session.ask<wire::Generation>(wire::Seal{armed.draft.draft_id, kDraft, 0, 0}));
}
void seal_in_vain(Armed& armed) {
    refused(armed.session, wire::Seal{armed.draft.draft_id, kDraft + 1, 0, 0}, EINVAL);
}
void abort(Armed& armed) {
    test::ok(armed.session.ask<wire::Empty>(wire::Abort{armed.draft.draft_id}));
}
void take_over(Armed& armed) {
    test::ok(armed.session.ask<wire::TakenOver>(wire::TakeOver{kOwnRegion, ""}));
}
void invalidate(Armed& armed) {
    armed.session.peer.send(test::Untagged{.opcode = test::kSendInvalidate,
                                           .number = armed.session.next_number(),
                                           .payload = wire::encode_request(9, wire::StatusRequest{}),
                                           .invalidate = armed.draft.window.key});
    armed.session.count_message();
    armed.session.receive();
}

/// Writes go on while the seal is under way, and after it: what is sealed is what its checksum says.
std::string writes_during_the_seal(Field& field) {
    auto& armed = *field.armed;
    armed.session.post(wire::Seal{armed.draft.draft_id, kDraft, 0, 0});
    while (armed.session.peer.is_silent(0))
        armed.session.write(armed.draft.window.key, test::generator()() % kPage, test::random_bytes(500));
    for (unsigned i = 0; i < 100; ++i)
        armed.session.write(armed.draft.window.key, 0, field.poison(500));
    auto told = terminated(armed.session, rule::kStag);
    auto reader = field.login();
    const auto opened = test::ok(reader.ask<wire::OpenedGeneration>(wire::OpenGeneration{kOwnRegion, 0}));
    const auto content = reader.fetch(opened.window, 0, kDraft);
    test::equal(crc32c(content), opened.generation.crc32c);
    return told + ", and its checksum holds";
}

std::string read_after_close(Field& field) {
    auto& armed = *field.armed;
    test::ok(armed.session.ask<wire::Empty>(wire::CloseGeneration{armed.opened.handle}));
    armed.session.read(armed.opened.window.key, 0, 1000);
    return terminated(armed.session, rule::kSourceStag) + ", nothing read";
}

/// Reads before, at and after its close: those that are answered bring the generation's own bytes.
std::string close_under_reads(Field& field) {
    auto& armed = *field.armed;
    Bytes bytes;
    const auto add = [&](const Bytes& frame) { bytes.insert(bytes.end(), frame.begin(), frame.end()); };
    for (unsigned i = 0; i < 8; ++i)
        add(armed.session.read_frame(armed.opened.window.key, 0, kGeneration));
    add(armed.session.request_frame(wire::CloseGeneration{armed.opened.handle}));
    for (unsigned i = 0; i < 8; ++i)
        add(armed.session.read_frame(armed.opened.window.key, 0, kGeneration));
    armed.session.peer.send_raw(bytes);
    armed.session.peer.finish_sending();
    return closed(armed.session);
}

std::string windows_of_the_session_before(Field& field) {
    std::uint32_t draft = 0, generation = 0;
    {
        auto before = field.arm();
        draft = before.draft.window.key;
        generation = before.opened.window.key;
    }
    auto writer = field.login();
    writer.write(draft, 0, field.poison(100));
    terminated(writer, rule::kStag);
    auto reader = field.login();
    reader.read(generation, 0, 100);
    return terminated(reader, rule::kSourceStag) + ", nothing read; so with the Write";
}

/// The log of a region of the attacker's, and its first window.
std::uint32_t open_log(Attacker& attacker, const char* region) {
    test::ok(attacker.ask<wire::Region>(wire::CreateRegion{region, 2, 0, 0}));
    return test::ok(attacker.ask<wire::LogGranted>(wire::OpenLog{region, 1000, 0})).segments.at(0).window.key;
}

auto append_after(const std::function<void(Attacker&)>& end) {
    return [=](Field& field) {
        auto attacker = field.login();
        const auto stag = open_log(attacker, kGrave);
        end(attacker);
        attacker.write(stag, 0, field.poison(1000));
        return terminated(attacker, rule::kStag);
    };
}

void close_log(Attacker& attacker) {
    test::ok(attacker.ask<wire::Empty>(wire::CloseLog{kGrave}));
}
void open_log_again(Attacker& attacker) {
    open_log(attacker, kGrave);
}
void clear(Attacker& attacker) {
    test::ok(attacker.ask<wire::Empty>(wire::Clear{kGrave}));
}
void destroy(Attacker& attacker) {
    test::ok(attacker.ask<wire::Empty>(wire::DestroyRegion{kGrave}));
}
void seal_another(Attacker& attacker) {
    const auto draft = test::ok(attacker.ask<wire::Begun>(wire::Begin{kGrave, 100}));
    test::ok(attacker.ask<wire::Generation>(wire::Seal{draft.draft_id, 100, 0, 0}));
}

/// Another one of its name is not the one that the draft was begun for.
std::string seal_for_the_dead(Field& field) {
    auto attacker = field.login();
    const wire::CreateRegion create{kGrave, 2, 0, 0};
    test::ok(attacker.ask<wire::Region>(create));
    const auto first = test::ok(attacker.ask<wire::Begun>(wire::Begin{kGrave, 100}));
    const auto second = test::ok(attacker.ask<wire::Begun>(wire::Begin{kGrave, 100}));
    destroy(attacker);
    refused(attacker, wire::Seal{first.draft_id, 100, 0, 0}, ENOENT);
    test::ok(attacker.ask<wire::Region>(create));
    return refused(attacker, wire::Seal{second.draft_id, 100, 0, 0}, ENOENT) + ", also when it was made anew";
}

std::string stags_that_come_twice(Field& field) {
    constexpr unsigned kTimes = 300;
    auto& attacker = field.armed->session;
    std::set<std::uint32_t> seen;
    for (unsigned i = 0; i < kTimes; ++i) {
        const auto draft = test::ok(attacker.ask<wire::Begun>(wire::Begin{kOwnRegion, 1}));
        CHECK(seen.insert(draft.window.key).second);
        test::ok(attacker.ask<wire::Empty>(wire::Abort{draft.draft_id}));
    }
    attacker.write(*seen.begin(), 0, field.poison(1));
    return terminated(attacker, rule::kStag) + fmt::format(", and none of {} came twice", kTimes);
}

}  // namespace

Attacks graves() {
    return {
        {"grave: Write to what one has sealed", write_after(seal), Moves::own},
        {"grave: Write to what one has sealed in vain", write_after(seal_in_vain)},
        {"grave: Writes while it is sealed, and after", writes_during_the_seal, Moves::own},
        {"grave: Write after ABORT", write_after(abort)},
        {"grave: Write after one's own takeover", write_after(take_over), Moves::own},
        {"grave: Write through what one has invalidated", write_after(invalidate)},
        {"grave: Read after CLOSE_GENERATION", read_after_close},
        {"grave: CLOSE_GENERATION under reads", close_under_reads},
        {"grave: STags of the session before", windows_of_the_session_before, Moves::own},
        {"grave: append after CLOSE_LOG", append_after(close_log), Moves::own},
        {"grave: append through the opening before", append_after(open_log_again), Moves::own},
        {"grave: append after a seal", append_after(seal_another), Moves::own},
        {"grave: append after CLEAR", append_after(clear), Moves::own},
        {"grave: append after DESTROY_REGION", append_after(destroy), Moves::own},
        {"grave: SEAL for a region that was destroyed", seal_for_the_dead, Moves::own},
        {"grave: an STag of 300 that are gone", stags_that_come_twice, Moves::own},
    };
}

}  // namespace pmemckpt::hostile
