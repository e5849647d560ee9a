#pragma once
// What the device keeps for one connection: its protection domain, and what it can do.
#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/result.hh"
#include "lib/rdma/engine.hh"
#include "lib/rdma/verbs/handles.hh"

namespace pmemckpt::rdma::verbs {

struct Traits {
    std::string device;                 ///< "rxe0"
    bool iwarp = false;                 ///< not InfiniBand or RoCE: the wire address is the memory's own
    bool binds_windows = false;         ///< memory windows of type 2B
    bool flushes = false;               ///< RDMA FLUSH, to persistence
    std::uint64_t largest_message = 0;  ///< bytes of one work request
    std::uint8_t reads_taken = 0, reads_made = 0;  ///< outstanding at the same time
    std::uint32_t work_requests = 0;               ///< of one queue
};

/// Lives as long as anything that is registered in it: librdmacm closes a device with its last id.
class Domain {
public:
    /// `id` has its device.
    static Result<std::shared_ptr<Domain>> make(CmChannel channel, CmId id);

    rdma_cm_id* id() const { return id_.get(); }
    rdma_event_channel* channel() const { return channel_.get(); }
    ibv_pd* pd() const { return pd_.get(); }
    const Traits& traits() const { return traits_; }

private:
    Domain() = default;

    CmChannel channel_;
    CmId id_;
    Pd pd_;
    Traits traits_;
};

Result<Traits> query_traits(ibv_context* device, std::uint8_t port);

/// Memory of the user's, registered; it may be read-only, and then only be sent from.
class LocalMemory final : public Registration {
public:
    /// EFAULT, ENOMEM (RLIMIT_MEMLOCK) with a sentence.
    static Result<std::shared_ptr<LocalMemory>> make(std::shared_ptr<Domain> domain,
                                                     std::span<std::byte> bytes);
    std::span<std::byte> bytes() const override { return bytes_; }
    std::uint32_t key() const { return mr_ ? mr_->lkey : 0; }
    bool is_of(const Domain& domain) const { return domain_.get() == &domain; }
    bool takes_reads() const { return writable_; }

private:
    LocalMemory(std::shared_ptr<Domain> domain, std::span<std::byte> bytes)
        : domain_(std::move(domain)), bytes_(bytes) {}

    const std::shared_ptr<Domain> domain_;
    const std::span<std::byte> bytes_;
    Mr mr_;  // none of no bytes
    bool writable_ = true;
};

}  // namespace pmemckpt::rdma::verbs
