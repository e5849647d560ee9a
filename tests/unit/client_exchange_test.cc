// Requests and answers against a peer that does what it wants: one made of a few lines, in place of the
// engine.
#include <atomic>
#include <cerrno>
#include <functional>
#include <mutex>
#include <thread>

#include "lib/client/exchange.hh"
#include "tests/support/check.hh"

namespace {

using namespace pmemckpt;
using client::Exchange;
using client::Milliseconds;
using client::WhenLate;
using wire::Type;

constexpr Milliseconds kLong{60'000};

/// Answers each Send by what `on_send` says; keeps what was posted.
class FakeConnection final : public rdma::Connection {
public:
    std::function<Status(std::span<const std::byte>)> on_send = [](auto) { return Status(); };
    std::function<Status(std::uint64_t tag)> on_write = [](auto) { return Status(); };
    std::atomic<int> closed = 0;
    int close_code = 0;

    Status send(std::span<const std::byte> message) override { return on_send(message); }
    Status send_with_invalidate(std::span<const std::byte>, rdma::Key) override { return {}; }
    bool reads_persist() const override { return true; }
    Result<std::shared_ptr<rdma::Registration>> register_memory(std::span<std::byte>) override {
        return fail(ENOTCONN, "the connection is closed");
    }
    Status post(std::span<const rdma::OneSided> operations) override {
        for (const auto& one : operations)
            TRY(on_write(one.tag));
        return {};
    }
    Result<rdma::Grant> grant(rdma::Translation, rdma::Access) override {
        return fail(EINVAL, "no windows here");
    }
    void revoke(rdma::Key) override {}
    void close(Error why) override {
        close_code = why.code;
        ++closed;
    }
    rdma::Peer peer() const override { return {}; }
};

struct Ends {
    std::shared_ptr<Exchange> exchange = std::make_shared<Exchange>("pmem:7471");
    std::shared_ptr<FakeConnection> connection = std::make_shared<FakeConnection>();
    rdma::Handler& handler = *exchange;

    Ends() { exchange->start(connection); }
    ~Ends() { connection->on_send = nullptr; }

    /// Asks; `answer` makes what the peer sends back, at once.
    Result<std::vector<std::byte>> ask(std::function<std::vector<std::byte>(std::uint64_t id)> answer) {
        const auto id = exchange->next_id();
        connection->on_send = [this, id, answer](auto) {
            const auto message = answer(id);
            if (!message.empty())
                handler.on_message(message);
            return Status();
        };
        return exchange->ask(id, Type::status, wire::encode_request(id, wire::StatusRequest{}), kLong,
                             WhenLate::end_connection);
    }
    void expect_ended(int code, const std::string& part) {
        test::contains(test::error(exchange->state(), code), part);
        test::equal(connection->closed.load(), 1);
        test::equal(connection->close_code, code);
        test::error(ask([](auto) { return std::vector<std::byte>(); }), code);
    }
};

std::vector<std::byte> answer(Type type, std::uint64_t id) {
    return wire::encode_answer(type, id, wire::Empty{});
}

void an_answer_finds_its_request() {
    Ends ends;
    const auto whole = test::ok(ends.ask([](auto id) { return answer(Type::status, id); }));
    test::equal(whole.size(), wire::kHeaderBytes);
    test::ok(ends.exchange->state());
}

void a_refusal_comes_as_it_is() {
    Ends ends;
    const auto refused = ends.ask([](auto id) {
        return wire::encode_answer(Type::error, id, wire::ErrorAnswer{ENOSPC, "the pool is full"});
    });
    test::equal(test::error(refused, ENOSPC), "the pool is full");
    test::ok(ends.exchange->state());
}

void a_wrong_type_ends_the_connection() {
    Ends ends;
    test::contains(test::error(ends.ask([](auto id) { return answer(Type::seal, id); }), EPROTO), "0x8302");
    ends.expect_ended(EPROTO, "pmem:7471 does not keep to the protocol");
}

void an_answer_that_was_not_asked_for_ends_the_connection() {
    Ends ends;
    test::contains(test::error(ends.ask([](auto id) { return answer(Type::status, id + 1000); }), EPROTO),
                   "not asked");
    ends.expect_ended(EPROTO, "not asked");
}

void a_second_answer_ends_the_connection() {
    Ends ends;
    const auto result = ends.ask([&](auto id) {
        ends.handler.on_message(answer(Type::status, id));
        return answer(Type::status, id);
    });
    test::ok(result);
    ends.expect_ended(EPROTO, "not asked");
}

void error_codes_that_can_not_be_end_the_connection() {
    for (const std::uint32_t code : {0U, 4096U, UINT32_MAX}) {
        Ends ends;
        test::error(ends.ask([&](auto id) {
            return wire::encode_answer(Type::error, id, wire::ErrorAnswer{code, "?"});
        }),
                    EPROTO);
        ends.expect_ended(EPROTO, "code");
    }
}

void garbage_ends_the_connection() {
    for (int round = 0; round < 200; ++round) {
        Ends ends;
        const auto garbage = test::random_bytes(1 + test::generator()() % 64);
        const auto result = ends.ask([&](auto) { return garbage; });
        CHECK(!result && (result.error().code == EPROTO || result.error().code == EPROTONOSUPPORT));
        test::equal(ends.connection->closed.load(), 1);
    }
}

void a_late_answer() {
    Ends ends;
    const auto late_id = ends.exchange->next_id();
    const auto request = wire::encode_request(late_id, wire::StatusRequest{});
    test::contains(
        test::error(ends.exchange->ask(late_id, Type::status, request, Milliseconds(1), WhenLate::forget),
                    ETIMEDOUT),
        "pmem:7471 did not answer a request within 1 ms");
    test::ok(ends.exchange->state());
    ends.handler.on_message(answer(Type::status, late_id));  // it comes: dropped
    test::ok(ends.exchange->state());
    ends.handler.on_message(answer(Type::status, late_id));  // and again: nobody asked twice
    ends.expect_ended(EPROTO, "not asked");

    Ends strict;
    test::error(strict.exchange->ask(1, Type::status, request, Milliseconds(1), WhenLate::end_connection),
                ETIMEDOUT);
    strict.expect_ended(ETIMEDOUT, "given up");
}

void a_lost_connection_wakes_everybody() {
    Ends ends;
    std::atomic<int> sent = 0, failed = 0;
    ends.connection->on_send = [&](auto) {
        ++sent;
        return Status();
    };
    std::vector<std::jthread> askers;
    for (int count = 0; count < 10; ++count)
        askers.emplace_back([&] {
            const auto id = ends.exchange->next_id();
            const auto got =
                ends.exchange->ask(id, Type::status, wire::encode_request(id, wire::StatusRequest{}), kLong,
                                   WhenLate::end_connection);
            if (!got && got.error().code == ECONNRESET &&
                got.error().message == "the connection to pmem:7471 was lost: cable cut; connect again")
                ++failed;
        });
    test::eventually([&] { return sent == 10; });
    ends.handler.on_close({ECONNRESET, "cable cut"});
    askers.clear();
    test::equal(failed.load(), 10);
    test::contains(test::error(ends.exchange->register_memory({}), ECONNRESET), "cable cut");
}

void a_full_queue_is_waited_for() {
    Ends ends;
    int attempts = 0;
    const auto id = ends.exchange->next_id();
    ends.connection->on_send = [&](auto) -> Status {
        if (++attempts < 4)
            return fail(EAGAIN, "1024 posts wait");
        ends.handler.on_message(answer(Type::status, id));
        return {};
    };
    test::ok(ends.exchange->ask(id, Type::status, {}, kLong, WhenLate::end_connection));
    test::equal(attempts, 4);
    ends.connection->on_send = [&](auto) { return Status(fail(EAGAIN, "1024 posts wait")); };
    test::contains(test::error(ends.exchange->ask(ends.exchange->next_id(), Type::status, {}, Milliseconds(5),
                                                  WhenLate::end_connection),
                               ETIMEDOUT),
                   "1024 posts wait");
}

void no_more_requests_wait_than_a_manager_takes() {
    Ends ends;
    std::mutex mutex;
    std::vector<std::uint64_t> unanswered;
    std::size_t sent = 0, most = 0;
    ends.connection->on_send = [&](std::span<const std::byte> message) {
        const std::lock_guard lock(mutex);
        unanswered.push_back(wire::parse_message(message)->header.request_id);
        most = std::max(most, unanswered.size());
        ++sent;
        return Status();
    };
    constexpr std::size_t kAsked = client::kMaximumRequests + 20;
    std::atomic<std::size_t> answered = 0;
    std::vector<std::jthread> askers;
    for (std::size_t count = 0; count < kAsked; ++count)
        askers.emplace_back([&] {
            const auto id = ends.exchange->next_id();
            if (ends.exchange->ask(id, Type::status, wire::encode_request(id, wire::StatusRequest{}), kLong,
                                   WhenLate::end_connection))
                ++answered;
        });
    const auto answer_one = [&] {
        std::uint64_t id = 0;
        {
            const std::lock_guard lock(mutex);
            if (unanswered.empty())
                return;
            id = unanswered.back();
            unanswered.pop_back();
        }
        ends.handler.on_message(answer(Type::status, id));
    };
    test::eventually([&] {
        const std::lock_guard lock(mutex);
        return sent >= client::kMaximumRequests;
    });
    test::eventually([&] {
        answer_one();
        return answered == kAsked;
    });
    test::equal(most, client::kMaximumRequests);
}

void a_limit_counts_from_the_request_before() {
    Ends ends;
    std::atomic<int> sent = 0;
    ends.connection->on_send = [&](auto) {
        ++sent;
        return Status();
    };
    const auto seal_id = ends.exchange->next_id(), id = ends.exchange->next_id();
    std::atomic<bool> sealed = false, asked_in_vain = false;
    std::jthread sealing([&] {
        static_cast<void>(ends.exchange->ask(seal_id, Type::seal, {}, kLong, WhenLate::end_connection));
    });
    test::eventually([&] { return sent == 1; });
    std::jthread asking([&] {
        const auto result =
            ends.exchange->ask(id, Type::status, {}, Milliseconds(1), WhenLate::end_connection);
        asked_in_vain = !result && result.error().code == ETIMEDOUT && sealed;
    });
    test::eventually([&] { return sent == 2; });
    std::this_thread::sleep_for(Milliseconds(30));  // many times its limit
    sealed = true;
    ends.handler.on_message(answer(Type::seal, seal_id));
    asking.join();
    CHECK(asked_in_vain);
}

void operations_end_once_and_keep_the_reason() {
    Ends ends;
    std::vector<std::uint64_t> tags;
    ends.connection->on_write = [&](auto tag) {
        tags.push_back(tag);
        return Status();
    };
    const auto transfer = std::make_shared<client::InFlight>(), buffer = std::make_shared<client::InFlight>();
    const auto post = [&] { return ends.exchange->post({{{}, transfer, buffer}}); };
    test::ok(post());
    test::ok(post());
    CHECK(!transfer->wait_below(2, Milliseconds(1)));
    ends.handler.on_completion(tags[0], {});
    ends.handler.on_completion(tags[0], {});  // of no operation: nothing is counted twice
    CHECK(transfer->wait_below(2, kLong));
    CHECK(!buffer->wait_below(1, Milliseconds(1)));
    ends.handler.on_completion(tags[1], fail(ECONNRESET, "flushed"));
    ends.handler.on_close({EACCES, "a window was missed"});
    CHECK(buffer->wait_below(1, kLong));
    test::equal(transfer->error()->code, ECONNRESET);
    const auto reason = ends.exchange->reason(*transfer->error());
    test::equal(reason.code, EACCES);
    test::contains(reason.message, "a window was missed");

    test::error(post(), EACCES);  // refused, and counted as ended
    transfer->wait_for_all();
    buffer->wait_for_all();
}

void a_peer_that_talks_first_is_closed() {
    const auto exchange = std::make_shared<Exchange>("pmem:7471");
    static_cast<rdma::Handler&>(*exchange).on_message(answer(Type::status, 1));
    const auto connection = std::make_shared<FakeConnection>();
    exchange->start(connection);
    test::equal(connection->closed.load(), 1);
    test::error(exchange->state(), EPROTO);
}

}  // namespace

int main() {
    return test::run(
        "client exchange",
        {{"an answer finds its request", an_answer_finds_its_request},
         {"a refusal comes as it is", a_refusal_comes_as_it_is},
         {"a wrong type ends the connection", a_wrong_type_ends_the_connection},
         {"an answer not asked for ends the connection",
          an_answer_that_was_not_asked_for_ends_the_connection},
         {"a second answer ends the connection", a_second_answer_ends_the_connection},
         {"error codes that can't be end the connection", error_codes_that_can_not_be_end_the_connection},
         {"garbage ends the connection", garbage_ends_the_connection},
         {"a late answer is dropped, or ends the connection", a_late_answer},
         {"a lost connection wakes everybody", a_lost_connection_wakes_everybody},
         {"a full queue is waited for", a_full_queue_is_waited_for},
         {"no more requests wait than a manager takes", no_more_requests_wait_than_a_manager_takes},
         {"a limit counts from the request before", a_limit_counts_from_the_request_before},
         {"operations end once and keep the reason", operations_end_once_and_keep_the_reason},
         {"a peer that talks first is closed", a_peer_that_talks_first_is_closed}});
}
