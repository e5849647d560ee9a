#include "driver/confine.hh"

#include <cerrno>

#include "lib/base/log.hh"
#include "lib/confine/capabilities.hh"
#include "lib/confine/hardening.hh"

namespace pmemckpt::driver {

Result<Confinement> Confinement::prepare(const Config& config) {
    std::optional<confine::Identity> user;
    if (!config.user.empty()) {
        user = TRY(confine::find_user(config.user));
        TRY(confine::check_can_become(*user));
    }
    const bool keeps_credentials = confine::needs_its_credentials(config.transport);
    if (user && keeps_credentials)
        return fail(
            EINVAL,
            "pmemckptd can't become user {} once it has opened RDMA devices: start it as that user, or with "
            "--transport iwarp",
            config.user);
    if (config.confine != confine::Mode::off)
        TRY(confine::harden());
    if (config.transport != "iwarp")
        confine::allow_locked_memory();
    auto filter = TRY(confine::Filter::make(confine::calls_of_manager(), config.confine));
    return Confinement(config.confine, std::move(user), keeps_credentials, std::move(filter));
}

Status Confinement::enter() const {
    if (user_)
        TRY(confine::become(*user_));
    if (mode_ != confine::Mode::off)
        TRY(give_up());
    const auto self = user_.value_or(confine::this_user());
    log::info("runs as user {} (uid {}), confine = {}", self.name, self.uid, confine::to_string(mode_));
    return {};
}

Status Confinement::give_up() const {
    TRY(confine::hide_memory());  // another user is another matter to the kernel
    if (keeps_credentials_)
        log::notice("capabilities stay as they are: RDMA devices serve only who has them as at the start");
    else
        TRY(confine::drop_capabilities());
    return filter_.enter();
}

std::string Confinement::what_is_given_up() const {
    if (!user_ && mode_ == confine::Mode::off)
        return {};
    return fmt::format(" ({}{} opens it now; a new start opens it as this one did)",
                       user_ ? "user " + user_->name : std::string("pmemckptd"),
                       mode_ == confine::Mode::off ? "" : ", without capabilities,");
}

}  // namespace pmemckpt::driver
