#pragma once
// The manager's admin socket, on its own host: one JSON line asked, one answered. See pmemckptd.8.
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hh"
#include "utils/pmemckpt-ctl/commands.hh"

namespace pmemckpt::ctl {

/// The manager's answer to `{"command":"status"}`, one line.
Result<std::string> ask_status(const std::string& socket_path);

/// What it answers to a request, one line each, without newlines.
Result<std::string> ask_manager(const std::string& socket_path, std::string_view request);

/// The same of the admin socket that was chosen, or of the default one when nothing else was. None when a
/// manager elsewhere is meant, or the default socket has nobody behind it.
Result<std::optional<std::string>> status_of_host(const Common& common);

/// Where a manager of this user has it, if there is one, else where one of root has it.
std::string default_admin_socket();

}  // namespace pmemckpt::ctl
