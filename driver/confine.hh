#pragma once
// pmemckptd's confinement: it opens what it needs as who has started it, and serves as who can do nothing
// else. What is given up and what is kept: pmemckptd.8, SECURITY.
#include <optional>
#include <string>

#include "driver/config.hh"
#include "lib/confine/filter.hh"
#include "lib/confine/identity.hh"

namespace pmemckpt::driver {

class Confinement {
public:
    /// Before anything is opened, and before the first thread is started. ENOENT: there is no such user.
    /// EPERM; EINVAL: there are RDMA devices, which don't let it become another one.
    static Result<Confinement> prepare(const Config& config);

    /// When all is open: the user, capabilities, system calls, of all threads and for good. EPERM.
    Status enter() const;

    /// What can't be opened any more, for an error of who tries; empty where nothing was given up.
    std::string what_is_given_up() const;

private:
    Confinement(confine::Mode mode, std::optional<confine::Identity> user, bool keeps_credentials,
                confine::Filter filter)
        : mode_(mode),
          user_(std::move(user)),
          keeps_credentials_(keeps_credentials),
          filter_(std::move(filter)) {}
    Status give_up() const;
    confine::Mode mode_;
    std::optional<confine::Identity> user_;
    bool keeps_credentials_;
    confine::Filter filter_;
};

}  // namespace pmemckpt::driver
