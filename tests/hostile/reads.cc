// RDMA Reads that miss, and more of them than may be outstanding.
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

using test::Untagged;

auto of(const std::function<std::uint32_t(Field&)>& stag, std::uint64_t offset, std::uint32_t size,
        const test::Named& rule) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        attacker.read(stag(field), offset, size);
        return terminated(attacker, rule) + ", nothing read";
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
        attacker.read(static_cast<std::uint32_t>(test::generator()()), 0, 100);
        terminated(attacker, rule::kSourceStag);
    }
    return fmt::format("Terminate, {}, {} times", to_string(rule::kSourceStag), kTimes);
}

/// A response goes to the sink that was named, through the connection it was asked on, and brings what the
/// window has.
std::string sinks_of_nonsense(Field& field) {
    auto& armed = *field.armed;
    const std::uint32_t sinks[] = {0, UINT32_MAX, victims_draft(field), armed.draft.window.key};
    const auto& content = field.own_content();
    for (const auto sink : sinks)
        for (const std::uint64_t offset : {std::uint64_t{0}, UINT64_MAX - 50, std::uint64_t{1} << 63})
            CHECK(armed.session.fetch(armed.opened.window, 7, 1000, sink, offset) ==
                  Bytes(content.begin() + 7, content.begin() + 1007));
    goes_on(armed.session);
    return "harmless: they are the reader's business, and nobody else's";
}

std::string more_than_may_be_outstanding(Field& field) {
    constexpr unsigned kReads = 256;
    auto& armed = *field.armed;
    Bytes bytes;
    for (unsigned i = 0; i < kReads; ++i) {
        const auto frame = armed.session.read_frame(armed.opened.window.key, 0, kGeneration);
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    armed.session.peer.send_raw(bytes);
    return terminated(armed.session, rule::kNoBuffer);
}

/// A Read Request's body that is none.
auto body_of_size(std::size_t size, bool last, std::uint32_t offset, const test::Named& rule) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        attacker.peer.send(Untagged{.opcode = test::kReadRequest,
                                    .queue = 1,
                                    .offset = offset,
                                    .payload = Bytes(size),
                                    .last = last});
        return terminated(attacker, rule);
    };
}

auto numbered(std::uint32_t number) {
    return [=](Field& field) {
        auto& armed = *field.armed;
        armed.session.peer.send(
            test::ReadFields{.size = 10, .source = armed.opened.window.key, .number = number});
        return terminated(armed.session, rule::kMessageNumber);
    };
}

/// Nothing of a draft of the attacker's comes but zeros: whoever had the pages before.
std::string draft_that_was_not_written(Field& field) {
    auto attacker = field.login();
    const auto draft = test::ok(attacker.ask<wire::Begun>(wire::Begin{kOwnRegion, kDraft}));
    test::ok(attacker.ask<wire::Generation>(wire::Seal{draft.draft_id, kDraft, 0, 0}));
    const auto opened = test::ok(attacker.ask<wire::OpenedGeneration>(wire::OpenGeneration{kOwnRegion, 0}));
    CHECK(attacker.fetch(opened.window, 0, kDraft) == Bytes(kDraft));
    return "harmless: zeros, whoever had its pages before";
}

/// The page has more bytes than the generation.
std::string rest_of_the_last_page(Field& field) {
    auto& armed = *field.armed;
    armed.session.read(armed.opened.window.key, kGeneration, kPage - 77);
    return terminated(armed.session, rule::kSourceBounds) + ", nothing read";
}

}  // namespace

Attacks reads() {
    const auto none = [](std::uint32_t stag) { return [stag](Field&) { return stag; }; };
    return {
        {"read: 40 STags that were drawn", stags_drawn},
        {"read: STag 0", of(none(0), 0, 100, rule::kSourceStag)},
        {"read: nothing, of STag 0", of(none(0), 0, 0, rule::kSourceStag)},
        {"read: the victim's generation", of(victims_generation, 0, 100, rule::kSourceStag)},
        {"read: nothing, of the victim's generation", of(victims_generation, 0, 0, rule::kSourceStag)},
        {"read: the victim's draft", of(victims_draft, 0, 100, rule::kSourceStag)},
        {"read: the victim's log", of(victims_log, 0, 100, rule::kSourceStag)},
        {"read: one's own draft", of(own_draft, 0, 100, rule::kAccess)},
        {"read: one byte past the end", of(own_generation, kGeneration - 99, 100, rule::kSourceBounds)},
        {"read: one byte, at the end", of(own_generation, kGeneration, 1, rule::kSourceBounds)},
        {"read: nothing, one past the end", of(own_generation, kGeneration + 1, 0, rule::kSourceBounds)},
        {"read: the rest of the last page", rest_of_the_last_page},
        {"read: 4 GiB - 1", of(own_generation, 0, UINT32_MAX, rule::kSourceBounds)},
        {"read: at 2^40", of(own_generation, 1ULL << 40, 100, rule::kSourceBounds)},
        {"read: one before the beginning", of(own_generation, UINT64_MAX, 1, rule::kSourceWrap)},
        {"read: from one before the beginning on", of(own_generation, UINT64_MAX, 100, rule::kSourceWrap)},
        {"read: round 2^64 into the generation", of(own_generation, UINT64_MAX - 49, 100, rule::kSourceWrap)},
        {"read: into sinks of nonsense", sinks_of_nonsense},
        {"read: 256 at once, where 16 were agreed on", more_than_may_be_outstanding},
        {"read: a Read Request of 27 bytes", body_of_size(27, true, 0, rule::kOperation)},
        {"read: a Read Request of 29 bytes", body_of_size(29, true, 0, rule::kMessageTooLong)},
        {"read: a Read Request that has no last segment", body_of_size(28, false, 0, rule::kOperation)},
        {"read: a Read Request that begins at offset 4", body_of_size(28, true, 4, rule::kMessageOffset)},
        {"read: the first Read Request is number 2", numbered(2)},
        {"read: the first Read Request is number 0", numbered(0)},
        {"read: what a draft that nobody wrote to is sealed with", draft_that_was_not_written, Moves::own},
    };
}

}  // namespace pmemckpt::hostile
