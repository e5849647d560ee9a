#include "fuse/serve.hh"

#include <unistd.h>

#include <ctime>

#include "fuse/confine.hh"
#include "fuse/mount.hh"
#include "fuse/remote_source.hh"

namespace pmemckpt::view {

namespace {

Owner this_user() {
    Owner owner{::getuid(), ::getgid(), {}};
    ::clock_gettime(CLOCK_REALTIME, &owner.since);
    return owner;
}

}  // namespace

Status serve(const MountOptions& options, const std::string& point, const Announce& announce) {
    block_end_signals();
    const auto filter = TRY(confine::Filter::make(confine::calls_of_mount(), options.confine));
    std::unique_ptr<Unmounter> unmounter;
    if (options.confine != confine::Mode::off)
        unmounter = TRY(Unmounter::start(point));
    View view(TRY(open_remote_source(options.client)), this_user());
    const auto mount = TRY(
        Mount::mount(view, {options.source, point, options.allow_other, options.noexec, unmounter.get()}));
    TRY(confine_mount(options.confine, options.client.transport, filter));
    TRY(announce());
    return mount->run();
}

}  // namespace pmemckpt::view
