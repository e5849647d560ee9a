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
    /// A file takes it, unless it does already. ENOSPC: then there is none.
    Status take();
    void give_back();

private:
    int folder_;
    bool is_taken_ = false;
};

}  // namespace pmemckpt::filed
