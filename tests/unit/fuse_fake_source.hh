#pragma once
// A source in memory whose regions the test changes, and which can be away.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "fuse/source.hh"

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

class FakeSource : public view::Source {
public:
    std::atomic<bool> away{false};
    std::atomic<bool> seal_at_find{false};  ///< the newest generation is gone as soon as it was found
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
        generation.durability = 1;
        generation.writer = "tester";
        kept.generations.emplace(generation.number, Held(generation, std::move(bytes)));
        while (kept.generations.size() > keep)
            kept.generations.erase(kept.generations.begin());
        return generation.number;
    }

    std::mutex mutex_;
    std::map<std::string, Kept> regions_;
    std::uint64_t last_id_ = 0;
};

}  // namespace pmemckpt::test
