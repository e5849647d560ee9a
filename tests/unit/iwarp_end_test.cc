// How connections, listeners and engines end; and peers that are slow, silent or many.
// time-limit: 180
// not over devices: it is about the iWARP engine
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/support/hostile_peer.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;

namespace {

constexpr auto kBoth = static_cast<Access>(3);

rdma::EngineOptions with_threads(unsigned threads) {
    rdma::EngineOptions options;
    options.threads = threads;
    return options;
}

void close_sends_what_is_queued() {
    Scattered memory(64, 4096);
    Bytes data = random_bytes(memory.size());
    Pair pair;
    const auto grant = ok(pair.server->grant(memory.translation(), Access::write));
    const auto local = ok(pair.client->register_memory(data));
    for (int i = 0; i < 100; ++i) {
        ok(pair.client->write(local, {{0}, {data.size()}}, grant, {0}, static_cast<std::uint64_t>(i)));
        ok(pair.client->send(Bytes(static_cast<std::size_t>(i))));
    }
    pair.client->close({ECANCELED, "had enough"});
    error(pair.client->send({}), ENOTCONN);
    error(pair.client->write(local, {{0}, {1}}, grant, {0}, 1), ENOTCONN);
    const Error why = pair.client_ear->wait_close();
    equal(why.code, ECANCELED);
    equal(why.message, std::string("had enough"));
    for (const auto& done : pair.client_ear->completions())
        CHECK(done.status);
    equal(pair.client_ear->completions().size(), 100U);
    equal(pair.server_ear->wait_messages(100).size(), 100U);
    equal(pair.server_ear->wait_close().code, ESHUTDOWN);
    CHECK(memory.content() == data);
    error(pair.server->send({}), ENOTCONN);
    error(pair.server->grant(memory.translation(), kBoth), ENOTCONN);
    equal(pair.client_ear->closes(), 1U);
    equal(pair.server_ear->closes(), 1U);
    CHECK(!pair.client_ear->called_after_close() && !pair.server_ear->called_after_close());
}

/// Also where the responder may not speak yet, because the initiator has said nothing.
void an_acceptor_says_why_and_closes() {
    for (int round = 0; round < 30; ++round) {
        Server server;
        server.accept_hook = [](const Accepted& accepted) {
            ok(accepted.connection->send(bytes_of("not today")));
            accepted.connection->close({EBUSY, "not today"});
        };
        auto engine = ok(rdma::make_engine("iwarp", {}));
        auto ear = std::make_shared<Ear>();
        const auto connection = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
        CHECK(ear->wait_messages(1)[0] == bytes_of("not today"));
        equal(ear->wait_close().code, ESHUTDOWN);
        equal(server.wait_accepted(0).ear->wait_close().code, EBUSY);
    }
}

/// With much on its way the offender hears what it did, and not just that the stream was lost.
void a_terminate_is_heard_under_load() {
    for (int round = 0; round < 40; ++round) {
        Scattered memory(16, 4096);
        Bytes data(memory.size());
        Pair pair;
        const auto grant = ok(pair.server->grant(memory.translation(), Access::write));
        const auto local = ok(pair.client->register_memory(data));
        for (std::uint64_t i = 0; i < 300; ++i)
            static_cast<void>(pair.client->write(local, {{0}, {data.size()}}, grant, {i == 30 ? 1U : 0U}, i));
        const Error why = pair.client_ear->wait_close();
        contains(why.message, "past the window's end");
        equal(why.code, EACCES);
        equal(pair.server_ear->wait_close().code, EACCES);
    }
}

/// Reads that have no answer are completed with an error, in their order, before on_close.
void posts_of_a_lost_connection() {
    Bytes local(100);
    Initiator initiator(kEnhancedReply);
    const auto into = ok(initiator.connection->register_memory(local));
    for (std::uint64_t i = 0; i < 40; ++i) {
        ok(initiator.connection->read(into, {{0}, {8}}, {7, 0}, {0}, 2 * i));
        ok(initiator.connection->write(into, {{0}, {8}}, {7, 0}, {0}, 2 * i + 1));
    }
    initiator.peer->receive_fpdu();
    std::size_t completed = 0;
    initiator.ear->close_hook = [&](const Error&) { completed = initiator.ear->completions().size(); };
    initiator.peer->close();
    const Error why = initiator.ear->wait_close();
    CHECK(why.code == ECONNRESET || why.code == ESHUTDOWN);
    equal(completed, 80U);
    const auto done = initiator.ear->completions();
    for (std::uint64_t i = 0; i < 80; ++i)
        CHECK(done[i].tag == i && (i % 2 != 0 || !done[i].status));
}

void handlers_may_do_anything() {
    Scattered memory(2, 64);
    Bytes data(8);
    std::atomic<int> rounds{0};
    Pair pair(with_threads(1), with_threads(1));
    const auto local = ok(pair.client->register_memory(data));
    pair.server_ear->message_hook = [&](std::span<const std::byte> message) {
        const auto grant = ok(pair.server->grant(memory.translation(), kBoth));
        pair.server->revoke(grant.key);
        if (++rounds < 1000)
            ok(pair.server->send(message));
        else
            pair.server->close({ECANCELED, "a thousand"});
    };
    const auto window = ok(pair.server->grant(memory.translation(), kBoth));
    pair.client_ear->message_hook = [&, window](std::span<const std::byte>) {
        ok(pair.client->write(local, {{0}, {8}}, window, {0}, 1));
    };
    pair.client_ear->completion_hook = [&](std::uint64_t, const Status& status) {
        if (status)
            static_cast<void>(pair.client->send(bytes_of("again")));
    };
    ok(pair.client->send(bytes_of("start")));
    equal(pair.server_ear->wait_close().code, ECANCELED);
    equal(pair.client_ear->wait_close().code, ESHUTDOWN);
    CHECK(rounds >= 1000);
}

void a_handler_closes_its_own_connection() {
    for (int round = 0; round < 50; ++round) {
        Pair pair;
        pair.server_ear->message_hook = [&](std::span<const std::byte>) {
            pair.server->close({EBADMSG, "nonsense"});
            pair.server->close({EINVAL, "the second reason does not count"});
        };
        ok(pair.client->send(bytes_of("x")));
        static_cast<void>(pair.client->send(bytes_of("never heard")));
        equal(pair.server_ear->wait_close().code, EBADMSG);
        equal(pair.server_ear->message_count(), 1U);
        pair.client_ear->wait_close();
    }
}

void a_connection_outlives_its_engine() {
    Bytes data(8);
    Pair pair;
    const auto local = ok(pair.client->register_memory(data));
    pair.client_engine.reset();
    equal(pair.client_ear->closes(), 1U);
    equal(pair.client_ear->wait_close().code, ESHUTDOWN);
    error(pair.client->send(bytes_of("x")), ENOTCONN);
    error(pair.client->read(local, {{0}, {8}}, {1, 0}, {0}, 1), ENOTCONN);
    error(pair.client->grant({}, kBoth), ENOTCONN);
    pair.client->revoke(1);
    pair.client->close({ECANCELED, "again"});
    equal(pair.client->peer().engine, std::string("iwarp"));
    equal(pair.client_ear->closes(), 1U);
    equal(pair.server_ear->wait_close().code, ESHUTDOWN);
}

void engines_end_while_others_post() {
    for (int round = 0; round < 30; ++round) {
        Bytes data(100'000);
        Server server(with_threads(2));
        auto engine = ok(rdma::make_engine("iwarp", with_threads(2)));
        std::vector<std::shared_ptr<rdma::Connection>> connections;
        std::vector<std::shared_ptr<Ear>> ears;
        for (int i = 0; i < 6; ++i) {
            ears.push_back(std::make_shared<Ear>());
            connections.push_back(ok(engine->connect(server.address(), ears.back(), kConnectTimeout_ms)));
        }
        std::vector<std::thread> threads;
        std::vector<std::uint64_t> posted(connections.size());
        for (std::size_t i = 0; i < connections.size(); ++i)
            threads.emplace_back([&, i] {
                auto& connection = *connections[i];
                const auto local = ok(connection.register_memory(data));
                for (Status status; status || status.error().code == EAGAIN;) {
                    status =
                        connection.write(local, {{0}, {i == 0 ? 0 : data.size()}}, {0, 0}, {0}, posted[i]);
                    posted[i] += status.has_value();
                    if (!status)
                        std::this_thread::yield();
                    if (posted[i] == 20 && i == 1)
                        connection.close({ECANCELED, "one of them"});
                }
            });
        if (round % 2 == 0)
            engine.reset();
        else
            server.engine.reset();
        for (auto& thread : threads)
            thread.join();
        engine.reset();
        for (std::size_t i = 0; i < ears.size(); ++i) {
            equal(ears[i]->closes(), 1U);
            equal(ears[i]->completions().size(), posted[i]);
            CHECK(!ears[i]->called_after_close());
        }
        server.engine.reset();
        for (std::size_t i = 0; i < server.accepted_count(); ++i)
            equal(server.wait_accepted(i).ear->closes(), 1U);
    }
}

void a_listener_goes() {
    Server server;
    auto engine = ok(rdma::make_engine("iwarp", {}));
    auto ear = std::make_shared<Ear>();
    const auto connection = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
    const Accepted accepted = server.wait_accepted(0);
    const Address address = server.address();
    server.listener.reset();
    error(engine->connect(address, std::make_shared<Ear>(), kConnectTimeout_ms), ECONNREFUSED);
    ok(connection->send(bytes_of("still here")));
    CHECK(accepted.ear->wait_messages(1)[0] == bytes_of("still here"));
    // The address is free, and taken again at once.
    auto again = ok(server.engine->listen(address, [](auto) { return nullptr; }));
    equal(again->address().port, address.port);
}

/// A connection that is in its start-up when the listener goes reaches no acceptor.
void a_listener_goes_in_mid_start_up() {
    Server server;
    HostilePeer peer(server.address());
    const auto request = start_up_frame({.private_data = {}});
    peer.send_raw(std::span(request).first(10));
    HostilePeer behind(server.address());
    behind.start_up({.private_data = {}});  // so the first one has been taken from the kernel's queue
    server.listener.reset();
    peer.send_raw(std::span(request).subspan(10));
    CHECK((peer.receive_raw(24)[16] & std::byte{0x20}) != std::byte{0});
    peer.receive_end();
    equal(server.accepted_count(), 1U);
}

void late_and_slow_start_ups() {
    rdma::EngineOptions options;
    options.start_up_timeout_ms = 100;
    Server server(options);
    HostilePeer silent(server.address()), slow(server.address());
    const auto request = start_up_frame({.private_data = {}});
    slow.send_raw(std::span(request).first(19));
    silent.receive_end();
    slow.receive_end();
    equal(server.accepted_count(), 0U);
    HostilePeer garbage(server.address());
    garbage.send_raw(bytes_of("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    garbage.receive_end();
}

/// Reads that were not requested yet are not sent any more, and don't hold up what was posted behind them.
void close_drops_waiting_reads() {
    Bytes local(8);
    Initiator initiator(kPlainReply);  // one read at a time
    const auto into = ok(initiator.connection->register_memory(local));
    for (std::uint64_t i = 0; i < 3; ++i)
        ok(initiator.connection->read(into, {{0}, {8}}, {7, 0}, {0}, i));
    ok(initiator.connection->send(bytes_of("behind the reads")));
    CHECK(initiator.peer->receive_fpdu()[1] == std::byte{0x41});
    initiator.connection->close({ECANCELED, "closing"});
    CHECK(initiator.peer->receive_fpdu() == ulpdu(Untagged{.payload = bytes_of("behind the reads")}));
    initiator.peer->receive_end();
    equal(initiator.ear->wait_close().code, ECANCELED);
    equal(initiator.ear->completions().size(), 3U);
}

/// What was sent is not lost because the peer says something more, which nobody reads.
void what_was_sent_survives_the_end() {
    Server server;
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int small = 4096;  // so most of it still waits to be sent when the engine closes
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.address().port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    HostilePeer peer(std::move(socket));
    peer.start_up({.private_data = {}});
    const Accepted accepted = server.wait_accepted(0);
    peer.send(Untagged{.payload = bytes_of("go")});
    const Bytes message = random_bytes(8000);
    for (int i = 0; i < 8; ++i)
        ok(accepted.connection->send(message));
    accepted.connection->close({ECANCELED, "closing"});
    accepted.ear->wait_close();
    peer.send(Untagged{.number = 2, .payload = bytes_of("unread")});
    Bytes heard;
    while (heard.size() < 8 * message.size()) {
        const Bytes segment = peer.receive_fpdu();
        heard.insert(heard.end(), segment.begin() + 18, segment.end());
    }
    peer.receive_end();
}

/// More silent ones than may be starting up at once: who has something to say gets in all the same.
void slow_loris() {
    rdma::EngineOptions patient = with_threads(1);
    patient.start_up_timeout_ms = 600'000;
    Server server(patient);
    std::vector<HostilePeer> silent;
    const auto request = start_up_frame({.private_data = {}});
    for (int i = 0; i < 200; ++i) {
        silent.emplace_back(server.address());
        silent.back().send_raw(std::span(request).first(static_cast<std::size_t>(i % 20)));
    }
    auto engine = ok(rdma::make_engine("iwarp", with_threads(1)));
    auto ear = std::make_shared<Ear>();
    const auto connection = ok(engine->connect(server.address(), ear, 5000));
    ok(connection->send(bytes_of("hello")));
    CHECK(server.wait_accepted(0).ear->wait_messages(1)[0] == bytes_of("hello"));
    silent.front().receive_end();  // the oldest had to go
}

std::int64_t cpu_us() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

/// A busy loop would take all of a processor for that time; a slow machine makes this pass the more easily.
void expect_quiet(const Place& place = Place::current()) {
    const auto before = cpu_us();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    if (cpu_us() - before > 150'000)
        fail_at(place, fmt::format("{} us of processor time in 300 ms of nothing to do", cpu_us() - before));
}

void many_idle_connections() {
    Server server(with_threads(2));
    auto engine = ok(rdma::make_engine("iwarp", with_threads(2)));
    std::vector<std::shared_ptr<rdma::Connection>> connections;
    std::vector<std::shared_ptr<Ear>> ears;
    for (int i = 0; i < 200; ++i) {
        ears.push_back(std::make_shared<Ear>());
        connections.push_back(ok(engine->connect(server.address(), ears.back(), kConnectTimeout_ms)));
    }
    server.wait_accepted(199);
    expect_quiet();
    for (std::size_t i = 0; i < connections.size(); i += 17)
        ok(connections[i]->send(bytes_of(fmt::format("{}", i))));
    std::size_t heard = 0;
    eventually([&] {
        heard = 0;
        for (std::size_t i = 0; i < 200; ++i)
            heard += server.wait_accepted(i).ear->message_count();
        return heard == 12;
    });
    engine.reset();
    for (std::size_t i = 0; i < 200; ++i)
        equal(server.wait_accepted(i).ear->wait_close().code, ESHUTDOWN);
}

/// On one thread: a peer that takes nothing of what it is sent, and asks for more, does not hold up another.
void a_silent_peer_holds_up_nobody() {
    Bytes large(64 * kMiB);
    Server server(with_threads(1));
    HostilePeer silent(server.address());
    silent.start_up({.flags = 0x18, .private_data = {}});
    const Accepted stuck = server.wait_accepted(0);
    rdma::Translation translation;
    translation.medium = large;
    translation.page_size = translation.size = large.size();
    translation.pages = {0};
    const auto key = ok(stuck.connection->grant(std::move(translation), Access::read)).key;
    for (std::uint32_t i = 1; i <= 16; ++i)
        silent.send(ReadFields{.size = static_cast<std::uint32_t>(large.size()), .source = key, .number = i});
    auto engine = ok(rdma::make_engine("iwarp", {}));
    auto ear = std::make_shared<Ear>();
    const auto connection = ok(engine->connect(server.address(), ear, kConnectTimeout_ms));
    const Accepted lively = server.wait_accepted(1);
    lively.ear->message_hook = [&](std::span<const std::byte> message) {
        ok(lively.connection->send(message));
    };
    for (std::size_t i = 1; i <= 200; ++i) {
        ok(connection->send(bytes_of("ping")));
        ear->wait_messages(i);
    }
    expect_quiet();
    CHECK(!stuck.ear->closed());
    silent.close();
    stuck.ear->wait_close();
}

void no_descriptors_left() {
    if (under_valgrind())
        skip("valgrind keeps descriptors of its own");
    Server server(with_threads(1));
    HostilePeer waiting(server.address());
    waiting.start_up({.private_data = {}});
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    std::vector<FileDescriptor> hoard;
    FileDescriptor for_the_peer(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit low{std::min<rlim_t>(old.rlim_cur, 256), old.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
    while (true) {
        FileDescriptor one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!one)
            break;
        hoard.push_back(std::move(one));
    }
    for_the_peer.reset();
    HostilePeer peer(server.address());  // takes the last descriptor: none is left to accept it with
    expect_quiet();
    waiting.send(Untagged{.payload = bytes_of("others go on")});
    server.wait_accepted(0).ear->wait_messages(1);
    hoard.clear();
    ::setrlimit(RLIMIT_NOFILE, &old);
    peer.start_up({.private_data = {}});
    server.wait_accepted(1);
}

}  // namespace

int main() {
    return run("iwarp_end", {{"close sends what is queued", close_sends_what_is_queued},
                             {"an acceptor says why and closes", an_acceptor_says_why_and_closes},
                             {"a Terminate is heard under load", a_terminate_is_heard_under_load},
                             {"close drops waiting reads", close_drops_waiting_reads},
                             {"what was sent survives the end", what_was_sent_survives_the_end},
                             {"posts of a lost connection", posts_of_a_lost_connection},
                             {"handlers may do anything", handlers_may_do_anything},
                             {"a handler closes its own connection", a_handler_closes_its_own_connection},
                             {"a connection outlives its engine", a_connection_outlives_its_engine},
                             {"engines end while others post", engines_end_while_others_post},
                             {"a listener goes", a_listener_goes},
                             {"a listener goes in mid start-up", a_listener_goes_in_mid_start_up},
                             {"late and slow start-ups", late_and_slow_start_ups},
                             {"slow loris", slow_loris},
                             {"many idle connections", many_idle_connections},
                             {"a silent peer holds up nobody", a_silent_peer_holds_up_nobody},
                             {"no descriptors left", no_descriptors_left}});
}
