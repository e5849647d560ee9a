#pragma once
// The checkpoints of a participant of sync points, in two regions: pmemckpt-sync.7, CHECKPOINT FILE.
//
//     NAME        a generation for each state, pinned while the table refers to it
//     NAME.table  a generation for each table; the newest one counts
//
//     seal the state    cut before: nothing; after: a generation that the next seal drops
//     pin it            cut after: it stays till the next keep()
//     seal the table    cut before: the former table; after: this one, and the state is held
//     unpin             what it does not refer to any more; cut before: the next keep() does it
//
// One participant has them: who opens them takes over NAME.table, which is the lock, then NAME, and reads the
// table after that. So what an earlier one has committed is read, and it commits nothing more. Of two that
// open them at the same time who has NAME.table takes NAME over again. The other one may unpin still, since
// pins know no epoch; so it lists the generations first, then looks whether NAME.table is its own: what it
// has listed is of before the takeover then, and what its last table does not refer to nobody's does.
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "lib/client/client.hh"
#include "lib/client/limits.hh"

namespace pmemckpt::client {

/// Threads: any; load, begin, commit and keep one at a time. A connection that was lost is made anew by the
/// next call, to the same pool, unless somebody has taken the regions over meanwhile: ESTALE, from then on.
class SyncRegion {
public:
    /// A state that is being written, over one connection. Threads: one at a time.
    class State {
    public:
        State(const SyncRegion& region, std::shared_ptr<Client> client)
            : region_(region), client_(std::move(client)) {}
        /// ENOSPC beyond the limit of the region, or when the pool is full.
        Status write(std::span<const std::byte> bytes);
        /// The number of its generation, which is sealed and pinned.
        Result<std::uint64_t> finish();

    private:
        Status begin(std::uint64_t size);
        Status send();

        const SyncRegion& region_;
        const std::shared_ptr<Client> client_;
        std::vector<std::byte> staged_;  // not sent yet
        std::uint64_t sent_ = 0;
        std::unique_ptr<Writer> writer_;  // none before more has come than is staged
    };

    /// Makes what is missing. `state_bytes` is the most that a state has, where the region does not say it.
    /// EBADMSG when what is there is no participant's: nothing was changed. ESTALE when another one has
    /// opened them at the same time.
    /// Who begins, commits or keeps ends within `time_limit`, once it is connected: by an error at the worst.
    static Result<std::unique_ptr<SyncRegion>> open(const Options& options, const std::string& region,
                                                    std::uint64_t state_bytes,
                                                    Milliseconds time_limit = kTableLimit);

    const std::string& name() const { return states_.name; }
    /// Empty when there never was one. EMSGSIZE above `most` bytes; EBADMSG.
    Result<std::vector<std::byte>> load(std::size_t most);
    /// EAGAIN: it was surely not committed. ESTALE: the regions are another one's now. After any other error
    /// it is not known.
    Status commit(std::span<const std::byte> table);
    /// What an error of the table's seal says of it. Only that other bytes have arrived, which the manager
    /// says while the connection stands, means that nothing was sealed: EAGAIN.
    static Error of_seal(Error error, bool is_connected);
    /// No others stay; of very many, the next call drops more.
    Status keep(std::span<const std::uint64_t> numbers);
    Result<std::unique_ptr<State>> begin();
    /// All of them. ENOENT; EBADMSG when the state is shorter.
    Status read(std::uint64_t number, std::uint64_t offset, std::span<std::byte> into);

private:
    /// A region as it was taken over.
    struct Held {
        std::string name;
        std::uint64_t id = 0, epoch = 0;
    };

    SyncRegion(std::shared_ptr<Client> client, Options options, const std::string& region,
               std::uint64_t state_bytes, Milliseconds time_limit)
        : options_(std::move(options)),
          time_limit_(time_limit),
          limit_(state_bytes),
          states_{region},
          tables_{region + ".table"},
          client_(std::move(client)) {}
    static Status take_over(Client& client, Held& held);
    Status make_regions();
    Result<std::unique_ptr<Reader>> newest_table(Client& client) const;
    Status check_is_table(Reader& generation) const;
    Status check_has_no_states(Client& client) const;
    Status check_is_ours(Client& client);
    Status take_back_states(Client& client);
    Status pin_all(Client& client, std::span<const std::uint64_t> numbers,
                   std::span<const wire::Generation> known) const;
    Status drop_unpinned(Client& client) const;
    Result<std::shared_ptr<Client>> connected();
    Result<std::unique_ptr<Writer>> write_table(Client& client, std::span<const std::byte> table);
    tl::unexpected<Error> not_committed(const Error& why) const;
    Result<std::shared_ptr<Reader>> reader(std::uint64_t number);

    const Options options_;  // complete, with the UUID of the pool
    const Milliseconds time_limit_;
    std::uint64_t limit_;  // bytes of a state
    Held states_, tables_;
    std::atomic<bool> is_over_{false};  // NAME.table is another one's, or gone

    std::mutex mutex_;  // guards what follows; held while a connection is made
    std::shared_ptr<Client> client_;
    std::shared_ptr<Reader> reader_;  // the last one: states are read piece by piece
};

}  // namespace pmemckpt::client
