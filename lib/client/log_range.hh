#pragma once
// A log's virtual range as this connection reaches it: segments side by side, a window each. What straddles
// segments goes in several operations.
#include <vector>

#include "lib/client/transfer.hh"

namespace pmemckpt::client {

class LogRange {
public:
    /// EPROTO when they are not side by side.
    static Result<LogRange> of(std::vector<wire::LogSegment> segments);
    /// More segments, behind the last one.
    Status extend(const std::vector<wire::LogSegment>& more);

    std::uint64_t start() const { return segments_.empty() ? 0 : segments_.front().start; }
    std::uint64_t end() const;
    std::uint64_t last_segment_bytes() const { return segments_.empty() ? 0 : segments_.back().window.size; }

    /// Posts writes of `from` to the log's [at, at + from.size), which lies in [start, end). `buffer` may be
    /// null.
    Status write(Transfer& transfer, const std::shared_ptr<rdma::Registration>& local, Extent from,
                 std::uint64_t at, const std::shared_ptr<InFlight>& buffer) const;
    /// Posts reads of the log's [at, at + into.size) into `local`.
    Status read(Transfer& transfer, const std::shared_ptr<rdma::Registration>& local, Extent into,
                std::uint64_t at) const;
    /// Posts flushes of the log's [start, end).
    Status flush(Transfer& transfer, std::uint64_t start, std::uint64_t end) const;
    /// Where the last 8 bytes before `end` lie in each segment that has bytes of [start, end).
    std::vector<std::uint64_t> last_words(std::uint64_t start, std::uint64_t end) const;

private:
    template <class Post>
    Status for_each_piece(std::uint64_t at, std::uint64_t size, Post&& post) const;

    std::vector<wire::LogSegment> segments_;
};

}  // namespace pmemckpt::client
