#include "lib/rdma/verbs/completion_error.hh"

#include <cerrno>

namespace pmemckpt::rdma::verbs {

namespace {

struct Meaning {
    ibv_wc_status status;
    int code;
    const char* sentence;
};

constexpr Meaning kMeanings[] = {
    {IBV_WC_REM_ACCESS_ERR, EACCES,
     "the peer's device refused the access: no living window of this connection has that right on that "
     "range"},
    {IBV_WC_REM_INV_REQ_ERR, EPROTO, "the peer's device can't do what was asked of it"},
    {IBV_WC_REM_OP_ERR, EIO, "the peer's device could not finish the operation"},
    {IBV_WC_RETRY_EXC_ERR, ETIMEDOUT,
     "the peer's device acknowledges nothing any more: its host is gone, or the path to it is lost"},
    {IBV_WC_RNR_RETRY_EXC_ERR, ETIMEDOUT, "the peer takes no messages"},
    {IBV_WC_LOC_LEN_ERR, EPROTO, "a message came that is longer than the buffers for it"},
    {IBV_WC_LOC_PROT_ERR, EFAULT, "the device can't reach the local memory of an operation"},
    {IBV_WC_LOC_ACCESS_ERR, EFAULT, "the device may not write to the local memory of an operation"},
    {IBV_WC_LOC_QP_OP_ERR, ECONNRESET, "the device can't work on this connection, which most likely is lost"},
    {IBV_WC_MW_BIND_ERR, EIO, "the device could not bind a memory window"},
    {IBV_WC_REM_ABORT_ERR, ECONNRESET, "the peer's device gave the operation up"},
    {IBV_WC_RESP_TIMEOUT_ERR, ETIMEDOUT, "the peer's device did not answer in time"},
    {IBV_WC_FATAL_ERR, EIO, "the RDMA device has failed"},
};

const char* hint_of(rdma_cm_event_type event) {
    switch (event) {
        case RDMA_CM_EVENT_ADDR_ERROR: return "no RDMA device reaches that address";
        case RDMA_CM_EVENT_ROUTE_ERROR: return "no RDMA device has a route to it";
        case RDMA_CM_EVENT_UNREACHABLE: return "the peer can't be reached, or does not answer";
        case RDMA_CM_EVENT_REJECTED: return "nobody accepts RDMA connections there";
        case RDMA_CM_EVENT_DEVICE_REMOVAL: return "the RDMA device was removed";
        default: return "the connection was not made";
    }
}

/// What a status means that is no errno: a reject reason of InfiniBand's connection manager.
constexpr int kConsumerDefined = 28;
constexpr int kInvalidService = 8;

int code_of(const rdma_cm_event& event) {
    switch (event.event) {
        case RDMA_CM_EVENT_REJECTED: return ECONNREFUSED;
        case RDMA_CM_EVENT_DEVICE_REMOVAL: return ENODEV;
        default: break;
    }
    const int code = event.status < 0 ? -event.status : event.status;
    switch (code) {
        case ECONNREFUSED:
        case ETIMEDOUT:
        case ENODEV:
        case ECONNRESET: return code;
        default: return EHOSTUNREACH;
    }
}

}  // namespace

Error completion_error(const ibv_wc& completion) {
    for (const auto& meaning : kMeanings)
        if (meaning.status == completion.status)
            return {meaning.code,
                    fmt::format("{} ({})", meaning.sentence, ibv_wc_status_str(completion.status))};
    return {EIO, fmt::format("an RDMA operation failed: {}, vendor's code {:#x}",
                             ibv_wc_status_str(completion.status), completion.vendor_err)};
}

Error start_up_error(const rdma_cm_event& event) {
    const bool nobody_listens = event.status == kInvalidService || event.status == kConsumerDefined;
    if (event.status == 0 || (event.event == RDMA_CM_EVENT_REJECTED && nobody_listens))
        return {code_of(event), hint_of(event.event)};
    return {code_of(event), fmt::format("{} (status {})", hint_of(event.event), event.status)};
}

}  // namespace pmemckpt::rdma::verbs
