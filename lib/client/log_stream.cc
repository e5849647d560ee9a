#include "lib/client/log_stream.hh"

#include <algorithm>
#include <cerrno>

namespace pmemckpt::client {

namespace {

constexpr std::size_t kKeptRecord = 64 * kKiB;  // larger ones are not kept when they were read

}  // namespace

Result<std::unique_ptr<LogStream>> LogStream::open(std::shared_ptr<Client> client,
                                                   const std::string& region) {
    auto reader = TRY(client->read_log(region));
    return std::unique_ptr<LogStream>(new LogStream(std::move(client), region, std::move(reader)));
}

LogStream::LogStream(std::shared_ptr<Client> client, std::string region, std::unique_ptr<LogReader> reader)
    : client_(std::move(client)),
      region_(std::move(region)),
      generation_(reader->generation()),
      log_id_(reader->log_id()),
      reader_(std::move(reader)) {}

/// The next record. False at the end.
Result<bool> LogStream::advance() {
    auto next = reader_->next();
    if (!next && next.error().code == ESTALE) {
        final_size_ = reader_->payload_offset();
        return false;
    }
    auto record = TRY(std::move(next));
    if (!record)
        return false;
    record_ = std::move(*record);
    record_at_ = reader_->payload_offset() - record_.bytes.size();
    return true;
}

/// The record that has the byte at `offset`. False when there is none.
Result<bool> LogStream::go_to(std::uint64_t offset) {
    const auto has_it = [&] { return offset >= record_at_ && offset - record_at_ < record_.bytes.size(); };
    if (has_it())
        return true;
    if (final_size_ && offset >= *final_size_)
        return false;
    if (offset != reader_->payload_offset()) {
        const auto found = reader_->seek(offset);
        if (!found && found.error().code == ERANGE)
            return false;
        TRY(Status(found));
    }
    while (TRY(advance()))
        if (has_it())
            return true;
    return false;
}

Result<std::size_t> LogStream::read(std::uint64_t offset, std::span<std::byte> into) {
    const std::lock_guard lock(mutex_);
    std::size_t done = 0;
    while (done < into.size() && TRY(go_to(offset + done))) {
        const auto from = std::span(record_.bytes).subspan(offset + done - record_at_);
        const auto part = from.first(std::min(from.size(), into.size() - done));
        std::copy(part.begin(), part.end(), into.begin() + static_cast<std::ptrdiff_t>(done));
        done += part.size();
    }
    if (record_.bytes.size() > kKeptRecord && offset + done - record_at_ == record_.bytes.size())
        record_ = {};  // read to its end
    return done;
}

Result<std::uint64_t> LogStream::size() {
    const auto now = client_->log_state(region_);
    if (!now && now.error().code != ENOENT)
        return tl::unexpected(now.error());
    if (now && now->log_id == log_id_)
        return now->payload_bytes;
    const std::lock_guard lock(mutex_);
    while (!final_size_ && TRY(advance())) {
    }
    if (!final_size_)
        return fail(EAGAIN, "the log of {} has ended, and its end is not known yet", region_);
    return *final_size_;
}

}  // namespace pmemckpt::client
