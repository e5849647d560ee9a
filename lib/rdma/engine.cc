#include "lib/rdma/engine.hh"

#include <cerrno>

#include "lib/base/log.hh"
#include "lib/rdma/auto_engine.hh"
#include "lib/rdma/iwarp/engine.hh"
#include "lib/rdma/verbs/engine.hh"

namespace pmemckpt::rdma {

namespace {

Result<std::unique_ptr<Engine>> choose_engine(const EngineOptions& options) {
    auto iwarp = TRY(iwarp::make_iwarp_engine(options));
    if (verbs::devices().empty()) {
        log::write(options.announce ? log::Level::notice : log::Level::info,
                   "transport iwarp: there is no RDMA device here");
        return iwarp;
    }
    return make_auto_engine(TRY(verbs::make_verbs_engine(options)), std::move(iwarp), options);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_engine(const std::string& transport, const EngineOptions& options) {
    if (transport == "auto")
        return choose_engine(options);
    if (transport == "iwarp")
        return iwarp::make_iwarp_engine(options);
    if (transport == "verbs")
        return verbs::make_verbs_engine(options);
    return fail(EINVAL, "there is no transport \"{}\": write iwarp, verbs or auto", transport);
}

}  // namespace pmemckpt::rdma
