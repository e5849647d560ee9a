#pragma once
// A log that a manager serves, found again when the connection was lost.
#include <memory>
#include <mutex>
#include <string>

#include "fuse/connection.hh"
#include "lib/client/log_stream.hh"

namespace pmemckpt::view {

class RemoteLog : public LogContent {
public:
    RemoteLog(std::shared_ptr<Connection> connection, std::string region, const wire::LogState& log)
        : connection_(std::move(connection)),
          region_(std::move(region)),
          generation_(log.generation),
          log_id_(log.log_id) {}

    /// Opens it, if there is one: then it can be read to its end, whatever ends it.
    Status hold() {
        return opened().map([](const auto&) {});
    }
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override;
    Result<std::uint64_t> size() override;
    std::uint64_t log_id() override;

private:
    struct Opened {
        std::shared_ptr<client::Client> client;
        std::unique_ptr<client::LogStream> stream;
    };
    Result<std::shared_ptr<Opened>> opened();
    Result<std::shared_ptr<Opened>> open();

    const std::shared_ptr<Connection> connection_;
    const std::string region_;
    const std::uint64_t generation_;
    std::mutex mutex_;      // guards the two below; held while it is opened, by one for all
    std::uint64_t log_id_;  // 0: there was none yet
    std::shared_ptr<Opened> opened_;
};

}  // namespace pmemckpt::view
