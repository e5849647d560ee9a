#pragma once
// The requests of one connection for files: pmemckpt-sync.7, FILES.
#include <cstdint>
#include <string>

#include "lib/sync/file_messages.hh"
#include "lib/sync/job.hh"
#include "lib/sync/service.hh"
#include "utils/pmemckpt-filed/files.hh"

namespace pmemckpt::filed {

/// Sessions that belong to no job have numbers from here on: they end with their connection.
inline constexpr std::uint64_t kFirstOfNoJob = std::uint64_t{1} << 63;

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
    Status check_joined() const;

    Files& files_;
    sync::Job& job_;
    std::uint64_t session_;
    bool has_joined_ = false;
    std::string name_;  // of the job; empty: none
    Uuid instance_{};
};

}  // namespace pmemckpt::filed
