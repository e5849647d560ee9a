// Requests that are well-formed and ask for what can't be, or what is another's.
#include "lib/base/crc32c.hh"
#include "lib/format/log_record.hh"
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

constexpr const char* kLogRegion = "mallory/log";

/// By a session that has a draft and an open generation of its own, which goes on.
template <class Request>
auto refuses(const Request& request, int code) {
    return [=](Field& field) { return refused(field.armed->session, request, code); };
}

/// By another session of the victim's own principal, which knows all numbers.
auto refuses_twin(const std::function<std::string(Attacker&, const Victim&)>& ask) {
    return [=](Field& field) {
        auto twin = field.login("victim");
        return ask(twin, field.victim);
    };
}

std::string all_drafts(Attacker& twin, const Victim& victim) {
    for (const auto id : {victim.draft.draft_id, std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
        refused(twin, wire::Seal{id, 10, 0, 0}, ENOENT);
        refused(twin, wire::Abort{id}, ENOENT);
        refused(twin, wire::Dirty{id, 1, {}}, ENOENT);
    }
    return "ENOENT, each of 12";
}

std::string all_handles(Attacker& twin, const Victim& victim) {
    for (const auto handle : {victim.opened.handle, std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX})
        refused(twin, wire::CloseGeneration{handle}, ENOENT);
    return "ENOENT, each of 4";
}

std::string grow_log(Attacker& twin, const Victim& victim) {
    return refused(twin, wire::GrowLog{kVictimsRegion, victim.log.log_id, victim.log.term, 1000}, ESTALE);
}

std::string flush_log(Attacker& twin, const Victim& victim) {
    return refused(twin, wire::FlushLog{kVictimsRegion, victim.log.log_id, victim.log.term, 0, 1000}, ESTALE);
}

std::string close_log(Attacker& twin, const Victim&) {
    return refused(twin, wire::CloseLog{kVictimsRegion}, ENOENT);
}

std::string open_log(Attacker& twin, const Victim&) {
    return refused(twin, wire::OpenLog{kVictimsRegion, 1000, 0}, EBUSY);
}

/// Numbers of the one kind are none of the other.
std::string kinds_mixed(Field& field) {
    auto& armed = *field.armed;
    refused(armed.session, wire::CloseGeneration{armed.draft.draft_id}, ENOENT);
    refused(armed.session, wire::Seal{armed.opened.handle, 10, 0, 0}, ENOENT);
    refused(armed.session, wire::Abort{armed.opened.handle}, ENOENT);
    return refused(armed.session, wire::Dirty{armed.draft.draft_id, 1, {}}, ENOENT) + ", each of 4";
}

auto seal(std::uint64_t length, bool has_crc, int code) {
    return [=](Field& field) {
        auto& armed = *field.armed;
        const auto newest = [&] {
            return test::ok(armed.session.ask<wire::Region>(wire::FindRegion{kOwnRegion})).newest;
        };
        const auto before = newest();
        auto told =
            refused(armed.session, wire::Seal{armed.draft.draft_id, length, has_crc, 0xdeadbeef}, code);
        test::equal(newest(), before);
        return told + ", nothing is sealed";
    };
}

std::string seal_twice(Field& field) {
    auto& armed = *field.armed;
    const wire::Seal request{armed.draft.draft_id, 10, 0, 0};
    test::ok(armed.session.ask<wire::Generation>(request));
    return refused(armed.session, request, ENOENT);
}

std::string seal_half_a_clone(Field& field) {
    auto& attacker = field.armed->session;
    const auto clone = test::ok(attacker.ask<wire::Cloning>(wire::BeginClone{kOwnRegion, kGeneration, 1}));
    return refused(attacker, wire::Seal{clone.draft_id, 10, 0, 0}, EINVAL);
}

auto begin(std::uint64_t size) {
    return refuses(wire::Begin{kOwnRegion, size}, ENOSPC);
}

auto clone_of_size(std::uint64_t size) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        const auto clone = test::ok(attacker.ask<wire::Cloning>(wire::BeginClone{kOwnRegion, size, 1}));
        return refused(attacker, wire::Dirty{clone.draft_id, 1, {{0, 1}}}, ENOSPC);
    };
}

std::string dirty_ranges_outside(Field& field) {
    auto& attacker = field.armed->session;
    const auto clone = test::ok(attacker.ask<wire::Cloning>(wire::BeginClone{kOwnRegion, kGeneration, 1}));
    const wire::Range ranges[] = {{UINT64_MAX - 5, 10},     {0, UINT64_MAX},         {kGeneration, 1},
                                  {kGeneration - 1, 2},     {1, kGeneration},        {UINT64_MAX, 0},
                                  {UINT64_MAX, UINT64_MAX}, {1ULL << 63, 1ULL << 63}};
    for (const auto& range : ranges)
        refused(attacker, wire::Dirty{clone.draft_id, 0, {{10, 1}, range}}, ERANGE);
    return fmt::format("ERANGE, each of {}", std::size(ranges));
}

/// Each on a page of its own, in a clone that no pool has room for.
std::string dirty_ranges_without_an_end(Field& field) {
    constexpr unsigned kRangesInOne = 1000, kMessages = 100;
    auto& attacker = field.armed->session;
    const auto clone = test::ok(attacker.ask<wire::Cloning>(wire::BeginClone{kOwnRegion, 1ULL << 62, 1}));
    std::uint64_t at = 0;
    for (unsigned i = 0; i < kMessages; ++i) {
        wire::Dirty dirty{clone.draft_id, 0, {}};
        for (unsigned range = 0; range < kRangesInOne; ++range, at += kPage)
            dirty.ranges.push_back({at, 1});
        const auto taken = attacker.ask<wire::Begun>(dirty);
        if (taken)
            continue;
        test::equal(taken.error().code, E2BIG);
        goes_on(attacker);
        return fmt::format("E2BIG after {} ranges", i * kRangesInOne);
    }
    throw test::Failure(fmt::format("{} ranges are taken", kRangesInOne * kMessages));
}

std::string names_of_regions(Field& field) {
    using namespace std::string_literals;
    const std::string names[] = {"",
                                 "/",
                                 "/abs",
                                 "a/",
                                 "a//b",
                                 ".",
                                 "..",
                                 "../pool",
                                 "a/../b",
                                 ".hidden",
                                 "a/.hidden",
                                 "a\0b"s,
                                 "a\nb",
                                 "a b",
                                 "a\\b",
                                 "\xff\xfe",
                                 "a*",
                                 "-\x1b[2J",
                                 std::string(256, 'a'),
                                 std::string(16'000, 'a')};
    for (const auto& name : names)
        refused(field.armed->session, wire::CreateRegion{name, 1, 0, 1}, EINVAL);
    return fmt::format("EINVAL, each of {}", std::size(names));
}

std::string folders_of_regions(Field& field) {
    for (const char* name : {"mallory", "mallory/app/inside", "victim", "victim/app/inside", kVictimsRegion})
        refused(field.armed->session, wire::CreateRegion{name, 1, 0, 1}, EEXIST);
    return "EEXIST, each of 5";
}

std::string log_of_any_room(Field& field) {
    auto attacker = field.login();
    test::ok(attacker.ask<wire::Region>(wire::CreateRegion{kLogRegion, 2, 0, 0}));
    for (const auto room : {UINT64_MAX, UINT64_MAX - 1, std::uint64_t{1} << 63, std::uint64_t{1} << 40})
        refused(attacker, wire::OpenLog{kLogRegion, room, 0}, ENOSPC);
    const auto log = test::ok(attacker.ask<wire::LogGranted>(wire::OpenLog{kLogRegion, 1000, 0}));
    for (const auto room : {UINT64_MAX, UINT64_MAX - 1, std::uint64_t{1} << 63, std::uint64_t{1} << 40})
        refused(attacker, wire::GrowLog{kLogRegion, log.log_id, log.term, room}, ENOSPC);
    refused(attacker, wire::GrowLog{kLogRegion, log.log_id, log.term + 1, 10}, ESTALE);
    refused(attacker, wire::GrowLog{kLogRegion, log.log_id + 1, log.term, 10}, ESTALE);
    refused(attacker, wire::FindInLog{kLogRegion, log.log_id, 9, 0}, EINVAL);
    refused(attacker, wire::FindInLog{kLogRegion, log.log_id, 0, UINT64_MAX}, ERANGE);
    return refused(attacker, wire::FindInLog{kLogRegion, log.log_id + 1, 1, 0}, ESTALE) +
           ", ENOSPC, EINVAL, ERANGE: each in its place";
}

std::string flush_any_range(Field& field) {
    auto attacker = field.login();
    test::ok(attacker.ask<wire::Region>(wire::CreateRegion{kLogRegion, 2, 0, 0}));
    const auto log = test::ok(attacker.ask<wire::LogGranted>(wire::OpenLog{kLogRegion, 1000, 0}));
    const std::pair<std::uint64_t, std::uint64_t> ranges[] = {
        {0, UINT64_MAX}, {UINT64_MAX, 0}, {UINT64_MAX - 1, UINT64_MAX}, {1ULL << 62, 1ULL << 63}, {100, 1}};
    for (const auto& [from, to] : ranges)
        test::ok(attacker.ask<wire::Empty>(wire::FlushLog{kLogRegion, log.log_id, log.term, from, to}));
    goes_on(attacker);
    return "harmless: what the log has of it is durable, and that is nothing";
}

/// A record that claims to be longer than the log, or to belong to another, with a checksum that is right.
std::string records_that_lie(Field& field) {
    auto attacker = field.login();
    test::ok(attacker.ask<wire::Region>(wire::CreateRegion{kLogRegion, 2, 0, 0}));
    const auto log = test::ok(attacker.ask<wire::LogGranted>(wire::OpenLog{kLogRegion, 1000, 0}));
    const auto good = [&] {
        format::LogRecordHeader header;
        header.magic = format::kLogRecordMagic;
        header.log_id = log.log_id;
        header.sequence = log.next_sequence;
        header.epoch = log.epoch;
        header.length = 8U;
        header.term = log.term;
        header.zero = 0U;
        return header;
    };
    std::vector<format::LogRecordHeader> lies(10, good());
    lies[0].length = UINT64_MAX;
    lies[1].length = UINT64_MAX - format::kLogRecordHeaderBytes;
    lies[2].length = format::kMaximumLogPayload;
    lies[3].length = 0U;
    lies[4].sequence = log.next_sequence + 1;
    lies[5].epoch = log.epoch + 1;
    lies[6].term = log.term + 1;
    lies[7].log_id = field.victim.log.log_id;
    lies[8].zero = 1U;
    lies[9].epoch = UINT64_MAX;
    const auto& window = log.segments.at(0).window;
    for (auto& lie : lies) {
        const Bytes payload(8);
        lie.crc32c = format::log_record_crc(lie, payload);
        const auto header = std::as_bytes(std::span(&lie, 1));
        Bytes record(header.begin(), header.end());
        record.insert(record.end(), payload.begin(), payload.end());
        attacker.write(window.key, window.base + log.end, record);
        const auto state = test::ok(attacker.ask<wire::LogState>(wire::FindLog{kLogRegion}));
        test::equal(state.records, log.next_sequence - 1);
    }
    refused(attacker, wire::WaitLog{kLogRegion, 0, log.log_id, UINT64_MAX, 1}, ETIMEDOUT);
    return fmt::format("none of {} is a record", lies.size());
}

}  // namespace

Attacks requests() {
    constexpr auto kAll = UINT64_MAX;
    return {
        {"request: the victim's draft, by SEAL, ABORT and DIRTY", refuses_twin(all_drafts)},
        {"request: the victim's open generation, by CLOSE_GENERATION", refuses_twin(all_handles)},
        {"request: the victim's log, by GROW_LOG", refuses_twin(grow_log)},
        {"request: the victim's log, by FLUSH_LOG", refuses_twin(flush_log)},
        {"request: the victim's log, by CLOSE_LOG", refuses_twin(close_log)},
        {"request: the victim's log, by OPEN_LOG", refuses_twin(open_log)},
        {"request: a draft's number for a generation's, and the other way", kinds_mixed},
        {"request: SEAL with a byte more than the draft", seal(kDraft + 1, false, EINVAL)},
        {"request: SEAL with 2^64 - 1 bytes", seal(kAll, false, EINVAL)},
        {"request: SEAL with a wrong checksum", seal(kDraft, true, EBADMSG)},
        {"request: SEAL with a wrong checksum of no bytes", seal(0, true, EBADMSG)},
        {"request: SEAL twice", seal_twice, Moves::own},
        {"request: SEAL of a clone that is not begun", seal_half_a_clone},
        {"request: BEGIN with 2^64 - 1 bytes", begin(kAll)},
        {"request: BEGIN with 2^63 bytes", begin(1ULL << 63)},
        {"request: BEGIN with 2^48 bytes", begin(1ULL << 48)},
        {"request: BEGIN_CLONE with 2^64 - 1 bytes", clone_of_size(kAll)},
        {"request: BEGIN_CLONE with 2^63 bytes", clone_of_size(1ULL << 63)},
        {"request: BEGIN_CLONE with 2^50 bytes", clone_of_size(1ULL << 50)},
        {"request: DIRTY ranges outside the clone", dirty_ranges_outside},
        {"request: DIRTY ranges without an end", dirty_ranges_without_an_end},
        {"request: BEGIN_CLONE of a generation that is not there",
         refuses(wire::BeginClone{kOwnRegion, 100, kAll}, ENOENT)},
        {"request: OPEN_GENERATION 2^64 - 1", refuses(wire::OpenGeneration{kOwnRegion, kAll}, ENOENT)},
        {"request: PIN 2^64 - 1", refuses(wire::Pin{kOwnRegion, kAll, 1}, ENOENT)},
        {"request: names that no region has", names_of_regions},
        {"request: regions in regions", folders_of_regions},
        {"request: CREATE_REGION that keeps 2^32 - 1",
         refuses(wire::CreateRegion{"mallory/much", UINT32_MAX, 0, 1}, EINVAL)},
        {"request: SET_RETENTION to 2^32 - 1",
         refuses(wire::SetRetention{kOwnRegion, UINT32_MAX, 0}, EINVAL)},
        {"request: SET_RETENTION to an age of -1", refuses(wire::SetRetention{kOwnRegion, 1, -1}, EINVAL)},
        {"request: SET_RETENTION to an age of -2^63",
         refuses(wire::SetRetention{kOwnRegion, 1, INT64_MIN}, EINVAL)},
        {"request: CURSOR_ADVANCE ahead of all there is",
         refuses(wire::CursorAdvance{kOwnRegion, {"mallory", kAll, 0}, 0, 0}, EINVAL)},
        {"request: CURSOR_ADVANCE ahead of all records",
         refuses(wire::CursorAdvance{kOwnRegion, {"mallory", 1, kAll}, 0, 0}, EINVAL)},
        {"request: CURSOR_ADVANCE of another region",
         refuses(wire::CursorAdvance{kOwnRegion, {"mallory", 1, 0}, kAll, 0}, ESTALE)},
        {"request: CURSOR_ADVANCE of a cursor that is a path",
         refuses(wire::CursorAdvance{kOwnRegion, {"../mallory", 1, 0}, 0, 0}, EINVAL)},
        {"request: READ_LOG where there is none", refuses(wire::ReadLog{kOwnRegion}, ENODATA)},
        {"request: TAKE_OVER of what is not there", refuses(wire::TakeOver{"nobody/nowhere", ""}, ENOENT)},
        {"request: a name with a line for the log in it",
         refuses(wire::TakeOver{"x\npmemckptd: stopping", ""}, ENOENT)},
        {"request: logs of any room, and places in them", log_of_any_room, Moves::own},
        {"request: FLUSH_LOG of any range", flush_any_range, Moves::own},
        {"request: records that lie about their length, place and log", records_that_lie, Moves::own},
    };
}

}  // namespace pmemckpt::hostile
