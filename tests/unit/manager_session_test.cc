// Sessions of a manager, over real connections: order, limits, requests that make no sense, and its end.
#include <algorithm>
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/pool/manager_key.hh"
#include "lib/pool/pool.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::Bytes;
using test::ManagerFixture;
using test::RawClient;
using wire::Type;

namespace {

wire::Region create(RawClient& client, const std::string& name, std::uint32_t keep = 0) {
    return test::ok(client.ask<wire::Region>(wire::CreateRegion{name, keep, 0, 1}));
}

Result<wire::Generation> save(RawClient& client, const std::string& region, Bytes content) {
    const auto draft = test::ok(client.ask<wire::Begun>(wire::Begin{region, content.size()}));
    test::ok(client.write(draft.window, 0, content));
    return client.ask<wire::Generation>(wire::Seal{draft.draft_id, content.size(), 1, crc32c(content)});
}

/// The error that comes as the next message, whatever it answers.
wire::ErrorAnswer next_error(RawClient& client) {
    const auto bytes = client.receive();
    const auto message = test::ok(wire::parse_message(bytes));
    test::equal(message.header.type, 0xffff);
    return test::ok(wire::decode_body<wire::ErrorAnswer>(message.body));
}

void nothing_before_the_handshake() {
    ManagerFixture served;
    served.start();
    for (const auto& message :
         {wire::encode_request(1, wire::Begin{"team/app", 4096}),
          wire::encode_request(1, wire::StatusRequest{}), wire::encode_request(1, wire::Proof{}), Bytes{},
          Bytes(3), Bytes(100, std::byte{0xff})}) {
        const auto client = served.connect();
        client->send(message);
        CHECK(next_error(*client).code == EPROTO || message.size() == 100);
        client->ended();
    }
    test::eventually([&] { return served.manager->session_count() == 0; });
}

void wrong_keys_are_told_and_closed() {
    ManagerFixture served;
    served.start();
    const auto client = served.connect();
    test::equal(test::error(client->authenticate("alice", served.key("bob")), EKEYREJECTED),
                "authentication of principal alice failed");
    client->ended();
    const auto other = served.connect();
    test::error(other->authenticate("alice", served.key("alice"), "nowhere"), ENOENT);
    other->ended();
}

void a_slow_handshake_is_ended() {
    ManagerFixture served;
    served.config.limits.handshake_ms = 50;
    served.start();
    const auto silent = served.connect();
    const auto half = served.connect();
    wire::Hello hello;
    hello.principal = "alice";
    half->post(hello);
    silent->ended();
    half->ended();
    test::eventually([&] { return served.manager->session_count() == 0; });
}

void sessions_are_limited() {
    ManagerFixture served;
    served.config.limits.sessions = 3;
    served.config.limits.handshakes = 2;
    served.start();
    std::vector<std::shared_ptr<RawClient>> sessions{served.open(), served.open()};
    const auto third = served.connect();
    test::eventually([&] { return served.manager->session_count() == 3; });
    // Refused at the start-up, or closed straight after it.
    const auto refused = [&] {
        auto client = std::make_shared<RawClient>();
        const auto connection = served.engine->connect(served.address(), client, 30'000);
        if (connection)
            client->ended();
        return true;
    };
    CHECK(refused());
    test::equal(served.manager->session_count(), 3U);
    sessions.clear();
    third->close();
    test::eventually([&] { return served.manager->session_count() <= 2; });
}

void silent_ones_keep_nobody_out() {
    ManagerFixture served;
    served.config.limits.handshakes = 2;
    served.start();
    const auto oldest = served.connect();
    const auto younger = served.connect();
    const auto proved = served.open();  // there was no place for it
    oldest->ended();
    test::eventually([&] { return served.manager->session_count() == 2; });
    younger->close();
}

template <class Request>
void check_torn(ManagerFixture& served, const Request& request) {
    wire::Encoder body;
    body(request);
    for (const std::size_t size : {body.bytes().size() - 1, body.bytes().size() + 1}) {
        wire::Encoder torn;
        torn.append(body.bytes());
        torn.bytes().resize(size);
        const auto client = served.open();
        client->send(wire::encode_raw(static_cast<std::uint16_t>(Request::kType), 9, std::move(torn)));
        test::equal(next_error(*client).code, static_cast<std::uint32_t>(EPROTO));
        client->ended();
    }
}

template <class... Requests>
void check_all_torn(ManagerFixture& served, const Requests&... requests) {
    (check_torn(served, requests), ...);
}

void torn_requests_end_the_session() {
    ManagerFixture served;
    served.start();
    check_all_torn(served, wire::CreateRegion{"a", 1, 1, 1}, wire::FindRegion{"a"}, wire::DestroyRegion{"a"},
                   wire::ListRegions{"a"}, wire::Begin{"a", 1}, wire::Seal{}, wire::Abort{},
                   wire::OpenGeneration{"a", 1}, wire::CloseGeneration{}, wire::ListGenerations{"a", 1},
                   wire::WaitGeneration{"a", 1, 1}, wire::FindGeneration{"a", 1});
    check_all_torn(served, wire::SetRetention{"a", 1, 1}, wire::Clear{"a"}, wire::TakeOver{"a", "b"},
                   wire::Watch{"a", 1, 1}, wire::BeginClone{"a", 1, 1}, wire::Dirty{1, 1, {{1, 1}}},
                   wire::Pin{"a", 1, 1}, wire::OpenLog{"a", 1, 0}, wire::GrowLog{"a", 1, 1, 1},
                   wire::CloseLog{"a"}, wire::ReadLog{"a"}, wire::WaitLog{"a", 1, 1, 1, 1},
                   wire::LogHint{"a"}, wire::FindLog{"a"}, wire::FindInLog{"a", 1, 1, 1},
                   wire::CursorGet{"a", "b"}, wire::CursorAdvance{"a", {"b", 1, 1}},
                   wire::CursorDrop{"a", "b"}, wire::CursorListRequest{"a", "b"});
    // They took nothing with them.
    test::ok(served.open()->ask<wire::PoolStatus>(wire::StatusRequest{}));
}

void unknown_requests_are_answered() {
    ManagerFixture served;
    served.start();
    const auto client = served.open();
    for (const unsigned type : {0x0000U, 0x0101U, 0x0205U, 0x04ffU, 0x7fffU, 0x8301U, 0xffffU}) {
        client->send(wire::encode_raw(static_cast<std::uint16_t>(type), 77, wire::Encoder()));
        test::equal(next_error(*client).code, static_cast<std::uint32_t>(EOPNOTSUPP));
    }
    test::ok(client->ask<wire::PoolStatus>(wire::StatusRequest{}));
}

void unknown_handles_and_names() {
    ManagerFixture served;
    served.start();
    const auto client = served.open();
    test::error(client->ask<wire::Generation>(wire::Seal{1, 0, 0, 0}), ENOENT);
    test::error(client->ask<wire::Empty>(wire::Abort{1}), ENOENT);
    test::error(client->ask<wire::Empty>(wire::CloseGeneration{1}), ENOENT);
    test::error(client->ask<wire::Region>(wire::FindRegion{"team/app"}), ENOENT);
    test::error(client->ask<wire::Begun>(wire::Begin{"team/app", 1}), ENOENT);
    test::error(client->ask<wire::Empty>(wire::DestroyRegion{"team/app"}), ENOENT);
    test::error(client->ask<wire::GenerationList>(wire::ListGenerations{"team/app", 0}), ENOENT);
    test::error(client->ask<wire::Generation>(wire::WaitGeneration{"team/app", 0, 0}), ENOENT);
    test::error(client->ask<wire::Region>(wire::CreateRegion{".hidden", 0, 0, 0}), EINVAL);
    // A sentence never grows over a message.
    test::error(client->ask<wire::Region>(wire::CreateRegion{std::string(15'000, '/'), 0, 0, 0}), EINVAL);
    create(*client, "team/app");
    test::error(client->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/app", 0}), ENODATA);
    test::error(client->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/app", 1}), ENOENT);
    // Another session's draft is nobody else's.
    const auto draft = test::ok(client->ask<wire::Begun>(wire::Begin{"team/app", 1}));
    test::error(served.open("bob")->ask<wire::Generation>(wire::Seal{draft.draft_id, 1, 0, 0}), ENOENT);
    test::ok(client->ask<wire::Generation>(wire::Seal{draft.draft_id, 1, 0, 0}));
    test::error(client->ask<wire::Generation>(wire::Seal{draft.draft_id, 1, 0, 0}), ENOENT);
}

void regions_are_made_once() {
    ManagerFixture served;
    served.start();
    const auto alice = served.open();
    const auto made = create(*alice, "team/app", 3);
    test::equal(made.owner, "alice");
    test::equal(made.keep, 3U);
    test::error(alice->ask<wire::Region>(wire::CreateRegion{"team/app", 5, 0, 1}), EEXIST);
    const auto again =
        test::ok(served.open("bob")->ask<wire::Region>(wire::CreateRegion{"team/app", 5, 0, 0}));
    test::equal(again.owner, "alice");
    test::equal(again.keep, 3U);
    // There is no such region, but it can't be made either.
    test::error(alice->ask<wire::Region>(wire::CreateRegion{"team", 0, 0, 0}), EEXIST);
    test::equal(create(*alice, "team/default").keep, pool::kDefaultKeep);
}

void a_wrong_checksum_seals_nothing() {
    ManagerFixture served;
    served.start();
    const auto client = served.open();
    create(*client, "team/app");
    const auto draft = test::ok(client->ask<wire::Begun>(wire::Begin{"team/app", 100}));
    test::error(client->ask<wire::Generation>(wire::Seal{draft.draft_id, 100, 1, 12345}), EBADMSG);
    test::error(client->ask<wire::Empty>(wire::Abort{draft.draft_id}), ENOENT);
    test::equal(test::ok(client->ask<wire::PoolStatus>(wire::StatusRequest{})).generations, 0U);
}

void long_lists_come_in_pieces() {
    ManagerFixture served;
    served.start();
    const auto client = served.open();
    constexpr int kRegions = 150;
    for (int number = 0; number < kRegions; ++number)
        create(*client, fmt::format("{}/{:03}", std::string(200, 'x'), number));
    std::vector<std::string> names;
    int pieces = 0;
    for (std::string after;; after = names.back(), ++pieces) {
        const auto list = test::ok(client->ask<wire::RegionList>(wire::ListRegions{after}));
        if (list.regions.empty())
            break;
        for (const auto& region : list.regions)
            names.push_back(region.name);
    }
    test::equal(names.size(), static_cast<std::size_t>(kRegions));
    CHECK(std::is_sorted(names.begin(), names.end()) && pieces > 1);
}

void generations_are_listed_oldest_first() {
    ManagerFixture served;
    served.start();
    const auto client = served.open();
    create(*client, "team/app", 300);
    for (std::uint8_t number = 1; number <= 5; ++number)
        test::equal(test::ok(save(*client, "team/app", Bytes(number, std::byte{number}))).number, number);
    const auto list = test::ok(client->ask<wire::GenerationList>(wire::ListGenerations{"team/app", 2}));
    test::equal(list.generations.size(), 3U);
    test::equal(list.generations[0].number, 3U);
    test::equal(list.generations[2].length, 5U);
    test::equal(test::ok(client->ask<wire::Generation>(wire::FindGeneration{"team/app", 0})).number, 5U);
    test::equal(test::ok(client->ask<wire::Generation>(wire::FindGeneration{"team/app", 2})).writer, "alice");
}

void what_a_session_holds_is_limited() {
    ManagerFixture served;
    served.config.limits.drafts_per_session = 2;
    served.config.limits.generations_per_session = 2;
    served.config.limits.waiters_per_session = 2;
    served.start();
    const auto client = served.open();
    create(*client, "team/app");
    test::ok(save(*client, "team/app", Bytes(10)));
    const wire::Begin begin{"team/app", 1};
    const auto draft = test::ok(client->ask<wire::Begun>(begin));
    test::ok(client->ask<wire::Begun>(begin));
    test::contains(test::error(client->ask<wire::Begun>(begin), EMFILE), "2");
    test::ok(client->ask<wire::Empty>(wire::Abort{draft.draft_id}));
    test::ok(client->ask<wire::Begun>(begin));

    const wire::OpenGeneration open{"team/app", 0};
    const auto opened = test::ok(client->ask<wire::OpenedGeneration>(open));
    test::ok(client->ask<wire::OpenedGeneration>(open));
    test::error(client->ask<wire::OpenedGeneration>(open), EMFILE);
    test::ok(client->ask<wire::Empty>(wire::CloseGeneration{opened.handle}));
    test::ok(client->ask<wire::OpenedGeneration>(open));

    client->post(wire::WaitGeneration{"team/app", 1, UINT32_MAX});
    client->post(wire::WaitGeneration{"team/app", 1, UINT32_MAX});
    test::error(client->ask<wire::Generation>(wire::WaitGeneration{"team/app", 1, UINT32_MAX}), EMFILE);
    // Other sessions have limits of their own.
    test::ok(served.open("bob")->ask<wire::Begun>(begin));
}

void waiters_hear_of_a_seal() {
    ManagerFixture served;
    served.config.limits.workers = 1;  // one that waits must not need it
    served.start();
    const auto writer = served.open();
    create(*writer, "team/app");
    create(*writer, "team/other");
    const auto backup = served.open("bob");
    const auto first = backup->post(wire::WaitGeneration{"team/app", 0, UINT32_MAX});
    const auto second = backup->post(wire::WaitGeneration{"team/app", 1, UINT32_MAX});
    test::ok(backup->ask<wire::PoolStatus>(wire::StatusRequest{}));  // both stand
    test::ok(save(*writer, "team/other", Bytes(1)));
    test::ok(save(*writer, "team/app", Bytes(1)));
    test::equal(
        test::ok(backup->answer<wire::Generation>(backup->receive(), Type::wait_generation, first)).number,
        1U);
    test::ok(save(*writer, "team/app", Bytes(2)));
    test::equal(
        test::ok(backup->answer<wire::Generation>(backup->receive(), Type::wait_generation, second)).number,
        2U);
    // What is there already is answered at once, and with the newest.
    const wire::WaitGeneration there{"team/app", 0, UINT32_MAX};
    test::equal(test::ok(backup->ask<wire::Generation>(there)).number, 2U);
}

void waiters_end_without_a_seal() {
    ManagerFixture served;
    served.start();
    const auto client = served.open();
    create(*client, "team/app");
    test::error(client->ask<wire::Generation>(wire::WaitGeneration{"team/app", 0, 0}), ETIMEDOUT);
    test::error(client->ask<wire::Generation>(wire::WaitGeneration{"team/app", 0, 20}), ETIMEDOUT);
    const auto destroyed = client->post(wire::WaitGeneration{"team/app", 0, UINT32_MAX});
    test::ok(served.open("bob")->ask<wire::Empty>(wire::DestroyRegion{"team/app"}));
    test::error(client->answer<wire::Generation>(client->receive(), Type::wait_generation, destroyed),
                ENOENT);
    create(*client, "team/app");
    const auto stopped = client->post(wire::WaitGeneration{"team/app", 0, UINT32_MAX});
    test::ok(client->ask<wire::PoolStatus>(wire::StatusRequest{}));
    test::ok(served.manager->stop());
    test::error(client->answer<wire::Generation>(client->receive(), Type::wait_generation, stopped),
                ESHUTDOWN);
    client->ended();
}

/// Whether generation 1 is in the pool after the manager's end.
bool is_sealed(const ManagerFixture& served) {
    auto medium = test::ok(media::open_medium(served.config.pools.at(0).path, media::Use::exclusive));
    const auto key = test::ok(pool::find_manager_key(*medium, served.config.key_dir)).key;
    const auto pool = test::ok(pool::Pool::open(std::move(medium), key));
    return pool->open_generation("team/app", 1).has_value();
}

// At whatever moment the stop comes: what was answered is so, and what was not answered well is not half
// there.
void stop_and_seal_at_once() {
    for (int round = 0; round < 6; ++round) {
        ManagerFixture served;
        served.start();
        const auto client = served.open();
        create(*client, "team/app");
        const auto draft = test::ok(client->ask<wire::Begun>(wire::Begin{"team/app", 8 * kMiB}));
        const auto id = client->post(wire::Seal{draft.draft_id, 8 * kMiB, 0, 0});
        if (round % 2 == 1)
            test::eventually([&] { return served.ask_admin().find(R"("windows":[])") != std::string::npos; });
        test::ok(served.manager->stop());
        bool sealed = false;
        try {
            sealed = client->answer<wire::Generation>(client->receive(), Type::seal, id).has_value();
        } catch (const test::Failure&) {
            CHECK(client->is_ended());  // stopped before the request came: no answer
        }
        // A seal that had begun, its window dead, is finished and answered.
        CHECK(sealed || round % 2 == 0);
        served.manager.reset();
        test::equal(is_sealed(served), sealed);
        std::filesystem::remove_all(test::directory() / "keys");
        std::filesystem::remove(served.config.pools[0].path);
    }
}

void new_pools_are_taken_over() {
    ManagerFixture served;
    served.start();
    auto config = served.config;
    config.pools.push_back({"second", test::make_pool("second", config.key_dir, 16 * kMiB)});
    test::error(served.connect()->authenticate("alice", served.key("alice"), "second"), ENOENT);
    test::ok(served.manager->reload(config));
    RawClient::open(*served.engine, served.address(), "alice", served.key("alice"), "second");
    test::ok(served.manager->reload(config));
    // One that can't be opened: nothing changes.
    config.pools.push_back({"third", test::make_pool("third", config.key_dir, 16 * kMiB)});
    config.pools.push_back({"none", "/no/such/pool"});
    test::error(served.manager->reload(config), ENOENT);
    test::error(served.connect()->authenticate("alice", served.key("alice"), "third"), ENOENT);
}

void starting_fails_with_a_reason() {
    ManagerFixture served;
    served.start();
    auto config = served.config;
    config.admin_socket.clear();
    test::error(driver::Manager::start(config), EBUSY);  // the pool has its manager
    const auto keys = config.key_dir;
    config.pools = {{"other", test::make_pool("other", keys, 16 * kMiB)}};
    config.listen = {served.address()};
    test::contains(test::error(driver::Manager::start(config), EADDRINUSE), format_address(served.address()));
    config.listen = {{test::host(), 0}};
    config.transport = "nonsense";
    test::error(driver::Manager::start(config), EINVAL);
    config.transport = test::transport();
    config.address_file = (test::directory() / "no" / "such" / "place").string();
    test::error(driver::Manager::start(config), ENOENT);
    config.address_file.clear();
    test::ok(driver::Manager::start(config));
}

}  // namespace

int main() {
    return test::run("manager session",
                     {{"nothing before the handshake", nothing_before_the_handshake},
                      {"wrong keys are told and closed", wrong_keys_are_told_and_closed},
                      {"a slow handshake is ended", a_slow_handshake_is_ended},
                      {"sessions are limited", sessions_are_limited},
                      {"silent ones keep nobody out", silent_ones_keep_nobody_out},
                      {"silent ones keep nobody out", silent_ones_keep_nobody_out},
                      {"torn requests end the session", torn_requests_end_the_session},
                      {"unknown requests are answered", unknown_requests_are_answered},
                      {"unknown handles and names", unknown_handles_and_names},
                      {"regions are made once", regions_are_made_once},
                      {"a wrong checksum seals nothing", a_wrong_checksum_seals_nothing},
                      {"long lists come in pieces", long_lists_come_in_pieces},
                      {"generations are listed oldest first", generations_are_listed_oldest_first},
                      {"what a session holds is limited", what_a_session_holds_is_limited},
                      {"waiters hear of a seal", waiters_hear_of_a_seal},
                      {"waiters end without a seal", waiters_end_without_a_seal},
                      {"stop and seal at once", stop_and_seal_at_once},
                      {"new pools are taken over", new_pools_are_taken_over},
                      {"starting fails with a reason", starting_fails_with_a_reason}});
}
