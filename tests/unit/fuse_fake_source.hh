#pragma once
// A source in memory whose regions the test changes, and which can be away.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <tuple>

#include "fuse/source.hh"
#include "lib/base/crc32c.hh"

namespace pmemckpt::test {

class FakeContent : public view::Content {
public:
    FakeContent(wire::Generation generation, std::vector<std::byte> bytes, const std::atomic<bool>& away)
        : generation_(std::move(generation)), bytes_(std::move(bytes)), away_(away) {}
    const wire::Generation& generation() const override { return generation_; }
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
        if (away_)
            return fail(ECONNRESET, "the connection was lost");
        const auto size =
            std::min<std::uint64_t>(into.size(), bytes_.size() - std::min(offset, bytes_.size()));
        std::memcpy(into.data(), bytes_.data() + offset, size);
        return size;
    }

private:
    wire::Generation generation_;
    std::vector<std::byte> bytes_;
    const std::atomic<bool>& away_;
};

/// A log is a list of records; a seal or a clear takes another one.
struct FakeLog {
    std::uint64_t id = 0;
    std::vector<std::string> records;
    std::string bytes(std::size_t count) const {
        std::string all;
        for (std::size_t at = 0; at < count; ++at)
            all += records.at(at);
        return all;
    }
};

class FakeLogContent : public view::LogContent {
public:
    explicit FakeLogContent(std::shared_ptr<FakeLog> log) : log_(std::move(log)) {}
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
        return view::TextStream(log_->bytes(log_->records.size())).read(offset, into);
    }
    std::uint64_t log_id() override { return log_->id; }
    Result<std::uint64_t> size() override { return log_->bytes(log_->records.size()).size(); }

private:
    std::shared_ptr<FakeLog> log_;
};

class FakeSource : public view::Source {
public:
    std::atomic<bool> away{false};
    std::atomic<bool> seal_at_find{false};  ///< the newest generation is gone as soon as it was found
    std::atomic<bool> seal_at_look{false};  ///< a generation is sealed as soon as a log was looked at
    std::atomic<unsigned> asked{0}, opened{0};

    void create(const std::string& region) {
        std::lock_guard lock(mutex_);
        regions_[region].region.id = ++last_id_;
        regions_[region].region.name = region;
    }
    void destroy(const std::string& region) {
        std::lock_guard lock(mutex_);
        regions_.erase(region);
    }
    std::uint64_t seal(const std::string& region, std::vector<std::byte> bytes, std::size_t keep = SIZE_MAX) {
        std::lock_guard lock(mutex_);
        return seal_locked(regions_.at(region), std::move(bytes), keep);
    }

    Result<std::vector<wire::Region>> regions() override {
        std::lock_guard lock(mutex_);
        if (auto here = ask(); !here)
            return tl::unexpected(here.error());
        std::vector<wire::Region> all;
        for (const auto& [name, kept] : regions_)
            all.push_back(kept.region);
        return all;
    }
    Result<std::vector<wire::Generation>> generations(const std::string& region) override {
        std::lock_guard lock(mutex_);
        auto& kept = *TRY(find(region));
        std::vector<wire::Generation> all;
        for (const auto& [number, generation] : kept.generations)
            all.push_back(generation.first);
        return all;
    }
    Result<wire::Generation> find_generation(const std::string& region, std::uint64_t number) override {
        std::lock_guard lock(mutex_);
        auto& kept = *TRY(find(region));
        auto found = TRY(find(kept, number)).first;
        if (number == 0 && seal_at_find)
            seal_locked(kept, std::vector<std::byte>(kept.next_number, std::byte{1}), 1);
        return found;
    }
    Result<std::shared_ptr<view::Content>> open(const std::string& region, std::uint64_t number) override {
        std::lock_guard lock(mutex_);
        const auto& kept = *TRY(find(region));
        auto [generation, bytes] = TRY(find(kept, number));
        ++opened;
        return std::make_shared<FakeContent>(generation, bytes, away);
    }
    void damage(const std::string& region, std::uint64_t number) {
        std::lock_guard lock(mutex_);
        regions_.at(region).generations.at(number).second.at(0) ^= std::byte{1};
    }
    void clear(const std::string& region) {
        std::lock_guard lock(mutex_);
        auto& kept = regions_.at(region);
        kept.generations.clear();
        kept.region.newest = 0;
        kept.log = std::make_shared<FakeLog>();
    }
    void lose_record(const std::string& region) {
        std::lock_guard lock(mutex_);
        regions_.at(region).log->records.pop_back();
    }
    void append(const std::string& region, const std::string& record) {
        std::lock_guard lock(mutex_);
        auto& log = *regions_.at(region).log;
        log.id = log.id ? log.id : ++last_log_id_;
        log.records.push_back(record);
    }
    Result<wire::LogState> log(const std::string& region) override {
        std::lock_guard lock(mutex_);
        const auto& kept = *TRY(find(region));
        const auto& log = *kept.log;
        const auto state = wire::LogState{kept.region.id,
                                          kept.region.newest,
                                          log.id,
                                          log.records.size(),
                                          0,
                                          log.bytes(log.records.size()).size()};
        if (seal_at_look)
            seal_locked(regions_.at(region), {}, SIZE_MAX);
        return state;
    }
    Result<std::shared_ptr<view::LogContent>> open_log(const std::string& region,
                                                       const wire::LogState& log) override {
        std::lock_guard lock(mutex_);
        const auto found = regions_.find(region);
        const bool same = found != regions_.end() && found->second.log->id == log.log_id;
        return std::make_shared<FakeLogContent>(same ? found->second.log : std::make_shared<FakeLog>());
    }
    Result<std::uint64_t> payload_before(const std::string& region, const wire::LogState& log,
                                         std::uint64_t records) override {
        std::lock_guard lock(mutex_);
        const auto& kept = *TRY(find(region));
        if (kept.log->id != log.log_id)
            return fail(ESTALE, "it has ended");
        return kept.log->bytes(records).size();
    }
    Result<wire::Cursor> cursor(const std::string& region, const std::string& name) override {
        std::lock_guard lock(mutex_);
        auto& cursor = TRY(find(region))->cursors[name];
        cursor.name = name;
        return cursor;
    }
    Status advance_cursor(const std::string& region, const wire::Cursor& cursor,
                          const client::ReadFrom& from) override {
        std::lock_guard lock(mutex_);
        auto& kept = *TRY(find(region));
        auto& now = kept.cursors[cursor.name];
        const bool is_of_log = cursor.sequence != 0 && cursor.generation == kept.region.newest;
        if ((from.region_id != 0 && from.region_id != kept.region.id) ||
            (is_of_log && from.log_id != 0 && from.log_id != kept.log->id))
            return fail(ESTALE, "it is another one now");
        if (std::tie(cursor.generation, cursor.sequence) < std::tie(now.generation, now.sequence))
            return fail(EINVAL, "it can't go back");
        now = cursor;
        return {};
    }
    Result<wire::PoolStatus> pool() override {
        std::lock_guard lock(mutex_);
        TRY(ask());
        wire::PoolStatus pool;
        pool.page_size = 4096;
        pool.pages = 1000;
        pool.free_pages = 400;
        return pool;
    }
    view::SourceStatus status() override {
        view::SourceStatus status;
        status.server = "fake\xff";  // not UTF-8
        status.connected = !away;
        return status;
    }

private:
    using Held = std::pair<wire::Generation, std::vector<std::byte>>;
    struct Kept {
        wire::Region region;
        std::map<std::uint64_t, Held> generations;
        std::uint64_t next_number = 1;
        std::shared_ptr<FakeLog> log = std::make_shared<FakeLog>();
        std::map<std::string, wire::Cursor> cursors;
    };
    Status ask() {
        ++asked;
        if (away)
            return fail(ENOTCONN, "the manager is away");
        return {};
    }
    Result<Kept*> find(const std::string& region) {
        TRY(ask());
        const auto found = regions_.find(region);
        if (found == regions_.end())
            return fail(ENOENT, "there is no region {}", region);
        return &found->second;
    }
    static Result<Held> find(const Kept& kept, std::uint64_t number) {
        if (kept.generations.empty())
            return fail(ENODATA, "it has no generation");
        const auto found = number ? kept.generations.find(number) : std::prev(kept.generations.end());
        if (found == kept.generations.end())
            return fail(ENOENT, "there is no generation {}", number);
        return found->second;
    }
    std::uint64_t seal_locked(Kept& kept, std::vector<std::byte> bytes, std::size_t keep) {
        wire::Generation generation;
        generation.region_id = kept.region.id;
        generation.number = kept.region.newest = kept.next_number++;
        generation.length = bytes.size();
        generation.crc32c = crc32c(bytes);
        generation.durability = 1;
        generation.writer = "tester";
        kept.log = std::make_shared<FakeLog>();
        kept.generations.emplace(generation.number, Held(generation, std::move(bytes)));
        while (kept.generations.size() > keep)
            kept.generations.erase(kept.generations.begin());
        return generation.number;
    }

    std::mutex mutex_;
    std::map<std::string, Kept> regions_;
    std::uint64_t last_id_ = 0, last_log_id_ = 0;
};

}  // namespace pmemckpt::test
