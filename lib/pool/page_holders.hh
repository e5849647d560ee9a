#pragma once
// Who has which pages, counted anew from the tables and compared: pages are shared within one region alone.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/format/record.hh"

namespace pmemckpt::pool {

/// What may share pages: all generations of a region, or nothing else than one log.
struct PageHolder {
    std::string name;
    std::vector<format::PageExtent> extents;  ///< in any order; within `page_count`
};

struct Holding {
    std::uint64_t pages = 0;             ///< that have a holder
    std::vector<std::string> conflicts;  ///< a sentence for each run of pages that two holders have
};
Holding compare_holders(std::vector<PageHolder> holders);

/// How many of these pages are named more than once: of one generation or log, none may be.
std::uint64_t pages_named_twice(std::vector<format::PageExtent> extents);

}  // namespace pmemckpt::pool
