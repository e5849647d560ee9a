// One connection does a bounded amount of work in one turn, whatever there is to do: others on its thread
// wait.
#include <fcntl.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "lib/rdma/iwarp/receive.hh"
#include "lib/rdma/iwarp/transmit.hh"
#include "tests/support/check.hh"
#include "tests/support/hostile_peer.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma;
using namespace pmemckpt::rdma::iwarp;
using namespace pmemckpt::test;

namespace {

constexpr std::uint64_t kMuch = 256 * kMiB, kTurn = 2 * kMiB;

/// TCP: its buffers hold more than a turn.
struct Sockets {
    HostileListener listener;
    HostilePeer far{listener.address()};
    HostilePeer accepted = listener.accept();
    FileDescriptor near{::fcntl(accepted.descriptor(), F_DUPFD_CLOEXEC, 0)};
};

class Memory final : public Registration {
public:
    explicit Memory(std::span<std::byte> bytes) : bytes_(bytes) {}
    std::span<std::byte> bytes() const override { return bytes_; }

private:
    std::span<std::byte> bytes_;
};

void sending() {
    Sockets sockets;
    std::thread reader([far = sockets.far.descriptor()] {
        std::vector<std::byte> buffer(kMiB);
        while (::recv(far, buffer.data(), buffer.size(), 0) > 0) {
        }
    });
    Link link;
    link.socket = std::move(sockets.near);
    link.may_send = true;
    ResponseQueue responses;
    Completions completions;
    Transmitter transmitter(link, responses, completions);
    transmitter.start(kMaximumUlpdu, false);
    std::vector<std::byte> data(kMuch);
    Operation write;
    write.kind = Operation::Kind::write;
    write.owner = std::make_shared<Memory>(data);
    write.local = data;
    write.ticket = completions.expect(7);
    transmitter.push(std::move(write));
    std::uint64_t most = 0;
    while (!transmitter.idle()) {
        const std::uint64_t before = link.counters.bytes_sent;
        CHECK(transmitter.run().state != Transmitter::State::ended);
        most = std::max(most, link.counters.bytes_sent - before);
    }
    ::shutdown(link.socket.get(), SHUT_RDWR);
    reader.join();
    equal(link.counters.bytes_sent.load(), kMuch);
    CHECK(most <= kTurn);
    CHECK(completions.next()->tag == 7);
}

class Nobody final : public Inbound {
public:
    void on_message(std::span<const std::byte>) override { ++messages; }
    void on_read_complete() override {}
    void on_read_request(InboundRead) override {}
    bool closing() const override { return false; }
    std::size_t messages = 0;
};

void receiving() {
    Sockets sockets;
    // Messages without end, as fast as they are taken.
    std::atomic<bool> stop{false};
    std::thread writer([&, far = sockets.far.descriptor()] {
        for (std::uint32_t number = 1; !stop; ++number) {
            const auto frame = fpdu(test::ulpdu(Untagged{.number = number, .payload = {}}), false);
            if (::send(far, frame.data(), frame.size(), MSG_NOSIGNAL) <= 0)
                return;
        }
    });
    Link link;
    link.socket = std::move(sockets.near);
    Nobody nobody;
    std::deque<OutstandingRead> outstanding;
    ResponseQueue responses;
    Receiver receiver(link, nobody, outstanding, responses);
    std::size_t most = 0;
    while (nobody.messages < 20'000) {
        const std::size_t before = nobody.messages;
        CHECK(!receiver.run());
        most = std::max(most, nobody.messages - before);
        std::this_thread::yield();
    }
    stop = true;
    ::shutdown(link.socket.get(), SHUT_RDWR);
    writer.join();
    CHECK(most <= 200);
}

}  // namespace

int main() {
    return run("iwarp_turn", {{"sending", sending}, {"receiving", receiving}});
}
