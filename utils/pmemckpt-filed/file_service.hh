#pragma once
// The requests of one connection for files: pmemckpt-sync.7, FILES.
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>

#include "lib/sync/file_messages.hh"
#include "lib/sync/job.hh"
#include "lib/sync/service.hh"
#include "utils/pmemckpt-filed/files.hh"

namespace pmemckpt::filed {

class FileService final : public sync::Service {
public:
    /// `number`: from kFirstOfNoJob on, and nobody else's.
    FileService(Files& files, sync::Job& job, std::uint64_t number)
        : files_(files), job_(job), session_(number) {}
    ~FileService() override;

    bool knows(std::uint16_t type) const override;
    Status take(const sync::Received& request, sync::Stream& stream) override;

private:
    template <class Request, class Do>
    Status answer(const sync::Received& request, sync::Stream& stream, Do&& action);
    Status take_join(const sync::Received& request, sync::Stream& stream);
    Status take_read(const sync::Received& request, sync::Stream& stream);
    Status take_write(const sync::Received& request, sync::Stream& stream);
    Status take_rest(const sync::Received& request, sync::Stream& stream);
    Result<sync::FileJoined> join(const sync::FileJoin& asked);
    Result<std::shared_lock<std::shared_mutex>> work();

    Files& files_;
    sync::Job& job_;
    std::uint64_t session_;
    std::optional<Member> member_;
    std::string name_;  // of the job; empty: none
    Uuid instance_{};
};

}  // namespace pmemckpt::filed
