#pragma once
// FPDUs laid side by side for one sendmsg, or the rest of them. Headers and trailers lie here, payload where
// it is.
#include <sys/uio.h>

#include <array>
#include <vector>

#include "lib/base/units.hh"
#include "lib/rdma/iwarp/mpa.hh"
#include "lib/rdma/iwarp/terminate.hh"

namespace pmemckpt::rdma::iwarp {

class Batch {
public:
    static constexpr std::size_t kMaximumFrames = 16;
    static constexpr std::size_t kMaximumBytes = 256 * kKiB;  // one frame more than that is begun
    static constexpr std::size_t kMaximumPieces = 128;

    Batch();
    bool empty() const { return frames_ == 0; }
    void clear();

    bool has_room() const {
        return frames_ < kMaximumFrames && total_ < kMaximumBytes &&
               pieces_.size() + kPiecesBeside < kMaximumPieces;
    }
    /// How many pieces of payload the next frame may have; at least one when has_room().
    std::size_t room_pieces() const { return kMaximumPieces - pieces_.size() - kPiecesBeside; }

    /// A frame: begin, then payload copied (at most kInlineBytes) or as pieces appended to pieces(), then
    /// end.
    void begin(bool tagged);
    void copy(std::span<const std::byte> bytes);
    std::vector<iovec>& pieces() { return pieces_; }
    void end(const Segment& segment, bool crc);

    std::span<iovec> unsent() { return std::span(pieces_).subspan(first_); }
    /// `bytes` more were sent.
    void advance(std::size_t bytes);
    bool done() const { return sent_ == total_; }
    /// Whether the last FPDU of which something was sent was sent whole.
    bool at_border() const;
    /// Drops all behind the FPDU that was sent in part.
    void cut_at_border();

    static constexpr std::size_t kInlineBytes = kMaximumTerminate;

private:
    static constexpr std::size_t kPiecesBeside = 2;  // head and tail

    struct Frame {
        std::array<std::byte, kLengthBytes + kUntaggedBytes + kInlineBytes> head;
        std::array<std::byte, kMaximumPad + kCrcBytes> tail;
        std::size_t head_bytes = 0;
        std::size_t first_piece = 0, end_piece = 0;
        std::size_t end_byte = 0;
    };

    std::vector<Frame> storage_;  // never grows: pieces point into it
    std::vector<iovec> pieces_;
    std::size_t frames_ = 0, total_ = 0, sent_ = 0;
    std::size_t first_ = 0;  // piece that is not sent yet, or not wholly
};

}  // namespace pmemckpt::rdma::iwarp
