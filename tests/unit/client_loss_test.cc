// What fails, fails at once and says why: keys, pools, addresses, and a manager that goes away in the middle.
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "lib/base/handle.hh"
#include "lib/rdma/engine.hh"
#include "lib/wire/handshake.hh"
#include "tests/unit/client_fixture.hh"

namespace {

using namespace pmemckpt;
using client::Client;
using test::ManagerHere;

bool is_loss(const Error& error) {
    constexpr int kCodes[] = {ECONNRESET, ESHUTDOWN, ETIMEDOUT, EPIPE, ENOTCONN, ECONNABORTED};
    return std::find(std::begin(kCodes), std::end(kCodes), error.code) != std::end(kCodes) &&
           error.message.find("the connection to 127.0.0.1:") != std::string::npos &&
           error.message.find("connect again") != std::string::npos;
}

template <class T>
void expect_loss(const Result<T>& result, test::Place place = test::Place::current()) {
    if (result)
        test::fail_at(place, "it went well on a lost connection");
    if (!is_loss(result.error()))
        test::fail_at(place, fmt::format("error {}: {}", result.error().code, result.error().message));
}

void keys_must_be_right() {
    ManagerHere here;
    test::error(Client::connect(here.options("carol")), ENOENT);
    const auto elsewhere = (test::directory() / "elsewhere").string();
    test::ok(store_key(elsewhere, "alice", Key::random()));
    test::ok(store_key(elsewhere, "carol", Key::random()));
    auto options = here.options();
    options.key_dir = elsewhere;
    test::contains(test::error(Client::connect(options), EKEYREJECTED), "alice");
    options.principal = "carol";  // has a key, and the manager knows none
    test::contains(test::error(Client::connect(options), EKEYREJECTED), "carol");
    options.principal = "../alice";
    test::error(Client::connect(options), EINVAL);
    here.connect();
}

void the_pools_known_key_must_be_the_managers() {
    ManagerHere here;
    const auto elsewhere = (test::directory() / "elsewhere").string();
    test::ok(store_key(elsewhere, "alice", test::ok(load_key(here.key_dir(), "alice"))));
    auto options = here.options();
    options.key_dir = elsewhere;
    CHECK(Client::connect(options).has_value());
    test::ok(store_key(elsewhere, pool_key_name(here.uuid()), Key::random()));
    test::contains(test::error(Client::connect(options), EKEYREJECTED), here.uuid());
}

void pools_and_addresses_must_be_there() {
    ManagerHere here;
    auto options = here.options();
    options.pool = "second";
    test::contains(test::error(Client::connect(options), ENOENT), "second");
    options.pool = "00000000-0000-4000-8000-000000000000";
    test::error(Client::connect(options), ENOENT);
    options.pool = here.uuid();
    test::equal(pool::to_string(test::ok(Client::connect(options))->pool_uuid()), here.uuid());
    options.pool = std::string(1000, 'x');
    test::error(Client::connect(options), ENAMETOOLONG);
    options = here.options();
    options.server = "127.0.0.1:0";
    test::error(Client::connect(options), EINVAL);
    options.server = "127.0.0.1:x";
    test::error(Client::connect(options), EINVAL);
    options = here.options();
    options.transport = "pigeon";
    CHECK(!Client::connect(options));
    here.end();
    test::contains(test::error(Client::connect(here.options()), ECONNREFUSED), here.options().server);
}

/// As a manager that is killed while somebody connects: that is a loss, and no breach of the protocol.
void who_hangs_up_in_the_start_up_is_lost() {
    ManagerHere here;  // for its keys
    for (const bool with_reset : {false, true}) {
        const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        CHECK(::bind(socket.get(), any, size) == 0 && ::listen(socket.get(), 1) == 0 &&
              ::getsockname(socket.get(), any, &size) == 0);
        std::thread hangs_up([&] {
            const FileDescriptor peer(::accept(socket.get(), nullptr, nullptr));
            char request[20];
            const auto flags = with_reset ? MSG_PEEK : 0;  // what is not read makes it a reset
            static_cast<void>(::recv(peer.get(), request, sizeof request, MSG_WAITALL | flags));
        });
        auto options = here.options();
        options.server = format_address({"127.0.0.1", ntohs(address.sin_port)});
        const auto client = Client::connect(options);
        hangs_up.join();
        test::contains(test::error(client, ECONNRESET), "MPA start-up");
    }
}

void the_environment_fills_in_what_is_not_said() {
    ManagerHere here;
    const auto options = here.options();
    ::setenv("PMEMCKPT_SERVER", options.server.c_str(), 1);
    ::setenv("PMEMCKPT_PRINCIPAL", "bob", 1);
    ::setenv("PMEMCKPT_KEY_DIR", options.key_dir.c_str(), 1);
    ::setenv("PMEMCKPT_TRANSPORT", "iwarp", 1);
    ::setenv("PMEMCKPT_POOL", "first", 1);
    const auto bob = Client::connect({});
    client::Options given;
    given.principal = "alice";
    const auto alice = Client::connect(given);
    test::clear_environment();
    test::equal(test::ok(bob)->options().principal, "bob");
    test::equal(test::ok(alice)->options().principal, "alice");
    test::equal(client::with_defaults({}).server, "localhost");
    test::equal(client::with_defaults({}).transport, "auto");
}

void a_lost_manager_fails_everything_at_once() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("lost", {}, true));
    auto bytes = test::random_bytes(4 * kMiB);
    test::save(*client, "lost", bytes);
    const auto reader = test::ok(client->open("lost"));
    const auto writer = test::ok(client->begin("lost", bytes.size()));
    test::ok(writer->write(0, bytes));
    here.end();
    Status status;
    while (status)  // until the loss is noticed here
        status = writer->write(0, bytes);
    expect_loss(status);
    expect_loss(writer->flush());
    expect_loss(writer->seal());
    expect_loss(reader->read(0, bytes));
    expect_loss(client->state());
    expect_loss(client->regions());
    expect_loss(client->begin("lost", 1));
    expect_loss(client->register_memory(bytes));
    expect_loss(client->wait_generation("lost", 0, 0));
    test::ok(writer->abort());  // nothing is left to be dropped

    here.start();
    const auto again = here.connect();
    test::equal(test::ok(again->generations("lost")).size(), 1U);  // what was not sealed is nowhere
}

/// The manager ends while threads wait, write and read: each of them ends with an error, and what was read
/// before is right.
void nobody_hangs() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("busy", {}, true));
    const auto saved = test::random_bytes(8 * kMiB);
    test::save(*client, "busy", saved);
    std::atomic<int> turning = 0, losses = 0, others = 0;
    const auto repeat = [&](const std::function<Status()>& step) {
        Status status = step();
        ++turning;
        while (status)
            status = step();
        ++(is_loss(status.error()) ? losses : others);
    };
    const auto without_value = [](const auto& result) {
        return result ? Status() : tl::unexpected(result.error());
    };
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
        ++turning;
        const auto waited = client->wait_generation("busy", 1'000'000, UINT32_MAX);
        ++(!waited && is_loss(waited.error()) ? losses : others);
    });
    threads.emplace_back([&] { repeat([&] { return without_value(client->regions()); }); });
    threads.emplace_back([&] {
        const auto bytes = std::vector<std::byte>(3 * kMiB, std::byte{1});
        const auto writer = client->begin("busy", bytes.size());
        repeat([&] { return writer ? (*writer)->write(0, bytes) : without_value(writer); });
    });
    threads.emplace_back([&] {
        std::vector<std::byte> into(saved.size());
        const auto reader = client->open("busy");
        repeat([&]() -> Status {
            std::fill(into.begin(), into.end(), std::byte{0});
            TRY(without_value(reader ? (*reader)->read(0, into) : tl::unexpected(reader.error())));
            return into == saved ? Status() : fail(EBADMSG, "these bytes were not saved");
        });
    });
    test::eventually([&] { return turning == 4; });
    here.end();
    threads.clear();
    test::equal(losses.load(), 4);
    test::equal(others.load(), 0);
}

/// A peer of this test's own: it answers a HELLO as it likes.
class FalseManager final : public rdma::Handler {
public:
    using Answer = std::function<std::vector<std::byte>(const wire::Message&, std::span<const std::byte>)>;
    FalseManager(std::shared_ptr<rdma::Connection> connection, Answer answer)
        : connection_(std::move(connection)), answer_(std::move(answer)) {}
    void on_message(std::span<const std::byte> bytes) override {
        const auto message = wire::parse_message(bytes);
        if (message)
            static_cast<void>(connection_->send(answer_(*message, bytes)));
    }
    void on_completion(std::uint64_t, const Status&) override {}
    void on_close(const Error&) override { connection_.reset(); }

private:
    std::shared_ptr<rdma::Connection> connection_;
    Answer answer_;
};

/// Connects to it, and goes on with `use`.
Status with_false_manager(FalseManager::Answer answer, const std::function<Status(Client&)>& use) {
    const auto keys = (test::directory() / "keys").string();
    static_cast<void>(store_key(keys, "alice", Key::parse(std::string(64, 'a')).value()));
    const auto engine = test::ok(rdma::make_engine("iwarp", {}));
    const auto listener = test::ok(engine->listen({"127.0.0.1", 0}, [&](auto connection) {
        return std::make_shared<FalseManager>(std::move(connection), answer);
    }));
    client::Options options;
    options.server = format_address(listener->address());
    options.principal = "alice";
    options.key_dir = keys;
    options.transport = "iwarp";
    const auto client = TRY(Client::connect(options));
    return use(*client);
}

Status connect_to_false_manager(FalseManager::Answer answer) {
    return with_false_manager(std::move(answer), [](Client&) { return Status(); });
}

/// It has the key of alice, or not; and that of the pool, or not.
FalseManager::Answer pretender(Key principal, Key pool, Key pool_shown, std::uint64_t page_size = 4096) {
    const auto transcript = std::make_shared<wire::Transcript>();
    return [=](const wire::Message& message, std::span<const std::byte> whole) {
        if (static_cast<wire::Type>(message.header.type) == wire::Type::hello) {
            wire::Challenge challenge;
            challenge.pool_key = public_key(pool_shown);
            transcript->add(whole);
            auto answer = wire::encode_answer(wire::Type::hello, message.header.request_id, challenge);
            transcript->add(answer);
            return answer;
        }
        if (static_cast<wire::Type>(message.header.type) == wire::Type::goodbye)
            return wire::encode_answer(wire::Type::goodbye, message.header.request_id, wire::Empty{});
        const auto proof = wire::decode_body<wire::Proof>(message.body).value();
        wire::Welcome welcome;
        welcome.mac = transcript->server_mac(principal, proof.mac);
        welcome.signature = transcript->sign(pool, proof.mac);
        welcome.page_size = page_size;
        return wire::encode_answer(wire::Type::proof, message.header.request_id, welcome);
    };
}

void a_false_manager_is_not_believed() {
    const auto alice = Key::parse(std::string(64, 'a')).value();
    const auto pool = Key::random();
    test::ok(connect_to_false_manager(pretender(alice, pool, pool)));
    test::contains(test::error(connect_to_false_manager(pretender(Key::random(), pool, pool)), EKEYREJECTED),
                   "does not have the key of alice");
    test::contains(test::error(connect_to_false_manager(pretender(alice, Key::random(), pool)), EKEYREJECTED),
                   "does not have the key of pool");
    test::error(connect_to_false_manager(pretender(alice, pool, pool, 4097)), EPROTO);
    test::error(connect_to_false_manager([](const wire::Message& message, auto) {
                    return wire::encode_answer(wire::Type::hello, message.header.request_id, wire::Empty{});
                }),
                EPROTO);
    test::error(connect_to_false_manager([](const wire::Message& message, auto) {
                    wire::Challenge challenge;
                    challenge.version = 2;
                    return wire::encode_answer(wire::Type::hello, message.header.request_id, challenge);
                }),
                EPROTONOSUPPORT);
}

/// Past the handshake it answers a request with `answer`, whatever it was.
template <class Answer>
FalseManager::Answer answering(const Answer& answer) {
    const auto alice = Key::parse(std::string(64, 'a')).value();
    const auto pool = Key::random();
    return [=, start = pretender(alice, pool, pool)](const wire::Message& message,
                                                     std::span<const std::byte> whole) {
        const auto type = static_cast<wire::Type>(message.header.type);
        if (type == wire::Type::hello || type == wire::Type::proof)
            return start(message, whole);
        return wire::encode_answer(type, message.header.request_id, answer);
    };
}

wire::Generation a_generation() {
    wire::Generation generation;
    generation.number = 1;
    generation.length = 3 * kMiB;
    generation.durability = 1;
    generation.writer = "alice";
    return generation;
}

/// Nothing arrives through a window that the manager never made: that must not look like bytes that did.
void a_window_that_is_not_there() {
    const wire::Window window{12345, 0, 3 * kMiB};
    std::vector<std::byte> memory(1000);
    const auto read = with_false_manager(
        answering(wire::OpenedGeneration{1, a_generation(), window}), [&](Client& client) -> Status {
            const auto reader = TRY(client.open("any"));
            TRY(reader->read(0, memory));  // one operation: no second one is told of its end
            return {};
        });
    test::contains(test::error(read, EACCES), "connect again");
    const auto written = with_false_manager(answering(wire::Begun{1, window}), [&](Client& client) -> Status {
        const auto writer = TRY(client.begin("any", memory.size()));
        for (;;)  // that a write has left says nothing of its end
            TRY(writer->write(0, memory));
    });
    test::contains(test::error(written, EACCES), "connect again");
}

void answers_that_can_not_be_end_the_connection() {
    const auto open_and_use = [](Client& client) -> Status {
        const auto opened = client.open("any");
        test::error(client.state(), EPROTO);
        return opened ? Status() : tl::unexpected(opened.error());
    };
    const auto expect_refused = [&](const wire::OpenedGeneration& answer, const std::string& part) {
        test::contains(test::error(with_false_manager(answering(answer), open_and_use), EPROTO), part);
    };
    const wire::Window window{1, 0, 3 * kMiB};
    auto generation = a_generation();
    expect_refused({1, generation, {1, 0, 3 * kMiB - 1}}, "a window of 3145727 bytes for 3145728");
    expect_refused({1, generation, {1, UINT64_MAX, 3 * kMiB}}, "beyond 2^64");
    generation.number = 0;
    expect_refused({1, generation, window}, "number 0");
    generation = a_generation();
    generation.durability = 5;
    expect_refused({1, generation, window}, "durability");
    generation = a_generation();
    generation.writer.clear();
    expect_refused({1, generation, window}, "writer");
    // A list that begins again and again would never end.
    wire::GenerationList list;
    list.generations = {a_generation(), a_generation()};
    const auto endless = with_false_manager(answering(list), [](Client& client) -> Status {
        TRY(client.generations("any"));
        return {};
    });
    test::contains(test::error(endless, EPROTO), "not in order");
}

/// More of it that is durable by another method, or flushed in another way, is refused.
void a_log_grows_as_it_was_opened() {
    wire::LogGranted opened;
    opened.log_id = opened.epoch = opened.next_sequence = 7;
    opened.segments = {{0, {1, 0, 4096}}};
    opened.durability = 2;
    auto grown = opened;
    grown.segments = {{4096, {2, 0, 1 * kMiB}}};
    const auto append = [&] {
        const auto first = answering(opened), more = answering(grown);
        const auto answer = [=](const wire::Message& message, std::span<const std::byte> whole) {
            const auto type = static_cast<wire::Type>(message.header.type);
            return type == wire::Type::grow_log ? more(message, whole) : first(message, whole);
        };
        const auto refused = with_false_manager(answer, [](Client& client) -> Status {
            const auto log = TRY(client.open_log("any"));
            TRY(log->append(std::vector<std::byte>(10000)));
            return log->flush();
        });
        CHECK(!refused);
        return refused.error().message;
    };
    test::contains(append(), "connect again");  // its windows are none
    grown.durability = 3;
    test::contains(append(), "durable by method 3, where it was opened with 0 and 2");
    grown.durability = 2;
    grown.flush_by = 1;
    test::contains(append(), "flushed in way 1 and durable by method 2, where it was opened with 0 and 2");
}

/// After flush() the memory is the caller's again, whatever failed before: who still read from it would die
/// here.
void memory_is_let_go_after_a_failure() {
    constexpr std::size_t kBytes = 16 * kMiB;
    ManagerHere here;
    const auto client = test::ok(client::Client::connect(here.options()));
    test::ok(client->create_region("team/app", {}, true));
    for (int round = 0; round < 10; ++round) {
        void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(memory != MAP_FAILED);
        const std::span bytes(static_cast<const std::byte*>(memory), kBytes);
        auto writer = test::ok(client->begin("team/app", kBytes));
        test::ok(writer->write(0, bytes));
        test::error(writer->write(kBytes, bytes.first(1)), ERANGE);
        if (round % 2 == 0)
            test::error(writer->flush(), ERANGE);
        else
            test::error(writer->seal(), ERANGE);
        CHECK(::mprotect(memory, kBytes, PROT_NONE) == 0);
        writer.reset();
        ::munmap(memory, kBytes);
    }
}

void a_silent_manager_is_given_up() {
    const auto engine = test::ok(rdma::make_engine("iwarp", {}));
    ManagerHere here;
    struct Silent final : rdma::Handler {
        void on_message(std::span<const std::byte>) override {}
        void on_completion(std::uint64_t, const Status&) override {}
        void on_close(const Error&) override {}
    };
    const auto listener =
        test::ok(engine->listen({"127.0.0.1", 0}, [](auto) { return std::make_shared<Silent>(); }));
    auto options = here.options();
    options.server = format_address(listener->address());
    options.timeout_ms = 200;
    test::contains(test::error(Client::connect(options), ETIMEDOUT), "within 200 ms");
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run(
        "client loss",
        {{"keys must be right", keys_must_be_right},
         {"the pool's known key must be the manager's", the_pools_known_key_must_be_the_managers},
         {"pools and addresses must be there", pools_and_addresses_must_be_there},
         {"who hangs up in the start-up is lost", who_hangs_up_in_the_start_up_is_lost},
         {"the environment fills in", the_environment_fills_in_what_is_not_said},
         {"a lost manager fails everything at once", a_lost_manager_fails_everything_at_once},
         {"nobody hangs", nobody_hangs},
         {"a false manager is not believed", a_false_manager_is_not_believed},
         {"a window that is not there", a_window_that_is_not_there},
         {"a log grows as it was opened", a_log_grows_as_it_was_opened},
         {"answers that can't be end the connection", answers_that_can_not_be_end_the_connection},
         {"memory is let go after a failure", memory_is_let_go_after_a_failure},
         {"a silent manager is given up", a_silent_manager_is_given_up}});
}
