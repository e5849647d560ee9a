// mount.pmemckpt: see mount.pmemckpt.8.
#include <cstdio>

#include "fuse/background.hh"
#include "fuse/mount_table.hh"
#include "fuse/options.hh"
#include "fuse/serve.hh"
#include "lib/base/exit_status.hh"
#include "lib/base/last_words.hh"
#include "lib/base/log.hh"

using namespace pmemckpt;

namespace {

int print(const std::string& text) {
    return std::fputs(text.c_str(), stdout) < 0 ? kExitFailure : kExitSuccess;
}

int run_in_foreground(const view::MountOptions& options, const std::string& point) {
    const auto served = view::serve(options, point, []() -> Status { return {}; });
    return served ? kExitSuccess : view::report(served.error());
}

}  // namespace

int main(int argc, char** argv) {
    set_last_words("mount.pmemckpt");
    const auto options = view::parse_options({argv + 1, argv + argc});
    if (!options)
        return view::report(options.error());
    if (options->help)
        return print(view::help_text());
    if (options->version)
        return print("mount.pmemckpt " PMEMCKPT_VERSION "\n");
    log::set_level(options->verbose ? log::Level::info : log::Level::warning);
    const auto point = view::check_mount_point(options->mount_point);
    if (!point)
        return view::report(point.error());
    if (options->fake)
        return kExitSuccess;
    if (options->foreground)
        return run_in_foreground(*options, *point);
    return view::run_in_background(
        [&](const view::Announce& announce) { return view::serve(*options, *point, announce); });
}
