#include "lib/rdma/iwarp/batch.hh"

#include <algorithm>
#include <cstring>

#include "lib/base/memory_fault.hh"
#include "lib/rdma/iwarp/big_endian.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

std::span<const std::byte> bytes_of(const iovec& piece) {
    return {static_cast<const std::byte*>(piece.iov_base), piece.iov_len};
}

}  // namespace

Batch::Batch() : storage_(kMaximumFrames) {
    pieces_.reserve(kMaximumPieces);
}

void Batch::clear() {
    pieces_.clear();
    frames_ = total_ = sent_ = first_ = 0;
}

void Batch::begin(bool tagged) {
    Frame& frame = storage_[frames_];
    frame.head_bytes = kLengthBytes + header_bytes(tagged);
    frame.first_piece = pieces_.size();
    pieces_.push_back({frame.head.data(), 0});
}

void Batch::copy(std::span<const std::byte> bytes) {
    Frame& frame = storage_[frames_];
    require(bytes.size() <= kInlineBytes, "copied payload is small");
    if (!bytes.empty())
        std::memcpy(frame.head.data() + frame.head_bytes, bytes.data(), bytes.size());
    frame.head_bytes += bytes.size();
}

void Batch::end(const Segment& segment, bool crc) {
    Frame& frame = storage_[frames_];
    encode(segment, frame.head.data() + kLengthBytes);
    std::size_t size = frame.head_bytes;
    for (std::size_t i = frame.first_piece + 1; i < pieces_.size(); ++i)
        size += pieces_[i].iov_len;
    const std::size_t ulpdu = size - kLengthBytes, pad = pad_bytes(ulpdu);
    store_big(frame.head.data(), static_cast<std::uint16_t>(ulpdu));
    pieces_[frame.first_piece].iov_len = frame.head_bytes;
    frame.tail.fill(std::byte{0});
    pieces_.push_back({frame.tail.data(), pad});
    // What can't be read here is not sent either: the kernel says so, and the connection ends.
    std::uint32_t sum = 0;
    for (std::size_t i = frame.first_piece; crc && i < pieces_.size(); ++i)
        sum = crc32c_if_readable(bytes_of(pieces_[i]), sum).value_or(sum);
    store_crc(frame.tail.data() + pad, sum);
    pieces_.back().iov_len += kCrcBytes;
    total_ += size + pad + kCrcBytes;
    frame.end_piece = pieces_.size();
    frame.end_byte = total_;
    ++frames_;
}

void Batch::advance(std::size_t bytes) {
    sent_ += bytes;
    while (bytes != 0) {
        iovec& piece = pieces_[first_];
        const std::size_t part = std::min(bytes, piece.iov_len);
        piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
        piece.iov_len -= part;
        bytes -= part;
        if (piece.iov_len == 0)
            ++first_;
    }
}

bool Batch::at_border() const {
    return sent_ == 0 ||
           std::any_of(storage_.begin(), storage_.begin() + static_cast<std::ptrdiff_t>(frames_),
                       [&](const Frame& frame) { return frame.end_byte == sent_; });
}

void Batch::cut_at_border() {
    if (sent_ == 0) {
        clear();
        return;
    }
    std::size_t last = 0;
    while (storage_[last].end_byte < sent_)
        ++last;
    frames_ = last + 1;
    pieces_.resize(storage_[last].end_piece);
    total_ = storage_[last].end_byte;
}

}  // namespace pmemckpt::rdma::iwarp
