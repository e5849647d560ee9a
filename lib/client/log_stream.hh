#pragma once
// A log as the bytes of its records, one after the other, without a border between them: what cat(1) and
// tail(1) see.
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lib/client/client.hh"

namespace pmemckpt::client {

/// Of one log, also when it has ended: what was in it stays readable. Threads: any.
class LogStream {
public:
    /// ENODATA when the region has no log.
    static Result<std::unique_ptr<LogStream>> open(std::shared_ptr<Client> client, const std::string& region);

    std::uint64_t generation() const { return generation_; }  ///< the one it follows; 0: none
    std::uint64_t log_id() const { return log_id_; }
    /// Fills `into` from this offset on; less only at the end of what there is now. The records are verified.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);
    /// How many bytes there are now; of an ended log: that there will ever be.
    Result<std::uint64_t> size();

private:
    LogStream(std::shared_ptr<Client> client, std::string region, std::unique_ptr<LogReader> reader);
    Result<bool> advance();
    Result<bool> go_to(std::uint64_t offset);

    const std::shared_ptr<Client> client_;
    const std::string region_;
    const std::uint64_t generation_, log_id_;
    std::mutex mutex_;  // guards what follows; held while records are read, by one for all
    std::unique_ptr<LogReader> reader_;
    Record record_;                // the last one read
    std::uint64_t record_at_ = 0;  // where its bytes begin
    std::optional<std::uint64_t> final_size_;
};

}  // namespace pmemckpt::client
