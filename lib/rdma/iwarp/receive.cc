#include "lib/rdma/iwarp/receive.hh"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/crc32c.hh"
#include "lib/base/memory_fault.hh"
#include "lib/rdma/iwarp/big_endian.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr std::size_t kBytesPerTurn = kMiB;   // of one connection, before others on its reactor
constexpr std::size_t kSegmentsPerTurn = 64;  // likewise
constexpr std::size_t kPiecesPerCall = 64;

}  // namespace

std::optional<Stop> Receiver::run() {
    received_this_turn_ = 0;
    // A segment is two steps. What is left raises the next event.
    for (std::size_t steps = 0; steps < 2 * kSegmentsPerTurn && received_this_turn_ < kBytesPerTurn;
         ++steps) {
        if (inbound_.closing())
            return std::nullopt;
        auto progress = step();
        if (!progress)
            return std::move(progress).error();
        if (*progress == Step::wait)
            return std::nullopt;
    }
    return std::nullopt;
}

Receiver::Progress Receiver::step() {
    return in_payload_ ? receive_payload() : receive_header();
}

std::size_t Receiver::header_wanted() const {
    if (header_have_ <= kLengthBytes)
        return kHeaderAhead;
    return kLengthBytes + header_bytes(is_tagged(header_[kLengthBytes]));
}

Receiver::Progress Receiver::receive_header() {
    const std::size_t wanted = header_wanted();
    Progress progress = Step::again;
    if (header_have_ < wanted) {
        iovec piece{header_.data() + header_have_, wanted - header_have_};
        std::size_t received = 0;
        progress = receive({&piece, 1}, received);
        header_have_ += received;
    }
    if (const auto broken = check_length())
        return tl::unexpected<Stop>(violation(*broken));
    // An untagged header turns out to be longer when its first bytes are there.
    if (header_have_ < header_wanted())
        return progress;
    segment_ = decode_segment(header_.data() + kLengthBytes);
    if (const auto broken = begin_segment())
        return tl::unexpected<Stop>(violation(*broken));
    link_.may_send = true;
    in_payload_ = true;
    payload_left_ = payload_bytes();
    trailer_have_ = 0;
    crc_ =
        link_.agreed.crc ? crc32c(std::span(header_).first(kLengthBytes + header_bytes(segment_.tagged))) : 0;
    return Step::again;
}

/// As soon as the length is there: a peer that has sent nonsense may send no more.
Receiver::Verdict Receiver::check_length() const {
    if (header_have_ < kLengthBytes)
        return std::nullopt;
    const std::size_t ulpdu = load_big<std::uint16_t>(header_.data());
    const bool untagged = header_have_ > kLengthBytes && !is_tagged(header_[kLengthBytes]);
    if (ulpdu < (untagged ? kUntaggedBytes : kTaggedBytes))
        return rule::kFraming;
    return std::nullopt;
}

Receiver::Progress Receiver::receive(std::span<iovec> pieces, std::size_t& received) {
    std::size_t wanted = 0;
    for (const iovec& piece : pieces)
        wanted += piece.iov_len;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t count = ::recvmsg(link_.socket.get(), &message, MSG_DONTWAIT);
    if (count <= 0)
        return lost(count == 0 ? 0 : errno);
    received = static_cast<std::size_t>(count);
    received_this_turn_ += received;
    // A short one has emptied the socket's buffer: no need to hear EAGAIN.
    return received == wanted ? Step::again : Step::wait;
}

Receiver::Progress Receiver::lost(int code) {
    if (code == EINTR)
        return Step::again;
    if (code == EAGAIN || code == EWOULDBLOCK)
        return Step::wait;
    if (code == EFAULT)
        return tl::unexpected<Stop>(Stop{
            {EFAULT, "memory that was to be written can't be had: a bad block, or a file cut short"}, {}});
    if (code != 0)
        return tl::unexpected<Stop>(Stop{system_error(code, "the connection was lost"), {}});
    if (!in_payload_ && header_have_ == 0)
        return tl::unexpected<Stop>(Stop{{ESHUTDOWN, "the peer closed the connection"}, {}});
    return tl::unexpected<Stop>(Stop{{ECONNRESET, "the connection was lost in the middle of an FPDU"}, {}});
}

Receiver::Progress Receiver::receive_payload() {
    pieces_.clear();
    std::size_t offered = payload_left_;
    if (payload_left_ != 0 && destination_.window)
        offered = destination_.window->pieces({{destination_.at}, {payload_left_}}, pieces_, kPiecesPerCall);
    else if (payload_left_ != 0)
        pieces_.push_back({destination_.memory, payload_left_});
    const std::size_t payload_pieces = pieces_.size();
    // The trailer goes with the payload's end, and the next header with it.
    if (offered == payload_left_)
        pieces_.push_back({trailer_.data() + trailer_have_, trailer_bytes() + kHeaderAhead - trailer_have_});

    std::unique_lock<std::mutex> guard;
    if (destination_.window && payload_left_ != 0) {
        guard = std::unique_lock<std::mutex>(destination_.window->mutex());
        if (!destination_.window->alive())
            return tl::unexpected<Stop>(violation(rule::kStag));
    }
    std::size_t received = 0;
    auto progress = receive(pieces_, received);
    const std::size_t placed = std::min(received, offered);
    place(placed, payload_pieces);
    if (guard)
        guard.unlock();
    trailer_have_ += received - placed;
    if (payload_left_ == 0 && trailer_have_ >= trailer_bytes())
        if (auto stop = finish_segment())
            return tl::unexpected<Stop>(std::move(*stop));
    return progress;
}

/// Books bytes that have come into the first pieces; with the window's lock held, as it reads them for the
/// CRC.
void Receiver::place(std::size_t bytes, std::size_t pieces) {
    if (link_.agreed.crc) {
        std::size_t left = bytes;
        for (std::size_t i = 0; i < pieces && left != 0; ++i) {
            const std::size_t part = std::min(left, pieces_[i].iov_len);
            // What is gone again already does not verify.
            crc_ = crc32c_if_readable({static_cast<const std::byte*>(pieces_[i].iov_base), part}, crc_)
                       .value_or(~crc_);
            left -= part;
        }
    }
    payload_left_ -= bytes;
    if (segment_.tagged)
        link_.counters.bytes_received += bytes;
    if (!destination_.window) {
        destination_.memory += bytes;
        return;
    }
    if (bytes != 0 && destination_.window->needs_persist())
        note_written(bytes);
    destination_.at += bytes;
}

void Receiver::note_written(std::size_t bytes) {
    DirtyExtents& dirty = destination_.window->dirty();
    if (dirty.empty()) {
        std::erase_if(written_, [](const auto& window) { return !window->alive(); });
        written_.push_back(destination_.window);
    }
    dirty.add({{destination_.at}, {bytes}});
}

std::optional<Stop> Receiver::finish_segment() {
    const std::size_t pad = pad_bytes(ulpdu_);
    if (link_.agreed.crc && load_crc(trailer_.data() + pad) != crc32c(std::span(trailer_).first(pad), crc_))
        return violation(rule::kCrc);
    in_payload_ = false;
    destination_ = {};
    if (segment_.opcode == Opcode::terminate)
        return received_terminate();
    if (const auto broken = finish_opcode())
        return violation(*broken);
    first_ = false;
    // Only now: a violation shows the header it is about.
    header_have_ = trailer_have_ - trailer_bytes();
    std::memcpy(header_.data(), trailer_.data() + trailer_bytes(), header_have_);
    return std::nullopt;
}

Receiver::Verdict Receiver::finish_opcode() {
    switch (segment_.opcode) {
        case Opcode::write: return std::nullopt;
        case Opcode::read_response: return finish_read_response();
        case Opcode::read_request: return finish_read_request();
        default: return finish_send();
    }
}

}  // namespace pmemckpt::rdma::iwarp
