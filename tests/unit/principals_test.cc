// What ends with a key, what a principal may have, and what is counted of who is refused. time-limit: 180
#include <cerrno>
#include <thread>

#include "tests/unit/rights_fixture.hh"

using namespace pmemckpt;
using test::kRegion;
using test::ManagerFixture;

namespace {

// A key that is withdrawn ends what it has opened, and a session that is being opened with it.
void a_withdrawn_key_ends_its_sessions() {
    test::RightsFixture served;
    test::ok(test::seal(*served.alice, test::begin(*served.alice)));
    served.grant("bob", Rights::all());
    test::open_newest(*served.bob);
    test::begin(*served.bob);
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

// Many requests stand behind a seal when their key is withdrawn: but for the one that runs they are not run.
void what_waits_is_not_run_any_more() {
    test::RightsFixture served;
    const auto regions = [&] {
        return test::ok(served.alice->ask<wire::PoolStatus>(wire::StatusRequest{})).regions;
    };
    for (int round = 0; round < 10; ++round) {
        const auto bob = served.open("bob");
        const auto own = fmt::format("bob/{}", round);
        test::ok(bob->ask<wire::Region>(wire::CreateRegion{own, 0, 0, 1}));
        const auto draft = test::ok(bob->ask<wire::Begun>(wire::Begin{own, 20 * kMiB}));
        bob->post(wire::Seal{draft.draft_id, 20 * kMiB, 0, 0});
        for (int i = 0; i < 40; ++i)
            bob->post(wire::CreateRegion{fmt::format("more/{}/{}", round, i), 0, 0, 1});
        std::this_thread::sleep_for(std::chrono::milliseconds(round));
        served.ask_admin(R"({"command":"end-sessions","principal":"bob"})");
        const auto then = regions();
        bob->ended();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        CHECK(regions() <= then + 1);
        (void)served.open("bob")->ask<wire::Empty>(wire::DestroyRegion{own});
    }
}

void a_key_withdrawn_in_a_handshake_opens_nothing() {
    test::RightsFixture served;
    std::jthread opener([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
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
    const auto draft = test::begin(*client, 6 * kMiB);
    test::contains(test::error(client->ask<wire::Begun>(wire::Begin{kRegion, 5 * kMiB}), EDQUOT),
                   "with 5242880 more they would be over the limit of 10485760");
    test::begin(*client, 4 * kMiB);
    test::ok(test::seal(*client, draft, 1));
    test::error(client->ask<wire::Cloning>(wire::BeginClone{kRegion, 7 * kMiB, 0}), EDQUOT);
    test::begin(*client, 6 * kMiB);
}

void refusals_are_counted() {
    test::RightsFixture served;
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

}  // namespace

int main() {
    return test::run(
        "principals",
        {{"a withdrawn key ends its sessions", a_withdrawn_key_ends_its_sessions},
         {"what waits is not run any more", what_waits_is_not_run_any_more},
         {"a key withdrawn in a handshake opens nothing", a_key_withdrawn_in_a_handshake_opens_nothing},
         {"a principal has so many sessions", a_principal_has_so_many_sessions},
         {"drafts of a session have so many bytes", drafts_of_a_session_have_so_many_bytes},
         {"refusals are counted", refusals_are_counted}});
}
