#include "lib/rdma/verbs/flush.hh"

#include <cerrno>

namespace pmemckpt::rdma::verbs {

#ifdef HAVE_RDMA_FLUSH

namespace {

constexpr std::uint64_t kFlushesToPersistence = std::uint64_t{1} << 39;  // IB_UVERBS_DEVICE_FLUSH_PERSISTENT

}  // namespace

bool device_flushes(ibv_context* device) {
    ibv_device_attr_ex attributes{};
    return ibv_query_device_ex(device, nullptr, &attributes) == 0 &&
           (attributes.device_cap_flags_ex & kFlushesToPersistence) != 0;
}

int flush_rights() {
    return IBV_ACCESS_FLUSH_PERSISTENT;
}

bool make_flushing_pair(rdma_cm_id* id, ibv_pd* pd, ibv_qp_init_attr& attributes) {
    ibv_qp_init_attr_ex more{};
    more.send_cq = attributes.send_cq;
    more.recv_cq = attributes.recv_cq;
    more.qp_type = attributes.qp_type;
    more.cap = attributes.cap;
    more.pd = pd;
    more.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    more.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_INV | IBV_QP_EX_WITH_RDMA_WRITE |
                          IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_BIND_MW | IBV_QP_EX_WITH_FLUSH;
    if (::rdma_create_qp_ex(id, &more) != 0)
        return false;
    attributes.cap = more.cap;
    return true;
}

int post_flush(ibv_qp* pair, const FlushRequest& flush) {
    auto* const more = ibv_qp_to_qp_ex(pair);
    ibv_wr_start(more);
    more->wr_id = flush.number;
    more->wr_flags = flush.signalled ? unsigned{IBV_SEND_SIGNALED} : 0U;
    ibv_wr_flush(more, flush.key, flush.address, flush.size, IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE);
    return ibv_wr_complete(more);
}

#else

bool device_flushes(ibv_context*) {
    return false;
}

int flush_rights() {
    return 0;
}

bool make_flushing_pair(rdma_cm_id*, ibv_pd*, ibv_qp_init_attr&) {
    errno = EOPNOTSUPP;
    return false;
}

int post_flush(ibv_qp*, const FlushRequest&) {
    return EOPNOTSUPP;
}

#endif

}  // namespace pmemckpt::rdma::verbs
