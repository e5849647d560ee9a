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
// One participant has them: who opens them takes over NAME.table, then NAME, and reads the table after that.
// So what an earlier one has committed is read, and it commits nothing more. It may unpin still, since pins
// know no epoch; so it lists the generations first, then looks whether NAME.table is its own: what it has
// listed is of before the takeover then, and what its last table does not refer to nobody's does.
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "lib/client/client.hh"

namespace pmemckpt::client {

/// Threads: any; open, commit and keep one at a time. A connection that was lost is made anew by the next
/// call, unless somebody has taken the regions over meanwhile: ESTALE, from then on.
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
    static Result<std::unique_ptr<SyncRegion>> open(const Options& options, const std::string& region,
                                                    std::uint64_t state_bytes);

    const std::string& name() const { return states_.name; }
    /// Empty when there is none. EMSGSIZE above `most` bytes.
    Result<std::vector<std::byte>> load(std::size_t most);
    /// EAGAIN: it was surely not committed.
    Status commit(std::span<const std::byte> table);
    /// No others stay.
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

    SyncRegion(const Options& options, const std::string& region, std::uint64_t state_bytes)
        : options_(options), limit_(state_bytes), states_{region}, tables_{region + ".table"} {}
    Status make_regions();
    Status take_over(Held& held);
    Status drop_unpinned(Client& client) const;
    Status check_is_ours(Client& client, const Held& held) const;
    Result<std::shared_ptr<Client>> connected();
    Result<std::unique_ptr<Writer>> write_table(std::span<const std::byte> table);
    Result<std::shared_ptr<Reader>> reader(std::uint64_t number);

    const Options options_;
    std::uint64_t limit_;  // bytes of a state
    Held states_, tables_;

    std::mutex mutex_;  // guards what follows; held while a connection is made
    std::shared_ptr<Client> client_;
    std::shared_ptr<Reader> reader_;  // the last one: states are read piece by piece
};

}  // namespace pmemckpt::client
