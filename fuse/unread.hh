#pragma once
// /.unread/BACKUP/REGION: what a backup has not read yet, in order: each generation that is newer than its
// cursor, oldest first, then the records behind the newest one that it has not read.
// A file is what there was when its name was looked up, and each state of things is an inode of its own: the
// kernel may have read it for one and give it to another. Its log is held from its open on, its generations
// when their turn comes.
// What is read in order is verified: a generation whose bytes are not those that were sealed ends in EIO. The
// cursor moves at the close(2) of the process that has read all of it, in order, and then the end: so whoever
// writes down what it got before it reads on, as cat(1) and cp(1) do, misses nothing, wherever it is killed.
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fuse/source.hh"

namespace pmemckpt::view {

struct UnreadParts {
    std::vector<wire::Generation> generations;
    wire::LogState log;          ///< log_id 0: nothing of a log
    std::uint64_t log_from = 0;  ///< where its unread bytes begin
    wire::Cursor cursor;         ///< where it was
    wire::Cursor reached;        ///< where it is when all that is read
    std::uint64_t region_id = 0;

    bool is_nothing() const { return generations.empty() && log.log_id == 0; }
    std::uint64_t size() const;
    /// For people and scripts: "7:1048576 8:1048576 8.log:300".
    std::string text() const;
    /// The same for the same bytes, and for no others.
    std::string identity() const;
};

/// ENOENT; EAGAIN when generations come faster than one can look; EBADMSG when the log has fewer records than
/// the backup has read of it: it was damaged since.
Result<UnreadParts> look_for_unread(Source& source, const std::string& backup, const std::string& region);

class Unread : public Stream {
public:
    /// ESTALE when a generation has ended the log since it was looked for.
    static Result<std::shared_ptr<Unread>> open(Source& source, const std::string& region,
                                                std::shared_ptr<const UnreadParts> parts);
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override;
    Result<std::size_t> read_for(std::uint64_t owner, std::uint64_t offset,
                                 std::span<std::byte> into) override;
    Status close(std::uint64_t owner) override;

private:
    Unread(Source& source, std::string region, std::shared_ptr<const UnreadParts> parts);
    Result<std::size_t> read_some(std::uint64_t offset, std::span<std::byte> into);
    Result<std::size_t> read_generation(std::size_t index, std::uint64_t offset, std::span<std::byte> into);
    Result<std::size_t> read_log(std::uint64_t offset, std::span<std::byte> into);
    std::size_t part_with(std::uint64_t offset) const;
    Status count(std::uint64_t offset, std::span<const std::byte> bytes);

    Source& source_;
    const std::string region_;
    const std::shared_ptr<const UnreadParts> shared_parts_;
    const UnreadParts& parts_ = *shared_parts_;
    std::vector<std::uint64_t> ends_;  // of the generations, in the file
    std::mutex mutex_;                 // guards what follows; held while a part is read, by one for all
    std::shared_ptr<Content> content_;
    std::size_t content_index_ = 0;
    std::shared_ptr<LogContent> log_;
    std::uint64_t read_to_ = 0;  // from the start, without a gap
    std::uint32_t crc_ = 0;      // of the generation that read_to_ lies in, up to there
    std::optional<Error> damage_;
    std::optional<std::uint64_t> saw_end_;  // who did
};

}  // namespace pmemckpt::view
