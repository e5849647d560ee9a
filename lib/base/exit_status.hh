#pragma once
// One exit status for one kind of failure, the same in every program. Man pages: EXIT STATUS.
namespace pmemckpt {

enum ExitStatus : int {
    kExitSuccess = 0,
    kExitFailure = 1,     ///< any failure not named below
    kExitUsage = 2,       ///< wrong options or arguments
    kExitNotFound = 3,    ///< no such pool, region, generation, key or file
    kExitBusy = 4,        ///< in use: the pool, the port, the mount point, the name
    kExitNoSpace = 5,     ///< the pool or the disk is full, or a size is over its limit
    kExitConnection = 6,  ///< the manager can't be reached, or the connection was lost
    kExitDamaged = 7,     ///< what is stored does not verify, or is of a format unknown here
    kExitRefused = 8,     ///< not allowed: wrong key, no right, unsafe file mode, fenced by a takeover
    kExitOlder = 9,       ///< done, but with an older generation: the newest does not verify
};

/// The exit status for an errno value.
int exit_status(int code);

}  // namespace pmemckpt
