#pragma once
// What a LogReader knows: log_reader.cc. Made by Client::read_log.
#include <optional>
#include <string>

#include "lib/client/log_range.hh"
#include "lib/format/log_record.hh"

namespace pmemckpt::client {

/// ENODATA when there is no log. What the manager says is checked.
Result<wire::LogOpened> ask_for_log(Session& session, const std::string& region);

/// What places in a log are counted by.
enum class LogMeasure : std::uint8_t { records = 0, payload_bytes = 1 };
/// The last border of records with at most `value` before it. ESTALE when the manager has another log now;
/// ERANGE.
Result<wire::LogPlace> ask_for_place(Session& session, const std::string& region, std::uint64_t log_id,
                                     LogMeasure by, std::uint64_t value);

struct LogReader::State {
    State(std::shared_ptr<Session> the_session, std::string the_region);
    ~State();

    /// The windows of this opening in place of an earlier one's. EPROTO.
    Status adopt(wire::LogOpened opened);
    Result<std::optional<Record>> next();
    Status skip_to(std::uint64_t sequence);
    Status seek(std::uint64_t payload_offset);
    std::uint64_t payload_offset() const { return payload_at_; }

    const std::shared_ptr<Session> session;
    const std::string region;
    wire::LogOpened opened;  // without its segments, which are in range_

private:
    Result<std::optional<Record>> look();
    Status payload(std::span<const std::byte> head, Record& record);
    Result<std::span<const std::byte>> fetch();
    Status read(std::uint64_t at, std::span<std::byte> into);
    Result<bool> look_for_more();
    Result<bool> go_to(LogMeasure by, std::uint64_t value);
    void rewind();
    void close(std::uint64_t handle);

    LogRange range_;
    format::LogPosition last_;
    std::uint64_t at_ = 0;          // where the next record starts
    std::uint64_t payload_at_ = 0;  // of the records before it
    std::vector<std::byte> chunk_;
    std::uint64_t chunk_at_ = 0;  // where chunk_ was read from
    std::uint64_t settled_ = 0;   // what lies before can't change any more
};

}  // namespace pmemckpt::client
