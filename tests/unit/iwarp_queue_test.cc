// What waits for a peer that reads nothing: so many operations and bytes of messages, and after a close so
// long. not over devices: it is about the iWARP engine
#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;

namespace {

void flow_control() {
    Bytes data = random_bytes(100'000);
    std::atomic<bool> stop{false};
    Initiator initiator(kEnhancedReply);
    const auto local = ok(initiator.connection->register_memory(data));
    // The peer reads nothing: TCP takes some, the queue the rest.
    std::uint64_t posted = 0;
    Status status;
    const auto fill = [&] {
        while ((status = initiator.connection->write(local, {{0}, {data.size()}}, {7, 0}, {0}, posted)))
            ++posted;
        contains(error(status, EAGAIN), "1024");
    };
    fill();
    for (std::size_t before = 0; before != initiator.ear->completions().size();) {
        before = initiator.ear->completions().size();
        fill();
    }
    CHECK(posted >= rdma::kMaximumQueued);
    error(initiator.connection->send(bytes_of("x")), EAGAIN);
    std::thread reading([&] {
        while (!stop) {
            if (!initiator.peer->is_silent(10))
                initiator.peer->receive_fpdu();
        }
    });
    initiator.ear->wait_completions(posted);
    for (int i = 0; i < 100; ++i)
        ok(initiator.connection->write(local, {{0}, {100}}, {7, 0}, {0}, posted++));
    initiator.ear->wait_completions(posted);
    stop = true;
    reading.join();
}

/// Messages are copied: of a peer that reads none so many bytes are kept, and no more.
void messages_that_wait_are_few() {
    Initiator initiator(kEnhancedReply);
    const Bytes message(rdma::kMaximumMessage);
    std::size_t sent = 0;
    Status status;
    while ((status = initiator.connection->send(message)))
        ++sent;
    error(status, EAGAIN);
    // What TCP has taken waits no more.
    for (std::size_t before = 0; before != sent;) {
        before = sent;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        while ((status = initiator.connection->send(message)))
            ++sent;
    }
    CHECK(sent >= rdma::kMaximumQueuedBytes / rdma::kMaximumMessage);
    std::size_t small = 0;
    while (initiator.connection->send(bytes_of("x")))
        ++small;
    CHECK(small < rdma::kMaximumMessage);
    for (std::size_t i = 0; i < sent; ++i)
        equal(initiator.peer->receive_fpdu().size() > 18, true);
}

/// What is queued has five seconds to go to a peer that takes nothing.
void a_peer_that_takes_nothing() {
    Bytes data(16 * kMiB);
    Initiator initiator(kEnhancedReply);
    const auto local = ok(initiator.connection->register_memory(data));
    ok(initiator.connection->write(local, {{0}, {data.size()}}, {7, 0}, {0}, 1));
    initiator.connection->close({ECANCELED, "closing"});
    equal(initiator.ear->wait_close().code, ECANCELED);
    CHECK(!initiator.ear->completions().at(0).status);
}

}  // namespace

int main() {
    return run("iwarp_queue", {{"flow control", flow_control},
                               {"messages that wait are few", messages_that_wait_are_few},
                               {"a peer that takes nothing", a_peer_that_takes_nothing}});
}
