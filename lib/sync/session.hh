#pragma once
// One coordinator's connection to a participant, from its first message to its last.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lib/sync/job.hh"
#include "lib/sync/service.hh"
#include "lib/sync/stream.hh"
#include "lib/wire/server_handshake.hh"

namespace pmemckpt::sync {

/// Threads: one.
class Session {
public:
    struct Terms {
        std::string key_dir, principal;  ///< as Participant::Options has them
        unsigned start_up_ms, patience_ms;
    };
    /// `is_known` becomes true when the other end has proved who it is.
    Session(const Terms& terms, std::uint64_t id, Job& job, Stream& stream, std::atomic<bool>& is_known,
            std::unique_ptr<Service> service)
        : terms_(terms),
          id_(id),
          job_(job),
          stream_(stream),
          is_known_(is_known),
          service_(std::move(service)) {}
    ~Session() { job_.forget_line(this); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Till the connection ends, or is cut.
    Status run();

private:
    Status authenticate();
    Status answer_all();
    Status take(const Received& request);
    Status take_open(const Received& request);
    Status take_prepare(const Received& request);
    Status take_complete(const Received& request);
    Status take_abort(const Received& request);
    Status take_verify(const Received& request);
    Status take_rollback(const Received& request);
    Status take_list(const Received& request);
    template <class Answer>
    Status answer_change(const Received& request, const Result<Answer>& result);
    Status check_is_open() const;

    const Terms& terms_;
    const std::uint64_t id_;
    Job& job_;
    Stream& stream_;
    std::atomic<bool>& is_known_;
    const std::unique_ptr<Service> service_;
    std::optional<Asker> asker_;
    bool said_goodbye_ = false;
};

}  // namespace pmemckpt::sync
