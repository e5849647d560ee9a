#pragma once
// Which region each page was last given to, while the journal is replayed: a page may have several owners
// only within one region.
#include <cstdint>
#include <map>
#include <memory_resource>

#include "lib/format/record.hh"

namespace pmemckpt::pool {

class PageOwners {
public:
    /// The owner of pages that may not be shared: those of logs.
    static constexpr std::uint64_t kNobody = 0;

    void assign(format::PageExtent extent, std::uint64_t region_id);
    bool all_of(format::PageExtent extent, std::uint64_t region_id) const;

private:
    struct Run {
        std::uint64_t end = 0;  ///< the page behind the last one
        std::uint64_t region_id = kNobody;
    };
    void cut_at(std::uint64_t page);

    /// Apart from what stays: it is all given back when the replay is over.
    std::pmr::unsynchronized_pool_resource memory_;
    std::pmr::map<std::uint64_t, Run> runs_{&memory_};  ///< by their first pages; they don't overlap
};

}  // namespace pmemckpt::pool
