// Takeovers, and who does not want to know of them: pmemckpt-protocol(7), TAKEOVER.
#include <thread>

#include "lib/base/crc32c.hh"
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

constexpr const char* kRegion = "mallory/race";
constexpr unsigned kRaces = 20;

void make_region(Field& field) {
    auto session = field.login();
    test::ok(session.ask<wire::Region>(wire::CreateRegion{kRegion, 2, 0, 0}));
    const auto draft = test::ok(session.ask<wire::Begun>(wire::Begin{kRegion, kGeneration}));
    write_all(session, draft.window, field.own_content());
    test::ok(session.ask<wire::Generation>(wire::Seal{draft.draft_id, kGeneration, 0, 0}));
}

/// A session that writes to the region, in its epoch.
struct Writer {
    Attacker session;
    wire::Begun draft;
};

Writer begin(Field& field) {
    auto session = field.login();
    const auto draft = test::ok(session.ask<wire::Begun>(wire::Begin{kRegion, kDraft}));
    return {std::move(session), draft};
}

wire::TakenOver take_over(Attacker& session) {
    return test::ok(session.ask<wire::TakenOver>(wire::TakeOver{kRegion, ""}));
}

/// Both come through, one after the other, and the region is the later one's.
std::string two_takers(Field& field) {
    make_region(field);
    for (unsigned i = 0; i < kRaces; ++i) {
        auto one = field.login(), other = field.login();
        const auto id = one.post(wire::TakeOver{kRegion, ""}),
                   other_id = other.post(wire::TakeOver{kRegion, ""});
        const auto first = test::ok(one.answer<wire::TakenOver>(one.receive(), wire::Type::take_over, id));
        const auto second =
            test::ok(other.answer<wire::TakenOver>(other.receive(), wire::Type::take_over, other_id));
        const auto a = first.region.epoch, b = second.region.epoch;
        CHECK(a + 1 == b || b + 1 == a);
        refused(a < b ? one : other, wire::Begin{kRegion, 100}, ESTALE);
        test::ok((a < b ? other : one).ask<wire::Begun>(wire::Begin{kRegion, 100}));
    }
    return fmt::format("the earlier one with ESTALE, {} times", kRaces);
}

/// What was sealed is in the takeover's answer, or it was not sealed.
std::string taker_and_sealer(Field& field) {
    make_region(field);
    unsigned sealed = 0;
    for (unsigned i = 0; i < kRaces; ++i) {
        auto writer = begin(field);
        auto taker = field.login();
        const auto before = test::ok(taker.ask<wire::Region>(wire::FindRegion{kRegion})).newest;
        const auto seal_id = writer.session.post(wire::Seal{writer.draft.draft_id, kDraft, 0, 0});
        if (i % 2 == 0)
            std::this_thread::sleep_for(std::chrono::microseconds(50 * i));
        const auto taken = take_over(taker);
        const auto answer =
            writer.session.answer<wire::Generation>(writer.session.receive(), wire::Type::seal, seal_id);
        if (!answer)
            test::equal(answer.error().code, ESTALE);
        sealed += answer ? 1 : 0;
        test::equal(taken.newest.number, answer ? answer->number : before);
        if (answer)
            test::equal(answer->number, before + 1);
        refused(writer.session, wire::Begin{kRegion, 100}, ESTALE);
    }
    return fmt::format("{} times ESTALE, {} times sealed before", kRaces - sealed, sealed);
}

/// Writes what it has a window for, as fast as it can, until it is told that it has none.
class FullSpeed {
public:
    explicit FullSpeed(Writer& writer)
        : writer_(writer),
          frame_(writer.session.write_frame(writer.draft.window.key, 0, test::random_bytes(kPage - 1000))),
          thread_([this] { run(); }) {}
    ~FullSpeed() { finish(); }
    void finish() {
        if (thread_.joinable())
            thread_.join();
    }
    unsigned count() const { return count_; }

private:
    void run() {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        for (; writer_.session.peer.is_silent(0) && std::chrono::steady_clock::now() < end; ++count_)
            writer_.session.peer.send_raw(frame_);
    }

    Writer& writer_;
    const Bytes frame_;
    std::atomic<unsigned> count_ = 0;
    std::thread thread_;  // the last: it uses all the others
};

/// Nothing of it lands once the takeover was answered: the pages are another's by then.
std::string writer_at_full_speed(Field& field) {
    make_region(field);
    auto writer = begin(field);
    FullSpeed writing(writer);
    test::eventually([&] { return writing.count() > 50; });
    auto taker = field.login();
    take_over(taker);
    const auto draft = test::ok(taker.ask<wire::Begun>(wire::Begin{kRegion, kDraft}));
    field.honest.goes_on();
    writing.finish();
    auto told = terminated(writer.session, rule::kStag);
    test::ok(taker.ask<wire::Generation>(wire::Seal{draft.draft_id, kDraft, 1, crc32c(Bytes(kDraft))}));
    return told + fmt::format(", after {} Writes; what followed is blank", writing.count());
}

/// Again and again, by who is fenced each time.
std::string writers_at_full_speed(Field& field) {
    make_region(field);
    constexpr unsigned kTimes = 10;
    for (unsigned i = 0; i < kTimes; ++i) {
        auto writer = begin(field);
        FullSpeed writing(writer);
        test::eventually([&] { return writing.count() > 5; });
        auto taker = field.login();
        take_over(taker);
        writing.finish();
        terminated(writer.session, rule::kStag);
    }
    return fmt::format("Terminate, {}, {} times", to_string(rule::kStag), kTimes);
}

std::string fenced_requests(Field& field) {
    make_region(field);
    auto writer = begin(field);
    auto& session = writer.session;
    const auto log = test::ok(session.ask<wire::LogGranted>(wire::OpenLog{kRegion, 1000, 0}));
    const auto clone = test::ok(session.ask<wire::Cloning>(wire::BeginClone{kRegion, 100, 0}));
    auto taker = field.login();
    take_over(taker);
    refused(session, wire::Seal{writer.draft.draft_id, kDraft, 0, 0}, ESTALE);
    refused(session, wire::Dirty{clone.draft_id, 1, {{0, 1}}}, ESTALE);
    refused(session, wire::Begin{kRegion, 100}, ESTALE);
    refused(session, wire::BeginClone{kRegion, 100, 0}, ESTALE);
    refused(session, wire::OpenLog{kRegion, 1000, 0}, ESTALE);
    refused(session, wire::GrowLog{kRegion, log.log_id, log.term, 1000}, ESTALE);
    refused(session, wire::FlushLog{kRegion, log.log_id, log.term, 0, 1000}, ESTALE);
    refused(session, wire::CloseLog{kRegion}, ESTALE);
    refused(session, wire::Clear{kRegion}, ESTALE);
    session.write(log.segments.at(0).window.key, 0, field.poison(100));
    return "ESTALE, each of 9; " + terminated(session, rule::kStag) + " for the log";
}

std::string fenced_draft(Field& field) {
    make_region(field);
    auto writer = begin(field);
    auto taker = field.login();
    take_over(taker);
    writer.session.write(writer.draft.window.key, 0, field.poison(100));
    return terminated(writer.session, rule::kStag);
}

/// To be fenced is no end for who reads.
std::string fenced_reader(Field& field) {
    make_region(field);
    auto reader = field.login();
    const auto opened = test::ok(reader.ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0}));
    auto taker = field.login();
    take_over(taker);
    test::ok(taker.ask<wire::Empty>(wire::Clear{kRegion}));
    CHECK(reader.fetch(opened.window, 0, kGeneration) == field.own_content());
    reader.write(opened.window.key, 0, field.poison(100));
    return terminated(reader, rule::kAccess) + ", and reads went on until then";
}

}  // namespace

Attacks takeovers() {
    return {
        {"takeover: two at once", two_takers, Moves::own},
        {"takeover: against a seal", taker_and_sealer, Moves::own},
        {"takeover: of a writer at full speed", writer_at_full_speed, Moves::own},
        {"takeover: of ten writers at full speed, one after the other", writers_at_full_speed, Moves::own},
        {"takeover: every request of who was fenced", fenced_requests, Moves::own},
        {"takeover: Write into the draft of who was fenced", fenced_draft, Moves::own},
        {"takeover: Write of who was fenced and reads on", fenced_reader, Moves::own},
    };
}

}  // namespace pmemckpt::hostile
