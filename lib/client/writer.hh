#pragma once
// What a Writer knows: writer.cc. Made by Client::begin.
#include <optional>
#include <string>

#include "lib/client/coverage.hh"
#include "lib/client/ranges.hh"
#include "lib/client/transfer.hh"

namespace pmemckpt::client {

struct Writer::State {
    State(std::shared_ptr<Session> the_session, std::string the_region, const wire::Begun& begun,
          std::uint64_t the_size, std::optional<Ranges> the_dirty = {});

    Status write(std::uint64_t offset, const std::shared_ptr<rdma::Registration>& local, Extent from,
                 const RegisteredBuffer* buffer);
    Status check_range(std::uint64_t offset, std::uint64_t size) const;
    Status flush();
    Result<wire::Generation> seal(std::uint64_t length, std::optional<std::uint32_t> crc32c);
    std::optional<std::uint32_t> checksum(std::uint64_t length) const;
    Status abort(Milliseconds limit, WhenLate late);
    /// After a failure every call fails the same way: a checkpoint with a hole must not be sealed.
    Error remember(Error error);
    template <class Step>
    auto guarded(Step&& step) -> decltype(step()) {
        if (dead_) {
            // What was posted before the failure is still being sent from the caller's memory.
            static_cast<void>(transfer_.drain());
            return tl::unexpected(*dead_);
        }
        auto result = step();
        if (!result)
            return tl::unexpected(remember(std::move(result).error()));
        return result;
    }

    const std::shared_ptr<Session> session;
    const std::string region;
    const std::uint64_t draft_id;
    const std::uint64_t epoch;  // of the region, when it was begun
    const std::uint64_t size;
    const std::optional<Ranges> dirty;  // of a clone: what may be written

private:
    Coverage coverage_;
    std::optional<Error> dead_;
    bool asked_ = false;  // to seal it
    bool over_ = false;   // sealed or aborted: nothing is left of the draft
    Transfer transfer_;
};

}  // namespace pmemckpt::client
