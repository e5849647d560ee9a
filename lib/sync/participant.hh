#pragma once
// A participant of sync points: serves coordinators over TCP. One thread listens, and one serves each
// connection; they end with the participant.
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/keys.hh"
#include "lib/sync/job.hh"
#include "lib/sync/session.hh"
#include "lib/sync/stream.hh"

namespace pmemckpt::sync {

/// Of those who have proved who they are; one more is closed at once.
inline constexpr std::size_t kMostConnections = 64;
/// Of others; for one more the oldest is closed.
inline constexpr std::size_t kMostStrangers = 32;

/// Threads: all calls may come from any thread.
class Participant {
public:
    struct Options {
        Address listen{{}, kDefaultSyncPort};
        std::string key_dir;            ///< of the principals that may come
        std::string principal;          ///< the only one that may; empty: each that has a key
        unsigned start_up_ms = 10'000;  ///< till who comes has proved who it is
        unsigned patience_ms = 60'000;  ///< without a byte in the middle of a message
        std::function<std::unique_ptr<Service>()> service = {};  ///< of each connection; may be empty
    };

    /// EADDRINUSE; EHOSTUNREACH.
    static Result<std::unique_ptr<Participant>> start(const Options& options, std::shared_ptr<Job> job);
    /// Ends all connections; waits for a save or a restore that is under way.
    ~Participant();

    const Address& address() const { return address_; }
    const Uuid& uuid() const { return job_->identity().participant; }

private:
    struct Guest {
        Guest(std::uint64_t number, Stream connection) : id(number), stream(std::move(connection)) {}
        const std::uint64_t id;
        Stream stream;
        std::atomic<bool> is_known{false}, has_left{false};
        std::jthread thread;
    };

    Participant(Options options, std::shared_ptr<Job> job);
    void accept_all();
    void greet(FileDescriptor socket, std::string peer);
    bool make_room(const std::string& peer);
    void attend(Guest& guest);

    const Options options_;
    const Session::Terms terms_;
    const std::shared_ptr<Job> job_;
    Address address_;
    FileDescriptor listening_, stopped_, stop_;  // a pipe: a byte in it stops
    std::uint64_t last_id_ = 0;
    std::vector<std::unique_ptr<Guest>> guests_;  // of the thread that accepts, while it runs
    std::jthread thread_;
};

}  // namespace pmemckpt::sync
