// pmemckpt-ctl create-key, rotate-key, revoke-key.
#include <cerrno>
#include <nlohmann/json.hpp>

#include "lib/base/keys.hh"
#include "lib/base/log.hh"
#include "lib/wire/handshake.hh"
#include "utils/pmemckpt-ctl/admin_socket.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/duration.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

std::string key_directory(const Common& common) {
    return common.connection.key_dir.empty() ? default_key_directory() : common.connection.key_dir;
}

namespace {

constexpr std::int64_t kSecond_ns = 1'000'000'000;

/// Replacing a pool's manager key would take the pool away from its manager for good.
Status check_not_a_pool_key(std::string_view principal) {
    if (wire::is_key_name_of_service(principal))
        return fail(EINVAL, "{} names a pool's manager key, which create-pool makes", principal);
    return {};
}

std::string where_it_goes(const std::string& path, const std::string& principal,
                          const std::string& directory) {
    return fmt::format(
        "Both sides need it: copy it (mode 600) to the key directory of each host where {} runs,\n"
        "and of the manager's, over a channel you trust, such as: scp -p {} HOST:{}/\n",
        principal, path, directory);
}

/// What the manager of this host has ended. ECONNREFUSED when none answers.
Result<EndedSessions> end_sessions(const Common& common, const std::string& principal) {
    const auto socket = common.admin_socket.empty() ? default_admin_socket() : common.admin_socket;
    const nlohmann::json request{{"command", "end-sessions"}, {"principal", principal}};
    const auto answer = TRY(ask_manager(socket, request.dump()));
    const auto ended = nlohmann::json::parse(answer, nullptr, false);
    if (ended.is_discarded() || !ended.contains("sessions") || !ended.contains("windows") ||
        !ended["sessions"].is_number_unsigned() || !ended["windows"].is_number_unsigned())
        return fail(EPROTO, "the manager at admin socket {} has not ended the sessions of {}: it said {}",
                    socket, principal, answer);
    return EndedSessions{ended["sessions"].get<std::uint64_t>(), ended["windows"].get<std::uint64_t>()};
}

}  // namespace

Status create_key(const Common& common, const CreateKey& request) {
    TRY(check_not_a_pool_key(request.principal));
    const auto directory = key_directory(common);
    auto path = store_key(directory, request.principal, Key::random(), request.force);
    if (!path && path.error().code == EEXIST)
        return fail(EEXIST,
                    "{}/{}.key is there already; --force makes a new key, and the old one stops working",
                    directory, request.principal);
    TRY(Status(path.map([](const auto&) {})));
    if (common.json)
        return print(created_key_json(request.principal, *path));
    return print(*path + "\n" + where_it_goes(*path, request.principal, directory));
}

Status rotate_key(const Common& common, const RotateKey& request) {
    TRY(check_not_a_pool_key(request.principal));
    const auto overlap_s = TRY(duration_or_zero(request.overlap)) / kSecond_ns;
    const auto directory = key_directory(common);
    const auto path = TRY(pmemckpt::rotate_key(directory, request.principal, Key::random(),
                                               static_cast<std::uint64_t>(overlap_s)));
    if (common.json)
        return print(rotated_key_json(request.principal, path, overlap_s));
    return print(
        fmt::format("{}\nThe key before is valid for {} more at a manager that has this directory.\n{}", path,
                    overlap_s == 0 ? "no time" : format_duration(overlap_s * kSecond_ns),
                    where_it_goes(path, request.principal, directory)));
}

Status revoke_key(const Common& common, const RevokeKey& request) {
    TRY(check_not_a_pool_key(request.principal));
    const auto directory = key_directory(common);
    if (!request.force)
        return fail(
            EINVAL,
            "{}/{}.key is the only way in of {}; revoke-key with --force removes it, and ends its sessions",
            directory, request.principal, request.principal);
    // First the key: who proves it in between is ended as well. One that can't be used is removed all the
    // same, and where there is none, what an earlier attempt left open is ended.
    const bool was_there = TRY(remove_key(directory, request.principal));
    const auto done = was_there ? fmt::format("the key of {} is removed", request.principal)
                                : fmt::format("there is no key of {} in {}", request.principal, directory);
    const auto ended = end_sessions(common, request.principal);
    if (!ended)
        return fail(
            ended.error().code,
            "{}; a manager that runs goes on with its sessions, till revoke-key is given again with its "
            "--admin-socket: {}",
            done, ended.error().message);
    if (!was_there && ended->sessions == 0)
        return fail(ENOENT, "{}, and no session of it", done);
    if (common.json)
        return print(revoked_key_json(request.principal, *ended));
    return print(fmt::format("{}; {} with {} ended\n", done, plural(ended->sessions, "session"),
                             plural(ended->windows, "window")));
}

}  // namespace pmemckpt::ctl
