#pragma once
// What a pool should hold, as plain maps: its rules, and nothing of how it keeps them.
#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/crc32c.hh"
#include "lib/base/units.hh"
#include "lib/format/log_record.hh"

namespace pmemckpt::pool {

constexpr std::uint64_t kPageSize = 4 * kKiB;

using Bytes = std::vector<std::byte>;

/// Generations, drafts and logs own it together. As many as live are not free.
struct ModelPage {
    static inline std::uint64_t living = 0;
    std::array<std::byte, kPageSize> bytes{};
    ModelPage() { ++living; }
    ~ModelPage() { --living; }
    ModelPage(const ModelPage&) = delete;
    ModelPage& operator=(const ModelPage&) = delete;
};

using ModelPages = std::vector<std::shared_ptr<ModelPage>>;

inline void add_blank(ModelPages& pages, std::uint64_t count) {
    for (; count > 0; --count)
        pages.push_back(std::make_shared<ModelPage>());
}

inline std::uint32_t crc_of(const ModelPages& pages, std::uint64_t length) {
    std::uint32_t crc = 0;
    for (const auto& page : pages) {
        const auto here = std::min(length, kPageSize);
        crc = crc32c(std::span(page->bytes).first(here), crc);
        length -= here;
    }
    return crc;
}

struct ModelGeneration {
    ModelPages pages;
    std::uint64_t length = 0;
    std::uint64_t epoch = 0;
    std::uint32_t crc = 0;

    /// The pages that clones of this one start with. `dirty` has an x for each byte that will be written.
    ModelPages clone(const std::string& dirty) const {
        ModelPages made;
        for (std::uint64_t start = 0; start < dirty.size(); start += kPageSize) {
            const auto size = std::min<std::uint64_t>(kPageSize, dirty.size() - start);
            const auto marks = std::string_view(dirty).substr(start, size);
            const bool clean = marks.find('x') == marks.npos, known = start + size <= length;
            if (clean && known) {
                made.push_back(pages[start / kPageSize]);
                continue;
            }
            add_blank(made, 1);
            if (start < length && marks.find('-') != marks.npos)
                std::copy_n(pages[start / kPageSize]->bytes.begin(), std::min(kPageSize, length - start),
                            made.back()->bytes.begin());
        }
        return made;
    }
};

struct ModelLog {
    std::uint64_t id = 0;
    std::uint32_t term = 0;
    ModelPages pages;
    std::vector<Bytes> records;
    std::size_t durable = 0;  ///< of the records; a power cut may take the others, from the last one on

    std::uint64_t end() const {
        std::uint64_t bytes = 0;
        for (const auto& record : records)
            bytes += format::log_record_bytes(record.size());
        return bytes;
    }
};

using ModelCursor = std::pair<std::uint64_t, std::uint64_t>;  // generation, record of its log

struct ModelRegion {
    std::uint64_t id = 0, next = 1, epoch = 1, max_size = 0;
    std::uint32_t keep = 1;
    bool keeps_young = false;  ///< by age, which no generation of a test reaches by itself
    std::map<std::uint64_t, ModelGeneration> generations;
    std::set<std::uint64_t> pinned;
    std::optional<ModelLog> log;
    std::map<std::string, ModelCursor> cursors;
    std::string owner = "alice";
    std::map<std::string, unsigned> grants;

    std::uint64_t newest() const { return generations.empty() ? 0 : generations.rbegin()->first; }

    void seal(ModelGeneration generation) {
        generations[next++] = std::move(generation);
        log.reset();
        retain(false);
    }
    /// Keeps the newest `keep`, and those that are pinned.
    void retain(bool all_are_old) {
        if (keeps_young && !all_are_old)
            return;
        auto left = generations.size();
        for (auto entry = generations.begin(); left > keep; --left)
            entry = pinned.contains(entry->first) ? std::next(entry) : generations.erase(entry);
    }
    void clear() {
        generations.clear();
        pinned.clear();
        log.reset();
        for (auto& [who, at] : cursors)
            if (at.first == 0)
                at.second = 0;
    }
    /// Forward only, and not ahead; of a region that was cleared, back to its start.
    bool may_go(const std::string& who, const ModelCursor& to) const {
        const auto records = log ? log->records.size() : 0;
        if (to.first >= next || (to.first == newest() && to.second > records))
            return false;
        const auto before = cursors.find(who);
        if (before == cursors.end() || to >= before->second)
            return true;
        return generations.empty() && to.first == 0 && before->second.first != 0;
    }
    /// 0, or the errno that refuses so many more pages to the log.
    int check_growth(std::uint64_t more, std::uint64_t free_pages) const {
        const auto have = log ? log->pages.size() : 0;
        if (max_size != 0 && have + more > divide_up(max_size, kPageSize))
            return EFBIG;
        return more > free_pages ? ENOSPC : 0;
    }
};

}  // namespace pmemckpt::pool
