// Who may do what with a region, over real connections: rights are asked for by each request, and withdrawn
// they are gone at once, with the windows that were had by them. time-limit: 180
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/unit/rights_fixture.hh"

using namespace pmemckpt;
using test::Bytes;
using test::kRegion;
using test::kSize;
using test::RawClient;

namespace {

/// The errno of the answer; 0: it was done.
template <class Answer, class Request>
int answer_to(RawClient& client, const Request& request) {
    const auto answer = client.ask<Answer>(request);
    return answer ? 0 : answer.error().code;
}

struct Try {
    const char* name;
    Right right;
    std::function<int(RawClient&)> run;
};
template <class Answer, class Request>
Try attempt(const char* name, Right right, const Request& request) {
    return {name, right, [request](RawClient& client) { return answer_to<Answer>(client, request); }};
}
/// Every request that is about a region, but for those that any right is enough for.
std::vector<Try> tries() {
    using namespace wire;
    return {
        attempt<OpenedGeneration>("open", Right::read, OpenGeneration{kRegion, 0}),
        attempt<Generation>("find", Right::read, FindGeneration{kRegion, 0}),
        attempt<GenerationList>("list", Right::read, ListGenerations{kRegion, 0}),
        attempt<Generation>("wait", Right::read, WaitGeneration{kRegion, 0, 1}),
        attempt<LogOpened>("read log", Right::read, ReadLog{kRegion}),
        attempt<LogState>("find log", Right::read, FindLog{kRegion}),
        attempt<LogPlace>("find in log", Right::read, FindInLog{kRegion, 1, 0, 0}),
        attempt<LogState>("wait log", Right::read, WaitLog{kRegion, 1, 0, 0, 1}),
        attempt<EventList>("watch", Right::read, Watch{kRegion, 0, 1}),
        attempt<Cursor>("cursor", Right::read, CursorGet{kRegion, "c"}),
        attempt<CursorList>("cursors", Right::read, CursorListRequest{kRegion, ""}),
        attempt<Empty>("advance", Right::read, CursorAdvance{kRegion, {"c", 1, 0}, 0, 0}),
        attempt<Empty>("drop cursor", Right::read, CursorDrop{kRegion, "c"}),
        attempt<LogGranted>("open log", Right::append, OpenLog{kRegion, 1, 0}),
        attempt<LogGranted>("grow log", Right::append, GrowLog{kRegion, 1, 1, 1}),
        attempt<Empty>("flush log", Right::append, FlushLog{kRegion, 1, 1, 0, 0}),
        attempt<Empty>("close log", Right::append, CloseLog{kRegion}),
        attempt<Empty>("hint", Right::append, LogHint{kRegion}),
        attempt<Begun>("begin", Right::write, Begin{kRegion, 1}),
        attempt<TakenOver>("take over", Right::take_over, TakeOver{kRegion, ""}),
        attempt<Region>("retention", Right::administer, SetRetention{kRegion, 3, 0}),
        attempt<Empty>("pin", Right::administer, Pin{kRegion, 1, 1}),
        attempt<Grant>("grant", Right::administer, GrantRights{kRegion, {"carol", 1}}),
        attempt<Grant>("withdraw", Right::administer, WithdrawRights{kRegion, {"carol", 1}}),
        attempt<Empty>("clear", Right::administer, Clear{kRegion}),
        attempt<Empty>("destroy", Right::administer, DestroyRegion{kRegion}),
    };
}

void the_creator_alone() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    for (const auto& one : tries())
        test::equal(fmt::format("{} {}", one.name, one.run(*served.bob)),
                    fmt::format("{} {}", one.name, ENOENT));
    const auto hidden = test::error(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    const auto none = test::error(served.bob->ask<wire::Region>(wire::FindRegion{"team/xyz"}), ENOENT);
    test::equal(hidden, "there is no region team/app that bob may use");
    test::equal(none, "there is no region team/xyz that bob may use");
    test::equal(test::ok(served.bob->ask<wire::RegionList>(wire::ListRegions{""})).regions.size(), 0U);
    test::error(served.bob->ask<wire::RightsList>(wire::ListRights{kRegion, ""}), ENOENT);
    test::error(served.bob->ask<wire::Region>(wire::SetOwner{kRegion, "bob"}), ENOENT);
    // The name is taken, and nothing comes of asking for it.
    test::error(served.bob->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 0}), EEXIST);
    test::equal(test::ok(served.alice->ask<wire::Region>(wire::FindRegion{kRegion})).generations, 1U);
}

void each_right_opens_its_own_requests() {
    test::RightsFixture served;
    for (const auto right : kRights) {
        test::ok(test::seal(*served.alice, test::begin(*served.alice)));
        served.grant("bob", right);
        const auto bob = served.open("bob");
        for (const auto& one : tries()) {
            const auto code = one.run(*bob);
            if ((code == EACCES) != (one.right != right))
                throw test::Failure(
                    fmt::format("{} with the right to {}: {}", one.name, to_string(right), code));
        }
        (void)served.alice->ask<wire::Empty>(wire::DestroyRegion{kRegion});  // unless bob could
        served.alice = served.open("alice");
        test::ok(served.alice->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
    }
}

// A clone's seal tells the checksum of all of it.
void a_clone_takes_two() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    const wire::BeginClone request{kRegion, kSize, 0};
    for (const auto alone : {Right::write, Right::read}) {
        served.grant("bob", alone);
        test::contains(test::error(served.open("bob")->ask<wire::Cloning>(request), EACCES),
                       fmt::format("no right to {}", alone == Right::write ? "read" : "write"));
        served.withdraw("bob", alone);
    }
    const auto both = Rights(Right::write).with(Right::read);
    // Also when the right goes on the way to it.
    for (const bool before_dirty : {true, false}) {
        served.grant("bob", both);
        const auto bob = served.open("bob");
        const wire::Dirty last{test::ok(bob->ask<wire::Cloning>(request)).draft_id, 1, {{0, 1}}};
        if (!before_dirty)
            test::ok(bob->ask<wire::Begun>(last));
        served.withdraw("bob", Right::read);
        if (before_dirty)
            test::error(bob->ask<wire::Begun>(last), EACCES);
        else
            test::error(bob->ask<wire::Generation>(wire::Seal{last.draft_id, kSize, 0, 0}), EACCES);
    }
    served.grant("bob", both);
    const auto bob = served.open("bob");
    const auto clone = test::ok(bob->ask<wire::Cloning>(request));
    const auto draft = test::ok(bob->ask<wire::Begun>(wire::Dirty{clone.draft_id, 1, {{0, 1}}}));
    test::ok(test::seal(*bob, draft));
}

// Neither is the checksum of the newest generation told to who may only take over.
void a_takeover_tells_what_may_be_read() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    const auto taken = [&] {
        return test::ok(served.open("bob")->ask<wire::TakenOver>(wire::TakeOver{kRegion, ""})).newest;
    };
    served.grant("bob", Right::take_over);
    CHECK(taken().number == 0 && taken().crc32c == 0 && taken().writer.empty());
    served.grant("bob", Right::read);
    test::equal(taken().number, 1U);
}

// What there is of a folder, and who else there is, is for those who may know.
void what_is_hidden_is_not_named() {
    test::RightsFixture served;
    const auto folder =
        test::error(served.bob->ask<wire::Region>(wire::CreateRegion{"team", 0, 0, 1}), EEXIST);
    test::equal(folder, "region team can't be made: it is a folder of regions");
    served.grant("bob", Right::administer);
    const auto of_nobody =
        test::error(served.bob->ask<wire::Region>(wire::SetOwner{kRegion, "nobody"}), EACCES);
    const auto of_carol =
        test::error(served.bob->ask<wire::Region>(wire::SetOwner{kRegion, "carol"}), EACCES);
    test::equal(of_nobody, of_carol);
    for (const auto& key : std::filesystem::directory_iterator(served.config.key_dir))
        if (const auto name = key.path().stem().string(); name.starts_with("pool-"))
            test::error(served.alice->ask<wire::Region>(wire::SetOwner{kRegion, name}), ENOENT);
}

// What is hidden, and what is waited for, is refused like anything else.
void what_is_hidden_or_waited_for_is_counted() {
    test::RightsFixture served;
    const auto counted = [&](int refusals) {
        test::contains(served.ask_admin(), fmt::format(R"("request_refused":{},)", refusals));
    };
    test::error(served.bob->ask<wire::Region>(wire::FindRegion{"team/xyz"}), ENOENT);
    counted(0);
    test::error(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    test::error(served.bob->ask<wire::Begun>(wire::Begin{kRegion, 1}), ENOENT);
    test::error(served.bob->ask<wire::RightsList>(wire::ListRights{kRegion, ""}), ENOENT);
    counted(3);
    served.grant("bob", Rights(Right::read).with(Right::append));
    test::error(served.bob->ask<wire::Begun>(wire::Begin{kRegion, 1}), EACCES);
    counted(4);
    const auto id = served.bob->post(wire::WaitGeneration{kRegion, 0, 60'000});
    test::ok(served.open("bob")->ask<wire::Region>(wire::FindRegion{kRegion}));
    test::eventually([&] { return served.ask_admin().find(R"("sessions":)") != std::string::npos; });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    served.withdraw("bob", Right::read);
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    test::error(served.bob->answer<wire::Generation>(served.bob->receive(), wire::Type::wait_generation, id),
                EACCES);
    counted(5);
}

void what_is_missing_is_said() {
    test::RightsFixture served;
    served.grant("bob", Rights(Right::append).with(Right::read));
    test::equal(
        test::error(served.bob->ask<wire::Begun>(wire::Begin{kRegion, 1}), EACCES),
        "bob has no right to write in region team/app, but to read,append: who administers it can give it, "
        "with pmemckpt-ctl grant team/app bob write");
    test::equal(test::ok(served.bob->ask<wire::Region>(wire::FindRegion{kRegion})).rights, 3);
    const auto own = test::ok(served.bob->ask<wire::RightsList>(wire::ListRights{kRegion, ""}));
    test::equal(own.owner, "alice");
    test::equal(own.grants.size(), 1U);
    served.grant("%ops", Rights::all());
    test::equal(test::ok(served.bob->ask<wire::RightsList>(wire::ListRights{kRegion, ""})).grants.size(), 1U);
    test::equal(test::ok(served.alice->ask<wire::RightsList>(wire::ListRights{kRegion, ""})).grants.size(),
                2U);
}

void nonsense_is_refused() {
    test::RightsFixture served;
    const auto refused = [&](const std::string& who, std::uint8_t rights) {
        test::error(served.alice->ask<wire::Grant>(wire::GrantRights{kRegion, {who, rights}}), EINVAL);
        test::error(served.alice->ask<wire::Grant>(wire::WithdrawRights{kRegion, {who, rights}}), EINVAL);
    };
    refused("bob", 0);
    refused("bob", 32);
    refused("bob", 255);
    for (const char* who : {"", "%", "%%ops", "../bob", "b b", "%-x"})
        refused(who, 1);
    test::equal(test::ok(served.alice->ask<wire::RightsList>(wire::ListRights{kRegion, ""})).grants.size(),
                0U);
}

void a_reader_s_window_dies() {
    test::RightsFixture served;
    const auto draft = test::begin(*served.alice);
    auto content = test::random_bytes(kSize);
    test::ok(served.alice->write(draft.window, 0, content));
    test::ok(test::seal(*served.alice, draft));
    served.grant("bob", Right::read);
    const auto window = test::open_newest(*served.bob);
    CHECK(test::ok(served.bob->read(window, 0, kSize)) == content);
    served.withdraw("bob", Right::read);
    CHECK(!served.has_windows());
    test::error(served.bob->ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0}), ENOENT);
    served.bob->read_refused(window);
    CHECK(test::newest(*served.alice) == content);
}

// He writes all the time; the pages he wrote to are another's, blank, as soon as the withdrawal is answered.
void nothing_in_flight_lands() {
    test::RightsFixture served;
    for (int round = 0; round < 5; ++round) {
        served.grant("bob", Right::write);
        const auto bob = served.open("bob");
        const auto old = test::begin(*bob);
        std::jthread writer([&](const std::stop_token& stop) {
            Bytes poison(kSize, std::byte{0xee});
            while (!stop.stop_requested() && bob->write(old.window, 0, poison)) {
            }
        });
        served.withdraw("bob", Rights::all());
        bob->ended_as_refused();
        test::ok(test::seal(*served.alice, test::begin(*served.alice)));
        CHECK(test::newest(*served.alice) == Bytes(kSize));
    }
}

void a_draft_can_t_be_sealed_any_more() {
    test::RightsFixture served;
    served.grant("bob", Rights(Right::write).with(Right::read));
    const auto draft = test::begin(*served.bob);
    served.withdraw("bob", Right::write);
    test::error(test::seal(*served.bob, draft), EACCES);
    test::error(served.bob->ask<wire::Empty>(wire::Abort{draft.draft_id}),
                ENOENT);  // the seal has dropped it
    test::equal(test::ok(served.alice->ask<wire::Region>(wire::FindRegion{kRegion})).newest, 0U);
}

void an_appender_s_log_ends() {
    test::RightsFixture served;
    served.grant("bob", Rights(Right::append).with(Right::read));
    const auto log = test::ok(served.bob->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1 * kMiB, 0}));
    test::error(served.alice->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}), EBUSY);
    served.withdraw("bob", Right::append);
    CHECK(!served.has_windows());
    test::ok(served.alice->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}));
    served.bob->write_refused(log.segments.at(0).window);
}

void who_waits_is_told_nothing_more() {
    test::RightsFixture served;
    served.grant("bob", Rights(Right::read).with(Right::append));
    const auto bob = served.open("bob");
    bob->send(wire::encode_request(71, wire::Watch{kRegion, UINT64_MAX, 60'000}));
    bob->send(wire::encode_request(72, wire::WaitGeneration{kRegion, 0, 60'000}));
    bob->send(wire::encode_request(73, wire::WaitLog{kRegion, 0, 0, 0, 60'000}));
    test::ok(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    served.withdraw("bob", Right::read);
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    for (int answer = 0; answer < 3; ++answer) {
        const auto bytes = bob->receive();
        const auto message = test::ok(wire::parse_message(bytes));
        test::equal(message.header.type, std::uint16_t{0xffff});
        test::equal(test::ok(wire::decode_body<wire::ErrorAnswer>(message.body)).code, std::uint32_t{EACCES});
    }
}

// Windows of others, and his own to other regions, live on.
void only_what_was_withdrawn_dies() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    served.grant("bob", Rights::all());
    served.grant("carol", Right::read);
    const auto carol = served.open("carol");
    const auto hers = test::open_newest(*carol), his = test::open_newest(*served.bob);
    const auto draft = test::begin(*served.bob);
    test::ok(served.bob->ask<wire::Region>(wire::CreateRegion{"bob/own", 0, 0, 1}));
    const auto own = test::ok(served.bob->ask<wire::Begun>(wire::Begin{"bob/own", kSize}));
    served.withdraw("bob", Right::write);
    test::ok(carol->read(hers, 0, 8));
    test::ok(served.bob->read(his, 0, 8));
    Bytes bytes(8, std::byte{1});
    test::ok(served.bob->write(own.window, 0, bytes));
    test::ok(served.bob->ask<wire::Generation>(wire::Seal{own.draft_id, kSize, 0, 0}));
    served.bob->write_refused(draft.window);
}

void who_has_a_destroyed_region_open_keeps_it() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    served.grant("bob", Right::read);
    const auto window = test::open_newest(*served.bob);
    test::ok(served.alice->ask<wire::Empty>(wire::DestroyRegion{kRegion}));
    test::ok(served.alice->ask<wire::Region>(wire::CreateRegion{"other", 0, 0, 1}));
    test::ok(served.alice->ask<wire::Grant>(wire::GrantRights{"other", {"carol", 1}}));
    test::ok(served.alice->ask<wire::Grant>(wire::WithdrawRights{"other", {"carol", 1}}));
    CHECK(test::ok(served.bob->read(window, 0, kSize)) == Bytes(kSize));
    // One of the same name is another one, and has other rights.
    test::ok(served.alice->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
    test::error(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
}

void groups_and_administrators() {
    driver::AccessConfig access;
    access.groups["ops"] = {"bob"};
    access.administrators = {"carol"};
    test::RightsFixture served(access);
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    served.grant("%ops", Right::read);
    const auto window = test::open_newest(*served.bob);
    const auto carol = served.open("carol");
    test::ok(test::seal(*carol, test::begin(*carol)));
    const auto draft = test::begin(*carol);
    auto config = served.config;
    config.access = {};
    test::contains(served.ask_admin(), R"("rights_changed":1,)");
    test::ok(served.manager->reload(config));
    CHECK(!served.has_windows());
    test::contains(served.ask_admin(), R"("rights_changed":2,)");
    test::ok(served.manager->reload(config));  // nothing is changed
    test::contains(served.ask_admin(), R"("rights_changed":2,)");
    test::error(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    test::error(carol->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    served.bob->read_refused(window);
    carol->write_refused(draft.window);
}

void a_region_is_given_away() {
    test::RightsFixture served;
    const auto draft = test::begin(*served.alice);
    served.grant("bob", Rights::all());
    const auto sentence = test::error(served.bob->ask<wire::Region>(wire::SetOwner{kRegion, "bob"}), EACCES);
    test::contains(sentence, "region team/app is alice's");
    test::contains(test::error(served.alice->ask<wire::Region>(wire::SetOwner{kRegion, "nobody"}), ENOENT),
                   "nobody has no key at this manager");
    test::equal(test::ok(served.alice->ask<wire::Region>(wire::SetOwner{kRegion, "carol"})).owner, "carol");
    test::error(served.alice->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    const auto carol = served.open("carol");
    test::ok(test::seal(*carol, test::begin(*carol, 1), 1));
    served.alice->write_refused(draft.window);
}

void rights_outlive_the_manager() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    served.grant("bob", Right::read);
    served.alice.reset();
    served.bob.reset();
    served.manager.reset();
    served.start();
    const auto bob = served.open("bob");
    CHECK(test::newest(*bob) == Bytes(kSize));
    test::error(bob->ask<wire::Begun>(wire::Begin{kRegion, 1}), EACCES);
    test::error(served.open("carol")->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
}

// Who administers a region and gives himself all rights, all the time, in several sessions: what was asked
// for before the withdrawal is not done after it.
void what_was_asked_for_before_is_over() {
    test::RightsFixture served;
    std::vector<std::jthread> givers;
    for (int i = 0; i < 4; ++i)
        givers.emplace_back([&, bob = served.open("bob"), i](const std::stop_token& stop) {
            const std::string grantee = i == 0 ? "bob" : fmt::format("friend{}", i);
            while (!stop.stop_requested())
                (void)bob->ask<wire::Grant>(wire::GrantRights{kRegion, {grantee, Rights::all().bits()}});
        });
    for (int round = 0; round < 100; ++round) {
        served.grant("bob", Right::administer);
        std::this_thread::sleep_for(std::chrono::microseconds(round * 20));
        served.withdraw("bob", Rights::all());
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        test::error(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    }
}

// Windows are had in the very moments of withdrawals: none is left of one who has no right.
void no_window_without_a_right_in_a_race() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    std::atomic<int> opened = 0, failed = 0;
    std::jthread reader([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto answer = served.bob->ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0});
            if (answer)
                served.bob->ask<wire::Empty>(wire::CloseGeneration{answer->handle}) ? ++opened : ++failed;
        }
    });
    for (int round = 0; round < 200; ++round) {
        served.grant("bob", Right::read);
        std::this_thread::sleep_for(std::chrono::microseconds(round * 5));
        served.withdraw("bob", Right::read);
        CHECK(!served.has_windows());
    }
    reader.request_stop();
    reader.join();
    CHECK(opened > 0 && failed == 0);
}

}  // namespace

int main() {
    return test::run("rights",
                     {{"the creator alone", the_creator_alone},
                      {"each right opens its own requests", each_right_opens_its_own_requests},
                      {"a clone takes two", a_clone_takes_two},
                      {"a takeover tells what may be read", a_takeover_tells_what_may_be_read},
                      {"what is hidden is not named", what_is_hidden_is_not_named},
                      {"what is hidden or waited for is counted", what_is_hidden_or_waited_for_is_counted},
                      {"what is missing is said", what_is_missing_is_said},
                      {"nonsense is refused", nonsense_is_refused},
                      {"a reader's window dies", a_reader_s_window_dies},
                      {"nothing in flight lands", nothing_in_flight_lands},
                      {"a draft can't be sealed any more", a_draft_can_t_be_sealed_any_more},
                      {"an appender's log ends", an_appender_s_log_ends},
                      {"who waits is told nothing more", who_waits_is_told_nothing_more},
                      {"only what was withdrawn dies", only_what_was_withdrawn_dies},
                      {"who has a destroyed region open keeps it", who_has_a_destroyed_region_open_keeps_it},
                      {"groups and administrators", groups_and_administrators},
                      {"a region is given away", a_region_is_given_away},
                      {"rights outlive the manager", rights_outlive_the_manager},
                      {"what was asked for before is over", what_was_asked_for_before_is_over},
                      {"no window without a right in a race", no_window_without_a_right_in_a_race}});
}
