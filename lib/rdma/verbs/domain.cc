#include "lib/rdma/verbs/domain.hh"

#include <algorithm>
#include <cerrno>

#include "lib/rdma/verbs/flush.hh"

namespace pmemckpt::rdma::verbs {

namespace {

/// A device may say 2 GiB and more; one work request of that size would keep all others waiting.
constexpr std::uint64_t kLargestMessage = kGiB;

Error registration_error(int code, std::size_t size) {
    auto error = system_error(
        code, fmt::format("can't register {} of memory with the RDMA device", format_size(size)));
    if (code == ENOMEM)
        error.message += "; raise the limit of locked memory (ulimit -l, or LimitMEMLOCK= of the service)";
    return error;
}

}  // namespace

Result<Traits> query_traits(ibv_context* device, std::uint8_t port) {
    ibv_device_attr attributes{};
    if (const int code = ibv_query_device(device, &attributes); code != 0)
        return fail_errno(code, "can't ask RDMA device {} what it can do",
                          ibv_get_device_name(device->device));
    ibv_port_attr port_attributes{};
    if (const int code = ibv_query_port(device, port, &port_attributes); code != 0)
        return fail_errno(code, "can't ask port {} of RDMA device {}", port,
                          ibv_get_device_name(device->device));
    Traits traits;
    traits.device = ibv_get_device_name(device->device);
    traits.iwarp = device->device->transport_type == IBV_TRANSPORT_IWARP;
    traits.binds_windows = (attributes.device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B) != 0;
    traits.flushes = device_flushes(device);
    traits.largest_message = std::clamp<std::uint64_t>(port_attributes.max_msg_sz, 1, kLargestMessage);
    traits.reads_taken = static_cast<std::uint8_t>(std::clamp(attributes.max_qp_rd_atom, 1, UINT8_MAX));
    traits.reads_made = static_cast<std::uint8_t>(std::clamp(attributes.max_qp_init_rd_atom, 1, UINT8_MAX));
    traits.work_requests = static_cast<std::uint32_t>(std::max(attributes.max_qp_wr, 1));
    return traits;
}

Result<std::shared_ptr<Domain>> Domain::make(CmChannel channel, CmId id) {
    auto domain = std::shared_ptr<Domain>(new Domain);
    domain->channel_ = std::move(channel);
    domain->id_ = std::move(id);
    domain->traits_ = TRY(query_traits(domain->id_->verbs, domain->id_->port_num));
    domain->pd_.reset(ibv_alloc_pd(domain->id_->verbs));
    if (!domain->pd_)
        return fail_errno(errno, "RDMA device {} gives no protection domain", domain->traits_.device);
    return domain;
}

Result<std::shared_ptr<LocalMemory>> LocalMemory::make(std::shared_ptr<Domain> domain,
                                                       std::span<std::byte> bytes) {
    auto memory = std::shared_ptr<LocalMemory>(new LocalMemory(std::move(domain), bytes));
    if (bytes.empty())
        return memory;
    const auto pd = memory->domain_->pd();
    memory->mr_.reset(ibv_reg_mr(pd, bytes.data(), bytes.size(), IBV_ACCESS_LOCAL_WRITE));
    if (!memory->mr_ && (errno == EFAULT || errno == EACCES || errno == EPERM || errno == EOPNOTSUPP)) {
        memory->mr_.reset(ibv_reg_mr(pd, bytes.data(), bytes.size(), 0));
        memory->writable_ = false;
    }
    if (!memory->mr_)
        return tl::unexpected(registration_error(errno, bytes.size()));
    return memory;
}

}  // namespace pmemckpt::rdma::verbs
