#pragma once
// An iWARP peer that says what a test wants it to say, right or wrong. Made of a TCP socket and the RFCs'
// layouts alone: nothing of the engine under test is in it.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/handle.hh"
#include "tests/support/check.hh"

namespace pmemckpt::test {

/// Bytes laid one after the other, integers big-endian: Wire().u8(1).u32(2).text("abc").bytes
struct Wire {
    std::vector<std::byte> bytes;

    Wire& u8(std::uint64_t value) { return integer(value, 1); }
    Wire& u16(std::uint64_t value) { return integer(value, 2); }
    Wire& u32(std::uint64_t value) { return integer(value, 4); }
    Wire& u64(std::uint64_t value) { return integer(value, 8); }
    Wire& integer(std::uint64_t value, unsigned size);
    Wire& text(std::string_view characters);
    Wire& data(std::span<const std::byte> more);
};

/// "4d 50 41 20", for comparing.
std::string hexadecimal(std::span<const std::byte> bytes);

/// Bit by bit, from the polynomial.
std::uint32_t slow_crc32c(std::span<const std::byte> bytes);

struct StartUpFrame {
    bool reply = false;
    unsigned flags = 0x10, revision = 2;  // of the flags: 80 M, 40 C, 20 R, 10 S, 08 large segments
    std::uint16_t ird = 16, ord = 16;     // with the bits of RFC 6581, when S is set
    std::vector<std::byte> private_data;  // behind these
};
std::vector<std::byte> start_up_frame(const StartUpFrame& frame);

enum RdmaOpcode : unsigned {
    kWrite = 0,
    kReadRequest = 1,
    kReadResponse = 2,
    kSend = 3,
    kSendInvalidate = 4,
    kSendSolicited = 5,
    kSendSolicitedInvalidate = 6,
    kTerminate = 7,
    kImmediate = 8,
    kAtomicRequest = 10,
    kAtomicResponse = 11,
};

struct Tagged {
    unsigned opcode = kWrite;
    std::uint32_t stag = 0;
    std::uint64_t offset = 0;
    std::vector<std::byte> payload;
    bool last = true;
    unsigned ddp_version = 1, rdmap_version = 1;
};
std::vector<std::byte> ulpdu(const Tagged& segment);

struct Untagged {
    unsigned opcode = kSend;
    std::uint32_t queue = 0, number = 1, offset = 0;
    std::vector<std::byte> payload;
    std::uint32_t invalidate = 0;
    bool last = true;
    unsigned ddp_version = 1, rdmap_version = 1;
};
std::vector<std::byte> ulpdu(const Untagged& segment);

struct ReadFields {
    std::uint32_t sink = 1;
    std::uint64_t sink_offset = 0;
    std::uint32_t size = 0;
    std::uint32_t source = 0;
    std::uint64_t source_offset = 0;
    std::uint32_t number = 1;
};
std::vector<std::byte> ulpdu(const ReadFields& request);

/// Length, ULPDU, pad, CRC (or zeros in its place).
std::vector<std::byte> fpdu(std::span<const std::byte> ulpdu, bool crc);

/// What a Terminate names.
struct Named {
    unsigned layer, type, code;
    friend bool operator==(const Named&, const Named&) = default;
};
std::string to_string(const Named& named);

class HostilePeer {
public:
    /// Connects as an initiator would; says nothing yet.
    explicit HostilePeer(const Address& address);
    explicit HostilePeer(FileDescriptor socket);

    /// The start-up of an initiator. `crc` is what holds then.
    void start_up(StartUpFrame request = {});
    /// The start-up of a responder.
    void answer_start_up(StartUpFrame reply = {.reply = true, .private_data = {}});

    void send_raw(std::span<const std::byte> bytes);
    template <class S>
    void send(const S& segment) {
        send_raw(fpdu(ulpdu(segment), crc));
    }

    std::vector<std::byte> receive_raw(std::size_t count, const Place& place = Place::current());
    /// The ULPDU of the next FPDU. With a CRC agreed it is checked; else it must be zeros.
    std::vector<std::byte> receive_fpdu(const Place& place = Place::current());
    /// The next FPDU must be a Terminate, and then the end of the stream.
    Named receive_terminate(const Place& place = Place::current());
    /// Whether the engine closed the connection with nothing more said.
    void receive_end(const Place& place = Place::current());
    /// Whether nothing comes for a while. Never true by a slow machine's fault, but may miss what comes late.
    bool is_silent(unsigned ms);
    /// Says no more, but listens.
    void finish_sending();
    void close() { socket_.reset(); }
    int descriptor() const { return socket_.get(); }

    bool crc = false;
    std::vector<std::byte> reply;  ///< the engine's start-up frame

private:
    FileDescriptor socket_;
};

/// For an engine to connect to.
class HostileListener {
public:
    HostileListener();
    Address address() const { return address_; }
    HostilePeer accept();

private:
    FileDescriptor socket_;
    Address address_;
};

}  // namespace pmemckpt::test
