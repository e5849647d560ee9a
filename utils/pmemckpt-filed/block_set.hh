#pragma once
// Which blocks of a file: ranges, of which those that touch are one.
#include <cstdint>
#include <map>

namespace pmemckpt::filed {

/// Blocks [begin, end).
struct Blocks {
    std::uint64_t begin = 0, end = 0;
    bool empty() const { return begin >= end; }
};

class BlockSet {
public:
    void add(Blocks blocks);
    /// The first of these that are not in it, up to the next that is; empty when all are.
    Blocks first_missing(Blocks of) const;

private:
    std::map<std::uint64_t, std::uint64_t> ranges_;  // ends, by their begins
};

}  // namespace pmemckpt::filed
