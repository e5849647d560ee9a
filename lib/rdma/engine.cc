#include "lib/rdma/engine.hh"

#include <cerrno>

#include "lib/base/log.hh"
#include "lib/rdma/iwarp/engine.hh"

namespace pmemckpt::rdma {

Result<std::unique_ptr<Engine>> make_engine(const std::string& transport, const EngineOptions& options) {
    if (transport == "auto") {
        log::write(options.announce ? log::Level::notice : log::Level::info,
                   "transport iwarp: no RDMA device is used, because the verbs engine is not built in");
        return iwarp::make_iwarp_engine(options);
    }
    if (transport == "iwarp")
        return iwarp::make_iwarp_engine(options);
    if (transport == "verbs")
        return fail(ENODEV, "transport verbs: the verbs engine is not built in; use iwarp, or auto");
    return fail(EINVAL, "there is no transport \"{}\": write iwarp, verbs or auto", transport);
}

}  // namespace pmemckpt::rdma
