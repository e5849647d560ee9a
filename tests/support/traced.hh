#pragma once
// A function in a process of its own, one of whose calls to the system is its last one, or fails.
#include <functional>
#include <set>

namespace pmemckpt::test {

struct Traced {
    bool came_so_far = false;  ///< there was an Nth one
    int status = 0;            ///< what the function returned; -1 when it was killed
    unsigned calls = 0;        ///< of those that may fail, as many as there were till then
};

/// Killed before its Nth call, of any kind.
Traced run_till(unsigned nth, const std::function<int()>& body);
/// Its Nth call of these kinds, numbers of <sys/syscall.h>, fails with this errno.
Traced run_with_failure(unsigned nth, const std::set<long>& calls, int code,
                        const std::function<int()>& body);
/// Whether calls can be made to fail on this system.
bool can_fail_calls();

}  // namespace pmemckpt::test
