#include "tests/support/hostile_peer.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pmemckpt::test {

namespace {

constexpr int kWaitLimit_s = 60;
constexpr std::size_t kFixedStartUp = 20;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void set_up(int socket) {
    const int on = 1;
    const timeval limit{kWaitLimit_s, 0};
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

unsigned number_at(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
    unsigned value = 0;
    for (std::size_t i = 0; i < size; ++i)
        value = value << 8 | std::to_integer<unsigned>(bytes[at + i]);
    return value;
}

std::size_t padding(std::size_t ulpdu) {
    return (4 - (ulpdu + 2) % 4) % 4;
}

}  // namespace

Wire& Wire::integer(std::uint64_t value, unsigned size) {
    for (unsigned i = size; i-- > 0;)
        bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
    return *this;
}

Wire& Wire::text(std::string_view characters) {
    for (const char c : characters)
        bytes.push_back(static_cast<std::byte>(c));
    return *this;
}

Wire& Wire::data(std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
}

std::string hexadecimal(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte b : bytes)
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(b));
    return text;
}

std::uint32_t slow_crc32c(std::span<const std::byte> bytes) {
    std::uint32_t state = 0xffffffff;
    for (const std::byte b : bytes) {
        state ^= std::to_integer<std::uint32_t>(b);
        for (int bit = 0; bit < 8; ++bit)
            state = state >> 1 ^ ((state & 1) != 0 ? 0x82f63b78 : 0);
    }
    return ~state;
}

std::vector<std::byte> start_up_frame(const StartUpFrame& frame) {
    Wire wire;
    const bool enhanced = (frame.flags & 0x10) != 0;
    wire.text(frame.reply ? "MPA ID Rep Frame" : "MPA ID Req Frame").u8(frame.flags).u8(frame.revision);
    wire.u16(frame.private_data.size() + (enhanced ? 4 : 0));
    if (enhanced)
        wire.u16(frame.ird).u16(frame.ord);
    return wire.data(frame.private_data).bytes;
}

std::vector<std::byte> ulpdu(const Tagged& segment) {
    return Wire()
        .u8(0x80U | (segment.last ? 0x40 : 0) | segment.ddp_version)
        .u8(segment.rdmap_version << 6 | segment.opcode)
        .u32(segment.stag)
        .u64(segment.offset)
        .data(segment.payload)
        .bytes;
}

std::vector<std::byte> ulpdu(const Untagged& segment) {
    return Wire()
        .u8((segment.last ? 0x40U : 0) | segment.ddp_version)
        .u8(segment.rdmap_version << 6 | segment.opcode)
        .u32(segment.invalidate)
        .u32(segment.queue)
        .u32(segment.number)
        .u32(segment.offset)
        .data(segment.payload)
        .bytes;
}

std::vector<std::byte> ulpdu(const ReadFields& request) {
    const auto payload = Wire()
                             .u32(request.sink)
                             .u64(request.sink_offset)
                             .u32(request.size)
                             .u32(request.source)
                             .u64(request.source_offset)
                             .bytes;
    return ulpdu(Untagged{.opcode = kReadRequest, .queue = 1, .number = request.number, .payload = payload});
}

std::vector<std::byte> fpdu(std::span<const std::byte> ulpdu, bool crc) {
    Wire wire;
    wire.u16(ulpdu.size()).data(ulpdu).integer(0, static_cast<unsigned>(padding(ulpdu.size())));
    const std::uint32_t sum = crc ? slow_crc32c(wire.bytes) : 0;
    for (unsigned i = 0; i < 4; ++i)
        wire.u8(sum >> (8 * i) & 0xff);
    return wire.bytes;
}

std::string to_string(const Named& named) {
    return fmt::format("layer {}, type {}, code {}", named.layer, named.type, named.code);
}

HostilePeer::HostilePeer(const Address& address) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in to = loopback(address.port);
    set_up(socket_.get());
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        throw Failure(fmt::format("can't connect: {}", std::strerror(errno)));
}

HostilePeer::HostilePeer(FileDescriptor socket) : socket_(std::move(socket)) {
    set_up(socket_.get());
}

void HostilePeer::start_up(StartUpFrame request) {
    send_raw(start_up_frame(request));
    reply = receive_raw(kFixedStartUp);
    const auto more = receive_raw(number_at(reply, 18, 2));
    reply.insert(reply.end(), more.begin(), more.end());
    crc = ((request.flags | number_at(reply, 16, 1)) & 0x40) != 0;
}

void HostilePeer::answer_start_up(StartUpFrame frame) {
    reply = receive_raw(kFixedStartUp);
    const auto more = receive_raw(number_at(reply, 18, 2));
    reply.insert(reply.end(), more.begin(), more.end());
    frame.reply = true;
    send_raw(start_up_frame(frame));
    crc = ((frame.flags | number_at(reply, 16, 1)) & 0x40) != 0;
}

void HostilePeer::send_raw(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return;  // the engine has heard enough; what it said is looked at next
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
}

std::vector<std::byte> HostilePeer::receive_raw(std::size_t count, const Place& place) {
    std::vector<std::byte> bytes(count);
    for (std::size_t have = 0; have < count;) {
        const ssize_t got = ::recv(socket_.get(), &bytes[have], count - have, 0);
        if (got <= 0)
            fail_at(place, fmt::format("{} after {} of {} bytes", got == 0 ? "the end" : std::strerror(errno),
                                       have, count));
        have += static_cast<std::size_t>(got);
    }
    return bytes;
}

std::vector<std::byte> HostilePeer::receive_fpdu(const Place& place) {
    auto whole = receive_raw(2, place);
    const std::size_t size = number_at(whole, 0, 2), pad = padding(size);
    const auto rest = receive_raw(size + pad + 4, place);
    whole.insert(whole.end(), rest.begin(), rest.end());
    const std::vector<std::byte> ulpdu(whole.begin() + 2,
                                       whole.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    if (whole != fpdu(ulpdu, crc))
        fail_at(place, "the padding or the CRC of an FPDU is wrong: " + hexadecimal(whole));
    return ulpdu;
}

Named HostilePeer::receive_terminate(const Place& place) {
    const auto ulpdu = receive_fpdu(place);
    // Untagged, last, queue 2, first and only message.
    const auto header = Wire().u8(0x41).u8(0x47).u32(0).u32(2).u32(1).u32(0).bytes;
    if (ulpdu.size() < header.size() + 4 || !std::equal(header.begin(), header.end(), ulpdu.begin()))
        fail_at(place, "this is no Terminate: " + hexadecimal(ulpdu));
    receive_end(place);
    return {number_at(ulpdu, 18, 1) >> 4, number_at(ulpdu, 18, 1) & 0xf, number_at(ulpdu, 19, 1)};
}

void HostilePeer::receive_end(const Place& place) {
    std::byte one;
    const ssize_t got = ::recv(socket_.get(), &one, 1, 0);
    if (got > 0)
        fail_at(place, "the engine says more");
    if (got < 0 && errno != ECONNRESET)
        fail_at(place, fmt::format("the engine does not close the connection: {}", std::strerror(errno)));
}

bool HostilePeer::is_silent(unsigned ms) {
    pollfd wait{socket_.get(), POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(ms)) == 0;
}

void HostilePeer::finish_sending() {
    ::shutdown(socket_.get(), SHUT_WR);
}

HostileListener::HostileListener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(socket_.get(), 16) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw Failure(fmt::format("can't listen: {}", std::strerror(errno)));
    address_ = {"127.0.0.1", ntohs(address.sin_port)};
}

HostilePeer HostileListener::accept() {
    FileDescriptor socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket)
        throw Failure(fmt::format("can't accept: {}", std::strerror(errno)));
    return HostilePeer(std::move(socket));
}

}  // namespace pmemckpt::test
