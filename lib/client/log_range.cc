#include "lib/client/log_range.hh"

#include <algorithm>
#include <cerrno>

#include "lib/client/answers.hh"

namespace pmemckpt::client {

namespace {

constexpr std::uint64_t kWordBytes = 8;

}  // namespace

Result<LogRange> LogRange::of(std::vector<wire::LogSegment> segments) {
    TRY(check_segments(segments));
    LogRange range;
    range.segments_ = std::move(segments);
    return range;
}

Status LogRange::extend(const std::vector<wire::LogSegment>& more) {
    if (more.empty())
        return fail(EPROTO, "the manager answered a log's growth with no segment");
    auto all = segments_;
    all.insert(all.end(), more.begin(), more.end());
    TRY(check_segments(all));
    segments_ = std::move(all);
    return {};
}

std::uint64_t LogRange::end() const {
    return segments_.empty() ? 0 : segments_.back().start + segments_.back().window.size;
}

/// post(window, offset in it, offset in [at, at + size), size of the piece)
template <class Post>
Status LogRange::for_each_piece(std::uint64_t at, std::uint64_t size, Post&& post) const {
    require(at >= start() && fits({{at}, {size}}, {end()}), "what is transferred lies in the log's segments");
    auto segment = std::upper_bound(segments_.begin(), segments_.end(), at,
                                    [](std::uint64_t where, const auto& one) { return where < one.start; });
    for (std::uint64_t done = 0; done < size;) {
        const auto& one = *std::prev(segment);
        const auto offset = at + done - one.start;
        const auto piece = std::min({kPieceBytes, size - done, one.window.size - offset});
        TRY(post(one.window, Offset{offset}, done, piece));
        done += piece;
        if (offset + piece == one.window.size)
            ++segment;
    }
    return {};
}

Status LogRange::write(Transfer& transfer, const std::shared_ptr<rdma::Registration>& local, Extent from,
                       std::uint64_t at, const std::shared_ptr<InFlight>& buffer) const {
    const auto post = [&](const wire::Window& window, Offset offset, std::uint64_t done,
                          std::uint64_t piece) {
        return transfer.write(local, {{from.at.bytes + done}, {piece}}, window, offset, buffer);
    };
    return for_each_piece(at, from.size.bytes, post);
}

Status LogRange::read(Transfer& transfer, const std::shared_ptr<rdma::Registration>& local, Extent into,
                      std::uint64_t at) const {
    const auto post = [&](const wire::Window& window, Offset offset, std::uint64_t done,
                          std::uint64_t piece) {
        return transfer.read(local, {{into.at.bytes + done}, {piece}}, window, offset);
    };
    return for_each_piece(at, into.size.bytes, post);
}

/// One for each segment, however long: they go out together.
Status LogRange::flush(Transfer& transfer, std::uint64_t start, std::uint64_t end) const {
    for (const auto& segment : segments_) {
        const auto from = std::max(start, segment.start);
        const auto to = std::min(end, segment.start + segment.window.size);
        if (from < to)
            TRY(transfer.flush(segment.window, {from - segment.start}, to - from));
    }
    return {};
}

std::vector<std::uint64_t> LogRange::last_words(std::uint64_t start, std::uint64_t end) const {
    std::vector<std::uint64_t> words;
    for (const auto& segment : segments_) {
        const auto segment_end = segment.start + segment.window.size;
        if (std::max(start, segment.start) < std::min(end, segment_end))
            words.push_back(std::min(end, segment_end) - kWordBytes);
    }
    return words;
}

}  // namespace pmemckpt::client
