#pragma once
// Files that were removed, as long as a sync point needs them: in a folder of the service's own, under
// numbers.
#include <cstdint>
#include <set>
#include <string>

#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::filed {

/// Threads: one at a time.
class Trash {
public:
    /// In `folder`; what is in it and not among the names that are needed is removed for good.
    static Result<Trash> open(FileDescriptor folder, const std::set<std::string>& needed);

    int folder() const { return folder_.get(); }
    /// That nothing has, and nothing has had that is needed.
    std::string new_name() { return std::to_string(++last_); }
    /// For good. It may fail: nothing is lost but room, till the next start.
    void remove(const std::string& name) const;

private:
    explicit Trash(FileDescriptor folder) : folder_(std::move(folder)) {}

    FileDescriptor folder_;
    std::uint64_t last_ = 0;
};

}  // namespace pmemckpt::filed
