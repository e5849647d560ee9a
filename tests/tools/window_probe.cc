// Sessions that say by hand what they want, for tests of what windows let through: window_probe HOW ARGUMENT
// ...
//
//     context PRINCIPAL REGION       begins a generation, prints its window ("window KEY BASE SIZE"), waits
//     for a line, writes
//                                    the line's bytes at offset 1000 through the window, seals and prints
//                                    "sealed N"
//     borrow OWNER OTHER REGION      OWNER opens the newest generation; OTHER, who may read it, too, and
//     OWNER in another
//                                    session, and OWNER once more when the first session is over, try that
//                                    window
//     stranger                       a connection that has proved nobody tries keys, and a request
//     before PRINCIPAL REGION        the same, and then it proves who it is, and is given a window
//
// PMEMCKPT_SERVER, PMEMCKPT_KEY_DIR and TEST_TRANSPORT say where. What is not as it should be is said, with
// exit status 1.
#include <fmt/core.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>

#include "lib/base/address.hh"
#include "tests/support/raw_client.hh"
#include "tests/support/transport.hh"

using namespace pmemckpt;
using test::Bytes;
using test::RawClient;

namespace {

class Probe {
public:
    Probe() : engine_(test::ok(rdma::make_engine(test::transport(), {}))) {}

    void context(const std::string& principal, const std::string& region) {
        const auto client = open(principal);
        const auto draft = test::ok(client->ask<wire::Begun>(wire::Begin{region, 5'000'000}));
        fmt::print("window {:08x} {} {}\n", draft.window.key, draft.window.base, draft.window.size);
        std::fflush(stdout);
        std::string line;
        std::getline(std::cin, line);
        Bytes bytes(line.size());
        std::memcpy(bytes.data(), line.data(), line.size());
        test::ok(client->write(draft.window, 1000, bytes));
        fmt::print(
            "sealed {}\n",
            test::ok(client->ask<wire::Generation>(wire::Seal{draft.draft_id, 5'000'000, 0, 0})).number);
    }

    void borrow(const std::string& owner, const std::string& other, const std::string& region) {
        const auto first = open(owner);
        const auto opened = open_newest(*first, region);
        const auto bytes = test::ok(first->read(opened, 0, 1000));
        refused_to(other, region, opened, bytes);
        refused_to(owner, region, opened, bytes);
        CHECK(test::ok(first->read(opened, 0, 1000)) == bytes);
        first->close();
        first->ended();
        refused_to(owner, region, opened, bytes);
        fmt::print("refused on every other connection\n");
    }

    void stranger() {
        const auto nobody = connect();
        const auto status = nobody->ask<wire::PoolStatus>(wire::StatusRequest{});
        test::equal(status ? 0 : status.error().code, EPROTO);
        nobody->ended();
        for (const std::uint32_t key : {0U, 1U, 2U, 0x100U, 0x80000000U, 0xffffffffU}) {
            connect()->read_refused({key, 0, 1000});
            connect()->write_refused({key, 0, 1000});
        }
        fmt::print("refused before any proof\n");
    }

    void before(const std::string& principal, const std::string& region) {
        stranger();
        const auto client = connect();
        test::ok(client->authenticate(principal, key_of(principal)));
        const auto opened = open_newest(*client, region);
        fmt::print("given a window of {} bytes after it, which reads {}\n", opened.size,
                   test::ok(client->read(opened, 0, 1000)).size());
    }

private:
    static std::string variable(const char* name) {
        const char* value = std::getenv(name);
        return value ? value : "";
    }
    static Key key_of(const std::string& principal) {
        return test::ok(load_key(variable("PMEMCKPT_KEY_DIR"), principal));
    }
    static wire::Window open_newest(RawClient& client, const std::string& region) {
        return test::ok(client.ask<wire::OpenedGeneration>(wire::OpenGeneration{region, 0})).window;
    }
    Address server() const { return test::ok(parse_address(variable("PMEMCKPT_SERVER"))); }
    std::shared_ptr<RawClient> connect() { return RawClient::connect(*engine_, server()); }
    std::shared_ptr<RawClient> open(const std::string& principal) {
        return RawClient::open(*engine_, server(), principal, key_of(principal));
    }
    /// In a session of its own, which is as good as the first: it reads the same bytes by a window of its
    /// own.
    void refused_to(const std::string& principal, const std::string& region, const wire::Window& window,
                    const Bytes& bytes) {
        const auto client = open(principal);
        CHECK(test::ok(client->read(open_newest(*client, region), 0, 1000)) == bytes);
        client->read_refused(window);
    }

    std::unique_ptr<rdma::Engine> engine_;
};

void run(const std::vector<std::string>& arguments) {
    Probe probe;
    const auto is = [&](const char* how, std::size_t count) {
        return arguments.size() == count + 1 && arguments[0] == how;
    };
    if (is("context", 2))
        probe.context(arguments[1], arguments[2]);
    else if (is("borrow", 3))
        probe.borrow(arguments[1], arguments[2], arguments[3]);
    else if (is("stranger", 0))
        probe.stranger();
    else if (is("before", 2))
        probe.before(arguments[1], arguments[2]);
    else
        throw test::Failure("window_probe context|borrow|stranger|before ARGUMENT ...");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argv + 1, argv + argc});
        return 0;
    } catch (const test::Failure& failure) {
        fmt::print(stderr, "window_probe: {}\n", failure.what());
        return 1;
    }
}
