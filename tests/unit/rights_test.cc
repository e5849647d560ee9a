// Who may do what with a region, over real connections: rights are asked for by each request, and withdrawn
// they are gone at once, with the windows that were had by them. time-limit: 180
#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>

#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::Bytes;
using test::ManagerFixture;
using test::RawClient;

namespace {

constexpr std::uint64_t kSize = 5 * kMiB + 123;  // three pages, the last not full
constexpr const char* kRegion = "team/app";

/// alice has a region with a sealed generation and a record-less log; bob has nothing.
struct Served : ManagerFixture {
    explicit Served(driver::AccessConfig access = {}) {
        config.access = std::move(access);
        test::ok(store_key(config.key_dir, "carol", carols_key));
        start();
        alice = open("alice");
        test::ok(alice->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
        bob = open("bob");
    }
    void grant(const std::string& who, Rights rights) {
        test::ok(alice->ask<wire::Grant>(wire::GrantRights{kRegion, {who, rights.bits()}}));
    }
    void withdraw(const std::string& who, Rights rights) {
        test::ok(alice->ask<wire::Grant>(wire::WithdrawRights{kRegion, {who, rights.bits()}}));
    }
    bool has_windows() const { return ask_admin().find(R"("windows":[])") == std::string::npos; }
    const Key carols_key = Key::random();
    std::shared_ptr<RawClient> alice, bob;
};

wire::Begun begin(RawClient& client, std::uint64_t size = kSize) {
    return test::ok(client.ask<wire::Begun>(wire::Begin{kRegion, size}));
}
Result<wire::Generation> seal(RawClient& client, const wire::Begun& draft, std::uint64_t length = kSize) {
    return client.ask<wire::Generation>(wire::Seal{draft.draft_id, length, 0, 0});
}
wire::Window open_newest(RawClient& client) {
    return test::ok(client.ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0})).window;
}
Bytes newest(RawClient& client) {
    return test::ok(client.read(open_newest(client), 0, kSize));
}
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
/// Every request that is about a region, but for those that any right is enough for.
const std::vector<Try>& tries() {
    using namespace wire;
    static const std::vector<Try> kAll{
        {"open", Right::read,
         [](auto& c) {
             return answer_to<OpenedGeneration>(c, OpenGeneration{kRegion, 0});
         }},
        {"find", Right::read,
         [](auto& c) {
             return answer_to<Generation>(c, FindGeneration{kRegion, 0});
         }},
        {"list", Right::read,
         [](auto& c) {
             return answer_to<GenerationList>(c, ListGenerations{kRegion, 0});
         }},
        {"wait", Right::read,
         [](auto& c) {
             return answer_to<Generation>(c, WaitGeneration{kRegion, 0, 1});
         }},
        {"read log", Right::read, [](auto& c) { return answer_to<LogOpened>(c, ReadLog{kRegion}); }},
        {"find log", Right::read, [](auto& c) { return answer_to<LogState>(c, FindLog{kRegion}); }},
        {"find in log", Right::read,
         [](auto& c) {
             return answer_to<LogPlace>(c, FindInLog{kRegion, 1, 0, 0});
         }},
        {"wait log", Right::read,
         [](auto& c) {
             return answer_to<LogState>(c, WaitLog{kRegion, 1, 0, 0, 1});
         }},
        {"watch", Right::read,
         [](auto& c) {
             return answer_to<EventList>(c, Watch{kRegion, 0, 1});
         }},
        {"cursor", Right::read,
         [](auto& c) {
             return answer_to<Cursor>(c, CursorGet{kRegion, "c"});
         }},
        {"cursors", Right::read,
         [](auto& c) {
             return answer_to<CursorList>(c, CursorListRequest{kRegion, ""});
         }},
        {"advance", Right::read,
         [](auto& c) {
             return answer_to<Empty>(c, CursorAdvance{kRegion, {"c", 1, 0}, 0, 0});
         }},
        {"drop cursor", Right::read,
         [](auto& c) {
             return answer_to<Empty>(c, CursorDrop{kRegion, "c"});
         }},
        {"open log", Right::append,
         [](auto& c) {
             return answer_to<LogGranted>(c, OpenLog{kRegion, 1, 0});
         }},
        {"grow log", Right::append,
         [](auto& c) {
             return answer_to<LogGranted>(c, GrowLog{kRegion, 1, 1, 1});
         }},
        {"flush log", Right::append,
         [](auto& c) {
             return answer_to<Empty>(c, FlushLog{kRegion, 1, 1, 0, 0});
         }},
        {"close log", Right::append, [](auto& c) { return answer_to<Empty>(c, CloseLog{kRegion}); }},
        {"hint", Right::append, [](auto& c) { return answer_to<Empty>(c, LogHint{kRegion}); }},
        {"begin", Right::write,
         [](auto& c) {
             return answer_to<Begun>(c, Begin{kRegion, 1});
         }},
        {"clone", Right::write,
         [](auto& c) {
             return answer_to<Cloning>(c, BeginClone{kRegion, 1, 0});
         }},
        {"take over", Right::take_over,
         [](auto& c) {
             return answer_to<TakenOver>(c, TakeOver{kRegion, ""});
         }},
        {"retention", Right::administer,
         [](auto& c) {
             return answer_to<Region>(c, SetRetention{kRegion, 3, 0});
         }},
        {"pin", Right::administer,
         [](auto& c) {
             return answer_to<Empty>(c, Pin{kRegion, 1, 1});
         }},
        {"grant", Right::administer,
         [](auto& c) {
             return answer_to<Grant>(c, GrantRights{kRegion, {"carol", 1}});
         }},
        {"withdraw", Right::administer,
         [](auto& c) {
             return answer_to<Grant>(c, WithdrawRights{kRegion, {"carol", 1}});
         }},
        {"clear", Right::administer, [](auto& c) { return answer_to<Empty>(c, Clear{kRegion}); }},
        {"destroy", Right::administer, [](auto& c) { return answer_to<Empty>(c, DestroyRegion{kRegion}); }},
    };
    return kAll;
}

void the_creator_alone() {
    Served served;
    test::ok(seal(*served.alice, begin(*served.alice)));
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
    Served served;
    for (const auto right : kRights) {
        test::ok(seal(*served.alice, begin(*served.alice)));
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

void what_is_missing_is_said() {
    Served served;
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
    Served served;
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
    Served served;
    const auto draft = begin(*served.alice);
    auto content = test::random_bytes(kSize);
    test::ok(served.alice->write(draft.window, 0, content));
    test::ok(seal(*served.alice, draft));
    served.grant("bob", Right::read);
    const auto window = open_newest(*served.bob);
    CHECK(test::ok(served.bob->read(window, 0, kSize)) == content);
    served.withdraw("bob", Right::read);
    CHECK(!served.has_windows());
    test::error(served.bob->ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0}), ENOENT);
    served.bob->read_refused(window);
    CHECK(newest(*served.alice) == content);
}

// He writes all the time; the pages he wrote to are another's, blank, as soon as the withdrawal is answered.
void nothing_in_flight_lands() {
    Served served;
    for (int round = 0; round < 5; ++round) {
        served.grant("bob", Right::write);
        const auto bob = served.open("bob");
        const auto old = begin(*bob);
        std::jthread writer([&](const std::stop_token& stop) {
            Bytes poison(kSize, std::byte{0xee});
            while (!stop.stop_requested() && bob->write(old.window, 0, poison)) {
            }
        });
        served.withdraw("bob", Rights::all());
        bob->ended_as_refused();
        test::ok(seal(*served.alice, begin(*served.alice)));
        CHECK(newest(*served.alice) == Bytes(kSize));
    }
}

void a_draft_can_t_be_sealed_any_more() {
    Served served;
    served.grant("bob", Rights(Right::write).with(Right::read));
    const auto draft = begin(*served.bob);
    served.withdraw("bob", Right::write);
    test::error(seal(*served.bob, draft), EACCES);
    test::error(served.bob->ask<wire::Empty>(wire::Abort{draft.draft_id}),
                ENOENT);  // the seal has dropped it
    test::equal(test::ok(served.alice->ask<wire::Region>(wire::FindRegion{kRegion})).newest, 0U);
}

void an_appender_s_log_ends() {
    Served served;
    served.grant("bob", Rights(Right::append).with(Right::read));
    const auto log = test::ok(served.bob->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1 * kMiB, 0}));
    test::error(served.alice->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}), EBUSY);
    served.withdraw("bob", Right::append);
    CHECK(!served.has_windows());
    test::ok(served.alice->ask<wire::LogGranted>(wire::OpenLog{kRegion, 1, 0}));
    served.bob->write_refused(log.segments.at(0).window);
}

void who_waits_is_told_nothing_more() {
    Served served;
    served.grant("bob", Rights(Right::read).with(Right::append));
    const auto bob = served.open("bob");
    bob->send(wire::encode_request(71, wire::Watch{kRegion, UINT64_MAX, 60'000}));
    bob->send(wire::encode_request(72, wire::WaitGeneration{kRegion, 0, 60'000}));
    bob->send(wire::encode_request(73, wire::WaitLog{kRegion, 0, 0, 0, 60'000}));
    test::ok(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    served.withdraw("bob", Right::read);
    test::ok(seal(*served.alice, begin(*served.alice)));
    for (int answer = 0; answer < 3; ++answer) {
        const auto bytes = bob->receive();
        const auto message = test::ok(wire::parse_message(bytes));
        test::equal(message.header.type, std::uint16_t{0xffff});
        test::equal(test::ok(wire::decode_body<wire::ErrorAnswer>(message.body)).code, std::uint32_t{EACCES});
    }
}

// Windows of others, and his own to other regions, live on.
void only_what_was_withdrawn_dies() {
    Served served;
    test::ok(seal(*served.alice, begin(*served.alice)));
    served.grant("bob", Rights::all());
    served.grant("carol", Right::read);
    const auto carol = served.open("carol");
    const auto hers = open_newest(*carol), his = open_newest(*served.bob);
    const auto draft = begin(*served.bob);
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
    Served served;
    test::ok(seal(*served.alice, begin(*served.alice)));
    served.grant("bob", Right::read);
    const auto window = open_newest(*served.bob);
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
    Served served(access);
    test::ok(seal(*served.alice, begin(*served.alice)));
    served.grant("%ops", Right::read);
    const auto window = open_newest(*served.bob);
    const auto carol = served.open("carol");
    test::ok(seal(*carol, begin(*carol)));
    const auto draft = begin(*carol);
    auto config = served.config;
    config.access = {};
    test::ok(served.manager->reload(config));
    CHECK(!served.has_windows());
    test::error(served.bob->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    test::error(carol->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    served.bob->read_refused(window);
    carol->write_refused(draft.window);
}

void a_region_is_given_away() {
    Served served;
    const auto draft = begin(*served.alice);
    served.grant("bob", Rights::all());
    const auto sentence = test::error(served.bob->ask<wire::Region>(wire::SetOwner{kRegion, "bob"}), EACCES);
    test::contains(sentence, "region team/app is alice's");
    test::contains(test::error(served.alice->ask<wire::Region>(wire::SetOwner{kRegion, "nobody"}), ENOENT),
                   "nobody has no key at this manager");
    test::equal(test::ok(served.alice->ask<wire::Region>(wire::SetOwner{kRegion, "carol"})).owner, "carol");
    test::error(served.alice->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
    const auto carol = served.open("carol");
    test::ok(seal(*carol, begin(*carol, 1), 1));
    served.alice->write_refused(draft.window);
}

void rights_outlive_the_manager() {
    Served served;
    test::ok(seal(*served.alice, begin(*served.alice)));
    served.grant("bob", Right::read);
    served.alice.reset();
    served.bob.reset();
    served.manager.reset();
    served.start();
    const auto bob = served.open("bob");
    CHECK(newest(*bob) == Bytes(kSize));
    test::error(bob->ask<wire::Begun>(wire::Begin{kRegion, 1}), EACCES);
    test::error(served.open("carol")->ask<wire::Region>(wire::FindRegion{kRegion}), ENOENT);
}

// A key that is withdrawn ends what it has opened, and a session that is being opened with it.
void a_withdrawn_key_ends_its_sessions() {
    Served served;
    test::ok(seal(*served.alice, begin(*served.alice)));
    served.grant("bob", Rights::all());
    open_newest(*served.bob);
    begin(*served.bob);
    const auto idle = served.open("bob"), carol = served.open("carol");
    test::ok(remove_key(served.config.key_dir, "bob"));
    test::equal(served.ask_admin(R"({"command":"end-sessions","principal":"bob"})"),
                "{\"principal\":\"bob\",\"sessions\":2,\"windows\":2}\n");
    CHECK(!served.has_windows());
    served.bob->ended();
    idle->ended();
    test::ok(carol->ask<wire::PoolStatus>(wire::StatusRequest{}));
    test::contains(served.ask_admin(), R"("sessions_ended":1)");
    test::contains(served.ask_admin(R"({"command":"end-sessions"})"), "whose sessions?");
}

void a_key_withdrawn_in_a_handshake_opens_nothing() {
    Served served;
    std::atomic<bool> done = false;
    std::jthread opener([&] {
        while (!done) {
            const auto client = served.connect();
            const auto welcome = client->authenticate("carol", served.carols_key);
            if (welcome)
                (void)client->is_ended();
        }
    });
    const auto carols = served.carols_key;
    for (int round = 0; round < 30; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(round % 7));
        test::ok(remove_key(served.config.key_dir, "carol"));
        served.ask_admin(R"({"command":"end-sessions","principal":"carol"})");
        test::eventually(
            [&] { return served.ask_admin().find(R"("principal":"carol")") == std::string::npos; }, 10'000);
        test::ok(store_key(served.config.key_dir, "carol", carols));
    }
    done = true;
}

void a_principal_has_so_many_sessions() {
    ManagerFixture served;
    served.config.limits.sessions_per_principal = 2;
    served.start();
    const auto first = served.open("alice");
    auto second = served.open("alice");
    const auto third = served.connect();
    test::contains(test::error(third->authenticate("alice", served.key("alice")), EMFILE),
                   "alice has 2 sessions already, the limit");
    test::ok(served.open("bob")->ask<wire::PoolStatus>(wire::StatusRequest{}));
    second->close();
    second->ended();
    test::eventually([&] { return bool(served.connect()->authenticate("alice", served.key("alice"))); },
                     10'000);
}

void drafts_of_a_session_have_so_many_bytes() {
    ManagerFixture served;
    served.config.limits.draft_bytes_per_session = 10 * kMiB;
    served.start();
    const auto client = served.open("alice");
    test::ok(client->ask<wire::Region>(wire::CreateRegion{kRegion, 0, 0, 1}));
    test::error(client->ask<wire::Begun>(wire::Begin{kRegion, 10 * kMiB + 1}), EDQUOT);
    test::error(client->ask<wire::Begun>(wire::Begin{kRegion, UINT64_MAX}), EDQUOT);
    const auto draft = begin(*client, 6 * kMiB);
    test::contains(test::error(client->ask<wire::Begun>(wire::Begin{kRegion, 5 * kMiB}), EDQUOT),
                   "with 5242880 more they would be over the limit of 10485760");
    begin(*client, 4 * kMiB);
    test::ok(seal(*client, draft, 1));
    const auto clone = test::ok(client->ask<wire::Cloning>(wire::BeginClone{kRegion, 7 * kMiB, 0}));
    test::error(client->ask<wire::Begun>(wire::Dirty{clone.draft_id, 1, {{0, 1}}}), EDQUOT);
    begin(*client, 6 * kMiB);
}

void refusals_are_counted() {
    Served served;
    served.grant("bob", Right::read);
    test::error(served.bob->ask<wire::Begun>(wire::Begin{kRegion, 1}), EACCES);
    const auto stranger = served.connect();
    test::error(stranger->authenticate("bob", Key::random()), EKEYREJECTED);
    stranger->ended();
    test::ok(served.alice->ask<wire::TakenOver>(wire::TakeOver{kRegion, ""}));
    test::contains(
        served.ask_admin(),
        R"("audit":{"authentication_failed":1,"request_refused":1,"access_refused":0,"taken_over":1,)"
        R"("rights_changed":1,"sessions_ended":0})");
}

// Windows are had in the very moments of withdrawals: none is left of one who has no right.
void no_window_without_a_right_in_a_race() {
    Served served;
    test::ok(seal(*served.alice, begin(*served.alice)));
    std::atomic<bool> done = false;
    std::atomic<int> opened = 0, failed = 0;
    std::jthread reader([&] {
        while (!done) {
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
    done = true;
    reader.join();
    CHECK(opened > 0 && failed == 0);
}

}  // namespace

int main() {
    return test::run(
        "rights",
        {{"a withdrawn key ends its sessions", a_withdrawn_key_ends_its_sessions},
         {"a key withdrawn in a handshake opens nothing", a_key_withdrawn_in_a_handshake_opens_nothing},
         {"a principal has so many sessions", a_principal_has_so_many_sessions},
         {"drafts of a session have so many bytes", drafts_of_a_session_have_so_many_bytes},
         {"refusals are counted", refusals_are_counted},
         {"the creator alone", the_creator_alone},
         {"each right opens its own requests", each_right_opens_its_own_requests},
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
         {"no window without a right in a race", no_window_without_a_right_in_a_race}});
}
