#pragma once
// Room on the disk that is kept for a rollback: it puts bytes back before it gives the room of their log
// back, and must not fail on a full disk.
#include "lib/base/result.hh"
#include "utils/pmemckpt-filed/undo_log.hh"

namespace pmemckpt::filed {

inline constexpr std::uint64_t kReserveBytes = 2 * kUndoneAtOnce;

/// Threads: one at a time.
class Reserve {
public:
    /// In this folder, which is the service's own.
    explicit Reserve(int folder) : folder_(folder) {}
    /// A file takes it. ENOSPC: then there is none.
    Status take() const;
    void give_back() const;

private:
    int folder_;
};

}  // namespace pmemckpt::filed
