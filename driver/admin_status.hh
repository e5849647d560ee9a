#pragma once
// What the admin socket answers, in JSON: pmemckptd.8, ADMIN SOCKET.
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "driver/scrub.hh"
#include "driver/services.hh"
#include "driver/sessions.hh"
#include "lib/confine/identity.hh"

namespace pmemckpt::driver {

struct AdminView {
    Services& services;
    Sessions& sessions;
    Scrub& scrub;
    confine::Identity user;  ///< who the manager should be
    std::string engine;
    std::vector<Address> addresses;
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

/// One line: the status, what was done, or {"error": sentence}.
std::string answer_admin(const AdminView& view, std::string_view line);

}  // namespace pmemckpt::driver
