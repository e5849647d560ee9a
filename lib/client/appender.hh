#pragma once
// What an Appender knows: appender.cc, log_growth.cc. Made by Client::open_log.
#include <future>
#include <optional>
#include <string>

#include "lib/client/log_range.hh"
#include "lib/client/staging.hh"

namespace pmemckpt::client {

/// Which log it is, and by which right it is written.
struct LogOpening {
    std::string region;
    std::uint64_t log_id = 0, epoch = 0, generation = 0;
    std::uint32_t term = 0;
    wire::FlushBy flush_by = wire::FlushBy::read;
    std::uint8_t durability = 0;  ///< enum pmemckpt_durability
};

/// Makes a log longer, ahead of need: asks the manager in a thread of its own while records go on.
class LogGrowth {
public:
    LogGrowth(std::shared_ptr<Session> session, const LogOpening& opening)
        : session_(std::move(session)), opening_(opening) {}
    /// Takes what has come, and asks for more when less than half of the last segment is free behind `used`.
    Status ahead(LogRange& range, std::uint64_t used);
    /// Waits until there are `needed` bytes behind `used`. ENOSPC, EFBIG; ESTALE.
    Status make_room(LogRange& range, std::uint64_t used, std::uint64_t needed);

private:
    using Answer = Result<wire::LogGranted>;
    Answer ask(std::uint64_t room) const;
    Status take(LogRange& range, Answer answer) const;
    bool is_ready() const;

    std::shared_ptr<Session> session_;
    LogOpening opening_;
    std::uint64_t refused_at_ = 0;  // no more was to be had ahead when the log was so long
    std::future<Answer> pending_;   // goes first: waits for its thread
};

struct Appender::State {
    State(std::shared_ptr<Session> the_session, LogOpening the_opening, LogRange the_range,
          const wire::LogGranted& granted);
    ~State();

    Result<std::uint64_t> append(std::span<const std::byte> record);
    Status flush();
    template <class Step>
    auto guarded(Step&& step) -> decltype(step()) {
        if (dead_)
            return tl::unexpected(*dead_);
        auto result = step();
        if (!result && is_final(result.error()))
            return tl::unexpected(remember(std::move(result).error()));
        return result;
    }

    const std::shared_ptr<Session> session;
    const LogOpening opening;
    std::uint64_t sequence;  // of the last record

private:
    bool is_final(const Error& error) const;
    Error remember(Error error);
    Status check_open() const;
    Status put(std::span<const std::byte> record);
    Status put_copied(std::span<const std::byte> bytes);
    Status put_in_place(std::span<const std::byte> bytes);
    Status post_staged();
    Status write_and_read_back();
    Status write_and_flush();
    Status write_and_ask();
    Status make_durable();
    Status make_words(std::size_t count);
    void hint();

    LogRange range_;
    std::uint64_t end_;      // where the next byte goes that is put
    std::uint64_t flushed_;  // what lies before is durable
    const std::uint64_t logs_ended_;
    std::optional<Error> dead_;
    std::chrono::steady_clock::time_point next_hint_{};
    std::vector<std::byte> words_;                          // read back, not looked at
    std::shared_ptr<rdma::Registration> words_registered_;  // all of them
    LogGrowth growth_;
    Staging staging_;
    Transfer transfer_;  // goes first: nothing is in flight then
};

}  // namespace pmemckpt::client
