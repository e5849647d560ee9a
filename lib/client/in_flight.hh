#pragma once
// A count of posted operations: the memory they name must stay until it is zero.
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>

#include "lib/base/result.hh"
#include "lib/client/limits.hh"

namespace pmemckpt::client {

/// Threads: any.
class InFlight {
public:
    void begin();
    /// One operation has ended; the first error is kept.
    void finish(const Status& status);
    /// Waits until fewer than `limit` are left. False when none ended for `stall`.
    bool wait_below(std::size_t limit, Milliseconds stall) const;
    /// Waits for all, without limit: for who has ended the connection, which ends them.
    void wait_for_all() const;
    std::size_t count() const;
    std::optional<Error> error() const;

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::size_t count_ = 0;
    std::size_t ended_ = 0;
    std::optional<Error> error_;
};

}  // namespace pmemckpt::client
