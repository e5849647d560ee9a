#pragma once
// A hostile client's connection: iWARP and messages by hand over a TCP socket, so that any byte of them can
// be wrong. Nothing of lib/rdma or lib/client is in it.
#include <cstdint>
#include <string>

#include "tests/support/hostile_peer.hh"
#include "tests/support/talker.hh"

namespace pmemckpt::hostile {

using test::Bytes;
using test::fpdu;
using test::Place;
using test::start_up_frame;
using test::ulpdu;

class Attacker final : public test::Talker {
public:
    /// Connected, the MPA start-up behind it; nothing is said yet.
    explicit Attacker(const Address& address, const test::StartUpFrame& start_up = {});

    /// One FPDU.
    void send(std::span<const std::byte> message) override;
    Bytes receive() override;

    void write(std::uint32_t stag, std::uint64_t offset, Bytes payload);
    void read(std::uint32_t stag, std::uint64_t offset, std::uint32_t size, std::uint32_t sink = kSink,
              std::uint64_t sink_offset = 0);
    /// What a read of a window that it has brings; all of it comes to the sink that was named.
    Bytes fetch(const wire::Window& window, std::uint64_t offset, std::uint32_t size,
                std::uint32_t sink = kSink, std::uint64_t sink_offset = 0);
    /// FPDUs that are right, to be sent together.
    Bytes write_frame(std::uint32_t stag, std::uint64_t offset, Bytes payload) const;
    Bytes read_frame(std::uint32_t stag, std::uint64_t offset, std::uint32_t size);
    Bytes message_frame(std::span<const std::byte> message);
    template <class Request>
    Bytes request_frame(const Request& request) {
        return message_frame(wire::encode_request(++frame_id_, request));
    }

    /// Of the Send that comes next.
    std::uint32_t next_number() const { return sent_ + 1; }
    void count_message() { ++sent_; }
    std::uint32_t next_read() const { return read_ + 1; }
    /// The rule in the Terminate that the manager ends the connection with; what it says before is passed
    /// over.
    test::Named hear_terminate(const Place& place = Place::current());
    /// Whether the manager ends the connection, with or without a word.
    void hear_end(const Place& place = Place::current());

    test::HostilePeer peer;

    static constexpr std::uint32_t kSink = 7;

private:
    std::uint32_t sent_ = 0, read_ = 0;
    std::uint64_t frame_id_ = 1'000'000;
};

/// Goes off with a reset, as when its host dies.
void reset(test::HostilePeer& peer);

}  // namespace pmemckpt::hostile
