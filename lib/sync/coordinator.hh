#pragma once
// The coordinator of a job: takes sync points of its program and of those of all participants, and rolls all
// of them back together.
//
//              open          all hold it
//   (start) ──► at work ──sync_point()──► at work, one more
//                 │ ▲          │ one refuses, is slow, is gone: the former one stands
//                 │ └──────────┘
//   somebody has lost his state, or it was asked for: rollback()
//
// Which of them is restored is decided by lib/sync/decision.hh: pmemckpt-sync.7, THE RULE.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/sync/decision.hh"
#include "lib/sync/file_session.hh"
#include "lib/sync/peer.hh"
#include "lib/sync/round.hh"

namespace pmemckpt::sync {

/// Threads: one at a time.
class Coordinator {
public:
    struct Options {
        std::string job;                        ///< the same at each start
        std::vector<std::string> participants;  ///< HOST:PORT of all of them, in any order
        std::string principal;
        std::string key_dir;
        unsigned timeout_ms = 60'000;  ///< a participant that is silent for longer has failed
    };

    /// Reaches all participants, and gives up what is not whole. EHOSTUNREACH, ECONNREFUSED, ETIMEDOUT,
    /// EKEYREJECTED: of the first that can't be had. EINVAL.
    static Result<std::unique_ptr<Coordinator>> open(Options options, Program program);
    ~Coordinator();

    /// The newest sync point that all hold: what rollback() goes to.
    const std::optional<SyncPointId>& newest() const { return newest_; }
    /// The program, or a participant's, was started anew since it: nothing is taken before rollback().
    bool must_roll_back() const { return must_roll_back_; }

    /// Saves the program, and has all participants keep the state with theirs. On return all hold it, and it
    /// is durable. After an error the former one stands: one that refused, ETIMEDOUT or ECONNRESET of one
    /// that was lost. EUCLEAN when must_roll_back(). EINPROGRESS when it is in doubt: not all can be reached,
    /// and it may be what a rollback goes to.
    Result<SyncPointId> sync_point();
    /// All participants, then this program, are what they were at the newest, or at this one; later ones are
    /// gone. ENOENT; EBADMSG when a state does not verify: then nothing has changed anywhere. After any other
    /// error another rollback must follow.
    Result<SyncPointId> rollback(std::optional<std::uint64_t> number = {});
    /// The same of some participants, by their addresses in the options. The others are left as they are:
    /// right when their programs have not changed since. EINVAL; EUCLEAN when one of the others was
    /// started anew.
    Result<SyncPointId> rollback_of(const std::vector<std::string>& participants,
                                    std::optional<std::uint64_t> number = {});

    /// A session with the files of one of the participants, a pmemckpt-filed: EINVAL when it is none of the
    /// options. It lives as long as this at the most. Threads: its own.
    Result<std::unique_ptr<FileSession>> open_files(const std::string& participant,
                                                    std::uint64_t session) const;

private:
    struct Seat {
        std::string address;
        std::unique_ptr<Peer> peer;
        Opened opened;
    };

    Coordinator(Options options, Program program);
    using Seats = std::vector<std::size_t>;  // their places
    template <class Do>
    std::vector<Status> at(const Seats& chosen, Do&& action);
    template <class Do>
    std::vector<Status> at_all(Do&& action);
    Seats all_seats() const;
    Result<Seats> seats_of(const std::vector<std::string>& participants) const;
    Result<SyncPointId> roll_back(const Seats& chosen, std::optional<std::uint64_t> number);
    Status open_all(Opening why);
    Status reach_all(Opening why);
    Status connect_all();
    Status ask_all_for_tables(Opening why);
    Status settle();
    Status give_up_above(Seat& seat, const std::optional<SyncPointId>& kept);
    Status check_can_begin() const;
    Status restore_all(const Seats& chosen, const SyncPoint& point);
    Status check_apart() const;
    std::vector<Standing> standings() const;
    Result<std::vector<std::byte>> save(const SyncPointId& id);
    SyncPoint make_point(std::span<const std::byte> state) const;
    Status offer(const SyncPoint& point, std::span<const std::byte> state);
    Status give_up(const SyncPoint& point, Round round, const Error& why);
    Status resolve(const SyncPoint& point, const Error& why);
    Status check_rest(const Seats& chosen) const;
    Status restore(const SyncPointId& id, const std::vector<std::byte>& state);
    Result<std::vector<std::byte>> roll_back_seats(const Seats& chosen, const SyncPoint& point);
    bool is_any_lost() const;

    const Options options_;
    const Program program_;
    const Uuid instance_;
    std::vector<Seat> seats_;
    std::uint64_t next_number_ = 1;
    const std::shared_ptr<std::atomic<std::uint64_t>> rollbacks_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);  // that have ended; its sessions look at it
    std::optional<SyncPointId> newest_;
    bool must_roll_back_ = true, is_open_ = false;
};

}  // namespace pmemckpt::sync
