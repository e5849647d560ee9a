#include "lib/rdma/engine.hh"

#include <cerrno>

#include "lib/base/log.hh"
#include "lib/rdma/auto_engine.hh"
#include "lib/rdma/iwarp/engine.hh"
#include "lib/rdma/iwarp/mpa.hh"
#include "lib/rdma/verbs/engine.hh"
#include "lib/rdma/verbs/hidden_devices.hh"

namespace pmemckpt::rdma {

namespace {

constexpr unsigned kMaximumThreads = 64;
constexpr unsigned kMinimumIdleTimeout_ms = 1000;

Status check_options(const EngineOptions& options) {
    if (options.threads < 1 || options.threads > kMaximumThreads)
        return fail(EINVAL, "{} reactor threads are asked for; 1 to {} can be had", options.threads,
                    kMaximumThreads);
    if (options.outstanding_reads < 1 || options.outstanding_reads > iwarp::kMaximumNegotiable)
        return fail(EINVAL, "{} outstanding reads are asked for; 1 to {} can be had",
                    options.outstanding_reads, iwarp::kMaximumNegotiable);
    if (options.start_up_timeout_ms == 0)
        return fail(EINVAL, "a start-up time-out of 0 ms lets nobody connect");
    if (options.idle_timeout_ms < kMinimumIdleTimeout_ms)
        return fail(EINVAL, "an idle time-out of {} ms is asked for; at least {} ms can be had",
                    options.idle_timeout_ms, kMinimumIdleTimeout_ms);
    return {};
}

Result<std::unique_ptr<Engine>> choose_engine(const EngineOptions& options) {
    auto iwarp = TRY(iwarp::make_iwarp_engine(options));
    if (verbs::devices().empty()) {
        log::write(options.announce ? log::Level::notice : log::Level::info,
                   "transport iwarp: there is no RDMA device here" + verbs::hidden_devices(false));
        return iwarp;
    }
    return make_auto_engine(TRY(verbs::make_verbs_engine(options)), std::move(iwarp), options);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_engine(const std::string& transport, const EngineOptions& options) {
    TRY(check_options(options));
    if (transport == "auto")
        return choose_engine(options);
    if (transport == "iwarp")
        return iwarp::make_iwarp_engine(options);
    if (transport == "verbs")
        return verbs::make_verbs_engine(options);
    return fail(EINVAL, "there is no transport \"{}\": write iwarp, verbs or auto", transport);
}

}  // namespace pmemckpt::rdma
