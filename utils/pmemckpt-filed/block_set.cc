#include "utils/pmemckpt-filed/block_set.hh"

#include <algorithm>
#include <iterator>

namespace pmemckpt::filed {

void BlockSet::add(Blocks blocks) {
    auto next = ranges_.upper_bound(blocks.begin);
    if (next != ranges_.begin() && std::prev(next)->second >= blocks.begin) {
        --next;
        blocks.begin = next->first;
    }
    while (next != ranges_.end() && next->first <= blocks.end) {
        blocks.end = std::max(blocks.end, next->second);
        next = ranges_.erase(next);
    }
    ranges_.emplace(blocks.begin, blocks.end);
}

Blocks BlockSet::first_missing(Blocks of) const {
    auto next = ranges_.upper_bound(of.begin);
    if (next != ranges_.begin() && std::prev(next)->second > of.begin)
        of.begin = std::prev(next)->second;
    if (next != ranges_.end())
        of.end = std::min(of.end, next->first);
    return of;
}

}  // namespace pmemckpt::filed
