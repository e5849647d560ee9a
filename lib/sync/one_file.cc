// A checkpoint file that is used again for each sync point. The table is at its begin; states lie behind it,
// where none that the table refers to do: in the gaps between those, then at the end.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "lib/sync/file_io.hh"
#include "lib/sync/table_file.hh"

namespace pmemckpt::sync {

namespace {

constexpr std::uint64_t kAlignment = 64 * kKiB;  // of segments: a gap of less is not worth one
constexpr std::size_t kMostSegments = 16;        // of a sync point; the last one is at the end of the file

std::uint64_t end_of(const Segment& segment) {
    return segment.at + round_up(segment.bytes, kAlignment);
}

/// In ascending order.
std::vector<Segment> segments_in_use(const Snapshot& snapshot) {
    std::vector<Segment> all;
    for (const auto& place : snapshot.places)
        all.insert(all.end(), place.segments.begin(), place.segments.end());
    std::ranges::sort(all, {}, &Segment::at);
    return all;
}

/// What is free, in ascending order; the last one has no end.
std::vector<Segment> gaps_between(const std::vector<Segment>& used) {
    std::vector<Segment> gaps;
    std::uint64_t at = TableFile::kBytes;
    for (const auto& segment : used) {
        if (segment.at > at)
            gaps.push_back({at, segment.at - at});
        at = std::max(at, end_of(segment));
    }
    if (gaps.size() >= kMostSegments) {
        std::ranges::sort(gaps, std::greater(), &Segment::bytes);
        gaps.resize(kMostSegments - 1);
    }
    gaps.push_back({at, UINT64_MAX - at});
    return gaps;
}

class FileDraft final : public CheckpointFile::Draft {
public:
    FileDraft(const TableFile& file, std::vector<Segment> gaps, std::atomic<bool>& is_written)
        : file_(file), gaps_(std::move(gaps)), is_written_(is_written) {
        is_written_ = true;
    }
    ~FileDraft() override { is_written_ = false; }

    Status write(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            auto& gap = gaps_[segments_.size()];
            const auto count =
                static_cast<std::size_t>(std::min<std::uint64_t>(gap.bytes - in_gap_, bytes.size()));
            TRY(write_at(file_.descriptor(), gap.at + in_gap_, bytes.first(count), file_.path()));
            in_gap_ += count;
            bytes = bytes.subspan(count);
            if (in_gap_ == gap.bytes)
                end_segment();
        }
        return {};
    }
    Result<std::vector<Segment>> finish() override {
        if (in_gap_ != 0)
            end_segment();
        TRY(bring_to_disk(file_.descriptor(), file_.path()));
        return segments_;
    }

private:
    void end_segment() {
        segments_.push_back({gaps_[segments_.size()].at, in_gap_});
        in_gap_ = 0;
    }

    const TableFile& file_;
    const std::vector<Segment> gaps_;
    std::atomic<bool>& is_written_;
    std::vector<Segment> segments_;
    std::uint64_t in_gap_ = 0;
};

class OneFile final : public CheckpointFile {
public:
    explicit OneFile(TableFile file) : file_(std::move(file)) {}

    const Snapshot& snapshot() const override { return file_.snapshot(); }
    std::string name() const override { return file_.path(); }
    Result<std::unique_ptr<Draft>> begin(const SyncPointId&) override {
        return std::make_unique<FileDraft>(file_, gaps_between(segments_in_use(snapshot())), is_written_);
    }
    Status commit(Snapshot next) override {
        TRY(file_.commit(std::move(next)));
        if (!is_written_)
            give_back_end();
        return {};
    }
    Status read(const Place& place, Offset from, std::span<std::byte> into) const override;

private:
    void give_back_end() const;

    TableFile file_;
    std::atomic<bool> is_written_{false};  // there is a draft
};

/// What is behind the last state is given back to the file system when it is more than all before it.
void OneFile::give_back_end() const {
    const auto used = segments_in_use(snapshot());
    const auto end = used.empty() ? TableFile::kBytes : end_of(used.back());
    const auto size = ::lseek(file_.descriptor(), 0, SEEK_END);
    // It may fail: nothing is lost but room.
    if (size > 0 && static_cast<std::uint64_t>(size) / 2 > end) [[maybe_unused]]
        const int cut = ::ftruncate(file_.descriptor(), static_cast<off_t>(end));
}

Status OneFile::read(const Place& place, Offset from, std::span<std::byte> into) const {
    std::uint64_t before = 0;
    for (const auto& segment : place.segments) {
        const auto at = from.bytes - before;
        if (!into.empty() && at < segment.bytes) {
            const auto count =
                static_cast<std::size_t>(std::min<std::uint64_t>(segment.bytes - at, into.size()));
            TRY(read_at(file_.descriptor(), segment.at + at, into.first(count), file_.path()));
            into = into.subspan(count);
            from.bytes += count;
        }
        before += segment.bytes;
    }
    if (!into.empty())
        return fail(EBADMSG, "{} has {} bytes less of sync point {} than its table says", file_.path(),
                    into.size(), to_string(place.id));
    return {};
}

}  // namespace

Result<std::unique_ptr<CheckpointFile>> open_one_file(const std::string& path) {
    return std::make_unique<OneFile>(TRY(TableFile::open(path)));
}

}  // namespace pmemckpt::sync
