#pragma once
// One participant, as its coordinator sees it.
#include <memory>
#include <string>

#include "lib/sync/caller.hh"
#include "lib/sync/program.hh"

namespace pmemckpt::sync {

/// Threads: one at a time.
class Peer {
public:
    using Wanted = Caller::Wanted;
    /// As Caller::connect().
    static Result<std::unique_ptr<Peer>> connect(const Wanted& wanted);

    // As Caller::ask().

    /// ESTALE of Opening::again when another coordinator has the job. EPROTO.
    Result<Opened> open(const std::string& job, const Uuid& instance, Opening why);
    Status prepare(const SyncPoint& point, std::span<const std::byte> coordinator_state);
    Status complete(const SyncPointId& id);
    Status abort(const SyncPointId& id);
    Status verify(const SyncPointId& id);
    /// `sink` gets the coordinator's state, which is verified at its end: EBADMSG. EPROTO when another one
    /// than that of `point` is offered: nothing of it is read then.
    Status rollback(const SyncPoint& point, const Sink& sink);
    Result<Listed> list();
    /// The end of the connection that follows is meant.
    void say_goodbye();

    bool is_lost() const { return caller_.is_lost(); }
    const Uuid& participant() const { return caller_.participant(); }
    const std::string& address() const { return caller_.address(); }

private:
    explicit Peer(Caller caller) : caller_(std::move(caller)) {}
    Status receive_state(const SyncPoint& point, const Sink& sink);
    Status check(const Opened& opened) const;

    Caller caller_;
};

}  // namespace pmemckpt::sync
