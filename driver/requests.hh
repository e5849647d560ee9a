#pragma once
// The requests of one authenticated session, and what it has open: drafts and generations.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/channel.hh"
#include "driver/services.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

/// An error's answer; its sentence is cut where the message would not fit.
std::vector<std::byte> error_answer(std::uint64_t request_id, const Error& error);

struct Who {
    std::uint64_t session_id = 0;
    std::string principal;
};

/// Threads: one at a time (the session's inbox sees to it).
class Requests {
public:
    Requests(Services& services, std::shared_ptr<Channel> channel, Who who, std::shared_ptr<ServedPool> pool)
        : services_(services), channel_(std::move(channel)), who_(std::move(who)), pool_(std::move(pool)) {}
    /// After the connection's end, which killed the windows: drops drafts, lets generations go, forgets
    /// waiters.
    ~Requests();

    struct Reply {
        std::vector<std::byte> bytes;    ///< empty: the answer comes later
        std::optional<Error> violation;  ///< the session must end after the answer
    };
    Reply run(const wire::Message& message);

private:
    template <class T>
    using Answer = Result<T>;
    template <class Request, class T>
    Reply call(const wire::Message& message, Answer<T> (Requests::*method)(const Request&));
    Reply wait_generation(const wire::Message& message);
    Status register_waiter(const wire::WaitGeneration& request, std::uint64_t request_id);

    Answer<wire::Region> create_region(const wire::CreateRegion& request);
    Answer<wire::Region> find_region(const wire::FindRegion& request);
    Answer<wire::Empty> destroy_region(const wire::DestroyRegion& request);
    Answer<wire::RegionList> list_regions(const wire::ListRegions& request);

    Answer<wire::Begun> begin(const wire::Begin& request);
    Answer<wire::Generation> seal(const wire::Seal& request);
    Answer<wire::Empty> abort(const wire::Abort& request);
    Answer<wire::OpenedGeneration> open_generation(const wire::OpenGeneration& request);
    Answer<wire::Empty> close_generation(const wire::CloseGeneration& request);
    Answer<wire::GenerationList> list_generations(const wire::ListGenerations& request);
    Answer<wire::Generation> find_generation(const wire::FindGeneration& request);
    Answer<wire::PoolStatus> status(const wire::StatusRequest& request);

    struct OpenDraft {
        std::unique_ptr<pool::Draft> draft;
        rdma::Key window = 0;
    };
    struct OpenGeneration {
        std::shared_ptr<const pool::Generation> generation;
        rdma::Key window = 0;
    };
    /// Kills the draft's window, then hands the draft out. ENOENT.
    Result<std::unique_ptr<pool::Draft>> take_draft(std::uint64_t draft_id);
    Result<rdma::Grant> grant(std::string region, std::uint64_t generation, std::uint64_t handle,
                              const std::vector<std::uint64_t>& pages, std::uint64_t size,
                              rdma::Access access);

    pool::Pool& pool() { return *pool_->pool; }

    Services& services_;
    const std::shared_ptr<Channel> channel_;
    const Who who_;
    const std::shared_ptr<ServedPool> pool_;
    std::uint64_t last_handle_ = 0;  // of drafts and generations
    std::map<std::uint64_t, OpenDraft> drafts_;
    std::map<std::uint64_t, OpenGeneration> generations_;
};

}  // namespace pmemckpt::driver
