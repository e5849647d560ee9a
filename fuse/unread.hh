#pragma once
// /.unread/BACKUP/REGION: what a backup has not read yet, in order: each generation that is newer than its
// cursor, oldest first, then the records behind the newest one that it has not read.
//
// A file is what there was at its open. The cursor moves at the close(2) of a program that has read all of
// it, in order, and then the end: so whoever writes down what it got before it reads on, as cat(1) and cp(1)
// do, misses nothing, wherever it is killed.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fuse/source.hh"

namespace pmemckpt::view {

struct UnreadParts {
    std::vector<wire::Generation> generations;
    wire::LogState log;          ///< log_id 0: nothing of a log
    std::uint64_t log_from = 0;  ///< where its unread bytes begin
    wire::Cursor reached;        ///< where the cursor is when all that is read

    bool is_nothing() const { return generations.empty() && log.log_id == 0; }
    std::uint64_t size() const;
    /// For people and scripts: "7:1048576 8:1048576 8.log:300".
    std::string text() const;
};

/// ENOENT; EAGAIN when generations come faster than one can look.
Result<UnreadParts> look_for_unread(Source& source, const std::string& backup, const std::string& region);

class Unread : public Stream {
public:
    Unread(Source& source, std::string region, UnreadParts parts);
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override;
    Status close() override;

private:
    Result<std::size_t> read_some(std::uint64_t offset, std::span<std::byte> into);
    Result<std::size_t> read_generation(std::size_t index, std::uint64_t offset, std::span<std::byte> into);
    Result<std::size_t> read_log(std::uint64_t offset, std::span<std::byte> into);
    void note(std::uint64_t offset, std::size_t size);

    Source& source_;
    const std::string region_;
    const UnreadParts parts_;
    std::vector<std::uint64_t> ends_;  // of the generations, in the file
    std::mutex mutex_;                 // guards what follows; held while a part is read, by one for all
    std::shared_ptr<Content> content_;
    std::size_t content_index_ = 0;
    std::shared_ptr<LogContent> log_;
    std::uint64_t read_to_ = 0;  // from the start, without a gap
    bool saw_end_ = false;
};

}  // namespace pmemckpt::view
