#pragma once
// One participant, as its coordinator sees it: a connection, and the requests over it.
#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/keys.hh"
#include "lib/sync/messages.hh"
#include "lib/sync/program.hh"
#include "lib/sync/stream.hh"

namespace pmemckpt::sync {

/// Threads: one at a time.
class Peer {
public:
    struct Wanted {
        std::string address;    ///< HOST:PORT
        std::string principal;  ///< who asks
        std::string key_dir;
        unsigned timeout_ms;  ///< for each answer to begin, and to go on
    };

    /// Both ends have proved who they are. EKEYREJECTED; ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT; EPROTO.
    static Result<std::unique_ptr<Peer>> connect(const Wanted& wanted);

    // A refusal is an error, and the connection goes on. After any other one is_lost(): what became of the
    // request is not known.

    Result<Opened> open(const std::string& job, const Uuid& instance);
    Status prepare(const SyncPoint& point, std::span<const std::byte> coordinator_state);
    Status complete(const SyncPointId& id);
    Status abort(const SyncPointId& id);
    Status verify(const SyncPointId& id);
    /// `sink` gets the coordinator's state, which is verified at its end: EBADMSG.
    Result<SyncPoint> rollback(const SyncPointId& id, const Sink& sink);
    Result<Listed> list();
    /// The end of the connection that follows is meant.
    void say_goodbye();

    bool is_lost() const { return lost_; }
    const Uuid& participant() const { return participant_; }
    const std::string& address() const { return stream_.peer(); }

private:
    Peer(Stream stream) : stream_(std::move(stream)) {}
    Status authenticate(const Wanted& wanted);
    template <class Answer, class Request>
    Result<Answer> ask(const Request& request, std::span<const std::byte> behind = {});
    template <class Request>
    Result<Received> exchange(const Request& request, std::span<const std::byte> behind);
    Status receive_state(const SyncPoint& point, const Sink& sink);
    template <class T>
    Result<T> note(Result<T> result);

    Stream stream_;
    Uuid participant_{};
    std::uint64_t last_id_ = 0;
    bool lost_ = false;
};

}  // namespace pmemckpt::sync
