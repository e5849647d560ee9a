// A manager serves nobody before it has given up what it does not need, and nobody at all when that fails.
// not over devices: what waits is the same
#include <cerrno>
#include <chrono>
#include <fstream>
#include <future>
#include <optional>

#include "lib/client/client.hh"
#include "tests/support/hostile_peer.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using namespace std::chrono_literals;

namespace {

using Connecting = std::future<Result<std::shared_ptr<client::Client>>>;

struct Start {
    Start() { fixture.config.address_file = (test::directory() / "addresses").string(); }

    /// While the manager starts: its address is told by then.
    std::string server() const {
        std::string server;
        std::ifstream(fixture.config.address_file) >> server;
        CHECK(!server.empty());
        return server;
    }
    Connecting connect() const {
        client::Options options;
        options.server = server();
        options.principal = "alice";
        options.key_dir = fixture.config.key_dir;
        options.transport = "iwarp";
        options.timeout_ms = 60'000;
        return std::async(std::launch::async, [options] { return client::Client::connect(options); });
    }

    test::ManagerFixture fixture;
};

void who_comes_early_waits() {
    Start start;
    Connecting connecting;
    bool served_too_early = false;
    const auto manager = test::ok(driver::Manager::start(start.fixture.config, [&]() -> Status {
        connecting = start.connect();
        served_too_early = connecting.wait_for(500ms) == std::future_status::ready;
        return {};
    }));
    CHECK(!served_too_early);
    const auto client = test::ok(connecting.get());
    test::ok(client->state());
}

// Not the first bytes of a connection, nor a line to the admin socket.
void nothing_is_read_before() {
    Start start;
    std::optional<test::HostilePeer> peer;
    std::future<std::string> status;
    bool heard = false;
    const auto manager = test::ok(driver::Manager::start(start.fixture.config, [&]() -> Status {
        peer.emplace(test::ok(parse_address(start.server())));
        peer->send_raw(test::start_up_frame({}));
        status = std::async(std::launch::async, [&] { return start.fixture.ask_admin(); });
        heard = !peer->is_silent(300) || status.wait_for(300ms) == std::future_status::ready;
        return {};
    }));
    CHECK(!heard);
    peer->receive_raw(1);
    test::contains(status.get(), "\"version\"");
}

void when_it_fails_nobody_is_served() {
    Start start;
    Connecting connecting;
    const auto manager = driver::Manager::start(start.fixture.config, [&]() -> Status {
        connecting = start.connect();
        std::this_thread::sleep_for(100ms);
        return fail(EPERM, "it can't be given up");
    });
    test::contains(test::error(manager, EPERM), "can't be given up");
    CHECK(!connecting.get());
    CHECK(!std::filesystem::exists(start.fixture.config.address_file));
}

void keys_have_to_be_readable_then() {
    Start start;
    auto keys = std::filesystem::path(start.fixture.config.key_dir);
    const auto manager = driver::Manager::start(start.fixture.config, [&]() -> Status {
        std::filesystem::rename(keys, keys.string() + ".away");
        return {};
    });
    test::contains(test::error(manager, ENOENT), "key directory");
}

}  // namespace

int main() {
    log::set_level(log::Level::error);
    return test::run("manager start", {{"who comes early waits", who_comes_early_waits},
                                       {"nothing is read before", nothing_is_read_before},
                                       {"when it fails nobody is served", when_it_fails_nobody_is_served},
                                       {"keys have to be readable then", keys_have_to_be_readable_then}});
}
